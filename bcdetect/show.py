"""What the commands print: the data, an epoch, a result, a cross-validation."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from shlex import quote

from bcdetect import NOTICE, plots
from bcdetect.assessment_text import against_lines, assessment_lines, subgroup_lines
from bcdetect.audit import quick_audit
from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.evaluation import CrossValidation
from bcdetect.external import External
from bcdetect.run import Run, learning
from bcdetect.scores import BY_GROUP, METHODS
from bcdetect.splits import part_counts, shared_groups
from bcdetect.tables import confusion_table, number, score_table, table

SEARCHED = (
    "The default settings were found on the training and validation rows of seed 0; other seeds, and folds, test on some of them."
)
LISTED = 20
TIGHT = "the data names no groups; if rows share a patient, the numbers are too good (--group COLUMN)"


def data(dataset: Dataset, parts: dict) -> str:
    """What is trained on, and the proof of the split."""
    lines = [f"{dataset.name}: {dataset.described()}, classes {', '.join(dataset.class_names)}"]
    lines += [dataset.provenance["note"]] if "note" in dataset.provenance else []
    lines += left_out(dataset)
    columns = dataset.provenance.get("left_out", {})
    lines += [f"left out {repr(name) if name else 'the column without a name'}: {why}" for name, why in columns.items()]
    counts = part_counts(dataset, parts)
    rows = [["part", "rows", *dataset.class_names, *(["groups"] if dataset.groups is not None else [])]]
    for part, c in counts.items():
        rows.append([part, *map(str, (c["rows"], *c["classes"].values(), *([c["groups"]] if "groups" in c else [])))])
    lines += [table(rows)]
    if dataset.parts is not None:
        lines.append("the split is the one that came with the data")
    if dataset.groups is not None:
        column = dataset.provenance["group"]
        lines.append(f"rows kept together by {column!r}: {shared_groups(dataset, parts)} groups shared by two parts")
    else:
        built_in = dataset.provenance["source"] == "wisconsin"
        lines.append("this copy of the data has no patient numbers; each row is one breast mass" if built_in else TIGHT)
    warnings = [dataset.provenance["warning"]] if "warning" in dataset.provenance else []
    lines += [f"warning: {text}" for text in (*warnings, *quick_audit(dataset, parts))]
    return "\n".join([*lines, ""])


def left_out(dataset: Dataset) -> list[str]:
    """A line for what could not be read: each file; of the rows of a table how many, and the first."""
    bad = dataset.provenance.get("bad", [])
    lines = [f"left out: {text}" for text in bad]
    if not bad or dataset.pictures:
        return lines
    more = [f"left out: and {len(bad) - LISTED} more rows"] if len(bad) > LISTED else []
    of_class = ", ".join(f"{count} {name}" for name, count in dataset.provenance.get("bad_of_class", {}).items())
    told = f"{len(bad)} of {len(dataset.y) + len(bad)} rows have a bad cell and are left out" + f" ({of_class})" * bool(of_class)
    return [told, *lines[:LISTED], *more]


def interval_method(dataset: Dataset) -> str:
    """How a part's intervals are made."""
    return BY_GROUP if dataset.groups is not None else METHODS


def epoch(config: Config) -> Callable[[dict, float], None]:
    """A function that prints one line an epoch."""

    def show(row: dict, seconds_left: float) -> None:
        network = f"network {row['network']}/{config.ensemble}  " if config.ensemble > 1 else ""
        print(
            f"{network}epoch {int(row['epoch']):3}/{config.epochs}  loss {row['loss']:.4f}  "
            f"validation loss {row['validation_loss']:.4f}  AUC {row['validation_auc']:.4f}  rate {row['lr']:.1e}  "
            f"{row['rows_per_second']:,.0f} rows/s" + (f"  at most {duration(seconds_left)} left" if seconds_left > 0 else ""),
            flush=True,
        )

    return show


def chosen_epochs(run: Run) -> str:
    """Such as `epoch 12 of 30`; of several networks, of each."""
    each = [f"epoch {history.best_epoch} of {len(history.columns['epoch'])}" for history in run.histories]
    return ", ".join(each) + ("; training was interrupted" if run.interrupted else "")


