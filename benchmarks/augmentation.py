"""What changing a batch costs beside the training step it is for: each change alone, those of the defaults, and all at once.

    python benchmarks/augmentation.py [SIZE ...]                  writes augmentation.json

The network is in reference.py, the changes are in bcdetect/augment.py. Step and change take turns; the figure is the change's
share of the step's time.
"""

import sys

import numpy as np
from machine import as_text, finish, spread
from reference import BATCHES, rows
from side_by_side import in_turn
from train_step import our_step

from bcdetect.augment import augment
from bcdetect.config import PICTURES, STRENGTHS, Config

ROUNDS = 9
EACH = {
    "flip": 0.5, "vertical_flip": 0.5, "rotate": 10.0, "shift": 0.08, "scale": 0.1, "shear": 0.1, "elastic": 0.04,
    "intensity": 0.2, "gamma": 0.3, "noise": 0.1, "blur": 1.0, "cutout": 0.3,
}  # fmt: skip
MORE = ("elastic", "gamma", "noise", "blur")  # beside the defaults


def sides() -> dict[str, Config]:
    """The settings that are timed, by name."""
    defaults = {name: value for name, value in PICTURES.items() if name in STRENGTHS}
    several = {"defaults": defaults, "all": defaults | {name: EACH[name] for name in MORE}, "all and cutout, shear": EACH}
    return {name: Config(**values) for name, values in ({name: {name: value} for name, value in EACH.items()} | several).items()}


def changed(x: np.ndarray, config: Config):
    """One batch changed, as a function."""
    black, white = x.min(axis=(0, 1, 2)), x.max(axis=(0, 1, 2))
    rng = np.random.default_rng(0)
    return lambda: augment(x, config, rng, black, white)


def main() -> None:
    """Time a training step and every change at each size, and keep the shares."""
    assert set(EACH) == set(STRENGTHS), "a change has no strength here"
    results = {}
    for size in [int(word) for word in sys.argv[1:]] or [28, 64, 128]:
        x, _ = rows(size, BATCHES[size])
        changes = sides()
        times = in_turn(our_step(size, len(x), 0.3), *(changed(x, config) for config in changes.values()), rounds=ROUNDS)
        step = np.median(times[:, 0])
        print(f"{size} x {size}, batch {len(x)}: a training step takes {1000 * step:.1f} ms", flush=True)
        results[size] = {"batch": len(x), "step_milliseconds": 1000 * step}
        for name, seconds in zip(changes, times[:, 1:].T, strict=True):
            share = spread(seconds / times[:, 0])
            results[size][name] = {"share": share, "milliseconds": 1000 * np.median(seconds)}
            print(f"  {name:22} {1000 * np.median(seconds):7.3f} ms, of the step {as_text(share)}", flush=True)
    finish("augmentation", results)


if __name__ == "__main__":
    main()
