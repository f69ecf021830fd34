"""A small model with every kind of state, and a problem it can learn."""

import numpy as np

import tinycnn as tc


def small(seed=0):
    """Every kind of state: weights, biases, norms, running statistics, random numbers, a block."""
    return tc.Sequential(
        tc.Conv2D(4, 3, bias=False),
        tc.BatchNorm(),
        tc.ReLU(),
        tc.Residual(tc.Conv2D(4, 3), tc.BatchNorm(), tc.Dropout(0.2)),
        tc.GlobalAvgPool(),
        tc.Dropout(0.3),
        tc.Dense(1),
    ).build((6, 6, 1), seed=seed)


def task(rng, rows=24):
    """Images whose class is whether their left half is the brighter one."""
    x = rng.standard_normal((rows, 6, 6, 1)).astype("float32")
    return x, (x[:, :, :3].mean(axis=(1, 2, 3)) > x[:, :, 3:].mean(axis=(1, 2, 3))).astype(int)


def train(model, x, y, steps, lr=0.05):
    optimizer = tc.SGD(model.parameters(), lr=lr)
    return [model.train_step(x, y, tc.BCEWithLogits(), optimizer) for _ in range(steps)]


def same_state(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)
