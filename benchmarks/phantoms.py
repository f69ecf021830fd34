"""Synthetic breast-MRI phantoms from a manifest to a trained network: three sequences, three classes, several slices a patient.

    python benchmarks/phantoms.py [--patients 120] [--out FILE.json]

Twice: with every sequence of every patient, and with one of the three missing in a third of them. Phantoms are made up; no figure
here says anything about patients.
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from machine import describe

from bcdetect import NOTICE
from bcdetect.config import Config
from bcdetect.datasets.phantom import write_phantoms
from bcdetect.run import execute, load_run_data
from bcdetect.splits import part_counts, shared_groups
from bcdetect.tables import score_table

SETTINGS = replace(Config.for_pictures(), epochs=40, lr=2e-3)
MISSING = (0.0, 1 / 3)


def main() -> None:
    """Make phantoms, train on them and print the scores, with every sequence and with some missing."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--patients", type=int, default=120)
    parser.add_argument("--out", metavar="FILE.json")
    options = parser.parse_args()
    result = {"notice": NOTICE, "synthetic": True, "machine": describe(), "patients": options.patients}
    for missing in MISSING:
        with tempfile.TemporaryDirectory() as folder:
            write_phantoms(Path(folder), options.patients, missing=missing)
            start = time.monotonic()
            config = replace(SETTINGS, data=str(Path(folder) / "manifest.csv"))
            data, parts = load_run_data(config)
            run = execute(config, data, parts)
            seconds = time.monotonic() - start
        name = f"one sequence missing in {100 * missing:.0f} % of the patients" if missing else "all sequences"
        lacking = 0 if data.missing is None else int(data.missing.any(axis=1).sum())
        print(
            f"SYNTHETIC phantoms, {name}: {len(data.y)} slices ({lacking} lack one), {shared_groups(data, parts)} shared patients"
        )
        print(f"{seconds:.0f} s from manifest to result, epoch {run.histories[0].best_epoch} kept\n{score_table(run.scores)}\n")
        result[name] = {"seconds": round(seconds, 1), "parts": part_counts(data, parts), "test": run.scores}
    print(NOTICE)
    if options.out:
        Path(options.out).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
