"""The house rules that a reader may rely on: who imports whom, what is where, and that no file is executed."""

import ast
import configparser
import functools
import subprocess
from pathlib import Path

import pytest

import bcdetect

ROOT = Path(__file__).parents[1]
PACKAGES = ("tinycnn", "bcdetect")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
HEAVY = {"pandas", "matplotlib", "PIL", "pydicom", "nibabel", "scipy", "sklearn", "torch", "numba", "optuna", "sqlalchemy"}


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def imports(path: Path, at_top: bool = False) -> set[str]:
    """The modules that a file imports; `at_top`: only those that importing it loads."""
    tree = tree_of(path)
    nodes = list(tree.body) if at_top else list(ast.walk(tree))
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def roots(path, at_top=False):
    return {name.partition(".")[0] for name in imports(path, at_top)}


def relative(path):
    return str(path.relative_to(ROOT))


def tracked():
    """What is, or would be, under version control; everything where git is not at hand."""
    try:
        done = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return done.stdout.splitlines()


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_imports_go_one_way(path):
    room, found = path.relative_to(ROOT).parts, roots(path)
    if room[0] == "tinycnn":
        assert "bcdetect" not in found
        assert not found & (HEAVY - {"numba"})
        assert "numba" not in found or room[:3] == ("tinycnn", "ops", "numba") or relative(path) == "tinycnn/ops/backend.py"
    else:
        assert "numba" not in found and not any(name.startswith("tinycnn.ops.numba") for name in imports(path))
        assert "pandas" not in found or path.name == "eda.py"
        assert "matplotlib" not in found or path.name == "plots.py"
        assert not found & {"sklearn", "torch", "scipy", "optuna", "sqlalchemy"}


# Where an extra may be asked for with `require`: one file each, so that all else works without it.
REQUIRED_IN = {
    "sklearn": {"bcdetect/compare/rivals.py"},
    "optuna": {"bcdetect/tuning/optuna.py"},
    "sqlalchemy": {"bcdetect/tuning/optuna.py"},  # which optuna brings
}


@pytest.mark.parametrize("module", REQUIRED_IN)
def test_scikit_learn_and_optuna_are_imported_in_one_file_each_through_require(module):
    found = set()
    for path in SOURCES:
        assert module not in roots(path), f"{relative(path)} imports {module} itself"
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "require":
                if module in ast.unparse(node.args[0]):
                    found.add(relative(path))
    assert found == REQUIRED_IN[module]


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_nothing_heavy_is_imported_before_it_is_needed(path):
    if relative(path).startswith("tinycnn/ops/numba/"):
        return
    assert not roots(path, at_top=True) & HEAVY


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_no_file_past_400_lines_and_nothing_that_executes_a_file(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    tree = tree_of(path)
    assert ast.get_docstring(tree), "a file says in one sentence what it is"
    assert not roots(path) & {"pickle", "dill", "joblib", "marshal", "shelve"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            assert not (isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec"))
            for keyword in node.keywords:
                assert keyword.arg != "allow_pickle" or keyword.value.value is False
        assert not (isinstance(node, ast.ExceptHandler) and node.type is None), "a bare except"
        assert not (isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names))


def test_the_top_level_is_as_agreed():
    wanted = {"tinycnn", "bcdetect", "benchmarks", "tests", "data", "setup.cfg", "README.md"}
    allowed = wanted | {"pyproject.toml", "LICENSE", "CHANGELOG.md", ".ci", ".gitignore"}
    found = {name.partition("/")[0] for name in tracked()}
    assert wanted <= found and found <= allowed, found ^ allowed


def metadata():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config


def test_every_package_folder_goes_into_the_wheel():
    config = metadata()
    listed = set(config["options"]["packages"].split())
    present = {".".join(path.parent.relative_to(ROOT).parts) for path in SOURCES}
    assert listed == present | {"bcdetect.data"}
    assert config["options"]["package_dir"].split() == ["bcdetect.data", "=", "data"]
    assert {path.parent for path in SOURCES} == {path.parent for path in SOURCES if path.name == "__init__.py"}


def test_every_data_file_goes_into_the_wheel():
    patterns = metadata()["options.package_data"]["bcdetect.data"].replace(",", " ").split()
    for name in tracked():
        if name.startswith("data/") and not name.endswith(".py"):
            assert any(Path(name).match(pattern) for pattern in patterns), name


def test_the_version_is_told_once():
    assert metadata()["metadata"]["version"] == bcdetect.__version__


def test_what_is_required_is_what_was_agreed():
    required = {line.partition(">")[0] for line in metadata()["options"]["install_requires"].split()}
    assert required == {"numpy", "numba", "pillow", "pandas"}
