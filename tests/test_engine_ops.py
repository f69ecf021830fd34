"""Every op: its fast twin against the readable form, and the readable form against loops that anyone can check."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinycnn as tc
from tinycnn import ops
from tinycnn.ops import numba as twins
from tinycnn.ops import numpy as reference
from tinycnn.ops import place_window
from tinycnn.ops.roads import road, weight_road
from tinycnn.ops.shapes import place_transposed

TOLERANCE = {"float32": 2e-5, "float64": 1e-12}

# (x's shape, kernel, stride, dilation, padding): one, two and three spatial axes, odd and even sizes, single pixels
WINDOWS = [
    ((3, 9, 4), (3,), (2,), (1,), "same"),
    ((2, 10, 2), (4,), (1,), (2,), 3),
    ((2, 7, 6, 4), (3, 3), (1, 1), (1, 1), "same"),
    ((1, 8, 5, 2), (2, 4), (2, 3), (1, 1), "same"),
    ((2, 9, 9, 4), (3, 2), (2, 1), (2, 3), 1),
    ((2, 6, 7, 4), (3, 3), (3, 2), (1, 1), "valid"),
    ((2, 1, 1, 2), (3, 3), (1, 1), (1, 1), "same"),
    ((3, 1, 1, 6), (1, 1), (1, 1), (1, 1), "valid"),
    ((2, 30, 1, 2), (3, 1), (2, 1), (1, 1), (1, 0)),
    ((2, 4, 5, 6, 2), (2, 3, 2), (2, 1, 3), (1, 2, 1), 1),
    ((1, 3, 3, 3, 4), (3, 3, 3), (1, 1, 1), (1, 1, 1), "same"),
]


def draw(rng, shape, dtype):
    return rng.standard_normal(shape).astype(dtype)


def window_of(case):
    shape, kernel, stride, dilation, padding = case
    return place_window(shape[1:-1], kernel, stride, dilation, padding)


def windowed(name, rng, dtype):
    """Arguments for an op over windows, for each of WINDOWS."""
    for case in WINDOWS:
        shape, window = case[0], window_of(case)
        x, size = draw(rng, shape, dtype), shape[1:-1]
        grad = draw(rng, (shape[0], *window.output_size(size), shape[-1]), dtype)
        if name == "gather_windows":
            yield x, window
        elif name == "pad":
            yield from ((x, window), (x, window, 2.0))
        elif name == "crop":
            yield draw(rng, (shape[0], *window.padded_size(size), shape[-1]), dtype), size, window
        elif name == "scatter_windows":
            yield draw(rng, reference.gather_windows(x, window).shape, dtype), size, window
        elif name == "max_pool":
            yield x, window
        elif name == "max_pool_backward":
            yield grad, reference.max_pool(x, window)[1], size, window
        elif name == "average_pool":
            yield from ((x, window, count) for count in (False, True))
        elif name == "average_pool_backward":
            yield from ((grad, size, window, count) for count in (False, True))
        else:
            for groups, filters in ((1, 6), (2, 6), (shape[-1], shape[-1]), (shape[-1], 2 * shape[-1])):  # depthwise too
                weight = draw(rng, (*window.kernel, shape[-1] // groups, filters), dtype)
                if name == "conv":
                    yield x, weight, draw(rng, filters, dtype), window, groups
                    yield x, weight, None, window, groups
                else:
                    yield draw(rng, (*grad.shape[:-1], filters), dtype), x, weight, window, groups


def transposed(name, rng, dtype):
    """Arguments for the transposed convolution: each of WINDOWS, its padding such as it may be."""
    for shape, kernel, stride, _, padding in WINDOWS:
        if padding not in ("same", "valid"):
            padding = 0 if min(kernel) == 1 else padding // 3
        window, size = place_transposed(shape[1:-1], kernel, stride, padding)
        x, weight = draw(rng, shape, dtype), draw(rng, (*kernel, shape[-1], 6), dtype)
        if name == "conv_transpose":
            yield from ((x, weight, bias, window, size) for bias in (None, draw(rng, 6, dtype)))
        else:
            yield draw(rng, (shape[0], *size, 6), dtype), x, weight, window


def plain(name, rng, dtype):
    """Arguments for all other ops."""
    for shape in ((1, 1), (2, 3), (5, 4, 3), (3, 4, 2, 6), (2, 2, 3, 2, 3)):
        x, grad, channels = draw(rng, shape, dtype), draw(rng, shape, dtype), shape[-1]
        mean, scale, gamma, beta = (draw(rng, channels, dtype) for _ in range(4))
        if name in ("relu", "sigmoid", "softmax", "elu", "gelu", "silu", "softplus", "tanh"):
            yield (3 * x,)
        elif name in (
            "relu_backward",
            "sigmoid_backward",
            "softmax_backward",
            "elu_backward",
            "softplus_backward",
            "tanh_backward",
        ):
            yield grad, getattr(reference, name.removesuffix("_backward"))(x)
        elif name in ("gelu_backward", "silu_backward"):
            yield grad, 3 * x
        elif name in ("leaky_relu", "leaky_relu_backward"):
            yield (x, 0.2) if name == "leaky_relu" else (grad, x, 0.2)
        elif name == "group_norm":
            yield from ((x + 3, gamma, beta, groups, 1e-3) for groups in (1, channels))
        elif name == "group_norm_backward":
            yield from ((grad, *reference.group_norm(x, gamma, beta, groups, 1e-3)[1:], gamma) for groups in (1, channels))
        elif name in ("upsample", "upsample_backward"):
            factor = (3, 1, 2)[: len(shape) - 2]
            larger = (shape[0], *(n * f for n, f in zip(shape[1:-1], factor, strict=True)), channels)
            yield (x if name == "upsample" else draw(rng, larger, dtype)), factor
        elif name == "batch_statistics":
            yield (x + 3,)
        elif name == "normalise":
            yield x, mean, abs(scale), gamma, beta
        elif name == "normalise_backward":
            yield from ((grad, x, mean, abs(scale), gamma, of_batch) for of_batch in (False, True))
        elif name in ("dense", "dense_backward") and len(shape) == 2:
            weight = draw(rng, (channels, 4), dtype)
            yield (x, weight, beta[:1].repeat(4)) if name == "dense" else (draw(rng, (len(x), 4), dtype), x, weight)
        elif name == "warp" and len(shape) == 4:
            maps, field = np.eye(2, 3) + 0.3 * draw(rng, (len(x), 2, 3), dtype), draw(rng, (len(x), 5, 4, 2), dtype)
            yield from ((x, maps, *others) for others in ((), (field,), (field, "edge"), (None, "zero"), (field, "zero")))
        elif name == "blur" and len(shape) == 4:
            yield x, np.arange(len(x)) / 2
        elif name == "tone" and len(shape) == 4:
            ends, of_image = draw(rng, (2, len(x), channels), dtype), draw(rng, (3, len(x)), dtype)
            yield x, ends[0] - 5, ends[1] + 5, 1 + abs(of_image[0]), of_image[1], of_image[2]
        elif name == "add_noise":
            yield x, abs(draw(rng, len(x), dtype)), rng.integers(2**64, size=(len(x), 2), dtype=np.uint64)
        elif name == "sgd_step":
            yield from ((x.ravel(), grad.ravel(), abs(grad.ravel()), 0.1, 0.9, nesterov) for nesterov in (False, True))
        elif name == "adagrad_step":
            yield x.ravel(), grad.ravel(), abs(grad.ravel()), 0.1, 1e-10
        elif name == "adadelta_step":
            yield x.ravel(), grad.ravel(), abs(grad.ravel()), abs(x.ravel()), 1.0, 0.9, 1e-6
        elif name == "rmsprop_step":
            means = None, grad.ravel() / 3
            yield from ((x.ravel(), grad.ravel(), np.square(grad.ravel()), m, x.ravel(), 0.01, 0.9, 1e-8, 0.8) for m in means)
        elif name == "adam_step":
            yield x.ravel(), grad.ravel(), grad.ravel() / 3, abs(grad.ravel()), 0.01, (0.9, 0.99), 1e-8, 7


WINDOWED = {"average_pool", "average_pool_backward", "conv", "conv_backward", "gather_windows", "max_pool", "max_pool_backward"}
WINDOWED |= {"scatter_windows", "pad", "crop"}
IN_PLACE = {
    "sgd_step": (0, 2),
    "adagrad_step": (0, 2),
    "adadelta_step": (0, 2, 3),
    "rmsprop_step": (0, 2, 4),
    "adam_step": (0, 2, 3),
}


def arguments(name, rng, dtype):
    if name.startswith("conv_transpose"):
        return list(transposed(name, rng, dtype))
    return list(windowed(name, rng, dtype) if name in WINDOWED else plain(name, rng, dtype))


def results(function, name, args):
    """What the op returns, or the arrays that it changes; all its other arrays must stay as they are."""
    args = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    before = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    out = function(*args)
    changed = IN_PLACE.get(name, ())
    changed = (*changed, 3) if name == "rmsprop_step" and args[3] is not None else changed  # the centred form's mean
    for i, (a, b) in enumerate(zip(args, before, strict=True)):
        assert not isinstance(a, np.ndarray) or i in changed or np.array_equal(a, b), f"argument {i} was modified"
    out = [args[i] for i in changed] if changed else out
    return out if isinstance(out, (tuple, list)) else (out,)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("name", reference.__all__)
def test_both_forms_agree_and_keep_the_dtype(name, backend, dtype, rng):
    cases = arguments(name, rng, dtype)
    assert cases, f"no arguments for {name}: every op needs some here"
    for args in cases:
        exact = [a.astype("float64") if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in args]
        wanted = results(getattr(reference, name), name, exact)
        if hasattr(ops, name):
            with tc.backend(backend):
                got = results(getattr(ops, name), name, args)
        else:
            got = results(getattr(twins if backend == "numba" and name in twins.__all__ else reference, name), name, args)
        for mine, theirs in zip(got, wanted, strict=True):
            assert mine.shape == theirs.shape
            if theirs.dtype.kind == "f":
                assert mine.dtype == dtype
                scale = max(1.0, float(np.abs(theirs).max()))
                np.testing.assert_allclose(mine, theirs, rtol=0, atol=TOLERANCE[dtype] * scale)
            else:
                assert mine.dtype == theirs.dtype
                assert np.array_equal(mine, theirs)


def test_every_twin_has_a_readable_form_and_every_form_is_public():
    assert set(twins.__all__) <= set(reference.__all__)
    assert set(reference.__all__) - {"gather_windows", "scatter_windows"} <= set(ops.__all__)


def test_the_backend_is_really_chosen(monkeypatch):
    calls = []
    monkeypatch.setattr(twins, "max_pool", lambda *args: calls.append(args))
    x, window = np.ones((1, 2, 2, 1)), place_window((2, 2), (2, 2), (2, 2), (1, 1), 0)
    with tc.backend("numpy"):
        ops.max_pool(x, window)
    assert not calls
    with tc.backend("numba"):
        ops.max_pool(x, window)
    assert len(calls) == 1


@pytest.mark.parametrize("scatter", [reference.scatter_windows])
@pytest.mark.parametrize("case", WINDOWS, ids=str)
def test_gather_and_scatter_are_transposes(case, scatter, rng):
    shape, window = case[0], window_of(case)
    x = rng.standard_normal(shape)
    windows = reference.gather_windows(x, window)
    w = rng.standard_normal(windows.shape)
    assert np.vdot(windows, w) == pytest.approx(np.vdot(x, scatter(w, shape[1:-1], window)), rel=1e-12)


def naive_conv(x, weight, bias, stride, dilation, padding, groups):
    """Seven loops."""
    n, h, w, _ = x.shape
    kh, kw, per_group, oc = weight.shape
    (top, bottom), (left, right) = padding
    oh = (h + top + bottom - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    ow = (w + left + right - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    y = np.zeros((n, oh, ow, oc)) + bias
    for i, p, q, o, a, b, c in product(*map(range, (n, oh, ow, oc, kh, kw, per_group))):
        r, s = p * stride[0] + a * dilation[0] - top, q * stride[1] + b * dilation[1] - left
        if 0 <= r < h and 0 <= s < w:
            y[i, p, q, o] += x[i, r, s, o // (oc // groups) * per_group + c] * weight[a, b, c, o]
    return y


def same(size, kernel, stride, dilation):
    """TensorFlow's rule: enough for ceil(size / stride) windows, the odd one at the end."""
    total = max(0, (int(np.ceil(size / stride)) - 1) * stride + dilation * (kernel - 1) + 1 - size)
    return total // 2, total - total // 2


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    padding=st.sampled_from(["same", "valid", 0, 1, 2, (2, 1)]),
    groups=st.sampled_from([1, 2]),
)
def test_convolution_is_seven_loops(size, kernel, stride, dilation, padding, groups):
    rng = np.random.default_rng([*size, *kernel])
    x, weight = rng.standard_normal((2, *size, 2)), rng.standard_normal((*kernel, 2 // groups, 4))
    bias = rng.standard_normal(4)
    if padding == "same":
        widths = tuple(same(*axis) for axis in zip(size, kernel, stride, dilation, strict=True))
    else:
        by_axis = {"valid": (0, 0)}.get(padding, (padding,) * 2 if isinstance(padding, int) else padding)
        widths = tuple((p, p) for p in by_axis)
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    if any(r > n + sum(w) for r, n, w in zip(reach, size, widths, strict=True)):
        with pytest.raises(ValueError, match="spans"):
            place_window(size, kernel, stride, dilation, padding)
        return
    window = place_window(size, kernel, stride, dilation, padding)
    y = reference.conv(x, weight, bias, window, groups)
    np.testing.assert_allclose(y, naive_conv(x, weight, bias, stride, dilation, widths, groups), atol=1e-12)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_max_pool_takes_the_first_of_equals_and_a_nan_wins(backend):
    x = np.array([[[1, 1, 5, np.nan], [1, 1, np.nan, 7]]]).reshape(1, 2, 4, 1)
    window = place_window((2, 4), (2, 2), (2, 2), (1, 1), 0)
    with tc.backend(backend):
        y, winner = ops.max_pool(x, window)
        assert y[0, 0, 0, 0] == 1
        assert np.isnan(y[0, 0, 1, 0])
        assert winner.ravel().tolist() == [0, 1]
        back = ops.max_pool_backward(np.array([[[[10.0], [20.0]]]]), winner, (2, 4), window)
    assert back.ravel().tolist() == [10, 0, 0, 20, 0, 0, 0, 0]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_max_pool_of_minus_infinity_is_minus_infinity(backend):
    x = np.full((1, 2, 2, 1), -np.inf, "float32")
    window = place_window((2, 2), (2, 2), (1, 1), (1, 1), 1)
    with tc.backend(backend):
        y, winner = ops.max_pool(x, window)
        assert (y == -np.inf).all()
        assert np.isfinite(ops.max_pool_backward(np.ones_like(y), winner, (2, 2), window)).all()


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_padding_never_wins_a_max_pool_of_negative_numbers(backend):
    x = -np.arange(1.0, 5).reshape(1, 2, 2, 1)
    window = place_window((2, 2), (3, 3), (2, 2), (1, 1), 1)
    with tc.backend(backend):
        assert ops.max_pool(x, window)[0].ravel().tolist() == [-1]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_more_than_256_taps_keep_their_winner(backend):
    x = np.zeros((1, 20, 20, 1))
    x[0, 17, 19, 0] = 1
    window = place_window((20, 20), (20, 20), (1, 1), (1, 1), 0)
    with tc.backend(backend):
        _, winner = ops.max_pool(x, window)
        back = ops.max_pool_backward(np.ones((1, 1, 1, 1)), winner, (20, 20), window)
    assert np.array_equal(back, x)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_batch_statistics_hold_their_digits_far_from_zero(backend, rng):
    x = (1e4 + rng.standard_normal((20_000, 2))).astype("float32")
    with tc.backend(backend):
        mean, variance = ops.batch_statistics(x)
    np.testing.assert_allclose(mean, x.mean(axis=0, dtype="float64"), rtol=1e-7)
    np.testing.assert_allclose(variance, x.var(axis=0, dtype="float64"), rtol=1e-4)


def test_sigmoid_and_softmax_do_not_overflow():
    x = np.array([[-1e4, -100, 0, 100, 1e4]], "float32")
    assert reference.sigmoid(x)[0].tolist() == [0, pytest.approx(np.exp(-100), rel=1e-5), 0.5, 1, 1]
    assert reference.softmax(x)[0].tolist() == [0, 0, 0, 0, 1]


def test_relu_lets_a_nan_through():
    assert np.isnan(reference.relu(np.array([np.nan]))[0])


def test_same_padding_puts_the_odd_pixel_at_the_end():
    """TensorFlow's tf.nn.conv2d on [1, 2, 3, 4] with kernel [1, 10], stride 2: windows (1, 2) and (3, 4), then nothing to pad;
    with stride 1 the last window is (4, 0), where padding both sides alike could not give four windows at all.
    """
    x, weight = np.arange(1.0, 5).reshape(1, 4, 1), np.array([1.0, 10.0]).reshape(2, 1, 1)
    for stride, expected in ((1, [21, 32, 43, 4]), (2, [21, 43])):
        window = place_window((4,), (2,), (stride,), (1,), "same")
        assert reference.conv(x, weight, None, window, 1).ravel().tolist() == expected
    # kernel 3, stride 2 over four pixels: one pixel of padding, at the end: (1, 2, 3) and (3, 4, 0)
    window = place_window((4,), (3,), (2,), (1,), "same")
    taps = np.array([1.0, 10.0, 100.0]).reshape(3, 1, 1)
    assert window.padding == ((0, 1),)
    assert reference.conv(x, taps, None, window, 1).ravel().tolist() == [321, 43]


@pytest.mark.parametrize(
    "size, channels, filters, kernel, stride, groups, expected",
    [
        ((28, 28), 64, 64, 3, 1, 1, "winograd"),
        ((28, 28), 64, 64, 3, 2, 1, "direct"),
        ((28, 28), 64, 64, 5, 1, 1, "direct"),
        ((28, 28), 1, 64, 3, 1, 1, "direct"),
        ((28, 28), 64, 24, 3, 1, 1, "direct"),
        ((28, 28), 64, 64, 3, 1, 64, "depthwise"),
        ((28, 28), 64, 64, 3, 1, 2, "direct"),
        ((28, 28), 64, 64, 3, 1, 16, ""),
        ((7, 7), 64, 64, 3, 1, 1, "winograd"),
        ((1, 64), 64, 64, 3, 1, 1, "direct"),  # patches of 4 x 4: a quarter of their pixels
        ((4, 4), 64, 64, 3, 1, 1, "direct"),
    ],
)
def test_the_road_follows_from_the_shape(size, channels, filters, kernel, stride, groups, expected, monkeypatch):
    monkeypatch.delenv("TINYCNN_WINOGRAD", raising=False)
    window = place_window(size, (kernel, kernel), (stride, stride), (1, 1), "same")
    assert road(size, window, channels, filters, groups) == expected
    monkeypatch.setenv("TINYCNN_WINOGRAD", "0")
    assert "winograd" != road(size, window, channels, filters, groups)


def test_a_weight_gradient_over_few_pixels_leaves_winograd():
    assert weight_road("winograd", 32 * 49) == "winograd"
    assert weight_road("winograd", 16 * 49) == "direct"
    assert weight_road("depthwise", 1) == "depthwise"


def test_a_twin_passes_on_what_its_kernel_cannot_take(rng):
    x, weight = rng.standard_normal((2, 5, 5, 16)).astype("float32"), rng.standard_normal((3, 3, 16, 16)).astype("float32")
    window, bias = place_window((5, 5), (3, 3), (1, 1), (1, 1), "same"), np.ones(16)  # float64, beside float32
    with tc.backend("numba"):
        np.testing.assert_allclose(ops.conv(x, weight, bias, window, 1), reference.conv(x, weight, bias, window, 1), rtol=1e-6)
        point = x[:, 0, 0], weight[0, 0], bias
        np.testing.assert_allclose(ops.dense(*point), reference.dense(*point), rtol=1e-6)
        assert ops.dense(x[:0, 0, 0], weight[0, 0], None).shape == (0, 16)


def test_adam_of_moments_that_lie_apart(rng):
    results = []
    for module in (reference, twins):
        value, grad, moments = np.ones(40, "float32"), np.arange(40, dtype="float32"), np.zeros((40, 2), "float32")
        module.adam_step(value, grad, moments[:, 0], moments[:, 1], 0.1, (0.9, 0.999), 1e-8, 1)
        results.append((value, moments))
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)
