"""What a training step costs when all but the head is frozen, beside the forward pass over the frozen part, interleaved.

    python benchmarks/fine_tuning.py [SIZE ...]      writes fine_tuning.json

The network is a ResNet for small pictures: a convolution, two residual blocks in each of four stages of widths 16, 32, 64 and
128, global average pooling; the head is dropout and a dense layer. The forward pass is `predict` of the same layers without the
head, with the same weights, for the same rows. A whole training step, nothing frozen, stands beside both.
"""

import sys

import numpy as np
from machine import as_text, finish, spread
from side_by_side import in_turn

import tinycnn as tc

SIZES, BATCH, ROUNDS = (64, 128), 32, 15
WIDTHS = (16, 32, 64, 128)


def body() -> list[tc.Layer]:
    """All but the head."""
    layers = [tc.Conv2D(WIDTHS[0], 3, bias=False), tc.BatchNorm(), tc.ReLU()]
    for stage, width in enumerate(WIDTHS):
        for block in range(2):
            stride = 2 if stage and not block else 1
            path = [tc.Conv2D(width, 3, stride=stride, bias=False), tc.BatchNorm(), tc.ReLU()]
            path += [tc.Conv2D(width, 3, bias=False), tc.BatchNorm()]
            shortcut = tc.Sequential(tc.Conv2D(width, 1, stride=2, bias=False), tc.BatchNorm()) if stride > 1 else None
            layers += [tc.Residual(*path, shortcut=shortcut), tc.ReLU()]
    return [*layers, tc.GlobalAvgPool()]


def head() -> list[tc.Layer]:
    """What learns."""
    return [tc.Dropout(0.3), tc.Dense(1)]


def sides(size: int):
    """A step with all but the head frozen, a forward pass over the frozen part, and a whole step."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((BATCH, size, size, 3)).astype(np.float32), rng.integers(0, 2, BATCH)
    tuned, whole = (tc.Sequential(*body(), *head()).build((size, size, 3), seed=0) for _ in range(2))
    front = tc.Sequential(*body()).build((size, size, 3), seed=0)
    steps = []
    for model in (tuned, whole):
        adam, loss = tc.Adam(model.parameters(), lr=1e-3), tc.BCEWithLogits()
        steps.append(lambda model=model, adam=adam, loss=loss: model.train_step(x, y, loss, adam))
    for _ in range(3):  # running statistics that fit the data
        steps[0]()
    state = tuned.get_state()
    front.set_state({name: array for name, array in state.items() if not name.startswith("dense")})
    tuned.freeze(*[name for name in tuned.layers if not name.startswith(("dense", "dropout"))])
    with tc.backend("numba"), tuned.capture("globalavgpool_1") as taps:
        tuned.forward(x)
        np.testing.assert_allclose(front.predict(x), taps["globalavgpool_1"].output, rtol=1e-3, atol=1e-5)

    def forward():
        with tc.backend("numba"):
            return front.predict(x)

    return steps[0], forward, steps[1]


def main() -> None:
    """Time the head's step, the frozen forward pass and a whole step at each size, in turn."""
    results = {}
    for size in [int(word) for word in sys.argv[1:]] or SIZES:
        times = in_turn(*sides(size), rounds=ROUNDS)
        step, forward, whole = 1000 * np.median(times, axis=0)
        ratio, saved = spread(times[:, 0] / times[:, 1]), spread(times[:, 2] / times[:, 0])
        results[size] = {"batch": BATCH, "ratio": ratio, "whole": saved, "milliseconds": [step, forward, whole]}
        print(
            f"{size:4} x {size:<4} batch {BATCH}: step of the head {step:7.1f} ms, forward over the frozen part "
            f"{forward:7.1f} ms; ratio {as_text(ratio)}; a whole step takes {as_text(saved)} times as long",
            flush=True,
        )
    finish("fine_tuning", results)


if __name__ == "__main__":
    main()
