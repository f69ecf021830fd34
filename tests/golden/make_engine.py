"""Write engine.npz, PyTorch's numbers that tests/test_engine_golden.py expects: `python tests/golden/make_engine.py`.

All arrays are in our layout: x (N, H, W, C), weight (KH, KW, C / groups, OC).
"""

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

CONVS = {
    "plain": {"stride": 1, "padding": 1, "dilation": 1, "groups": 1},
    "stride": {"stride": (2, 1), "padding": (1, 0), "dilation": 1, "groups": 1},
    "dilation": {"stride": 1, "padding": 2, "dilation": (2, 1), "groups": 1},
    "groups": {"stride": 2, "padding": 0, "dilation": 1, "groups": 2},
}
OPTIMIZERS = {
    "sgd": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    "adam": (torch.optim.Adam, {"lr": 0.02, "betas": (0.8, 0.95), "weight_decay": 0.1}),
    "adamw": (torch.optim.AdamW, {"lr": 0.02, "betas": (0.8, 0.95), "weight_decay": 0.1}),
}


def main() -> None:
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(20240601)
    out: dict[str, np.ndarray] = {}
    convolutions(out)
    pools(out)
    batch_norm(out)
    losses(out)
    optimizers(out)
    path = Path(__file__).with_name("engine.npz")
    np.savez_compressed(path, versions=f"torch {torch.__version__}, numpy {np.__version__}", **out)
    print(f"{path}: {len(out)} arrays, {path.stat().st_size} bytes")


def ours(x: torch.Tensor) -> np.ndarray:
    return x.detach().movedim(1, -1).numpy().copy()


def convolutions(out):
    for name, how in CONVS.items():
        x = torch.randn(2, 4, 7, 6, requires_grad=True)
        weight = torch.randn(6, 4 // how["groups"], 3, 2, requires_grad=True)
        bias = torch.randn(6, requires_grad=True)
        y = functional.conv2d(x, weight, bias, **how)
        grad = torch.randn_like(y)
        y.backward(grad)
        for key, value in {"x": x, "y": y, "grad": grad, "grad_x": x.grad}.items():
            out[f"conv_{name}_{key}"] = ours(value)
        for key, value in {"weight": weight, "grad_weight": weight.grad}.items():
            out[f"conv_{name}_{key}"] = value.detach().permute(2, 3, 1, 0).numpy()
        out[f"conv_{name}_bias"], out[f"conv_{name}_grad_bias"] = bias.detach().numpy(), bias.grad.numpy()


def pools(out):
    for name, pool in {
        "max": lambda x: functional.max_pool2d(x, 3, 2, 1),
        "average": lambda x: functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
        "average_padded": lambda x: functional.avg_pool2d(x, 3, 2, 1, count_include_pad=True),
    }.items():
        x = torch.randn(2, 3, 7, 8, requires_grad=True)
        y = pool(x)
        grad = torch.randn_like(y)
        y.backward(grad)
        for key, value in {"x": x, "y": y, "grad": grad, "grad_x": x.grad}.items():
            out[f"pool_{name}_{key}"] = ours(value)


def batch_norm(out):
    norm = torch.nn.BatchNorm2d(3, momentum=0.3, eps=1e-3)
    with torch.no_grad():
        norm.weight.copy_(torch.randn(3))
        norm.bias.copy_(torch.randn(3))
    out["norm_gamma"], out["norm_beta"] = norm.weight.detach().numpy().copy(), norm.bias.detach().numpy().copy()
    for step in range(4):  # three batches of training, then one in eval mode
        norm.train(step < 3)
        x = (2 * torch.randn(3, 3, 4, 2) + step).requires_grad_()
        norm.zero_grad()
        y = norm(x)
        grad = torch.randn_like(y)
        y.backward(grad)
        for key, value in {"x": x, "y": y, "grad": grad, "grad_x": x.grad}.items():
            out[f"norm_{step}_{key}"] = ours(value)
        out[f"norm_{step}_grad_gamma"] = norm.weight.grad.numpy().copy()
        out[f"norm_{step}_grad_beta"] = norm.bias.grad.numpy().copy()
        out[f"norm_{step}_mean"], out[f"norm_{step}_var"] = norm.running_mean.numpy().copy(), norm.running_var.numpy().copy()


def losses(out):
    weight = torch.tensor([0.5, 2.0, 1.0])
    z, y = torch.randn(6, 1, requires_grad=True), torch.tensor([0.0, 1, 1, 0, 1, 0])
    value = functional.binary_cross_entropy_with_logits(z[:, 0], y, pos_weight=torch.tensor(1.7))
    value.backward()
    store(out, "bce", z, y, value)
    for name, how in {"weights": {"weight": weight}, "smoothing": {"label_smoothing": 0.1}}.items():
        z, y = torch.randn(6, 3, requires_grad=True), torch.tensor([0, 1, 2, 2, 0, 1])
        value = functional.cross_entropy(z, y, **how)
        value.backward()
        store(out, f"softmax_{name}", z, y, value)
    # Both at once: each row's smoothed loss, weighed by its own class. (PyTorch's own combination weighs each term of the sum.)
    z, y = torch.randn(6, 3, requires_grad=True), torch.tensor([0, 1, 2, 2, 0, 1])
    each = functional.cross_entropy(z, y, label_smoothing=0.1, reduction="none")
    value = (each * weight[y]).sum() / weight[y].sum()
    value.backward()
    store(out, "softmax_both", z, y, value)


def store(out, name, z, y, value):
    out[f"{name}_z"], out[f"{name}_y"] = z.detach().numpy(), y.numpy()
    out[f"{name}_value"], out[f"{name}_grad"] = value.detach().numpy(), z.grad.numpy()


def optimizers(out):
    """Five steps on a dense layer and a gamma, with given gradients; weight decay on the weight alone."""
    starts = {"weight": torch.randn(3, 2), "bias": torch.randn(2), "gamma": torch.randn(3)}
    grads = {key: torch.randn(5, *value.shape) for key, value in starts.items()}
    for key in starts:
        out[f"optim_start_{key}"], out[f"optim_grads_{key}"] = starts[key].numpy(), grads[key].numpy()
    for clip in (False, True):
        for name, (kind, how) in OPTIMIZERS.items():
            values = {key: value.clone().requires_grad_() for key, value in starts.items()}
            rest = {"params": [values["bias"], values["gamma"]], "weight_decay": 0.0}
            optimizer = kind([{"params": [values["weight"]]}, rest], **how)
            for step in range(5):
                for key, value in values.items():
                    value.grad = grads[key][step].clone()
                if clip:
                    torch.nn.utils.clip_grad_norm_(list(values.values()), 1.5)
                optimizer.step()
            for key, value in values.items():
                out[f"optim_{name}{'_clipped' * clip}_{key}"] = value.detach().numpy()


if __name__ == "__main__":
    main()
