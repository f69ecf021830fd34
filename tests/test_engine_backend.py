"""Which form of an op runs, and what an import may drag in."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinycnn as tc
from tinycnn import ops

ROOT = Path(tc.__file__).parent
BLOCK_NUMBA = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "numba":
            raise ImportError("blocked", name=name)

sys.meta_path.insert(0, Block())
"""
SMALL = """
import numpy as np, tinycnn as tc
model = tc.Sequential(tc.Conv2D(4, (3, 1)), tc.BatchNorm(), tc.ReLU(), tc.MaxPool2D((2, 1)), tc.Flatten(), tc.Dense(1))
model.build((30, 1, 1))
x = np.ones((5, 30, 1, 1), "float32")
"""


def run(code, **environment):
    """Run code in a process of its own, warnings being errors."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith("TINYCNN_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT.parent,
        env={**plain, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_small_model_builds_and_predicts_on_numpy_alone(tmp_path):
    path = str(tmp_path / "m.npz")
    heavy = "print(*sorted({'numba', 'pandas', 'matplotlib', 'llvmlite', 'PIL'} & set(sys.modules)))"
    code = f"import sys{SMALL}tc.save({path!r}, model)\ntc.load({path!r}).predict_proba(x)\nmodel.summary()\n{heavy}"
    assert run(code) == ""


def test_who_only_predicts_loads_no_random_numbers(tmp_path):
    path = str(tmp_path / "m.npz")
    run(f"{SMALL}tc.save({path!r}, model)")
    code = f"""import sys
import numpy as np
own = "numpy.random" in sys.modules  # older NumPy loads it by itself
import tinycnn as tc
tc.load({path!r}).predict_proba(np.zeros((5, 30, 1, 1), "float32"))
print("numpy.random" in sys.modules and not own)"""
    assert run(code) == "False"


def test_without_numba_everything_works():
    big = "tc.Sequential(tc.Conv2D(64, 3), tc.ReLU(), tc.MaxPool2D(2), tc.GlobalAvgPool(), tc.Dense(1)).build((64, 64, 1))"
    code = f"""{BLOCK_NUMBA}{SMALL}
optimizer = tc.Adam(model.parameters())
model.train_step(x, [0, 1, 0, 1, 0], tc.BCEWithLogits(), optimizer)
model.predict(x)
big = {big}
assert big.total_macs() > 1_000_000
big.train_step(np.ones((2, 64, 64, 1), "float32"), [0, 1], tc.BCEWithLogits(), tc.AdamW(big.parameters()))
from tinycnn.__main__ import main
main(["gradcheck"])
assert "numba" not in sys.modules
try:
    tc.backend("numba")
except ValueError as error:
    print("SAID", error)
"""
    said = run(code).partition("SAID ")[2]
    assert "not installed" in said
    assert "pip install numba" in said
    assert '"numpy"' in said


def test_a_large_model_runs_on_the_twins_by_itself():
    code = """
import sys, numpy as np, tinycnn as tc
model = tc.Sequential(tc.Conv2D(64, 3), tc.MaxPool2D(2), tc.GlobalAvgPool(), tc.Dense(1)).build((64, 64, 1))
x = np.random.default_rng(0).standard_normal((3, 64, 64, 1)).astype("float32")
whole = model.predict(x)
print("tinycnn.ops.numba" in sys.modules, all(np.array_equal(model.predict(x[i:i+1]), whole[i:i+1]) for i in range(3)))
"""
    assert run(code) == "True True"


@pytest.mark.parametrize("name", ["torch", "Numba", "", None])
def test_an_unknown_backend_is_refused_with_the_known_ones(name):
    with pytest.raises(ValueError, match="must be one of auto, numpy, numba"):
        tc.backend(name)


def test_blocks_nest_and_end_even_after_an_error(monkeypatch):
    monkeypatch.delenv("TINYCNN_BACKEND", raising=False)
    assert ops.chosen() == "auto"
    with tc.backend("numba"):
        with pytest.raises(KeyError), tc.backend("numpy"):
            assert ops.chosen() == "numpy"
            raise KeyError
        assert ops.chosen() == "numba"
    assert ops.chosen() == "auto"


def test_the_environment_chooses_and_a_block_overrules_it():
    used = "import sys; print('tinycnn.ops.numba' in sys.modules)"
    assert run(f"{SMALL}model.predict(x)\n{used}", TINYCNN_BACKEND="numba") == "True"
    assert run(f"{SMALL}model.predict(x)\n{used}", TINYCNN_BACKEND="numpy") == "False"
    assert run(f"{SMALL}with tc.backend('numpy'):\n    model.predict(x)\n{used}", TINYCNN_BACKEND="numba") == "False"


def test_a_wrong_environment_says_so(monkeypatch):
    monkeypatch.setenv("TINYCNN_BACKEND", "cuda")
    model = tc.Sequential(tc.Dense(1)).build((2,))
    with pytest.raises(ValueError, match="backend is 'cuda'; it must be one of"):
        model.predict(np.ones((1, 2)))
    with pytest.raises(ValueError, match="backend is 'cuda'"):
        ops.relu(np.ones(2))


def imports(path):
    """(name, line, function it stands in or None) of everything that a file imports."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            yield node.module, node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


FILES = sorted(ROOT.rglob("*.py"))


def of_package(name, package):
    return name == package or name.startswith(package + ".")


@pytest.mark.parametrize("path", FILES, ids=[str(f.relative_to(ROOT)) for f in FILES])
def test_imports_go_one_way(path):
    inside = path.relative_to(ROOT)
    in_twins = inside.parts[:2] == ("ops", "numba")
    probe = inside == Path("ops/backend.py")
    compilers = {"numba", "llvmlite"} if in_twins else {"numba"} if probe else set()
    allowed = {*sys.stdlib_module_names, "numpy", "tinycnn"} | compilers
    for name, line in imports(path):
        assert name.partition(".")[0] in allowed, f"{inside}:{line} imports {name}"
        if of_package(name, "tinycnn.ops.numba"):
            planner = inside.parts[0] == "plan" and inside.name != "pairs.py"
            assert in_twins or probe or planner, f"{inside}:{line}: only backend.py and the planner may reach for the twins"
        if inside.parts[0] == "ops":
            within = of_package(name, "tinycnn.ops") or (in_twins and of_package(name, "tinycnn.files"))
            assert within or not of_package(name, "tinycnn"), f"{inside}:{line} imports {name}"
        if inside == Path("files.py"):
            assert name.partition(".")[0] in sys.stdlib_module_names, f"{inside}:{line} imports {name}"


def test_numba_is_never_imported_at_the_top_outside_the_twins():
    top = ast.parse((ROOT / "ops" / "backend.py").read_text()).body
    names = [
        n.module if isinstance(n, ast.ImportFrom) else n.names[0].name for n in top if isinstance(n, (ast.Import, ast.ImportFrom))
    ]
    assert "numba" not in names
    assert "tinycnn.ops.numba" not in names
