"""One epoch of the Wisconsin network at batch 32 beside the same network in PyTorch, interleaved, as a ratio.

    python benchmarks/wisconsin_epoch.py        needs torch (the extra "bench"); writes wisconsin_epoch.json

Both sides start from the same weights and see the same batches. Before anything is timed they take five steps without dropout
and must agree. PyTorch runs with the fastest of its settings tried here: one or two threads, fused or for-each Adam.
"""

import time
from dataclasses import replace

import numpy as np
import torch
from machine import finish, spread
from torch import nn

import tinycnn as tc
from bcdetect.batches import batches
from bcdetect.config import Config
from bcdetect.models import tabular_cnn
from bcdetect.preprocessing import Standardiser
from bcdetect.run import load_run_data

BATCH, ROUNDS = 32, 60


class ChannelsLastFlatten(nn.Module):
    """Flatten in our order, so that the dense weights are the same."""

    def forward(self, x):
        """(N, C, H, W) -> (N, H*W*C)."""
        return x.permute(0, 2, 3, 1).flatten(1)


def peer(model: tc.Sequential, config: Config) -> nn.Sequential:
    """The same network in PyTorch, with the same weights."""
    conv = nn.Conv2d(1, config.filters[0], (config.kernel_size, 1), padding="same", bias=False)
    hidden = nn.Linear(model.layers["flatten_1"].output_shape[0], config.units)
    head = nn.Linear(config.units, 1)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor(model.layers["conv2d_1"].params["weight"].transpose(3, 2, 0, 1).copy()))
        for ours, theirs in (("dense_1", hidden), ("dense_2", head)):
            theirs.weight.copy_(torch.tensor(model.layers[ours].params["weight"].T.copy()))
            theirs.bias.copy_(torch.tensor(model.layers[ours].params["bias"]))
    norm = nn.BatchNorm2d(config.filters[0])
    dropout = nn.Dropout(config.dropout)
    return nn.Sequential(conv, norm, nn.ReLU(), nn.AvgPool2d((2, 1)), ChannelsLastFlatten(), dropout, hidden, nn.ReLU(), head)


def sides(config: Config, fused: bool):
    """Two functions that take a list of batches and train on them, returning the losses."""
    ours = tabular_cnn(config, 30, 2)
    theirs = peer(ours, config).train()
    adam, loss = tc.Adam(ours.parameters(), lr=1e-3), tc.BCEWithLogits()
    their_adam = torch.optim.Adam(theirs.parameters(), lr=1e-3, fused=fused)
    their_loss = nn.BCEWithLogitsLoss()

    def our_epoch(parts):
        return [ours.train_step(x, y, loss, adam) for x, y in parts]

    def their_epoch(parts):
        losses = []
        for x, y in parts:
            their_adam.zero_grad()
            value = their_loss(theirs(x), y)
            value.backward()
            their_adam.step()
            losses.append(value.item())
        return losses

    return our_epoch, their_epoch


def timed(function, parts) -> float:
    """Seconds that the function takes over these parts."""
    start = time.perf_counter()
    function(parts)
    return time.perf_counter() - start


def main() -> None:
    """Check that both sides agree, then time epochs in turn and keep the ratio."""
    config = Config(pooling="average")
    data, parts = load_run_data(config)
    rows = np.concatenate([parts["train"], parts["validation"]])
    x, y = Standardiser.fit(data, rows).transform(data.x[rows]), data.y[rows]
    mine = [(x[b], y[b]) for b in batches(len(y), BATCH)]
    torch_y = torch.tensor(y, dtype=torch.float32)[:, None]
    torch_x = torch.tensor(x.transpose(0, 3, 1, 2).copy())
    peers = [(torch_x[b], torch_y[b]) for b in batches(len(y), BATCH)]

    ours, theirs = sides(replace(config, dropout=0.0), fused=False)
    np.testing.assert_allclose(ours(mine[:5]), theirs(peers[:5]), rtol=1e-4)

    best = None
    for threads in (1, 2):
        for fused in (False, True):
            torch.set_num_threads(threads)
            _, theirs = sides(config, fused)
            theirs(peers)
            seconds = float(np.median([timed(theirs, peers) for _ in range(10)]))
            print(f"PyTorch, {threads} threads, fused={fused}: {1000 * seconds:.1f} ms an epoch")
            if best is None or seconds < best[0]:
                best = (seconds, threads, fused)
    _, threads, fused = best
    torch.set_num_threads(threads)
    ours, theirs = sides(config, fused)
    ours(mine), theirs(peers)
    times = np.array([(timed(ours, mine), timed(theirs, peers)) for _ in range(ROUNDS)])
    results = {
        "tinycnn_seconds": spread(times[:, 0]),
        "torch_seconds": spread(times[:, 1]),
        "ratio": spread(times[:, 1] / times[:, 0]),
        "torch": {"version": torch.__version__, "threads": threads, "fused": fused},
    }
    ratio = results["ratio"]
    print(f"tinycnn {1000 * np.median(times[:, 0]):.1f} ms, PyTorch {1000 * np.median(times[:, 1]):.1f} ms")
    print(
        f"PyTorch / tinycnn: {ratio['median']:.2f} (quartiles {ratio['lower_quartile']:.2f}-{ratio['upper_quartile']:.2f}, "
        f"{ROUNDS} rounds); above 1, tinycnn is faster"
    )
    finish("wisconsin_epoch", results)


if __name__ == "__main__":
    main()
