"""What several test files share: one small trained model, small tables, and the command line in a process of its own."""

import csv
import functools
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.datasets.wisconsin import wisconsin_path
from bcdetect.run import Run, execute, load_run_data

ROOT = Path(__file__).parents[1]
# The command line, but that judging a run resamples 100 times, as in this process (see `few_resamples`), and not 2,000.
HURRIED = """
import functools, sys
from bcdetect import run, scores
if {undrawn}:
    run.draw = lambda run, folder: []
scores.stratified_bootstrap = functools.partial(scores.stratified_bootstrap, resamples=100)
from bcdetect.cli import main
sys.exit(main())
"""
SMALL = Config(epochs=8, filters=(4,), units=4, lr=1e-2)


@functools.cache
def small_run() -> Run:
    """A run on the Wisconsin data, good enough to have answers on both sides."""
    data, parts = load_run_data(SMALL)
    return execute(SMALL, data, parts)


@functools.cache
def wisconsin_table() -> tuple[list[str], list[list[str]]]:
    """Header and rows of the built-in table as text."""
    header, *rows = csv.reader(wisconsin_path().read_text().splitlines())
    return header, rows


def write_table(path, header, rows, delimiter=",") -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    Path(path).write_text(text.getvalue(), encoding="utf-8")
    return str(path)


def clouds(rows_of_class=(30, 40, 20), features=4, apart=2.5, seed=1) -> Dataset:
    """One cloud of points a class."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(rows_of_class)), rows_of_class)
    x = rng.standard_normal((len(y), features)) + apart * np.eye(features)[y]
    names = tuple("abcdef"[: len(rows_of_class)])
    return Dataset(
        "clouds", x, y, names, tuple(f"f{i}" for i in range(features)), None, {"source": "table", "file": "clouds.csv"}
    )


def write_clouds(path, **options) -> str:
    """`clouds` as a CSV file whose label is the column `kind`."""
    data = clouds(**options)
    rows = [[*map(repr, map(float, x)), data.class_names[k]] for x, k in zip(data.x, data.y, strict=True)]
    return write_table(path, [*data.feature_names, "kind"], rows)


def command(*words, hurried=False, undrawn=False) -> list[str]:
    """`python -m bcdetect ...` as the words of a process; `hurried`: see HURRIED; `undrawn`: hurried, and without figures."""
    how = ("-c", HURRIED.format(undrawn=undrawn)) if hurried or undrawn else ("-m", "bcdetect")
    return [sys.executable, *how, *map(str, words)]


def process(*words, cwd=None, env=None, hurried=False, undrawn=False, **options) -> subprocess.CompletedProcess:
    """`python -m bcdetect ...` in a process of its own."""
    return subprocess.run(
        command(*words, hurried=hurried, undrawn=undrawn),
        cwd=cwd, env=environment(**(env or {})), capture_output=True, text=True, timeout=120, **options,
    )  # fmt: skip


def environment(**changes) -> dict:
    return {**os.environ, "PYTHONPATH": str(ROOT), **changes}
