"""Convolution against loops that anyone can check, its padding, and the road that a shape takes."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_arguments import WINDOWS, window_of

from tinycnn.ops import numpy as reference
from tinycnn.ops import place_window
from tinycnn.ops.roads import road, weight_road


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
