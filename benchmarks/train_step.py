"""Whole training steps of the reference network beside PyTorch in its best layout, interleaved.

    python benchmarks/train_step.py [SIZE ...]        needs torch (the extra "bench"); writes train_step.json

Four stages of widths 16, 32, 64, 128; each stage twice 3x3 convolution without bias, batch norm, ReLU; 2x2 max-pool after the
first three; global average pool, dropout 0.3, Dense(1); binary cross-entropy; Adam. One input channel. Both sides start from the
same weights and must agree on the first loss without dropout.
"""

import sys

import numpy as np
import torch
from machine import finish, spread
from side_by_side import in_turn
from torch import nn

import tinycnn as tc

WIDTHS, ROUNDS = (16, 32, 64, 128), 9
BATCHES = {28: 64, 64: 32, 128: 32, 224: 16}


def our_network(size: int, dropout: float) -> tc.Sequential:
    layers = []
    for stage, width in enumerate(WIDTHS):
        for _ in range(2):
            layers += [tc.Conv2D(width, 3, bias=False), tc.BatchNorm(), tc.ReLU()]
        if stage < 3:
            layers.append(tc.MaxPool2D(2))
    return tc.Sequential(*layers, tc.GlobalAvgPool(), tc.Dropout(dropout), tc.Dense(1)).build((size, size, 1), seed=0)


def their_network(model: tc.Sequential, dropout: float) -> nn.Sequential:
    layers, channels = [], 1
    for stage, width in enumerate(WIDTHS):
        for _ in range(2):
            layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        if stage < 3:
            layers.append(nn.MaxPool2d(2))
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels, 1)]
    convs = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    with torch.no_grad():
        for number, layer in enumerate(convs, 1):
            weight = model.layers[f"conv2d_{number}"].params["weight"]
            layer.weight.copy_(torch.from_numpy(weight.transpose(3, 2, 0, 1).copy()))
        layers[-1].weight.copy_(torch.from_numpy(model.layers["dense_1"].params["weight"].T.copy()))
        layers[-1].bias.zero_()
    return nn.Sequential(*layers).train()


def steps(size: int, batch: int, dropout: float, channels_last: bool):
    """One training step of each side, as functions that return the loss."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((batch, size, size, 1)).astype(np.float32), rng.integers(0, 2, batch)
    model = our_network(size, dropout)
    peer = their_network(model, dropout)
    order = torch.channels_last if channels_last else torch.contiguous_format
    peer = peer.to(memory_format=order)
    tx = torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).contiguous(memory_format=order)
    ty = torch.tensor(y, dtype=torch.float32)[:, None]
    adam, loss = tc.Adam(model.parameters(), lr=1e-3), tc.BCEWithLogits()
    their_adam, their_loss = torch.optim.Adam(peer.parameters(), lr=1e-3, fused=True), nn.BCEWithLogitsLoss()

    def theirs():
        their_adam.zero_grad()
        value = their_loss(peer(tx), ty)
        value.backward()
        their_adam.step()
        return value.item()

    return (lambda: model.train_step(x, y, loss, adam)), theirs


def main() -> None:
    results = {}
    for size in map(int, sys.argv[1:] or BATCHES):
        batch = BATCHES[size]
        ours, theirs = steps(size, batch, dropout=0.0, channels_last=True)
        np.testing.assert_allclose(ours(), theirs(), rtol=1e-4)
        layouts = [steps(size, batch, 0.3, channels_last)[1] for channels_last in (True, False)]
        last, first = np.median(in_turn(*layouts, ROUNDS), axis=0)  # in turn as well: three lone timings once chose the slower
        best = bool(last <= first)
        times = in_turn(*steps(size, batch, 0.3, best), ROUNDS)
        ratio = spread(times[:, 1] / times[:, 0])
        mine, peer = 1000 * np.median(times, axis=0)
        results[size] = {"batch": batch, "ratio": ratio, "milliseconds": [mine, peer], "channels_last": best}
        quartiles = f"{ratio['lower_quartile']:.2f}-{ratio['upper_quartile']:.2f}"
        best = "channels-last" if best else "contiguous"
        print(
            f"{size:4} x {size:<4} batch {batch:3}: tinycnn {mine:7.1f} ms, PyTorch ({best}) {peer:7.1f} ms; "
            f"PyTorch's time / tinycnn's {ratio['median']:.2f} ({quartiles})",
            flush=True,
        )
    finish("train_step", {"torch": torch.__version__, "sizes": results})


if __name__ == "__main__":
    main()
