"""The register tile and the kernels on it: right at any width, blind to what lies beside, the same on any number of threads."""

import hashlib
import os
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest

import tinycnn as tc
from tinycnn import ops
from tinycnn.ops import numpy as reference
from tinycnn.ops import roads

pytest.importorskip("numba", reason="the kernels need numba")

CONVOLUTIONS = [  # size, channels, filters, kernel, stride, dilation, padding, groups: every road through the kernels
    ((28, 28), 32, 32, (3, 3), (1, 1), (1, 1), "same", 1),
    ((9, 7), 3, 5, (3, 3), (1, 1), (1, 1), "same", 1),
    ((30, 1), 1, 16, (5, 1), (1, 1), (1, 1), "same", 1),
    ((15, 30), 17, 130, (3, 3), (2, 2), (1, 1), 1, 1),
    ((12, 11), 8, 24, (3, 3), (1, 1), (2, 2), "same", 1),
    ((13, 40), 16, 48, (2, 3), (2, 3), (2, 1), 2, 2),
    ((4, 4), 5, 16, (1, 1), (3, 3), (1, 1), 0, 1),
    ((3, 3), 16, 16, (3, 3), (1, 1), (1, 1), 4, 1),
    ((3, 5), 16, 32, (3, 3), (1, 1), (1, 1), "same", 1),
    ((6, 5, 7), 4, 8, (3, 2, 3), (1, 2, 1), (1, 1, 2), "same", 1),
    ((40,), 6, 32, (7,), (1,), (1,), "valid", 1),
    ((30, 33), 16, 48, (3, 3), (1, 1), (1, 1), "valid", 1),
    ((2, 9, 6), 32, 16, (1, 3, 3), (1, 1, 1), (1, 1, 1), "same", 1),
    ((9, 14), 21, 21, (3, 2), (2, 1), (1, 2), 1, 21),
    ((5, 4), 12, 24, (3, 3), (1, 1), (1, 1), "same", 12),
    ((20,), 21, 21, (3,), (2,), (2,), "same", 21),
    ((3, 4, 9), 16, 16, (3, 3, 2), (1, 2, 1), (1, 1, 1), 1, 16),
    ((3, 5, 31), 4, 8, (2, 3, 3), (1, 1, 1), (1, 1, 1), "same", 1),
    ((11, 30), 16, 32, (5, 3), (2, 1), (1, 1), "same", 2),
    ((9, 7), 16, 16, (3, 3), (1, 1), (1, 1), "same", 2),
    ((1, 3, 3), 16, 16, (1, 3, 3), (3, 1, 1), (1, 1, 1), 1, 1),
]
# Images of any size take Winograd's road: its edges are those of small ones.
winograd_everywhere = mock.patch.multiple(roads, FEWEST_PIXELS=1, FEWEST_SHARE=0, FEWEST_BATCH_PIXELS=0)