def duration(seconds: float) -> str:
    """Such as 0.4 s, 12 s, 3 min."""
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def result(run: Run, folder) -> str:
    """The table on the test part, and where everything is."""
    names = run.data.class_names
    rows = len(run.parts["test"])
    kept = {"last": "the last", "validation_auc": "highest validation AUC", "validation_loss": "lowest validation loss"}
    seen = [learning(history, run) for history in run.histories]
    stopped = f"kept the weights of {chosen_epochs(run)} ({kept[run.config.monitor]})"
    seconds = sum(history.seconds for history in run.histories)
    lines = [
        f"{stopped}; trained in {duration(seconds)}",
        *[f"fitting: {each['kind']} ({each['reason']})" for each in seen],
        "",
        f"The untouched test part, {rows} rows" + (f"; positive = {run.classifier.positive}" if run.classifier.positive else ""),
        "",
        confusion_table(run.confusion["test"], names),
        "",
        score_table(run.scores),
        f"(95 % intervals: {interval_method(run.data)}; - where there is none)",
        "(the baselines, which choose nothing, were fitted on the training and the validation rows)",
        *against_lines(run.assessment["cnn_against_logistic_regression"], "CNN", "logistic regression"),
        "",
        *assessment_lines(run.assessment, run.classifier.positive),
        "",
    ]
    if not run.logistic_converged:
        lines.append("warning: the logistic regression did not converge; its numbers are not the baseline's")
    lines += [
        "One split is one draw. The mean over many:",
        f"  python -m bcdetect evaluate --config {quote(str(Path(folder) / 'config.json'))} --cv 10x10",
        *([SEARCHED] if run.data.provenance["source"] == "wisconsin" else []),
        "",
        *([f"interrupted; go on with: python -m bcdetect train --resume {quote(str(folder))}"] if run.interrupted else []),
        f"written to {folder}: model.npz, metrics.json, report.html and more",
        *([] if plots.available() else [plots.MISSING]),
        NOTICE,
    ]
    return "\n".join(lines)


def external(result: External) -> str:
    """The table of a saved model on new data."""
    dataset = result.data
    return "\n".join(
        [
            f"{dataset.name}: {dataset.described()}, judged on {len(result.rows)}"
            + (f"; positive = {dataset.positive}" if dataset.positive else ""),
            *left_out(dataset),
            *[f"warning: {text}" for text in result.warnings],
            "",
            confusion_table(result.confusion, dataset.class_names),
            "",
            score_table(result.scores),
            f"(95 % intervals: {interval_method(dataset)}; - where there is none)",
            "",
            *assessment_lines(result.assessment, dataset.positive),
            *subgroup_lines(result.subgroups),
            NOTICE,
        ]
    )


def fold(done: int, of: int) -> None:
    """One line that counts; on a terminal it stays one line."""
    if sys.stderr.isatty():
        print(f"\rfold {done}/{of}", end="\n" if done == of else "", file=sys.stderr, flush=True)
    elif done == of or done % 10 == 0:
        print(f"fold {done}/{of}", file=sys.stderr, flush=True)


def cross_validation(result: CrossValidation, dataset: Dataset) -> str:
    """Mean, spread and interval of each metric, for both models and their paired difference."""
    summary = result.summary()
    titles = {"cnn": "CNN", "logistic": "logistic regression", "difference": "CNN minus logistic"}
    means, spreads = [["mean (95 % interval)", *titles.values()]], [["over the folds", "CNN", "logistic regression"]]
    for metric in summary["cnn"]:
        name = metric.replace("_", " ")
        means.append([name, *(_mean(summary[model][metric], signed=model == "difference") for model in titles)])
        spreads.append([name, *(_spread(summary[model][metric]) for model in ("cnn", "logistic"))])
    by_group = ", by group" if dataset.groups is not None else ""
    return "\n".join(
        [
            f"{dataset.name}: {result.repeats} x {result.folds}-fold cross-validation, "
            f"{result.repeats * result.folds} test folds, stratified{by_group}",
            "",
            table(means),
            "(t intervals, corrected for overlapping training parts after Nadeau and Bengio; the CNN sets a tenth of each fold's",
            "training rows apart to choose its epoch, the baseline is fitted on all of them; intervals are cut at 0 and 1)",
            *([SEARCHED] if dataset.provenance["source"] == "wisconsin" and not result.chosen else []),
            "",
            table(spreads),
            *(["", *choices(result.chosen)] if result.chosen else []),
            NOTICE,
        ]
    )


def choices(chosen: Sequence[dict]) -> list[str]:
    """What the folds of a nested cross-validation chose: how often each value, or the range of numbers."""
    lines = ["chosen inside the folds, each from its own training rows alone, which also gave the probabilities a temperature:"]
    for name in chosen[0]["settings"]:
        values = [fold["settings"][name] for fold in chosen]
        if all(isinstance(value, float) for value in values):
            found = f"{min(values):.3g} to {max(values):.3g}"
        else:
            found = ", ".join(f"{value} ({n} x)" for value, n in Counter(values).most_common())
        lines.append(f"  {name.replace('_', ' ')}: {found}")
    return lines


def folds_json(result: CrossValidation, dataset: Dataset, config: Config) -> str:
    """Everything: the summary and the scores of every fold."""
    scores = {model: {name: values.tolist() for name, values in row.items()} for model, row in result.scores.items()}
    content = {
        "notice": NOTICE,
        "data": dataset.provenance,
        "settings": asdict(config),
        "repeats": result.repeats,
        "folds": result.folds,
        "summary": result.summary(),
        "scores": scores,
        **({"chosen": result.chosen} if result.chosen else {}),
    }
    return json.dumps(content, indent=1) + "\n"


def _mean(entry: dict[str, float], signed: bool) -> str:
    if signed:
        return f"{entry['mean']:+.4f} ({entry['low']:+.4f} to {entry['high']:+.4f})"
    return f"{entry['mean']:.4f} ({entry['low']:.4f}-{entry['high']:.4f})"


def _spread(entry: dict[str, float]) -> str:
    return f"sd {number(entry['sd'])}, range {number(entry['min'])}-{number(entry['max'])}"
