"""One training run from data to a folder of results: config, history, metrics, model, report, figures."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from bcdetect import NOTICE, __version__, metrics
from bcdetect.assessment import against, assess
from bcdetect.audit import shared_rows
from bcdetect.baselines import Logistic, likeliest, majority
from bcdetect.bundle import save_classifier
from bcdetect.checkpoint import NAME as CHECKPOINT
from bcdetect.classifier import Classifier
from bcdetect.config import Config
from bcdetect.datasets import Dataset, load_dataset
from bcdetect.datasets.bad_rows import row_of
from bcdetect.errors import UsageError
from bcdetect.gate import read_bytes, read_text
from bcdetect.judging import check_settings, judge
from bcdetect.output import free_name, save_text, unfinished
from bcdetect.report import write_report
from bcdetect.scores import score_part
from bcdetect.splits import PARTS, official, part_counts, shared_groups, split
from bcdetect.tables import interval
from bcdetect.training import History, Watch, to_csv, train_classifier
from bcdetect.verdict import verdict
from tinycnn import bundle

CONFIG = "config.json"


@dataclass
class Run:
    """All that a run found. `scores` are those of the untouched test part, by model; `confusion` counts (K, K) by part."""

    config: Config
    data: Dataset
    parts: dict[str, np.ndarray]
    classifier: Classifier
    histories: list[History]  # one for each network
    scores: dict[str, dict[str, dict]]
    confusion: dict[str, np.ndarray]
    probabilities: dict[str, np.ndarray]  # of the test part, by model
    logistic_converged: bool
    assessment: dict  # of the test part, see `assessment.assess`

    @property
    def interrupted(self) -> bool:
        """Whether training was stopped before its end."""
        return any(history.interrupted for history in self.histories)


def load_data(config: Config, on_picture: Callable[[int], None] | None = None) -> Dataset:
    """The data of the settings. Raises InputError."""
    told = config.label, config.positive, config.group, config.drop
    return load_dataset(config.data, *told, config.image_size, config.bad == "skip", on_picture)


def load_run_data(config: Config, on_picture: Callable[[int], None] | None = None) -> tuple[Dataset, dict[str, np.ndarray]]:
    """The data of the settings and its parts: those that came with the data, or else ours. Raises InputError."""
    data = load_data(config, on_picture)
    if data.parts is not None:
        return data, official(data)
    return data, split(data.y, data.groups, config.validation_size, config.test_size, config.seed, data.class_names)


def located(config: Config) -> Config:
    """The same with whole paths, so that a run can be gone on with from another folder."""
    found = {name: os.path.abspath(place) for name, place in _places(config).items() if place and os.path.exists(place)}
    return replace(config, **found)


def _places(config: Config) -> dict[str, str | None]:
    return {"data": config.data, "init": config.init}


def fingerprint(config: Config, data: Dataset, parts: dict[str, np.ndarray]) -> str:
    """A SHA-256 that changes with the rows, their labels, the parts they are in, and the model that training starts from."""
    content = [data.provenance.get("sha256", "").encode(), data.y.tobytes(), *(parts[part].tobytes() for part in PARTS)]
    if config.init is not None:
        content.append(read_bytes(config.init, limit=bundle.MAX_FILE))
    return hashlib.sha256(b"|".join(content)).hexdigest()


def begun(folder: str | os.PathLike) -> Config | None:
    """The settings of the run that was to end in this folder; None where none was begun. Raises InputError, UsageError."""
    for place in (unfinished(folder), Path(folder)):
        if (place / CONFIG).exists():
            return Config.from_json(read_text(place / CONFIG), file=str(place / CONFIG))
    return None


def is_finished(folder: str | os.PathLike) -> bool:
    """Whether there is nothing to go on with: no unfinished run, and no checkpoint of one that was interrupted."""
    return not unfinished(folder).exists() and not (Path(folder) / CHECKPOINT).exists()


def execute(config: Config, data: Dataset, parts: dict[str, np.ndarray], watch: Watch | None = None) -> Run:
    """Train, and judge once on the test part, beside two baselines on the same rows.

    The baselines choose nothing, so they get the validation rows to train on as well.
    """
    check_settings(config, len(data.class_names))
    classifier, histories = train_classifier(data, parts["train"], parts["validation"], config, watch)
    classifier.judgement = judge(classifier, data, parts["train"], parts["validation"], config)
    classes, test = len(data.class_names), parts["test"]
    rest = np.concatenate([parts["train"], parts["validation"]])
    scale = type(classifier.preprocessing).fit(data, rest)
    logistic = Logistic(scale.flat(data, rest), data.y[rest], classes)
    raw = {part: classifier.raw_rows(data, parts[part]) for part in PARTS}
    answers = {part: classifier.judgement.calibrated(p) for part, p in raw.items()}
    probabilities = {
        "CNN": answers["test"],
        "logistic regression": logistic.predict_proba(scale.flat(data, test)),
        "majority class": majority(data.y[rest], classes, len(test)),
    }
    groups = None if data.groups is None else data.groups[test]
    called = {name: classifier.decide(p) if name == "CNN" else likeliest(p) for name, p in probabilities.items()}
    scores = {name: score_part(data.y[test], p, called[name], data.class_names, groups) for name, p in probabilities.items()}
    confusion = {
        part: metrics.confusion_matrix(data.y[parts[part]], classifier.decide(p), classes) for part, p in answers.items()
    }
    referrals = classifier.referral_rows(answers["test"], data, test)
    names = [f"row {row + 1}" for row in test] if data.names is None else data.names[test]
    assessment = assess(classifier, data.y[test], raw["test"], referrals, names, groups)
    pair = ((probabilities[name], called[name]) for name in ("CNN", "logistic regression"))
    assessment["cnn_against_logistic_regression"] = against(data.y[test], *pair, groups)
    classifier.card = card(config, data, parts, histories, scores["CNN"])
    return Run(config, data, parts, classifier, histories, scores, confusion, probabilities, logistic.converged, assessment)


def write(run: Run, folder: Path) -> None:
    """Write the run's files into an existing folder (see `output.run_folder`). Raises OutputError."""
    save_text(folder / CONFIG, run.config.to_json())
    save_text(folder / "history.csv", to_csv(run.histories))
    save_text(folder / "metrics.json", json.dumps(summary(run), indent=2, allow_nan=False) + "\n")
    save_classifier(folder / "model.npz", run.classifier)
    draw(run, folder / "figures")
    write_report(folder)


