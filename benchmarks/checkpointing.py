"""What gradient checkpointing saves in memory and costs in time: a deep network in blocks that are computed twice, and without.

    python benchmarks/checkpointing.py [SIZE]      writes checkpointing.json

The network is a row of convolutions with batch norm and ReLU at full size, which is where large pictures take their memory.
Memory is the most that is in use at a time from the making of the network to the end of the second step, as tracemalloc counts
it: weights, gradients, state, activations. The losses must be the same to the bit. The time is that of the fast kernels; NumPy's
road, which holds each convolution's windows for a moment, is there for its memory alone.
"""

import gc
import sys
import tracemalloc

import numpy as np
from machine import as_text, finish, spread
from side_by_side import in_turn

import tinycnn as tc

SIZE, BATCH, ROUNDS = 128, 8, 5
WIDTH, DEPTH = 16, 24
BLOCKS = {"without": 0, "blocks of 6": 6, "blocks of 4": 4, "blocks of 2": 2}  # convolutions a block


def network(size: int, block: int) -> tc.Sequential:
    """The network, in blocks of so many convolutions; 0 leaves the blocks out."""
    layers = []
    for _ in range(DEPTH // (block or DEPTH)):
        row = [layer for _ in range(block or DEPTH) for layer in (tc.Conv2D(WIDTH, 3, bias=False), tc.BatchNorm(), tc.ReLU())]
        layers += [tc.Checkpoint(*row)] if block else row
    return tc.Sequential(*layers, tc.GlobalAvgPool(), tc.Dense(1)).build((size, size, 1), seed=0)


def step_of(size: int, block: int, backend: str):
    """A training step, as a function that returns the loss."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((BATCH, size, size, 1)).astype(np.float32), rng.integers(0, 2, BATCH)
    model = network(size, block)
    adam, loss = tc.Adam(model.parameters(), lr=1e-3), tc.BCEWithLogits()

    def step():
        with tc.backend(backend):
            return model.train_step(x, y, loss, adam)

    return step


def peak(size: int, block: int, backend: str) -> tuple[float, list[float]]:
    """MiB at most, and the losses of two steps."""
    gc.collect()
    tracemalloc.start()
    step = step_of(size, block, backend)
    losses = [step(), step()]
    most = tracemalloc.get_traced_memory()[1] / (1 << 20)
    tracemalloc.stop()
    return most, losses


def main() -> None:
    """Measure peak memory on both backends and the time of a step, and keep both."""
    size = int(sys.argv[1]) if sys.argv[1:] else SIZE
    results = {}
    step_of(16, 0, "numba")()  # so that no compilation is counted
    for backend in ("numba", "numpy"):
        found = {name: peak(size, block, backend) for name, block in BLOCKS.items()}
        assert len({tuple(losses) for _, losses in found.values()}) == 1, found
        results[backend] = {name: {"mib": mib} for name, (mib, _) in found.items()}
        least = min(found, key=lambda name: found[name][0])
        for name, (mib, _) in found.items():
            share = f"{100 * mib / found['without'][0]:.0f} %{', the least' if name == least else ''}"
            print(f"{backend:6} {size} x {size}, {name:11}: {mib:7.1f} MiB at most, {share}", flush=True)
    times = in_turn(*[step_of(size, block, "numba") for block in BLOCKS.values()], rounds=ROUNDS)
    for i, name in enumerate(BLOCKS):
        ratio = results["numba"][name]["time"] = spread(times[:, i] / times[:, 0])
        print(f"numba  {size} x {size}, {name:11}: time / time without {as_text(ratio)}")
    finish("checkpointing", {"size": size, "batch": BATCH, **results})


if __name__ == "__main__":
    main()
