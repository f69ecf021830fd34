"""Layers that cannot work are refused, and the error says what would."""

import numpy as np
import pytest

import tinycnn as tc

conv = tc.Conv2D
REFUSED = [
    (lambda: conv(2, 5, padding="valid").build((4, 6, 1)), r"Conv2D: the kernel spans \(5, 5\) but its input .* only \(4, 6\)"),
    (lambda: conv(2, 3, dilation=3, padding=1).build((4, 4, 1)), r"Conv2D: the kernel spans \(7, 7\) .* only \(6, 6\)"),
    (lambda: tc.MaxPool2D(3).build((2, 9, 1)), r"MaxPool2D: the kernel spans \(3, 3\) .* only \(2, 9\)"),
    (lambda: conv(4, 3, groups=3).build((5, 5, 4)), "Conv2D: groups=3 must divide its 4 input channels and 4 filters"),
    (lambda: conv(4, 3, groups=2).build((5, 5, 3)), "Conv2D: groups=2 must divide its 3 input channels"),
    (lambda: conv(3, 3, groups=2).build((5, 5, 4)), "Conv2D: groups=2 .* 3 filters"),
    (lambda: conv(2, 3).build((28, 28)), r"Conv2D: got an input of shape \(28, 28\); it needs 3 axes, \(H, W, C\)"),
    (lambda: tc.AvgPool2D().build((4,)), r"AvgPool2D: got an input of shape \(4,\); it needs 3 axes"),
    (lambda: tc.Dense(2).build((4, 4)), r"Dense: got an input of shape \(4, 4\); it needs \(C,\): put Flatten"),
    (lambda: tc.GlobalAvgPool().build((4,)), r"GlobalAvgPool: got an input of shape \(4,\); it needs at least one spatial"),
    (lambda: tc.BatchNorm().build(()), "BatchNorm: got rows without a channel axis"),
    (lambda: conv(0, 3), "Conv2D: filters is 0; it must be an int of at least 1"),
    (lambda: conv(2.0, 3), "Conv2D: filters is 2.0"),
    (lambda: conv(True, 3), "Conv2D: filters is True"),
    (lambda: conv(2, (3, 3, 3)), r"Conv2D: kernel_size is \(3, 3, 3\); it must be .* 2 of them"),
    (lambda: conv(2, 3, stride=0), "Conv2D: stride is 0"),
    (lambda: conv(2, 3, dilation=(1, 0)), r"Conv2D: dilation is \(1, 0\)"),
    (lambda: conv(2, 3, groups=-1), "Conv2D: groups is -1"),
    (lambda: conv(2, 3, padding=-1).build((5, 5, 1)), "Conv2D: padding is -1"),
    (lambda: conv(2, 3, padding=1.5).build((5, 5, 1)), "Conv2D: padding is 1.5"),
    (lambda: conv(2, 3, padding="smae").build((5, 5, 1)), "Conv2D: padding is 'smae'; it must be \"same\""),
    (lambda: tc.MaxPool2D(2, padding=2).build((8, 8, 1)), "MaxPool2D: padding 2 leaves windows .* nothing but padding"),
    (lambda: tc.AvgPool2D((3, 2), padding=(1, 2)).build((8, 8, 1)), r"AvgPool2D: padding \(1, 2\) leaves windows"),
    (lambda: tc.MaxPool2D(0), "MaxPool2D: size is 0"),
    (lambda: tc.Dense(-1), "Dense: units is -1"),
    (lambda: tc.Conv1D(2, 3).build((9, 9, 1)), r"Conv1D: got an input of shape \(9, 9, 1\); it needs 2 axes, \(W, C\)"),
    (lambda: tc.Conv3D(2, (3, 3)), r"Conv3D: kernel_size is \(3, 3\); it must be .* 3 of them"),
    (lambda: tc.MaxPool3D(2).build((9, 9, 1)), r"MaxPool3D: got an input of shape \(9, 9, 1\); .* \(D, H, W, C\)"),
    (lambda: tc.ConvTranspose2D(2, 3).build((9, 1)), r"ConvTranspose2D: got an input of shape \(9, 1\); it needs 3 axes"),
    (lambda: tc.ConvTranspose2D(2, 3, padding=3).build((3, 3, 1)), r"ConvTranspose2D: padding 3 leaves an output of \(-1, -1\)"),
    (lambda: tc.ConvTranspose2D(2, 3, padding="full").build((3, 3, 1)), "ConvTranspose2D: padding is 'full'; it must be"),
    (lambda: tc.ConvTranspose2D(2, 3, stride=(1, 0)), r"ConvTranspose2D: stride is \(1, 0\)"),
    (lambda: tc.GlobalMaxPool().build((4,)), r"GlobalMaxPool: got an input of shape \(4,\); it needs at least one spatial"),
    (lambda: tc.Upsample(0), "Upsample: factor is 0"),
    (lambda: tc.Upsample("2"), "Upsample: factor is '2'"),
    (lambda: tc.Upsample((2, 2)).build((4, 1)), r"Upsample: got an input of shape \(4, 1\); factor is \(2, 2\); .* 1 of them"),
    (lambda: tc.Upsample(2).build((4,)), r"Upsample: got an input of shape \(4,\); it needs at least one spatial"),
    (lambda: tc.Reshape((2, 0)), r"Reshape: shape is \(2, 0\); it must be ints of at least 1"),
    (lambda: tc.Reshape((-1, -1)), r"Reshape: shape is \(-1, -1\)"),
    (lambda: tc.Reshape("ab"), "Reshape: shape is 'ab'"),
    (lambda: tc.Reshape((4, 2)).build((9,)), r"Reshape: got an input of shape \(9,\), 9 values; .* the shape \(4, 2\)"),
    (lambda: tc.Reshape((-1, 2)).build((3, 3)), r"Reshape: got an input of shape \(3, 3\), 9 values"),
    (lambda: tc.Pad(-1), "Pad: widths is -1; it must be an int of at least 0, or for each axis one or"),
    (lambda: tc.Pad(((1, 2, 3),)), r"Pad: widths is \(\(1, 2, 3\),\)"),
    (lambda: tc.Pad((1, "x")), r"Pad: widths is \(1, 'x'\)"),
    (lambda: tc.Pad((1, 2)).build((4, 1)), r"Pad: got an input of shape \(4, 1\); its 1 spatial axes do not fit"),
    (lambda: tc.Pad(1).build((4,)), r"Pad: got an input of shape \(4,\); it needs at least one spatial"),
    (lambda: tc.GroupNorm(0), "GroupNorm: groups is 0"),
    (lambda: tc.GroupNorm(2, eps=0), "GroupNorm: eps=0 must be above 0"),
    (lambda: tc.GroupNorm(2).build((4, 3)), r"GroupNorm: got an input of shape \(4, 3\); groups=2 must divide its channels"),
    (lambda: tc.GroupNorm(3).build((3,)), r"GroupNorm: got an input of shape \(3,\) with one value a group"),
    (lambda: tc.LayerNorm().build((5, 1)), r"LayerNorm: got an input of shape \(5, 1\) with one value a group"),
    (lambda: tc.LayerNorm().build(()), r"LayerNorm: got an input of shape \(\); groups=1 must divide"),
    (lambda: tc.LayerNorm(float("nan")), "LayerNorm: eps=nan must be above 0"),
    (lambda: tc.LeakyReLU(-0.1), "LeakyReLU: slope=-0.1 must be finite and at least 0"),
    (lambda: tc.LeakyReLU(float("nan")), "LeakyReLU: slope=nan"),
    (lambda: tc.SqueezeExcite(0), "SqueezeExcite: ratio is 0"),
    (lambda: tc.SqueezeExcite(units=0), "SqueezeExcite: units is 0"),
    (lambda: tc.SqueezeExcite().build((8,)), r"SqueezeExcite: got an input of shape \(8,\); it needs at least one spatial"),
    (lambda: tc.Dropout(0.5, channels=True).build((2, 2)).forward(np.ones((1, 2, 2)), True), "Dropout: training draws a mask"),
    (lambda: tc.Dropout(1.0), "Dropout: rate=1.0 is the share that is dropped"),
    (lambda: tc.Dropout(-0.1), "Dropout: rate=-0.1"),
    (lambda: tc.Dropout(float("nan")), "Dropout: rate=nan"),
    (lambda: tc.BatchNorm(momentum=1.5), "BatchNorm: momentum=1.5"),
    (lambda: tc.BatchNorm(eps=0), "BatchNorm: .*eps=0"),
    (lambda: tc.Branches(), "Branches: got no path"),
    (lambda: tc.Branches(tc.ReLU(), merge="sum"), "Branches: merge is 'sum'"),
    (
        lambda: tc.Branches(conv(2, 3), conv(2, 3, stride=2)).build((6, 6, 1)),
        r"Branches: .* same size, got \(N, 6, 6, 2\)",
    ),
    (lambda: tc.Branches(conv(2, 3), conv(3, 3), merge="add").build((6, 6, 1)), "Branches: .* same shape"),
    (lambda: tc.Sequential(tc.Dense), "Sequential: got <class .*Dense.*; it needs layers"),
    (lambda: tc.Sequential([tc.Dense(1)]), "Sequential: got .* it needs layers"),
    (lambda: tc.Dense(1).build(4), "Dense: the input's shape is 4; give a tuple"),
    (lambda: tc.Dense(1).build((0,)), r"Dense: the input's shape is \(0,\)"),
    (lambda: tc.Dense(1).build((2,), dtype="float16"), "Dense: dtype is 'float16'; it must be float32 or float64"),
    (lambda: tc.Dropout(0.5).build((2,)).forward(np.ones((1, 2)), True), "Dropout: training draws a mask; pass rng"),
    (lambda: tc.BatchNorm().build((2,)).forward(np.ones((1, 2)), True), r"BatchNorm: .* \(1, 2\) with one value a channel"),
    (lambda: tc.Sequential(tc.ReLU(), conv(2, 9, padding=0)).build((5, 5, 1)), r"conv2d_1: the kernel spans \(9, 9\)"),
    (lambda: tc.Sequential(tc.Residual(tc.Dense(2))).build((5, 5)), "residual_1.body.dense_1: got an input"),
]


