"""What a part of the data says beyond scores, as lines for a terminal; see `assessment.assess`."""

from __future__ import annotations

from bcdetect.tables import interval, number, table

CALIBRATIONS = {
    "temperature": "by temperature {temperature:.3f} (above 1: the network was too sure)",
    "platt": "by Platt's line, slope {slope:.3f} and intercept {intercept:+.3f}",
    "isotonic": "by isotonic regression",
}


def assessment_lines(found: dict, positive: str | None) -> list[str]:
    """Threshold, calibration, predictive values, referral, and errors, with blank lines between."""
    point, calibration, referral = found["operating_point"], found["calibration"], found["referral"]
    lines = []
    if point is not None:
        why = point["sentence"][:1].lower() + point["sentence"][1:]
        lines.append(f"called {positive} from a probability of {point['threshold']:.4g} on, by the rule {point['rule']}: {why}")
    if calibration["kind"] is not None:
        how = CALIBRATIONS[calibration["kind"]].format(**calibration["numbers"])
        before, after = (calibration[when] for when in ("before", "after"))
        change = f"log loss {_plain(before['log_loss'])} before, {_plain(after['log_loss'])} after"
        lines.append(f"probabilities calibrated {how}, on the validation part; here {change}")
    lines += _referral_lines(referral, found["errors"])
    lines += [f"note: {note}" for note in found["notes"]]
    if "at_prevalence" in found:
        rows = [["if of all patients this share is " + str(positive), "PPV (95 % interval)", "NPV (95 % interval)"]]
        for share, values in found["at_prevalence"].items():
            rows.append([f"{100 * float(share):g} %", *(interval(values[name]) for name in ("ppv", "npv"))])
        lines += ["", table(rows)]
    return lines


def _referral_lines(referral: dict, errors: dict) -> list[str]:
    referred = f"uncertain, to be referred: {interval(referral['referred'])} of the rows"
    lines = [f"{referred}; accuracy of the others {interval(referral['accuracy_of_the_others'])}"]
    if errors["rows"]:
        lines.append(f"wrong: {errors['rows']}, of which {errors['referred']} are referred")
    if referral["error_rate"] is not None:
        each = ", ".join(f"{name} {interval(entry)}" for name, entry in referral["coverage_by_class"].items())
        lines.append(
            f"sets hold the true class: {interval(referral['coverage'])}, asked {1 - referral['error_rate']:.3g} ({each})"
        )
    return lines


def against_lines(found: dict, first: str, second: str) -> list[str]:
    """Two models on the same rows in one or two lines."""
    lines = []
    if "roc_auc_difference" in found:
        entry = found["roc_auc_difference"]
        lines.append(f"AUC, {first} minus {second}: {_signed(entry)}")
    counts = f"{found['only_first_right']} rows only {first} has right, {found['only_second_right']} only {second}"
    p = "" if found["mcnemar_mid_p"] is None else f" (McNemar's test, mid-p {number(found['mcnemar_mid_p'])})"
    return [*lines, counts + p]


def subgroup_lines(subgroups: dict) -> list[str]:
    """A table for each column, one line a value, of the scores that people ask for first."""
    lines = []
    for column, values in subgroups.items():
        first = next(iter(values.values()))["scores"]
        wanted = ("accuracy", "sensitivity", "specificity", "roc_auc", "macro_f1", "macro_auc")
        names = [name for name in wanted if name in first]
        rows = [[column, "rows", *(name.replace("_", " ") for name in names)]]
        for value, each in values.items():
            rows.append([value, str(each["rows"]), *(interval(each["scores"][name]) for name in names)])
        lines += ["", table(rows), *(_reasons(column, values, names))]
    return lines


def _reasons(column: str, values: dict, names: list[str]) -> list[str]:
    told = {f"{column} {value}: {each['scores'][n]['why']}": None for value, each in values.items() for n in names
            if "why" in each["scores"][n]}  # fmt: skip
    return [f"({reason})" for reason in told]


def _plain(value: float | None) -> str:
    return "undefined" if value is None else number(value)


def _signed(entry: dict) -> str:
    if entry["value"] is None:
        return f"undefined ({entry['why']})"
    limits = "" if entry["low"] is None else f" ({entry['low']:+.3f} to {entry['high']:+.3f})"
    p = "" if entry["p_value"] is None else f", p {number(entry['p_value'])}"
    return f"{entry['value']:+.3f}{limits}{p}"
