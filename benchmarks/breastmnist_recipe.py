"""How the recipe for BreastMNIST was found: cross-validation inside the official training and validation parts only.

    python benchmarks/breastmnist_recipe.py [NAME ...] [--folds 5] [--repeats 1]

Each line changes the recipe of `breastmnist.py` in one thing; the official test part is never touched. No epoch is chosen here:
every network is judged as its last epoch left it. The spread between repeats is about .01 of AUC, so that smaller differences say
little.
"""

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
from breastmnist import RECIPE, load

from bcdetect import metrics
from bcdetect.splits import folds
from bcdetect.training import train_classifier
from bcdetect.views import VIEWS

VARIANTS = {
    "the recipe": {},
    "no elastic bending": {"elastic": 0.0},
    "twice the bending": {"elastic": 0.06},
    "no mixing": {"mixup": 0.0},
    "no moving average": {"ema": 0.0},
    "no noise": {"noise": 0.0},
    "more noise": {"noise": 0.3},
    "120 epochs": {"epochs": 120},
    "stronger turns and shifts": {"rotate": 15.0, "shift": 0.1, "scale": 0.15, "shear": 0.1},
    "more weight decay": {"weight_decay": 0.5},
    "ResNet": {"model": "resnet"},
    "two convolutions a stage": {"model": "small"},
}


def run(settings: dict, repeat: int, fold: int, fold_count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows of one fold, and what a network trained on the others says of them, for each of VIEWS."""
    data, parts = load()
    inside = data.subset(np.sort(np.concatenate([parts["train"], parts["validation"]])))
    test = folds(inside.y, None, fold_count, 1000 + repeat)[fold]
    rest = np.setdiff1d(np.arange(len(inside.y)), test)
    config = replace(RECIPE, seed=100 * repeat + fold, monitor="last", ensemble=1, **settings)
    classifier, _ = train_classifier(inside, rest, test, config)
    found = []
    for classifier.views in VIEWS:
        found.append(classifier.predict_rows(inside, test)[:, 1])
    return test, *found


def main() -> None:
    """Cross-validate every variant asked for, and print a line each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    os.environ["TINYCNN_NUM_THREADS"] = "1"
    data, parts = load()
    y = data.y[np.sort(np.concatenate([parts["train"], parts["validation"]]))]
    names = options.names or list(VARIANTS)
    print(f"{len(y)} rows, {options.repeats} x {options.folds} folds; averaged over {', '.join(VIEWS)} views", flush=True)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for name in names:
            settings = VARIANTS[name] if name in VARIANTS else _told(name)
            start, jobs = time.time(), [(r, f) for r in range(options.repeats) for f in range(options.folds)]
            waiting = [pool.submit(run, settings, r, f, options.folds) for r, f in jobs]
            scores = np.zeros((len(VIEWS), options.repeats, len(y)))
            for (r, _), job in zip(jobs, waiting, strict=True):
                test, *found = job.result()
                for k, p in enumerate(found):
                    scores[k, r, test] = p
            print(f"{name:40} {_line(y, scores)}  {time.time() - start:.0f} s", flush=True)


def _told(name: str) -> dict:
    """Settings written as `key=value,key=value`."""
    told = RECIPE.with_settings(name.split(","))
    return {key.split("=")[0]: getattr(told, key.split("=")[0]) for key in name.split(",")}


def _line(y: np.ndarray, scores: np.ndarray) -> str:
    def mean(metric):
        return [np.mean([metric(p) for p in each]) for each in scores]

    auc = mean(lambda p: metrics.roc_auc_score(y, p))
    accuracy = mean(lambda p: metrics.accuracy_score(y, p >= 0.5))
    loss = mean(lambda p: metrics.log_loss(y, p))
    cells = [("AUC", auc), ("accuracy", accuracy), ("log loss", loss)]
    return "  ".join(f"{what} " + " ".join(f"{value:.4f}" for value in values) for what, values in cells)


if __name__ == "__main__":
    sys.exit(main())
