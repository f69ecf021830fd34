"""The published study beside ours: its split rebuilt, each of its figures drawn again, and what the data supports."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, replace

import numpy as np

from bcdetect import NOTICE, metrics, plots
from bcdetect.baselines import Logistic
from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.datasets.wisconsin import load_wisconsin
from bcdetect.output import new_folder, save_text
from bcdetect.preprocessing import Standardiser
from bcdetect.splits import assign
from bcdetect.tables import table
from bcdetect.training import History, train_classifier

TEST_ROWS = 114
RANDOM_SPLITS = 200
TIMED_PREDICTIONS = 200
PAPER = {
    "class shares": "62.7 % benign, 37.3 % malignant",
    "train matrix": np.array([[284, 2], [4, 165]]),
    "first test row": np.array([0.02352743, 0.97647256]),
    "said of it": "Benign with 97.65% certainty",
    "milliseconds": "32-60",
}


@dataclass
class Reproduction:
    """What the rebuilt study gave. Matrices are [[TN, FP], [FN, TP]], malignant positive; `first` is (benign, malignant)."""

    data: Dataset
    train: np.ndarray
    test: np.ndarray
    history: History
    matrices: dict[str, np.ndarray]
    first: np.ndarray
    milliseconds: float
    spread: np.ndarray


def paper_split(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The study's rows: (train, test). Its generator and seed are its own, so that the rows are."""
    order = np.random.RandomState(42).permutation(rows)
    return order[TEST_ROWS:], order[:TEST_ROWS]


def reproduce(config: Config, on_step=lambda text: None) -> Reproduction:
    """Train the CNN and the logistic baseline on the study's split, and the baseline on many random splits."""
    data = load_wisconsin()
    train, test = paper_split(len(data.y))
    on_step(f"training on the study's {len(train)} rows")
    part = assign(data.y[train], None, (1 - config.validation_size, config.validation_size), config.seed)
    classifier, (history,) = train_classifier(data, train[part == 0], train[part == 1], config)
    predict, matrices = _logistic(data, train), {}
    for name, rows in (("train", train), ("test", test)):
        cnn = classifier.decide(classifier.predict_proba(data.x[rows]))
        matrices[f"CNN, {name}"] = metrics.confusion_matrix(data.y[rows], cnn)
        matrices[f"logistic, {name}"] = metrics.confusion_matrix(data.y[rows], predict(rows))
    first = data.x[test[:1]]
    times = []
    for _ in range(TIMED_PREDICTIONS):
        start = time.perf_counter()
        classifier.predict_proba(first)
        times.append(1000 * (time.perf_counter() - start))
    on_step(f"the baseline on {RANDOM_SPLITS} random 80/20 splits")
    spread = np.array([_random_split_accuracy(data, seed) for seed in range(RANDOM_SPLITS)])
    answer = classifier.predict_proba(first)[0]
    return Reproduction(data, train, test, history, matrices, answer, float(np.median(times)), spread)


def _logistic(data: Dataset, train: np.ndarray):
    """The baseline fitted on the rows `train`, as a function from rows to predicted classes."""
    scale = Standardiser.fit(data, train)
    model = Logistic(scale.flat(data, train), data.y[train], 2)
    return lambda rows: (model.predict_proba(scale.flat(data, rows))[:, 1] >= 0.5).astype(int)


def _random_split_accuracy(data: Dataset, seed: int) -> float:
    order = np.random.default_rng(seed).permutation(len(data.y))
    test = order[:TEST_ROWS]
    return metrics.accuracy_score(data.y[test], _logistic(data, order[TEST_ROWS:])(test))


