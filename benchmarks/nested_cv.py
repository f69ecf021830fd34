"""Nested cross-validation on the Wisconsin data: a CNN tuned inside every fold, beside logistic regression and an SVM.

    python benchmarks/nested_cv.py [--cv 10x10] [--trials 30] [--inner 5] [--set KEY=VALUE] [--workers 2] [--keep FOLDER]

Nothing is tuned on the outer folds: in each, an Optuna study of its own judges every trial on inner folds of that fold's
training rows, and a temperature fitted on the same inner folds calibrates what the network then says of the outer test rows. All
models get the same rows. The answers of every fold are kept in --keep as they come, so that a run which was stopped goes on where
it was; answers of other settings in there are not mixed in. Calibration slope and ECE (ten equal bins) are over all rows of a
repeat, out of fold, and then averaged over the repeats.

What no trial changes are the default settings, or what --set says of them. The default CNN stands beside it untuned; its recipe
was found on rows that some of these folds test on (wisconsin_recipe.py), so that its figures lean its way.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from bcdetect import NOTICE
from bcdetect.compare import compare
from bcdetect.compare.contenders import LogisticRegression, Majority, Network, Svm
from bcdetect.compare.keeping import answers_kept
from bcdetect.compare.ranking import verdict
from bcdetect.config import Config
from bcdetect.run import load_data, versions
from bcdetect.tables import table
from bcdetect.tuning import space_for
from bcdetect.tuning.nested import INNER, TunedNetwork
from tinycnn import ops

AIMS = {"accuracy": 0.980, "roc_auc": 0.996}
SHOWN = ("accuracy", "sensitivity", "specificity", "roc_auc", "log_loss", "brier")


def main() -> None:
    """Judge every contender on the outer folds, those that are kept already left out, and write the summary."""
    options = _options()
    repeats, folds = map(int, options.cv.split("x"))
    config = Config().with_settings(options.settings)
    data = load_data(config)
    options.keep.mkdir(parents=True, exist_ok=True)
    tuned = TunedNetwork("tuned CNN", config, space_for(data), options.trials, options.inner)
    contenders = [tuned, Network("default CNN", Config()), LogisticRegression(), Svm(), Majority()]
    if ops.is_cold():
        ops.warmup()
    print(f"{answers_kept(options.keep)} answers are kept in {options.keep}; {repeats * folds * len(contenders)} are wanted")
    start = time.monotonic()
    result = compare(data, contenders, config, repeats, folds, options.workers, _told(start), options.keep)
    summary = result.summary()
    rows = [["mean over the folds (95 %)", *summary]]
    for metric in SHOWN:
        cells = (summary[name][metric] for name in summary)
        rows.append([metric.replace("_", " "), *(f"{c['mean']:.4f} ({c['low']:.4f}-{c['high']:.4f})" for c in cells)])
    for key, name in (("calibration_slope", "calibration slope"), ("ece", "ECE")):
        found = (result.calibration.get(model, {}).get(key) for model in summary)
        rows.append([name, *("-" if values is None else f"{np.nanmean(values):.3f}" for values in found)])
    print(table(rows))
    differences = {
        other: {m: result.difference("tuned CNN", other, m) for m in SHOWN} for other in summary if other != "tuned CNN"
    }
    lines = []
    for other, found in differences.items():
        for metric in ("accuracy", "roc_auc", "log_loss"):
            d = found[metric]
            numbers = f"{d['mean']:+.4f} ({d['low']:+.4f} to {d['high']:+.4f})"
            lines.append([f"tuned CNN minus {other}", metric.replace("_", " "), numbers, verdict(d, metric)])
    print("\n" + table([["paired over the folds", "", "mean (95 % interval)", ""], *lines], left=2))
    for metric, aim in AIMS.items():
        mean = summary["tuned CNN"][metric]["mean"]
        print(f"{metric.replace('_', ' ')}: {mean:.4f}, the aim is {aim}: {'reached' if mean >= aim else 'not reached'}")
    print(NOTICE)
    content = {
        "notice": NOTICE,
        "command": " ".join(
            [f"python benchmarks/nested_cv.py --cv {options.cv} --trials {options.trials} --inner {options.inner}"]
            + [f"--set {setting}" for setting in options.settings]
        ),
        "versions": versions(),
        "data": data.provenance,
        "repeats": repeats,
        "folds": folds,
        "contenders": {contender.name: contender.described() for contender in contenders},
        "summary": summary,
        "calibration": {name: {key: _mean(v) for key, v in row.items()} for name, row in result.calibration.items()},
        "differences": differences,
        "scores": {name: {m: v.tolist() for m, v in row.items()} for name, row in result.scores.items()},
        "calibration_of_repeats": {
            n: {k: list(map(_number, v)) for k, v in row.items()} for n, row in result.calibration.items()
        },
        "chosen": result.facts["tuned CNN"],
    }
    options.out.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")


def _options() -> argparse.Namespace:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cv", default="10x10", metavar="RxK")
    parser.add_argument("--trials", type=int, default=30, metavar="N")
    parser.add_argument("--inner", type=int, default=INNER, metavar="K")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="KEY=VALUE")
    parser.add_argument("--workers", type=int, default=2, metavar="N")
    parser.add_argument("--keep", type=Path, default=Path("nested_cv.kept"), metavar="FOLDER")
    parser.add_argument("--out", type=Path, default=here / "nested_cv.json", metavar="FILE.json")
    return parser.parse_args()


def _told(start: float):
    def tell(done: int, of: int) -> None:
        if done % 5 == 0 or done == of:
            print(f"{done}/{of} answers, {(time.monotonic() - start) / 60:.1f} min", file=sys.stderr, flush=True)

    return tell


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _mean(values: np.ndarray) -> float | None:
    return None if np.isnan(values).all() else float(np.nanmean(values))


if __name__ == "__main__":
    main()
