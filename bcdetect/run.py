"""One training run from data to a folder of results: config, history, metrics, model, report, figures."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bcdetect import NOTICE, __version__, metrics
from bcdetect.baselines import Logistic, majority
from bcdetect.bundle import save_classifier
from bcdetect.classifier import Classifier
from bcdetect.config import Config
from bcdetect.datasets import Dataset, load_dataset
from bcdetect.errors import UsageError
from bcdetect.evaluation import score_part
from bcdetect.output import free_name, save_text
from bcdetect.report import report
from bcdetect.splits import PARTS, official, part_counts, shared_groups, shared_rows, split
from bcdetect.tables import interval
from bcdetect.training import History, train_classifier


@dataclass
class Run:
    """All that a run found. `scores` are those of the untouched test part, by model; `confusion` counts (K, K) by part."""

    config: Config
    data: Dataset
    parts: dict[str, np.ndarray]
    classifier: Classifier
    history: History
    scores: dict[str, dict[str, dict]]
    confusion: dict[str, np.ndarray]
    probabilities: dict[str, np.ndarray]  # of the test part, by model
    logistic_converged: bool


def load_data(config: Config, skip_bad: bool = False, on_picture: Callable[[int], None] | None = None) -> Dataset:
    """The data of the settings. Raises InputError."""
    return load_dataset(
        config.data, config.label, config.positive, config.group, config.drop, config.image_size, skip_bad, on_picture
    )


def load_run_data(
    config: Config, skip_bad: bool = False, on_picture: Callable[[int], None] | None = None
) -> tuple[Dataset, dict[str, np.ndarray]]:
    """The data of the settings and its parts: those that came with the data, or else ours. Raises InputError."""
    data = load_data(config, skip_bad, on_picture)
    if data.parts is not None:
        return data, official(data)
    return data, split(data.y, data.groups, config.validation_size, config.test_size, config.seed, data.class_names)


def execute(config: Config, data: Dataset, parts: dict[str, np.ndarray], on_epoch: Callable | None = None) -> Run:
    """Train, and judge once on the test part, beside two baselines on the same rows.

    The baselines choose nothing, so they get the validation rows to train on as well.
    """
    classifier, history = train_classifier(data, parts["train"], parts["validation"], config, on_epoch)
    classes, test = len(data.class_names), parts["test"]
    rest = np.concatenate([parts["train"], parts["validation"]])
    fitted_on, judged = data.subset(rest), data.subset(test)
    scale = type(classifier.preprocessing).fit(*fitted_on.inputs())
    logistic = Logistic(scale.flat(*fitted_on.inputs()), fitted_on.y, classes)
    probabilities = {
        "CNN": classifier.predict_proba(*judged.inputs()),
        "logistic regression": logistic.predict_proba(scale.flat(*judged.inputs())),
        "majority class": majority(data.y[rest], classes, len(test)),
    }
    groups = None if data.groups is None else data.groups[test]
    scores = {
        name: score_part(data.y[test], p, classifier.decide(p), data.class_names, groups) for name, p in probabilities.items()
    }
    confusion = {}
    for part in PARTS:
        rows = data.subset(parts[part])
        predicted = classifier.decide(classifier.predict_proba(*rows.inputs()))
        confusion[part] = metrics.confusion_matrix(rows.y, predicted, classes)
    classifier.card = card(config, data, parts, history, scores["CNN"])
    return Run(config, data, parts, classifier, history, scores, confusion, probabilities, logistic.converged)


def write(run: Run, folder: Path) -> None:
    """Write the run's files into an existing folder (see `output.new_folder`). Raises OutputError."""
    save_text(folder / "config.json", run.config.to_json())
    save_text(folder / "history.csv", run.history.to_csv())
    save_text(folder / "metrics.json", json.dumps(summary(run), indent=2, allow_nan=False) + "\n")
    save_classifier(folder / "model.npz", run.classifier)
    figures = draw(run, folder / "figures")
    save_text(folder / "report.html", report(run, figures))


def draw(run: Run, folder: Path) -> list[Path]:
    """The run's figures as PNG files; none, without complaint, where matplotlib is missing."""
    from bcdetect import plots

    if not plots.available():
        return []
    folder.mkdir()
    figures = {
        "learning_curves": plots.learning_curves(run.history.columns, run.history.best_epoch),
        "confusion": plots.confusion_matrices({p: run.confusion[p] for p in ("train", "test")}, run.data.class_names),
    }
    if run.classifier.positive:
        y, curves = run.data.y[run.parts["test"]], {}
        for name in ("CNN", "logistic regression"):
            p = run.probabilities[name]
            curves[name] = (*metrics.roc_curve(y, p[:, 1])[:2], "AUC " + interval(run.scores[name]["roc_auc"]))
        figures["roc"] = plots.roc_curves(curves)
    for name, figure in figures.items():
        plots.save_figure(figure, folder / f"{name}.png")
    return [folder / f"{name}.png" for name in figures]


def summary(run: Run) -> dict:
    """What metrics.json holds: the test part's scores with intervals, and all that is needed to read them."""
    names = run.data.class_names
    return {
        "notice": NOTICE,
        "test": run.scores,
        "confusion": {part: counts.tolist() for part, counts in run.confusion.items()},
        "class_names": names,
        "positive": run.classifier.positive,
        "threshold": run.classifier.threshold,
        "parts": part_counts(run.data, run.parts),
        "rows_in_two_parts": shared_rows(run.data, run.parts),
        "groups_in_two_parts": shared_groups(run.data, run.parts),
        "best_epoch": run.history.best_epoch,
        "epochs": len(run.history.columns["epoch"]),
        "training_seconds": round(run.history.seconds, 3),
        "logistic_converged": run.logistic_converged,
        "data": run.data.provenance,
        "versions": versions(),
    }


def card(config: Config, data: Dataset, parts: dict, history: History, scores: dict) -> dict:
    """What a person who gets only the model file should know of it."""
    return {
        "notice": NOTICE,
        "settings": {**asdict(config), "data": config.data and Path(config.data).name},  # no folder of its maker's travels along
        "data": data.provenance,
        "parts": part_counts(data, parts),
        "best_epoch": history.best_epoch,
        "test": scores,
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """What computed this."""
    return {
        "bcdetect": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }


def default_out(config: Config) -> Path:
    """runs/NAME-1, runs/NAME-2 ...: the first that is not taken."""
    if config.data is not None and not Path(config.data).stem:
        raise UsageError(f"no run can be named after {config.data!r}", hint="Pass --out FOLDER")
    return free_name(Path("runs") / (Path(config.data).stem if config.data else "wisconsin"))