def describe(r: Reproduction) -> str:
    """Both columns, and what the data supports."""
    shares = np.bincount(r.data.y) / len(r.data.y)
    in_train = np.bincount(r.data.y[r.train])
    label = r.data.class_names[r.data.y[r.test[0]]]
    same = np.array_equal(r.matrices["logistic, train"], PAPER["train matrix"])
    rows = [
        ["", "published", "here, the CNN", "here, logistic regression"],
        ["class shares", PAPER["class shares"], _shares(shares), "the same"],
        ["training rows", "286 benign, 169 malignant", f"{in_train[0]} benign, {in_train[1]} malignant", "the same"],
        [
            "train matrix",
            _matrix(PAPER["train matrix"]),
            _matrix(r.matrices["CNN, train"]),
            _matrix(r.matrices["logistic, train"]),
        ],
        ["test matrix", "drawn, not given in the text", _matrix(r.matrices["CNN, test"]), _matrix(r.matrices["logistic, test"])],
        ["train accuracy", _accuracy(PAPER["train matrix"]), *_accuracies(r, "train")],
        ["test accuracy", "-", *_accuracies(r, "test")],
        ["first test row", np.array2string(PAPER["first test row"]), np.array2string(r.first) + " (benign, malignant)", "-"],
        ["heat-map", "drawn", "correlation.png", "-"],
        ["web page for a CSV", "shown", "not built yet: predict MODEL FILE.csv answers one", "-"],
        ["said of it", PAPER["said of it"], f"P(malignant) = {r.first[1]:.4f}; reference standard: {label}", "-"],
        ["one prediction", f"{PAPER['milliseconds']} ms", f"{r.milliseconds:.2f} ms (median of {TIMED_PREDICTIONS})", "-"],
    ]
    reached = "reaches exactly the published train matrix" if same else "comes within a few rows of the published train matrix"
    low, high = r.spread.min(), r.spread.max()
    notes = [
        "These are measurements of cell nuclei in images of fine-needle aspirates. They are not MRI, and no image enters "
        "the network.",
        f"Logistic regression (standardised, C = 1) {reached}: on this split that matrix does not need a CNN.",
        "The CNN's train matrix covers all 455 rows, a fifth of which it was not fitted on but chose its epoch by.",
        "The published class order contradicts itself: its matrix counts benign as the negative class 0 (286 rows of it), "
        "while its prediction reads index 1 as benign.",
        f"One and the same logistic regression scores between {low:.3f} and {high:.3f} on the test part over {RANDOM_SPLITS} "
        f"random 80/20 splits (mean {r.spread.mean():.3f}). A single split supports no headline; see: "
        "python -m bcdetect evaluate --cv 10x10",
        "The CNN here is this package's default recipe with a softmax head, found on rows of which some are in this test part. "
        "The study's own network and machine are not known here, so its times say little beside ours.",
        "A softmax output is not a certainty; whether it is calibrated has to be shown on rows that were not trained on.",
    ]
    return "\n".join([table(rows, left=4), "", "What the data supports", *(f"- {note}" for note in notes), "", NOTICE]) + "\n"


def write(r: Reproduction, folder: str | os.PathLike) -> None:
    """The comparison as text and JSON, and the study's figures drawn again (needs matplotlib). Raises OutputError."""
    numbers = {
        "notice": NOTICE,
        "published": {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in PAPER.items()},
        "matrices": {name: counts.tolist() for name, counts in r.matrices.items()},
        "first_test_row": {"benign": float(r.first[0]), "malignant": float(r.first[1])},
        "milliseconds": r.milliseconds,
        "random_split_accuracies": r.spread.tolist(),
    }
    with new_folder(folder) as inside:
        save_text(inside / "reproduce.txt", describe(r))
        save_text(inside / "reproduce.json", json.dumps(numbers, indent=2) + "\n")
        if not plots.available():
            return
        names = r.data.class_names
        counts = np.bincount(r.data.y).tolist()
        figures = {
            "class_share": plots.class_share(dict(zip(names, counts, strict=True))),
            "correlation": plots.correlation_heatmap(np.corrcoef(r.data.x.T), r.data.feature_names),
            "confusion_published": plots.confusion_matrices({"train": PAPER["train matrix"]}, names),
            "confusion_cnn": plots.confusion_matrices({p: r.matrices[f"CNN, {p}"] for p in ("train", "test")}, names),
            "confusion_logistic": plots.confusion_matrices({p: r.matrices[f"logistic, {p}"] for p in ("train", "test")}, names),
            "learning_curves": plots.learning_curves(r.history.columns, r.history.best_epoch),
        }
        for name, figure in figures.items():
            plots.save_figure(figure, inside / f"{name}.png")


def default_config() -> Config:
    """The default recipe with the study's softmax head."""
    return replace(Config(), head="softmax")


def _matrix(counts: np.ndarray) -> str:
    (tn, fp), (fn, tp) = counts.tolist()
    return f"TN {tn} FP {fp} FN {fn} TP {tp}"


def _accuracy(counts: np.ndarray) -> str:
    return f"{counts.trace() / counts.sum():.3f}"


def _accuracies(r: Reproduction, part: str) -> list[str]:
    return [_accuracy(r.matrices[f"{model}, {part}"]) for model in ("CNN", "logistic")]


def _shares(shares: np.ndarray) -> str:
    return f"{100 * shares[0]:.1f} % benign, {100 * shares[1]:.1f} % malignant"