def draw(run: Run, folder: Path) -> list[Path]:
    """The run's figures as PNG files; none, without complaint, where matplotlib is missing."""
    from bcdetect import plots
    from bcdetect.explain.examples import examples

    if not plots.available():
        return []
    folder.mkdir(exist_ok=True)  # of a run that was interrupted
    figures = {
        **{
            f"learning_curves{f'_{number}' if number > 1 else ''}": plots.learning_curves(history.columns, history.best_epoch)
            for number, history in enumerate(run.histories, 1)
        },
        "confusion": plots.confusion_matrices({p: run.confusion[p] for p in ("train", "test")}, run.data.class_names),
    }
    if run.classifier.positive:
        y, curves = run.data.y[run.parts["test"]], {}
        recalls = {}
        for name in ("CNN", "logistic regression"):
            p, scores = run.probabilities[name][:, 1], run.scores[name]
            curves[name] = (*metrics.roc_curve(y, p)[:2], "AUC " + interval(scores["roc_auc"]))
            recalls[name] = (*metrics.precision_recall_curve(y, p)[:2], "AP " + interval(scores["average_precision"]))
        figures["roc"] = plots.roc_curves(curves)
        figures["precision_recall"] = plots.precision_recall_curves(recalls, float(y.mean()))
        figures["reliability"] = plots.reliability_diagram(run.assessment["reliability"], run.classifier.positive)
        figures["decision_curve"] = plots.decision_curves(run.assessment["decision_curve"])
    test = run.parts["test"]
    truth = run.probabilities["CNN"][np.arange(len(test)), run.data.y[test]]
    with suppress(UsageError):  # a network without any layer to explain by
        figures |= {f"explanation_{n}": each for n, each in enumerate(examples(run.classifier, run.data, test, truth), 1)}
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
        **run.assessment,
        "parts": part_counts(run.data, run.parts),
        "rows_in_two_parts": shared_rows(run.data, run.parts),
        "groups_in_two_parts": shared_groups(run.data, run.parts),
        "networks": [facts(history) for history in run.histories],
        "training_seconds": [round(history.seconds, 3) for history in run.histories],
        "monitor": run.config.monitor,
        "learning": [learning(history, run) for history in run.histories],
        "parameters": sum(parameter.value.size for model in run.classifier.models for parameter in model.parameters()),
        "interrupted": run.interrupted,
        "logistic_converged": run.logistic_converged,
        "data": run.data.provenance,
        "data_name": run.data.name,
        "data_described": f"{run.data.name}: {run.data.described()}",
        "versions": versions(),
    }


def card(config: Config, data: Dataset, parts: dict, histories: list[History], scores: dict) -> dict:
    """What a person who gets only the model file should know of it."""
    return {
        "notice": NOTICE,
        # No folder of its maker's travels along.
        "settings": asdict(config) | {name: place and Path(place).name for name, place in _places(config).items()},
        "data": _unplaced(data.provenance),
        "parts": part_counts(data, parts),
        "networks": [facts(history) for history in histories],
        "test": scores,
        "versions": versions(),
    }


def _unplaced(provenance: dict) -> dict:
    """Less the folders in which files lay that were left out, and the cells of rows that were."""
    short = row_of if provenance.get("source") == "table" else os.path.basename
    bad = [short(text) for text in provenance.get("bad", [])]
    return provenance | ({"bad": bad} if bad else {})


def facts(history: History) -> dict[str, int]:
    """One network's training in two numbers; what a model file holds must be the same after every run, so no seconds."""
    return {"best_epoch": history.best_epoch, "epochs": len(history.columns["epoch"])}


def learning(history: History, run: Run) -> dict[str, str]:
    """One network's verdict of over- or under-fitting, and its reason."""
    shares = np.bincount(run.data.y[run.parts["train"]], minlength=len(run.data.class_names))
    return verdict(history.columns, history.best_epoch, shares / shares.sum())._asdict()


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
