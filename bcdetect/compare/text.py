"""A comparison, and a learning curve, as text for a terminal and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np

from bcdetect import NOTICE
from bcdetect.compare.contenders import PERMUTED
from bcdetect.compare.contest import Comparison
from bcdetect.compare.ranking import convolution_verdict, ranked, verdict
from bcdetect.compare.sizes import LearningCurve, better
from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.tables import table

CORRECTED = "(t intervals, corrected for overlapping training parts after Nadeau and Bengio)"


def reference_of(result: Comparison, against: str, metric: str) -> str:
    """Whom all are compared with: the first that was named, or the best by the metric."""
    means = {name: float(row[metric].mean()) for name, row in result.scores.items()}
    return result.contenders[0].name if against == "first" else ranked(means, metric)[0]


def comparison(result: Comparison, data: Dataset, metric: str, against: str) -> str:
    """The ranking, every metric's mean, and what the convolution earns where columns were permuted."""
    reference = reference_of(result, against, metric)
    summary, shown = result.summary(), metric.replace("_", " ")
    order = ranked({name: row[metric]["mean"] for name, row in summary.items()}, metric)
    ranking = [["", f"{shown} (95 % interval)", f"minus {reference} (95 % interval)", ""]]
    for name in order:
        ranking.append([name, _mean(summary[name][metric]), *_against(result, name, reference, metric)])
    metrics = list(summary[reference])
    others = [["mean over the folds", *(m.replace("_", " ") for m in metrics)]]
    others += [[name, *(f"{summary[name][m]['mean']:.4f}" for m in metrics)] for name in order]
    if result.calibration:
        others[0] += ["ECE", "slope"]
        for row in others[1:]:
            found = result.calibration.get(row[0], {})
            row += [_over_repeats(found[key]) if key in found else "-" for key in ("ece", "calibration_slope")]
    by_group = ", by group" if data.groups is not None else ""
    count = len(order) - 1
    lines = [
        f"{data.name}: {data.described()}; {result.repeats} x {result.folds} folds, stratified{by_group}, the same for all",
        "",
        table(ranking),
        CORRECTED,
        *([f"({count} comparisons: of so many, some can stand out by chance alone)"] if count > 4 else []),
        *(["(the best is best by chance too: differences from it lean its way)"] if against == "best" else []),
        "",
        table(others),
        *(
            ["(ECE in ten equal bins and calibration slope: over all rows of a repeat, mean over repeats)"]
            * bool(result.calibration)
        ),
        "",
        *fixed(result),
        *earned(result, metric),
        NOTICE,
    ]
    return "\n".join(lines)


def fixed(result: Comparison) -> list[str]:
    """One line for each contender whose settings no one chose."""
    return [f"{c.name}: {c.described()['fixed']}" for c in result.contenders if "fixed" in c.described()]


def earned(result: Comparison, metric: str) -> list[str]:
    """The verdict on the convolution, where the network was tried on permuted columns as well."""
    if PERMUTED not in result.scores:
        return []
    return [convolution_verdict(result.difference(result.contenders[0].name, PERMUTED, metric), metric)]


def comparison_json(result: Comparison, data: Dataset, config: Config, metric: str, against: str) -> str:
    """Everything: settings, summary, differences, and the scores of every fold."""
    reference = reference_of(result, against, metric)
    content = {
        **_judged_on(result, data, config),
        "ranked_by": metric,
        "contenders": {contender.name: contender.described() for contender in result.contenders},
        "summary": result.summary(),
        "against": reference,
        "differences": {
            name: {m: result.difference(name, reference, m) for m in row}
            for name, row in result.scores.items()
            if name != reference
        },
        "convolution": next(iter(earned(result, metric)), None),
        "scores": {name: {m: _numbers(values) for m, values in row.items()} for name, row in result.scores.items()},
        "calibration": {name: {m: _numbers(values) for m, values in row.items()} for name, row in result.calibration.items()},
        "facts": {name: facts for name, facts in result.facts.items() if any(facts)},
    }
    return json.dumps(content, indent=1) + "\n"


def _judged_on(result: Comparison | LearningCurve, data: Dataset, config: Config) -> dict:
    """What stands at the head of either JSON: the data, the settings and the folds."""
    return {
        "notice": NOTICE,
        "data": data.provenance,
        "settings": asdict(config),
        "repeats": result.repeats,
        "folds": result.folds,
    }


def curve(result: LearningCurve, data: Dataset, metric: str) -> str:
    """A line a size, and the verdict."""
    summary = result.summary()
    rows = [["share", "rows", *summary]]
    for number, (share, count) in enumerate(zip(result.shares, result.rows, strict=True)):
        cells = (summary[model][metric][number] for model in summary)
        rows.append([f"{100 * share:.0f} %", f"{count:.0f}", *(f"{cell['mean']:.4f} (sd {cell['sd']:.4f})" for cell in cells)])
    return "\n".join(
        [
            f"{data.name}: {metric.replace('_', ' ')} ({better(metric)}) over {result.repeats} x {result.folds} test folds, "
            "the same at every size",
            "",
            table(rows, left=0),
            "(sd: over the test folds; below, the paired gain with its t interval, corrected after Nadeau and Bengio)",
            "",
            result.verdict(metric),
            NOTICE,
        ]
    )


def curve_json(result: LearningCurve, data: Dataset, config: Config, metric: str) -> str:
    """Everything: the summary, the verdict, and the scores of every fold at every size."""
    content = {
        **_judged_on(result, data, config),
        "shares": result.shares,
        "rows": result.rows,
        "verdict": result.verdict(metric),
        "summary": result.summary(),
        "scores": {model: {m: values.tolist() for m, values in row.items()} for model, row in result.scores.items()},
    }
    return json.dumps(content, indent=1) + "\n"


def _mean(entry: dict[str, float]) -> str:
    return f"{entry['mean']:.4f} ({entry['low']:.4f}-{entry['high']:.4f})"


def _against(result: Comparison, name: str, reference: str, metric: str) -> list[str]:
    if name == reference:
        return ["", "reference"]
    found = result.difference(name, reference, metric)
    return [f"{found['mean']:+.4f} ({found['low']:+.4f} to {found['high']:+.4f})", verdict(found, metric)]


def _over_repeats(values: np.ndarray) -> str:
    return "undefined" if np.isnan(values).all() else f"{np.nanmean(values):.3f}"


def _numbers(values: np.ndarray) -> list[float | None]:
    """JSON has no NaN."""
    return [None if np.isnan(value) else float(value) for value in values]