@pytest.mark.parametrize(("make", "says"), REFUSED, ids=[says[:40] for _, says in REFUSED])
def test_what_cannot_work_is_refused_and_says_what_would(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_one_layer_object_in_two_places_is_refused():
    shared = tc.Dense(3)
    with pytest.raises(ValueError, match=r"same layer object stands at dense_1 and at residual_1\.body\.dense_1"):
        tc.Sequential(shared, tc.Residual(shared)).build((3,))


BODIES = [
    ((7, 6, 3), [conv(5, 3)]),
    ((7, 6, 3), [conv(4, 3, stride=2)]),
    ((9, 7, 3), [conv(4, 3, stride=(3, 1))]),
    ((7, 6, 3), [conv(4, 3, padding="valid")]),
    ((7, 7, 3), [conv(4, 3, stride=2, padding="valid")]),
    ((8, 9, 3), [conv(3, 3, stride=2, padding="valid")]),
    ((9, 6, 1), [conv(4, (3, 1), padding="valid"), tc.MaxPool2D((2, 1))]),
    ((7, 6, 3), [conv(3, 1, padding=2)]),
    ((5, 5, 2), [conv(2, 2, padding=1)]),
    ((6, 4, 2), [tc.Flatten(), tc.Dense(4)]),
    ((6, 4, 2), [tc.GlobalAvgPool()]),
    ((8,), [tc.Dense(3), tc.ReLU()]),
]


@pytest.mark.parametrize(("shape", "body"), BODIES, ids=str)
def test_a_body_that_changes_the_shape_is_told_the_shortcut_to_write(shape, body, rng):
    with pytest.raises(ValueError, match=r"Residual: the body maps \(N, .* write Residual\(\.\.\., shortcut=") as caught:
        tc.Residual(*body).build(shape)
    code = str(caught.value).partition("shortcut=")[2].removesuffix(")")
    block = tc.Residual(*body, shortcut=eval(code, {"tc": tc})).build(shape)
    x = rng.standard_normal((2, *shape)).astype("float32")
    assert block.forward(x, False).shape == (2, *block.output_shape)
