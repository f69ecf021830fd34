"""What a study found: the best settings, what mattered, and all trials, as text, table, JSON and figures."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from shlex import quote

from bcdetect import NOTICE, plots
from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.output import save_text
from bcdetect.plots import BLUE, GREY, ORANGE, new_figure, tidy
from bcdetect.tables import table
from bcdetect.tuning.optuna import optuna
from bcdetect.tuning.space import settings, values_of
from bcdetect.tuning.study import DIVERGED, SAME_AS, Plan, best_trial

TUNED = "tuned.json"  # what `train --config` takes


def tuned(study, plan: Plan, pictures: bool) -> Config:
    """The settings of the best trial."""
    return settings(best_trial(study).params, plan.config, pictures)


def importance(study) -> dict[str, float]:
    """How much each setting decided, as shares that add up to 1, the largest first; empty where too few trials can tell.

    PED-ANOVA: how far a setting's values among the best trials stray from those among all.
    Source: Watanabe et al. 2023, IJCAI (arXiv:2304.10255).
    """
    complete = study.get_trials(deepcopy=False, states=(optuna().trial.TrialState.COMPLETE,))
    if len(complete) < 4 or len({trial.value for trial in complete}) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is experimental, and that few trials say little
        try:
            found = optuna().importance.get_param_importances(study, evaluator=optuna().importance.PedAnovaImportanceEvaluator())
        except (RuntimeError, ValueError):  # no setting varies
            return {}
    return {name: float(share) for name, share in found.items() if math.isfinite(share)}


def text(study, plan: Plan, data: Dataset, rows: int, test_rows: int, folder) -> str:
    """Settings before and after, and how to go on. `rows` of `data` served the inner folds, `test_rows` were not touched."""
    best, shares = best_trial(study), importance(study)
    before = values_of(plan.config, plan.space, data)
    lines = [["setting", "before", "tuned", "importance"]]
    for r in plan.space:
        found = [_short(values[r.name]) if r.name in values else "-" for values in (before, best.params)]
        lines.append([r.name.replace("_", " "), *found, f"{shares[r.name]:.2f}" if r.name in shares else "-"])
    states = [trial.state.name for trial in study.get_trials(deepcopy=False)]
    diverged = sum(DIVERGED in trial.user_attrs for trial in study.get_trials(deepcopy=False))
    own = next((t for t in study.get_trials(deepcopy=False) if t.params == before and t.state.name == "COMPLETE"), None)
    shown = plan.objective.replace("_", " ")
    return "\n".join(
        [
            f"{data.name}: {states.count('COMPLETE')} trials judged, {states.count('PRUNED')} pruned"
            + (f" ({diverged} of them diverged)" if diverged else ""),
            f"on {plan.inner} inner folds of {rows} rows; the test part, {test_rows} rows, was not touched",
            "",
            table(lines),
            "",
            f"{shown} on the inner folds: {best.value:.4f}"
            + (f", of the settings before {own.value:.4f}" if own is not None else ""),
            "(the best of many looks better than it is; what it is worth the test part says, or evaluate --cv 5x5 --tune N)",
            f"  python -m bcdetect train --config {quote(str(Path(folder) / TUNED))}",
            NOTICE,
        ]
    )


def to_csv(study, plan: Plan) -> str:
    """One line a trial."""
    names = [r.name for r in plan.space]
    lines = [",".join(["trial", "state", plan.objective, "folds", *names])]
    for trial in study.get_trials(deepcopy=False):
        value = "" if trial.value is None or trial.state.name != "COMPLETE" else repr(trial.value)
        state = "same as " + str(trial.user_attrs[SAME_AS]) if SAME_AS in trial.user_attrs else trial.state.name.lower()
        cells = [trial.number, state, value, len(trial.intermediate_values), *(trial.params.get(name, "") for name in names)]
        lines.append(",".join(map(str, cells)))
    return "\n".join(lines) + "\n"


def to_json(study, plan: Plan, data: Dataset) -> str:
    """The best trial, the importances and the plan."""
    best = best_trial(study)
    content = {
        "notice": NOTICE,
        "data": data.provenance,
        "objective": plan.objective,
        "inner_folds": plan.inner,
        "space": [repr(r) for r in plan.space],
        "trials": len(study.get_trials(deepcopy=False)),
        "best": {"trial": best.number, "value": best.value, "settings": best.params, "folds": best.user_attrs.get("folds")},
        "importance": importance(study),
    }
    return json.dumps(content, indent=1) + "\n"


def write(study, plan: Plan, data: Dataset, folder: Path) -> None:
    """The files of a study that is done. Raises OutputError."""
    save_text(folder / TUNED, tuned(study, plan, data.pictures).to_json())
    save_text(folder / "trials.csv", to_csv(study, plan))
    save_text(folder / "tuning.json", to_json(study, plan, data))
    if plots.available():
        plots.save_figure(history_figure(study, plan), folder / "history.png")
        if shares := importance(study):
            plots.save_figure(importance_figure(shares), folder / "importance.png")


def importance_figure(shares: dict[str, float]):
    """Bars of how much each setting decided, the largest on top."""
    figure = new_figure(6.4, 1.5 + 0.34 * len(shares))
    axes = figure.subplots()
    bars = axes.barh(range(len(shares)), list(shares.values()), color=BLUE)
    axes.bar_label(bars, [f"{share:.2f}" for share in shares.values()], padding=4, size=9)
    axes.set_yticks(range(len(shares)), [name.replace("_", " ") for name in shares])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.tick_params(axis="y", length=0)
    axes.set_title("Importance of the settings (PED-ANOVA, shares of 1)")
    axes.spines[["top", "right", "left"]].set_visible(False)
    return figure


def history_figure(study, plan: Plan):
    """Every trial's value, and the best so far."""
    done = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    pruned = [trial.number for trial in study.get_trials(deepcopy=False) if trial.state.name == "PRUNED"]
    better = min if study.direction.name == "MINIMIZE" else max
    so_far = [better(trial.value for trial in done[: k + 1]) for k in range(len(done))]
    figure = new_figure(7, 4)
    axes = figure.subplots()
    axes.plot([t.number for t in done], [t.value for t in done], "o", color=BLUE, markersize=5, label="judged on all inner folds")
    # At the edge, since a mean of the first folds alone is no number to compare with that of all.
    edge = axes.get_xaxis_transform()
    axes.plot(pruned, [0.02] * len(pruned), "x", color=GREY, markersize=5, label="pruned before the last fold", transform=edge)
    axes.step([t.number for t in done], so_far, where="post", color=ORANGE, label="best so far")
    axes.set_title(f"{plan.objective.replace('_', ' ')} on the inner folds")
    axes.set_xlabel("trial")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(framealpha=1, edgecolor="none")
    tidy(axes)
    return figure


def _short(value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
