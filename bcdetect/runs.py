"""Runs side by side, from their folders alone: what they reached, and what differed in their settings."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from bcdetect.errors import InputError
from bcdetect.report.folder import read_object
from bcdetect.tables import interval, number, table

HINT = "Pass a folder that holds folders of 'python -m bcdetect train', such as runs"


@dataclass(frozen=True)
class KnownRun:
    """A run's name, and what its metrics.json and config.json hold."""

    name: str
    metrics: dict
    settings: dict

    @property
    def scores(self) -> dict[str, dict]:
        """The network's scores on the test part."""
        return self.metrics["test"]["CNN"]

    @property
    def area(self) -> str:
        """The name of its AUC."""
        return "roc_auc" if "roc_auc" in self.scores else "macro_auc"


def read(folder: str | os.PathLike) -> KnownRun:
    """One run. Raises InputError where the folder holds none."""
    path = Path(folder)
    metrics, settings = (read_object(path / name) for name in ("metrics.json", "config.json"))
    if "CNN" not in metrics.get("test", {}):
        raise InputError("not the metrics of a run", file=str(path / "metrics.json"), hint=HINT)
    return KnownRun(path.name, metrics, settings)


def read_all(folder: str | os.PathLike) -> tuple[list[KnownRun], list[str]]:
    """Every run in a folder, by name, and a line for each folder that holds none. Raises InputError where there is no run."""
    path = Path(folder)
    if not path.is_dir():
        raise InputError("no such folder", file=os.fspath(folder), hint=HINT)
    found, problems = [], []
    for each in sorted(path.iterdir()):
        if not each.is_dir() or each.name.startswith(".") or (each / "comparison.json").exists():  # `compare` writes here too
            continue
        try:
            found.append(read(each))
        except InputError as error:
            problems.append(f"not a finished run: {error}")
    if not found:
        raise InputError("holds no finished run", file=os.fspath(folder), hint=HINT)
    return found, problems


def list_text(runs: list[KnownRun]) -> str:
    """A line a run: data, network, epochs, and the scores on its test part."""
    rows = [["run", "data", "test rows", "epochs", "accuracy", "AUC", "log loss", "referred"]]
    for run in runs:
        epochs = ", ".join(str(each["epochs"]) for each in run.metrics["networks"])
        scores = (interval(run.scores[name]) for name in ("accuracy", run.area, "log_loss"))
        referred = run.metrics.get("referral", {}).get("referred")
        rows.append(
            [run.name, str(run.metrics["data_name"]), str(run.metrics["parts"]["test"]["rows"]), epochs, *scores,
             number(referred["value"]) if referred and referred["value"] is not None else "-"]
        )  # fmt: skip
    return table(rows, left=2)


def compare(first: KnownRun, second: KnownRun) -> dict:
    """Settings that differ, {name: [first's, second's]}; scores with their difference; whether the test rows are the same.

    A run of the same data, split sizes and seed has the same test rows; intervals of the difference need the rows' answers, which
    the folders do not hold.
    """
    names = {**first.settings, **second.settings}
    settings = {
        name: [first.settings.get(name), second.settings.get(name)]
        for name in names
        if first.settings.get(name) != second.settings.get(name)
    }
    scores = {}
    for name in first.scores:
        if name in second.scores:
            a, b = (run.scores[name] for run in (first, second))
            known = a["value"] is not None and b["value"] is not None
            scores[name] = {"first": a, "second": b, "difference": b["value"] - a["value"] if known else None}
    dealt = ("validation_size", "test_size", "seed", "group", "label", "positive")
    same_data = first.metrics["data"].get("sha256") == second.metrics["data"].get("sha256")
    same_rows = same_data and not any(name in settings for name in dealt)
    return {"runs": [first.name, second.name], "same_test_rows": same_rows, "settings": settings, "scores": scores}


def compare_text(found: dict) -> str:
    """The same as two tables."""
    first, second = found["runs"]
    settings = [["setting", first, second], *([name, str(a), str(b)] for name, (a, b) in found["settings"].items())]
    scores = [["on the test part", first, second, "difference"]]
    for name, each in found["scores"].items():
        difference = "-" if each["difference"] is None else f"{each['difference']:+.3f}"
        scores.append([name.replace("_", " "), interval(each["first"]), interval(each["second"]), difference])
    rows = (
        "the same test rows" if found["same_test_rows"] else "other test rows: part of each difference is the luck of the split"
    )
    told = table(settings, left=3) if found["settings"] else "no setting differs"
    return f"{told}\n\n{table(scores)}\n({rows}; both were trained once: another seed moves a score too)"
