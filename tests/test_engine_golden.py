"""The engine against numbers made once by PyTorch; see golden/make_engine.py."""

from pathlib import Path

import numpy as np
import pytest

import tinycnn as tc

CONVS = {
    "plain": {"padding": 1},
    "stride": {"stride": (2, 1), "padding": (1, 0)},
    "dilation": {"dilation": (2, 1), "padding": 2},
    "groups": {"stride": 2, "padding": 0, "groups": 2},
}
POOLS = {
    "max": tc.MaxPool2D(3, stride=2, padding=1),
    "average": tc.AvgPool2D(3, stride=2, padding=1),
    "average_padded": tc.AvgPool2D(3, stride=2, padding=1, count_padding=True),
}
OPTIMIZERS = {
    "sgd": (tc.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    "adam": (tc.Adam, {"lr": 0.02, "betas": (0.8, 0.95), "weight_decay": 0.1}),
    "adamw": (tc.AdamW, {"lr": 0.02, "betas": (0.8, 0.95), "weight_decay": 0.1}),
}
LOSSES = {
    "bce": tc.BCEWithLogits(pos_weight=1.7),
    "softmax_weights": tc.SoftmaxCrossEntropy(class_weight=[0.5, 2, 1]),
    "softmax_smoothing": tc.SoftmaxCrossEntropy(label_smoothing=0.1),
    "softmax_both": tc.SoftmaxCrossEntropy(class_weight=[0.5, 2, 1], label_smoothing=0.1),
}


@pytest.fixture(scope="module")
def golden():
    with np.load(Path(__file__).parent / "golden" / "engine.npz", allow_pickle=False) as file:
        return dict(file)


@pytest.fixture(params=["numpy", "numba"], autouse=True)
def backend(request):
    with tc.backend(request.param):
        yield


def assert_agree(mine, theirs):
    np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", CONVS)
def test_convolution_and_its_gradients(golden, name):
    g = {key.removeprefix(f"conv_{name}_"): value for key, value in golden.items() if key.startswith(f"conv_{name}_")}
    layer = tc.Conv2D(6, (3, 2), **CONVS[name]).build(g["x"].shape[1:], dtype="float64")
    layer.params["weight"], layer.params["bias"] = g["weight"], g["bias"]
    assert_agree(layer.forward(g["x"], training=True), g["y"])
    assert_agree(layer.backward(g["grad"]), g["grad_x"])
    assert_agree(layer.grads["weight"], g["grad_weight"])
    assert_agree(layer.grads["bias"], g["grad_bias"])


@pytest.mark.parametrize("name", POOLS)
def test_pooling_and_its_gradient(golden, name):
    x, y, grad, grad_x = (golden[f"pool_{name}_{key}"] for key in ("x", "y", "grad", "grad_x"))
    layer = POOLS[name].build(x.shape[1:], dtype="float64")
    assert_agree(layer.forward(x, training=True), y)
    assert_agree(layer.backward(grad), grad_x)


def test_batch_norm_over_three_batches_and_in_eval_mode(golden):
    layer = tc.BatchNorm(momentum=0.3, eps=1e-3).build((4, 2, 3), dtype="float64")
    layer.params["gamma"], layer.params["beta"] = golden["norm_gamma"], golden["norm_beta"]
    for step in range(4):
        g = {key.removeprefix(f"norm_{step}_"): value for key, value in golden.items() if key.startswith(f"norm_{step}_")}
        assert_agree(layer.forward(g["x"], training=step < 3), g["y"])
        assert_agree(layer.backward(g["grad"]), g["grad_x"])
        assert_agree(layer.grads["gamma"], g["grad_gamma"])
        assert_agree(layer.grads["beta"], g["grad_beta"])
        assert_agree(layer.buffers["running_mean"], g["mean"])
        assert_agree(layer.buffers["running_var"], g["var"])


@pytest.mark.parametrize("name", LOSSES)
def test_losses(golden, name):
    value, grad = LOSSES[name](golden[f"{name}_z"], golden[f"{name}_y"])
    assert_agree(value, golden[f"{name}_value"])
    assert_agree(grad, golden[f"{name}_grad"])


class Three(tc.Layer):
    """A weight, a bias and a gamma, as the golden run of the optimizers has them."""

    def setup(self, shape):
        self.declare("weight", (3, 2), tc.init.zeros, decays=True)
        self.declare("bias", (2,), tc.init.zeros)
        self.declare("gamma", (3,), tc.init.zeros)
        return shape


@pytest.mark.parametrize("clip_norm", [None, 1.5])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_five_steps_of_every_optimizer(golden, name, clip_norm):
    layer = Three().build((1,), dtype="float64")
    kind, how = OPTIMIZERS[name]
    optimizer = kind(layer.parameters(), clip_norm=clip_norm, **how)
    for key in layer.params:
        layer.params[key] = golden[f"optim_start_{key}"]
    for step in range(5):
        for key in layer.grads:
            layer.grads[key] = golden[f"optim_grads_{key}"][step]
        optimizer.step()
    for key in layer.params:
        assert_agree(layer.params[key], golden[f"optim_{name}{'_clipped' if clip_norm else ''}_{key}"])
