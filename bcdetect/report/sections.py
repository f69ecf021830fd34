"""The chapters on how the run was made: data, learning, limits, settings. Each gives HTML parts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape

from bcdetect.report.folder import RunFolder
from bcdetect.report.page import Numbers, paragraph, picture, table

LISTED = 20
KEPT = {
    "last": "the end of training",
    "validation_auc": "the highest AUC on the validation part",
    "validation_loss": "the lowest loss on the validation part",
}


def headline(run: RunFolder, n: Numbers) -> str:
    """Three sentences that stand alone."""
    area = "roc_auc" if run.metrics["positive"] else "macro_auc"
    return paragraph(
        f"On {n.show('parts', 'test', 'rows')} test rows that this run chose nothing on, the network has an accuracy of",
        f"{n.interval('test', 'CNN', 'accuracy')} and an AUC of {n.interval('test', 'CNN', area)};",
        f"logistic regression on the same rows {n.interval('test', 'logistic regression', 'accuracy')} and",
        f"{n.interval('test', 'logistic regression', area)}.",
        f"{n.interval('referral', 'referred')} of the rows are uncertain and to be referred.",
    )


def data(run: RunFolder, n: Numbers) -> Iterator[str]:
    """What data, which patients in which part, and the way from a file to a prediction."""
    told = run.metrics["data"]
    yield paragraph(
        f"{escape(run.metrics['data_described'])}.",
        f"SHA-256 of the data: <code>{n.show('data', 'sha256')}</code>." if told.get("sha256") else "",
        *(f"Left out {escape(repr(name))}: {escape(str(why))}." for name, why in told.get("left_out", {}).items()),
        _bad(told),
    )
    names = run.metrics["class_names"]
    grouped = "groups" in run.metrics["parts"]["train"]
    rows = [["part", "rows", *map(escape, names), *(["groups"] if grouped else [])]]
    for part, counts in run.metrics["parts"].items():
        shares = [
            f"{n.show('parts', part, 'classes', name)} ({100 * counts['classes'][name] / counts['rows']:.1f} %)" for name in names
        ]
        more = [n.show("parts", part, "groups")] if grouped else []
        rows.append([part, n.show("parts", part, "rows"), *shares, *more])
    yield table("Parts, with the share of each class", rows, "/parts/(part)/rows, classes, groups")
    if grouped:
        column = escape(repr(told.get("group")))
        yield paragraph(f"Rows are kept together by {column}: {n.show('groups_in_two_parts')} groups are shared by two parts.")
    else:
        yield paragraph("The data names no groups (patients): if rows share a patient, these numbers are too good.")
    if told.get("warning"):
        yield paragraph(f"<strong>{escape(told['warning'])}.</strong>")
    if run.metrics["rows_in_two_parts"]:
        warning = "rows stand in more than one part, exactly alike: the numbers are too good."
        yield paragraph(f"<strong>{n.show('rows_in_two_parts')} {warning}</strong>")
    pictures = run.classifier.takes_pictures
    shape = " x ".join(map(str, run.classifier.input_shape))
    several = len(run.classifier.models)
    steps = [
        "file, checked and decoded" if pictures else "table, columns matched by name",
        f"{'brought to' if pictures else 'a row as'} {shape}",
        "scaled by the training part's mean and deviation",
        f"{several} networks, averaged" if several > 1 else "the network",
        "calibrated on the validation part" if run.metrics["calibration"]["kind"] else "not calibrated",
        "threshold of the operating point" if run.metrics["positive"] else "likeliest class",
        "prediction set, and likeness to the training part",
        "answer, or uncertain: refer",
    ]
    yield "<h3>From a file to an answer</h3>" + paragraph(" &rarr; ".join(map(escape, steps)) + ".")
    yield paragraph(
        "The training part taught the weights; the validation part chose the epoch, and fitted calibration, threshold and the "
        "limits of referral; the test part was used once, for the numbers on this page."
    )


def _bad(told: dict) -> str:
    """What was left out because it could not be read: how many, of the rows of a table the first too, and why."""
    bad = told.get("bad", [])
    if not bad or told["source"] != "table":
        return f"{len(bad)} files could not be read and were left out." if bad else ""
    more = f"; and {len(bad) - LISTED} more, all in metrics.json" if len(bad) > LISTED else ""
    first = escape("; ".join(bad[:LISTED]))
    of_class = escape(", ".join(f"{count} {name}" for name, count in told["bad_of_class"].items()))
    return f"{len(bad)} of {told['rows'] + len(bad)} rows ({of_class}) had a bad cell and were left out: {first}{more}."


def learning(run: RunFolder, n: Numbers) -> Iterator[str]:
    """Which epoch, the verdict on over- and under-fitting, the curves, and the time it took."""
    rows = [["network", "epoch kept", "epochs", "seconds", "verdict", "reason"]]
    for k in range(len(run.metrics["networks"])):
        rows.append(
            [
                str(k + 1),
                n.show("networks", k, "best_epoch"),
                n.show("networks", k, "epochs"),
                n.show("training_seconds", k, form=lambda seconds: f"{seconds:.1f}"),
                f"<strong>{n.show('learning', k, 'kind')}</strong>",
                n.show("learning", k, "reason"),
            ]
        )
    key = "/networks/(network), /training_seconds/(network), /learning/(network)"
    yield table("Over- or under-fitting", rows, key, kind="words")
    yield paragraph(
        f"The epoch kept is that of {KEPT[run.metrics['monitor']]}.", "Training was interrupted." * run.metrics["interrupted"]
    )
    yield from pictures(run, "learning_curves", "Loss and AUC over the epochs; their numbers are in history.csv")


def limits(run: RunFolder, n: Numbers) -> Iterator[str]:
    """What the numbers do not say."""
    found = [
        "One split is one draw: other random splits of the same data give other numbers. "
        "<code>python -m bcdetect evaluate --config config.json --cv 10x10</code> in this folder gives the mean over many.",
        "The intervals are of the test rows' chance alone, not of training with another seed or on other patients.",
        "The validation part chose the epoch before it fitted calibration, threshold and prediction sets: these may look a "
        "little too good to it, and sets may hold the true class a little less often than asked.",
        "Data of another hospital, device or population may differ in ways that neither the split nor the check for strange rows "
        "shows: <code>python -m bcdetect evaluate MODEL DATA</code> judges the model there.",
        "Predictive values depend on how common the disease is; the table gives several prevalences, none of them yours.",
        "Explanations show what the network used, not what is true of the patient.",
        *map(escape, run.metrics["notes"]),
    ]
    if run.metrics["referral"]["error_rate"] is not None:
        found.append(
            "The sets hold the true class as often as asked on average over validation parts of this size; a single one can be "
            "off by several hundredths."
        )
    if not run.metrics["logistic_converged"]:
        found.append("The logistic regression did not converge; its numbers are not the baseline's.")
    yield "<ul>" + "".join(f"<li>{text}</li>" for text in found) + "</ul>"


def technical(run: RunFolder, n: Numbers) -> Iterator[str]:
    """The network layer by layer, every setting, and what computed it."""
    yield paragraph(f"{n.show('parameters')} trained numbers. SHA-256 of model.npz: <code>{run.digest}</code>.")
    yield f"<pre>{escape(run.classifier.models[0].summary())}</pre>"
    yield f"<h3>Settings (config.json)</h3><pre>{escape(json.dumps(run.settings, indent=1))}</pre>"
    yield table("Versions", [["what", "version"], *([escape(k), n.show("versions", k)] for k in run.metrics["versions"])],
                "/versions", kind="words")  # fmt: skip


def pictures(run: RunFolder, stem: str, alt: str, half: bool = False) -> Iterator[str]:
    """The figures whose names begin so."""
    for name, png in run.figures.items():
        if name.startswith(stem):
            yield picture(png, alt, half)
