"""What the training loop costs beside the bare training step: rows fetched, scaled, augmented and batched, at 64 and 128 pixels.

    python benchmarks/throughput.py [SIZE ...] [--rounds 9]

The network is the reference network. Both sides take the same number of rows through the same number of steps, in turn: the
bare side feeds one batch again and again, the loop is `Trainer.step` as `python -m bcdetect train` runs it, with the default
augmentation for pictures, and with every strength on. Pictures are decoded once before training; what that takes is printed
apart.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from machine import as_text, finish, spread
from PIL import Image
from reference import BATCHES, our_network
from side_by_side import in_turn

import tinycnn as tc
from bcdetect.batches import Rows, batches
from bcdetect.config import STRENGTHS, Config
from bcdetect.datasets import load_dataset
from bcdetect.preprocessing import PictureScaler
from bcdetect.training import Trainer, changes

ROWS = 256
EVERYTHING = {name: {"flip": 0.5, "rotate": 15.0, "blur": 1.0}.get(name, 0.1) for name in STRENGTHS}


def sides(size: int, folder: Path):
    """The bare step, and the loop with the default and with every augmentation: functions that train on the same rows."""
    start = time.perf_counter()
    data = load_dataset(str(folder), size=size)
    decoding = time.perf_counter() - start
    every = np.arange(len(data.y))
    scaler = PictureScaler.fit(data, every)
    rows = Rows(data, every, scaler)
    config = replace(Config.for_pictures(), batch_size=BATCHES[size], data=str(folder))

    def bare():
        model = our_network(size, config.dropout)
        optimizer, loss = tc.Adam(model.parameters()), tc.BCEWithLogits()
        x, y = rows.inputs(every[: config.batch_size]), rows.y[: config.batch_size]

        def run():
            for _ in batches(ROWS, config.batch_size):
                model.train_step(x, y, loss, optimizer)

        return run

    def loop(settings: Config):
        trainer = Trainer(our_network(size, config.dropout), rows, rows, settings, changes(data, scaler, settings))

        def run():
            for batch in batches(ROWS, config.batch_size):
                trainer.step(every[batch], np.random.default_rng([0, batch.start]))

        return run

    return decoding, bare(), loop(config), loop(replace(config, **EVERYTHING))


def main() -> None:
    """Time the bare step and the loop at each size, in turn, over pictures that are decoded once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sizes", nargs="*", type=int, default=[64, 128])
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as name:
        folder, rng = Path(name), np.random.default_rng(0)
        for number in range(ROWS):
            place = folder / ("benign", "malignant")[number % 2]
            place.mkdir(exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (256, 256), np.uint8)).save(place / f"{number}.png")
        for size in options.sizes:
            decoding, *functions = sides(size, folder)
            seconds = in_turn(*functions, rounds=options.rounds)
            ratios = {name: spread(seconds[:, 0] / seconds[:, k]) for k, name in ((1, "default"), (2, "everything"))}
            results[size] = {"throughput_over_bare": ratios, "rows_per_second_bare": ROWS / float(np.median(seconds[:, 0]))}
            results[size]["decoding_seconds"] = decoding
            told = ", ".join(f"{name} augmentation {as_text(ratio)}" for name, ratio in ratios.items())
            print(f"{size} x {size}: of the bare step's throughput: {told}; {ROWS} files decoded in {decoding:.2f} s", flush=True)
    finish("throughput", results)


if __name__ == "__main__":
    main()
