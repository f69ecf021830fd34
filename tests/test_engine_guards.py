"""Kernels work on addresses, which nothing checks: so here every array has guards around it, and none may be written over."""

from math import prod

import numpy as np
import pytest

import tinycnn as tc
from tinycnn import ops

pytest.importorskip("numba", reason="the kernels need numba")

from test_engine_plan import MODELS, build, data, one_step
from test_engine_tile import CONVOLUTIONS, winograd_everywhere

from tinycnn.ops.numba import kernel, passes, twins
from tinycnn.ops.numba.vectors import VECTOR
from tinycnn.ops.roads import road
from tinycnn.plan import arena, base

GUARD, SENTINEL = 64, np.float32(12345.678)  # floats on each side, and what they hold


class Guarded:
    """Hands out arrays inside fields of sentinels, and looks at these afterwards."""

    def __init__(self):
        self.fields = []

    def aligned(self, floats):
        field = np.full(floats + 2 * GUARD, SENTINEL, np.float32)
        self.fields.append(field)
        return field[GUARD : GUARD + floats]

    def memory(self, shape, dtype=np.float32):
        return self.aligned(prod(shape) * np.dtype(dtype).itemsize // 4).view(dtype).reshape(shape)

    def whole(self):
        return all((field[:GUARD] == SENTINEL).all() and (field[-GUARD:] == SENTINEL).all() for field in self.fields)


@pytest.fixture
def guarded(monkeypatch):
    """One worker, whose scratch ends at a guard too."""
    guards = Guarded()
    monkeypatch.setattr(twins, "memory", guards.memory)
    monkeypatch.setattr(kernel, "aligned", guards.aligned)
    monkeypatch.setattr(kernel, "most_threads", lambda: 1)
    return guards


@pytest.mark.parametrize("winograd", ["0", "1"])
@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
@winograd_everywhere
def test_convolutions_stay_inside(case, winograd, guarded, rng, monkeypatch):
    monkeypatch.setenv("TINYCNN_WINOGRAD", winograd)
    size, channels, filters, shape, stride, dilation, padding, groups = case
    window = ops.place_window(size, shape, stride, dilation, padding)
    x = rng.standard_normal((2, *size, channels)).astype("float32")
    weight = rng.standard_normal((*shape, channels // groups, filters)).astype("float32")
    with tc.backend("numba"):
        y = ops.conv(x, weight, np.ones(filters, "float32"), window, groups)
        ops.conv_backward(np.ascontiguousarray(y), x, weight, window, groups)
    assert guarded.whole()
    assert len(guarded.fields) > 6 or not road(size, window, channels, filters, groups)  # the NumPy road needs no guards


@pytest.mark.parametrize("channels", [1, 15, 16, 33])
def test_the_other_ops_stay_inside(channels, guarded, rng):
    x = rng.standard_normal((3, 9, 7, channels)).astype("float32")
    one = np.ones(channels, "float32")
    with tc.backend("numba"):
        mean, variance = ops.batch_statistics(x)
        ops.normalise(x, mean, variance, one, one)
        ops.normalise_backward(x, x, mean, variance, one, True)
        ops.relu_backward(x, ops.relu(x))
        for kernel_size, stride, padding in (((2, 2), (2, 2), "valid"), ((3, 3), (2, 1), 1)):
            window = ops.place_window((9, 7), kernel_size, stride, (1, 1), padding)
            y, winner = ops.max_pool(x, window)
            ops.max_pool_backward(y, winner, (9, 7), window)
            ops.average_pool_backward(ops.average_pool(x, window, True), (9, 7), window, False)
        rows = x[:, 0, 0]
        ops.dense_backward(
            ops.dense(rows, rng.standard_normal((channels, 5)).astype("float32"), None), rows, np.ones((channels, 5), "float32")
        )
        numbers, keys = np.linspace(0.5, 2, 3), np.ones((3, 2), np.uint64)
        ops.warp(x, np.eye(2, 3) + rng.standard_normal((3, 2, 3)), rng.standard_normal((3, 5, 4, 2)), "zero")
        ops.blur(x, numbers)
        ops.tone(x, -np.ones((3, channels)), np.ones((3, channels)), numbers, numbers, numbers)
        ops.add_noise(x, numbers, keys)
    assert len(guarded.fields) > 26 and guarded.whole()


@pytest.mark.parametrize("name", MODELS)
def test_a_plan_stays_inside(name, guarded, rng, monkeypatch):
    """No buffer is used twice here, so that what lies between two of them must stay as it was."""
    gap = 4 * GUARD
    length = arena.Buffer.bytes
    monkeypatch.setattr(arena.Buffer, "bytes", lambda self: length(self) + gap)
    monkeypatch.setattr(arena.Arena, "give", lambda self, buffer: None)
    monkeypatch.setattr(base, "SERIAL_MACS", 1 << 60)
    buffers, take = [], arena.Arena.take

    def remember(self, *arguments):
        buffers.append((self, take(self, *arguments)))
        return buffers[-1][1]

    monkeypatch.setattr(arena.Arena, "take", remember)
    monkeypatch.setattr(arena, "aligned", lambda floats: np.full(floats, SENTINEL, np.float32))
    model, (x, y) = build(name, rng), data(rng)
    with tc.backend("numba"):
        for _ in range(2):
            one_step(model, x, y, lr=0.1)
        model.predict(x)
    assert len(buffers) > 10 and guarded.whole()
    for owner, buffer in buffers:
        end = buffer.offset + buffer.bytes()
        assert (owner.block.view(np.uint8)[end - gap : end].view(np.float32) == SENTINEL).all()


@pytest.mark.parametrize("channels", sorted({1, 3, VECTOR - 1, VECTOR, VECTOR + 1, 2 * VECTOR + 5}))
def test_a_pass_touches_its_channels_alone(channels, rng):
    """The last register is masked: a float too many would be a neighbour's."""
    import numba

    @numba.njit
    def call(x, y, scale, shift, sums):
        passes.normalise_rectify(
            len(x), channels, x.ctypes.data, x.shape[1], y.ctypes.data, y.shape[1], scale.ctypes.data, shift.ctypes.data
        )
        passes.sum_rows(len(y), channels, y.ctypes.data, y.shape[1], sums.ctypes.data)

    wide = channels + 4
    x, y = rng.standard_normal((11, wide)).astype("float32"), np.full((11, wide), SENTINEL)
    scale, shift = rng.standard_normal((2, wide)).astype("float32")
    sums = np.full(wide, 2.5)
    call(x, y, scale, shift, sums)
    expected = np.maximum(x[:, :channels] * scale[:channels] + shift[:channels], 0)
    np.testing.assert_allclose(y[:, :channels], expected, atol=1e-6)
    np.testing.assert_allclose(sums[:channels], 2.5 + expected.sum(axis=0), atol=1e-5)
    assert (y[:, channels:] == SENTINEL).all() and (sums[channels:] == 2.5).all()


@pytest.mark.parametrize("first_row, row", [(0, 1), (1, 3), (5, 7), (2, 8), (1000, 13)])
@pytest.mark.parametrize("seed, step, stream, rows", [(0, 0, 1, 5), (7, 3, 12, 10_007), (2**100 + 5, 123_456_789, 3, 64)])
def test_random_numbers_are_those_of_numpy(seed, step, stream, rows, first_row, row):
    from tinycnn.ops.numba.random import draw_step

    field = np.full((rows + 2, row), SENTINEL)
    found, state = field[1:-1], np.array([seed & (2**64 - 1), seed >> 64, step, first_row], np.uint64)
    kernel.run(draw_step(found, state, stream))
    assert (field[[0, -1]] == SENTINEL).all()
    of_step = np.random.Philox(key=seed, counter=[0, 0, 0, step])
    expected = np.random.Generator(of_step.jumped(stream)).random((first_row + rows, row), dtype=np.float32)
    assert np.array_equal(found, expected[first_row:])