@winograd_everywhere
def check_all_roads(rng, poisoned=False):
    """Forward and gradients of every road against the NumPy form; `poisoned` puts NaN right before and behind each operand."""

    def draw(*shape):
        if not poisoned:
            return rng.standard_normal(shape).astype("float32")
        count = int(np.prod(shape))
        field = np.full(count + 512, np.nan, "float32")
        field[256 : 256 + count] = rng.standard_normal(count)
        return field[256 : 256 + count].reshape(shape)

    for size, channels, filters, kernel, stride, dilation, padding, groups in CONVOLUTIONS:
        window = ops.place_window(size, kernel, stride, dilation, padding)
        x, weight, bias = draw(3, *size, channels), draw(*kernel, channels // groups, filters), draw(filters)
        expected = reference.conv(x, weight, bias, window, groups)
        grad = draw(*expected.shape)
        with tc.backend("numba"):
            found = ops.conv(x, weight, bias, window, groups), *ops.conv_backward(grad, x, weight, window, groups)
        expected = expected, *reference.conv_backward(grad, x, weight, window, groups)
        tolerance = 3e-5 if roads.road(size, window, channels, filters, groups) == "winograd" else 3e-6
        for mine, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(mine, theirs, atol=tolerance * abs(theirs).max(), err_msg=f"{size} {channels} {filters}")


def test_every_road_gives_what_the_numpy_form_gives(rng):
    check_all_roads(rng)


def test_every_road_without_winograd(rng, monkeypatch):
    monkeypatch.setenv("TINYCNN_WINOGRAD", "0")
    check_all_roads(rng)


def test_nothing_beside_the_operands_is_used(rng):
    check_all_roads(rng, poisoned=True)


@pytest.mark.parametrize("accumulate", [0, 1])
def test_the_tile_by_itself(rng, accumulate):
    import numba

    from tinycnn.ops.numba.tile import WIDE_ROWS, wide_tile
    from tinycnn.ops.numba.vectors import VECTOR

    rows, columns, outer, inner = WIDE_ROWS, 2 * VECTOR, 3, 5

    @numba.njit
    def call(a, b, c, accumulate):
        wide_tile(
            a.ctypes.data, b.ctypes.data, c.ctypes.data, outer, a.shape[1] // outer, inner * columns, inner, a.shape[1], 1,
            columns, c.shape[1], accumulate,
        )  # fmt: skip

    a = rng.standard_normal((rows, outer * inner)).astype("float32")
    b = rng.standard_normal((outer * inner, columns)).astype("float32")
    c = np.full((rows + 2, columns + 3), 7, "float32")
    call(a, b, c, accumulate)
    np.testing.assert_allclose(c[:rows, :columns], a @ b + 7 * accumulate, atol=1e-5)
    assert (c[rows:] == 7).all() and (c[:, columns:] == 7).all()


def begun(code, **environment):
    words = [sys.executable, "-c", "import sys; sys.path.insert(0, 'tests')\n" + code]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(words, env={**os.environ, **environment}, **pipes)


def said(process):
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    return out.strip()


NARROWER = ("4", "8")


@pytest.fixture(scope="module")
def narrower():
    """By width, a process that takes every road at it, compiling every kernel anew; so all of them at once."""
    code = "import numpy as np; from test_engine_tile import check_all_roads; from tinycnn.ops.numba.vectors import VECTOR\n"
    code += "check_all_roads(np.random.default_rng(0)); print(VECTOR)"
    from tinycnn.ops.numba.vectors import WIDEST

    processes = {width: begun(code, TINYCNN_VECTOR=width) for width in NARROWER if int(width) <= WIDEST}
    yield processes
    for process in processes.values():
        if process.poll() is None:  # its test did not run
            process.kill()
            process.communicate()


@pytest.mark.parametrize("width", NARROWER)
def test_every_road_at_a_narrower_vector(width, narrower):
    if width not in narrower:
        pytest.skip(f"this machine's vectors are not as wide as {width} floats")
    assert said(narrower[width]) == width


TRAIN = """
import hashlib, numpy as np, tinycnn as tc
rng = np.random.default_rng(0)
x, y = rng.standard_normal((24, 20, 20, 3)).astype("float32"), rng.integers(0, 2, 24)
with tc.backend("numba"):
    model = tc.Sequential(
        tc.Conv2D(16, 3, bias=False), tc.BatchNorm(), tc.ReLU(), tc.MaxPool2D(2), tc.Conv2D(40, 3, stride=2), tc.BatchNorm(),
        tc.ReLU(), tc.AvgPool2D(2), tc.ConvTranspose2D(16, 3, stride=2), tc.GroupNorm(4), tc.SqueezeExcite(2), tc.Flatten(),
        tc.Dropout(0.3), tc.Dense(33), tc.ReLU(), tc.Dense(1),
    ).build((20, 20, 3), seed=1)
    adam = tc.Adam(model.parameters(), lr=1e-2)
    for _ in range(5):
        model.train_step(x, y, tc.BCEWithLogits(), adam)
    print(hashlib.sha256(b"".join(a.tobytes() for a in model.get_state().values()) + model.predict(x).tobytes()).hexdigest())
"""


def test_the_bits_do_not_depend_on_the_number_of_threads():
    digests = {said(begun(TRAIN, TINYCNN_NUM_THREADS=count)) for count in ("1", "2")}
    assert len(digests) == 1 and len(digests.pop()) == hashlib.sha256().digest_size * 2


@pytest.mark.parametrize("name, value", [("TINYCNN_VECTOR", "5"), ("TINYCNN_VECTOR", "64"), ("TINYCNN_NUM_THREADS", "none")])
def test_a_setting_that_cannot_be_is_said(name, value):
    code = "import numpy as np, tinycnn as tc\nwith tc.backend('numba'):\n    tc.ops.relu(np.ones((2, 3), 'float32'))"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, name: value}, capture_output=True, text=True)
    assert done.returncode == 1 and f"ValueError: {name} is '{value}'" in done.stderr


def test_the_first_layer_can_leave_out_its_inputs_gradient(rng):
    model = tc.Sequential(tc.Conv2D(8, 3), tc.ReLU(), tc.Flatten(), tc.Dense(1)).build((6, 6, 2), seed=0)
    x, grad = rng.standard_normal((3, 6, 6, 2)).astype("float32"), np.ones((3, 1), "float32")
    model.forward(x, training=True)
    model.backward(grad)
    whole = [p.grad.copy() for p in model.parameters()]
    model.forward(x, training=True)
    assert model.backward_parameters(grad) is None
    for mine, theirs in zip(model.parameters(), whole, strict=True):
        assert np.array_equal(mine.grad, theirs)


def test_warmup_says_when_the_kernels_are_ready(capsys):
    from tinycnn.__main__ import main

    assert main(["warmup"]) == 0 and "kernels are ready after" in capsys.readouterr().out
    assert main(["warmup"]) == 0 and " 0 compiled" in capsys.readouterr().out
