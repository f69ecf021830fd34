"""How the default recipe for the Wisconsin data was found: cross-validation inside the training and validation parts only.

    python benchmarks/wisconsin_recipe.py [NAME ...]

Each line changes the recipe in one thing. The rows of the default split's test part are never touched. The differences are small
against their spread: the recipe is a sensible point of a flat top, not a peak.
"""

import sys
from dataclasses import replace

import numpy as np

from bcdetect.config import Config
from bcdetect.evaluation import cross_validate
from bcdetect.run import load_run_data

VARIANTS = {
    "the recipe": {},
    "kernel 3": {"kernel_size": 3},
    "kernel 9": {"kernel_size": 9},
    "8 filters": {"filters": (8,)},
    "32 filters": {"filters": (32,)},
    "two blocks": {"filters": (16, 16)},
    "max pooling": {"pooling": "max"},
    "no pooling": {"pooling": "none"},
    "no hidden layer": {"units": 0},
    "32 hidden units": {"units": 32},
    "dropout .5": {"dropout": 0.5},
    "weight decay .05": {"weight_decay": 0.05},
    "weight decay 1": {"weight_decay": 1.0},
    "lr 3e-3, 60 epochs": {"lr": 3e-3, "epochs": 60, "warmup": 3, "patience": 20},
    "softmax head": {"head": "softmax"},
    "class weights": {"balance": "weights"},
}


def main() -> None:
    """Cross-validate every variant asked for, and print a line each."""
    config = Config()
    data, parts = load_run_data(config)
    inside = data.subset(np.sort(np.concatenate([parts["train"], parts["validation"]])))
    print(f"{len(inside.y)} rows; mean over 5 x 10 folds")
    for name in sys.argv[1:] or VARIANTS:
        summary = cross_validate(inside, replace(config, **VARIANTS[name]), 5, 10, workers=2).summary()
        if name == (sys.argv[1:] or list(VARIANTS))[0]:
            print(_line("logistic regression", summary["logistic"]))
        print(_line(name, summary["cnn"]), flush=True)


def _line(name: str, scores: dict) -> str:
    accuracy, auc, loss = (scores[metric]["mean"] for metric in ("accuracy", "roc_auc", "log_loss"))
    return f"{name:20} accuracy {accuracy:.4f}  AUC {auc:.4f}  log loss {loss:.4f}"


if __name__ == "__main__":
    main()
