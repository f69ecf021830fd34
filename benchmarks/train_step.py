"""Whole training steps of the reference network beside PyTorch, and beside Keras on TensorFlow, interleaved.

    python benchmarks/train_step.py [PyTorch] [Keras] [SIZE ...]     needs the extra "bench"; writes train_step.json

The network is in reference.py. All sides start from the same weights and must agree on three losses without dropout. PyTorch
runs in its better layout, with fused Adam; Keras as the fastest of `train_on_batch`, the same through XLA, and a `tf.function`.
Only one peer at a time stands beside ours. A peer that is not installed is left out.
"""

import sys
from importlib.util import find_spec

import numpy as np
from machine import as_text, finish, spread
from reference import BATCHES, keras_network, our_network, rows, torch_network
from side_by_side import fastest, in_turn

import tinycnn as tc

ROUNDS, LR = 9, 1e-3
AGREEING = 3  # steps without dropout after which both sides must have the same losses: forward, backward and update


def our_step(size: int, batch: int, dropout: float):
    """One training step, as a function that returns the loss."""
    x, y = rows(size, batch)
    model = our_network(size, dropout)
    adam, loss = tc.Adam(model.parameters(), lr=LR), tc.BCEWithLogits()
    return lambda: model.train_step(x, y, loss, adam)


def torch_step(size: int, batch: int, dropout: float, channels_last: bool, model: tc.Sequential | None):
    """The same in PyTorch, from the weights of `model`, where there is one."""
    import torch

    order = torch.channels_last if channels_last else torch.contiguous_format
    x, y = rows(size, batch)
    network = torch_network(model, dropout).to(memory_format=order)
    tx = torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).contiguous(memory_format=order)
    ty = torch.tensor(y, dtype=torch.float32)[:, None]
    adam, loss = torch.optim.Adam(network.parameters(), lr=LR, fused=True), torch.nn.BCEWithLogitsLoss()

    def step():
        adam.zero_grad()
        value = loss(network(tx), ty)
        value.backward()
        adam.step()
        return value.item()

    return step


def keras_step(size: int, batch: int, dropout: float, way: str):
    """The same in Keras."""
    x, y = rows(size, batch)
    network = keras_network(our_network(size, dropout), dropout)
    import keras
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")  # it takes one function for each way and size for a mistake
    adam, loss = keras.optimizers.Adam(LR, epsilon=1e-8), keras.losses.BinaryCrossentropy(from_logits=True)
    tx, ty = tf.constant(x), tf.constant(y[:, None], tf.float32)
    if way != "tf.function":
        network.compile(adam, loss, jit_compile="XLA" in way)
        return lambda: float(network.train_on_batch(tx, ty))
    adam.build(network.trainable_variables)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            value = loss(ty, network(tx, training=True))
        weights = network.trainable_variables
        adam.apply(tape.gradient(value, weights), weights)
        return value

    return lambda: float(step())


def torch_ways(size: int, batch: int, dropout: float) -> dict:
    """Every way in which PyTorch may take the step, by name."""
    model, orders = our_network(size, dropout), {"channels-last": True, "contiguous": False}
    return {name: torch_step(size, batch, dropout, last, model) for name, last in orders.items()}


def keras_ways(size: int, batch: int, dropout: float) -> dict:
    """Every way in which Keras may take the step, by name."""
    return {way: keras_step(size, batch, dropout, way) for way in ("train_on_batch", "train_on_batch, XLA", "tf.function")}


PEERS = {"PyTorch": ("torch", torch_ways), "Keras": ("tensorflow", keras_ways)}


def main() -> None:
    """Check that a peer agrees on the losses, then time its step and ours in turn, at each size."""
    asked = [word for word in sys.argv[1:] if word in PEERS] or [peer for peer in PEERS if find_spec(PEERS[peer][0])]
    sizes = [int(word) for word in sys.argv[1:] if word not in PEERS] or list(BATCHES)
    results = {peer: {} for peer in asked}
    for peer in asked:
        package, ways = PEERS[peer]
        for size in sizes:
            batch = BATCHES[size]
            step = our_step(size, batch, dropout=0.0)
            losses = [step() for _ in range(AGREEING)]
            for name, step in ways(size, batch, dropout=0.0).items():
                found = [float(step()) for _ in range(AGREEING)]
                np.testing.assert_allclose(found, losses, rtol=1e-3, err_msg=f"{peer}, {name}")
            steps = ways(size, batch, dropout=0.3)
            best = fastest(steps, ROUNDS)
            times = in_turn(our_step(size, batch, dropout=0.3), steps[best], rounds=ROUNDS)
            ratio = spread(times[:, 1] / times[:, 0])
            mine, theirs = 1000 * np.median(times, axis=0)
            results[peer][size] = {"batch": batch, "ratio": ratio, "milliseconds": [mine, theirs], "way": best}
            print(
                f"{size:4} x {size:<4} batch {batch:3}: tinycnn {mine:7.1f} ms, {peer} ({best}) {theirs:7.1f} ms; "
                f"{peer}'s time / tinycnn's {as_text(ratio)}",
                flush=True,
            )
        results[peer]["version"] = sys.modules[package].__version__
    from tinycnn.ops.numba.kernel import compilations  # here, since memory.py takes its steps from this file without numba

    print(f"{len(compilations)} kernels compiled by this process")
    finish("train_step", {**results, "compiled": compilations})


if __name__ == "__main__":
    main()
