"""A model of ours as a PyTorch module with the same weights: `torch_twin(model)`; for the benchmarks of large networks."""

import numpy as np

import tinycnn as tc


def torch_twin(model: tc.Sequential):
    """The module, for x (N, C, H, W), in training mode."""
    return _row(model).train()


def _row(row):
    from torch import nn

    modules, flattened = [], None
    for layer in row.layers.values():
        if isinstance(layer, tc.Sequential):
            modules.append(_row(layer))
        elif isinstance(layer, tc.Residual):
            modules.append(_residual(layer))
        else:
            modules += _leaf(layer, flattened)
        if isinstance(layer, tc.Flatten):
            flattened = layer.input_shape
        elif isinstance(layer, tc.Dense):
            flattened = None
    return nn.Sequential(*modules)


def _residual(layer):
    from torch import nn

    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = _row(layer.body)
            self.shortcut = nn.Identity() if layer.shortcut is None else _row(layer.shortcut)

        def forward(self, x):
            return self.body(x) + self.shortcut(x)

    return Sum()


def _leaf(layer, flattened) -> list:
    from torch import nn

    if isinstance(layer, tc.Conv2D):
        padding = [before for before, _ in _even(layer)]
        how = {"stride": layer.stride, "padding": padding, "dilation": layer.dilation, "groups": layer.groups, "bias": layer.bias}
        conv = nn.Conv2d(layer.input_shape[-1], layer.filters, layer.kernel_size, **how)
        return [_filled(conv, layer, layer.params["weight"].transpose(3, 2, 0, 1))]
    if isinstance(layer, tc.Dense):
        weight = layer.params["weight"]
        if flattened is not None:  # ours lays out (H, W, C), theirs (C, H, W)
            weight = weight.reshape(*flattened, -1).transpose(2, 0, 1, 3).reshape(len(weight), -1)
        return [_filled(nn.Linear(*layer.input_shape, layer.units, bias=layer.bias), layer, weight.T)]
    if isinstance(layer, tc.BatchNorm):
        norm = nn.BatchNorm2d(layer.input_shape[-1], layer.eps, layer.momentum)
        pairs = zip((norm.weight, norm.bias, norm.running_mean, norm.running_var), _arrays(layer), strict=True)
        return [_copied(norm, pairs)]
    if isinstance(layer, tc.MaxPool2D):
        return [nn.MaxPool2d(layer.size, layer.stride, [before for before, _ in _even(layer)])]
    if isinstance(layer, tc.GlobalAvgPool):
        return [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    plain = {tc.ReLU: nn.ReLU, tc.Flatten: nn.Flatten}
    return [nn.Dropout(layer.rate)] if isinstance(layer, tc.Dropout) else [plain[type(layer)]()]


def _even(layer):
    if any(before != after for before, after in layer.window.padding):
        raise ValueError(f"{layer.name}: PyTorch cannot pad by {layer.window.padding}")
    return layer.window.padding


def _arrays(layer):
    return *(layer.params[name] for name in ("gamma", "beta")), *(layer.buffers[n] for n in ("running_mean", "running_var"))


def _filled(module, layer, weight):
    return _copied(module, [(module.weight, weight), *([(module.bias, layer.params["bias"])] if layer.bias else [])])


def _copied(module, pairs):
    import torch

    with torch.no_grad():
        for to, array in pairs:
            to.copy_(torch.from_numpy(np.ascontiguousarray(array)))
    return module
