"""The chapters on what was found on the test part. Each gives HTML parts."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from bcdetect.report.folder import RunFolder
from bcdetect.report.page import Numbers, paragraph, table
from bcdetect.report.sections import pictures
from bcdetect.scores import BY_GROUP, METHODS

PAIR = "cnn_against_logistic_regression"


def result(run: RunFolder, n: Numbers) -> Iterator[str]:
    """Every score beside the baselines', the paired comparison, matrices and curves."""
    models = list(run.metrics["test"])
    rows = [["", *map(escape, models)]]
    for metric in run.metrics["test"][models[0]]:
        rows.append([escape(metric.replace("_", " ")), *(n.interval("test", model, metric) for model in models)])
    yield table("Value and 95 % interval", rows, "/test/(model)/(metric)/value, low, high")
    method = BY_GROUP if "groups" in run.metrics["parts"]["test"] else METHODS
    yield paragraph(
        f"Intervals: {escape(method)}.",
        "The baselines, which choose nothing, were fitted on the training and the validation rows.",
    )
    yield paragraph(*_compared(run, n))
    names = run.metrics["class_names"]
    for part in ("test", "validation", "train"):
        counts = run.metrics["confusion"][part]
        matrix = [["reference \\ predicted", *map(escape, names)]]
        for i, name in enumerate(names):
            matrix.append([escape(name), *(n.show("confusion", part, i, j) for j in range(len(counts)))])
        yield table(f"Confusion matrix, {part}", matrix, f"/confusion/{part}/(reference)/(predicted)", kind="small")
    yield from pictures(run, "confusion", "Confusion matrices; their numbers are in the tables")
    yield from pictures(run, "roc", "ROC curves of the network and of logistic regression", half=True)
    yield from pictures(run, "precision_recall", "Precision-recall curves of the same", half=True)
    if not run.figures:
        yield paragraph("No figures: matplotlib is not installed (pip install matplotlib).")


def _compared(run: RunFolder, n: Numbers) -> Iterator[str]:
    pair = run.metrics[PAIR]
    if "roc_auc_difference" in pair:
        known = pair["roc_auc_difference"]["p_value"] is not None
        p = f", p = {n.show(PAIR, 'roc_auc_difference', 'p_value')}" if known else ""
        yield f"AUC of the network minus that of logistic regression, paired: {n.interval(PAIR, 'roc_auc_difference')}{p}."
    first, second = (n.show(PAIR, f"only_{which}_right") for which in ("first", "second"))
    yield f"{first} rows only the network has right, {second} only the other"
    if pair["mcnemar_mid_p"] is not None:
        yield f"(McNemar's test, mid-p {n.show(PAIR, 'mcnemar_mid_p')})."
    else:
        yield f"(not tested: {n.show(PAIR, 'why_no_mcnemar')})."


def calibration(run: RunFolder, n: Numbers) -> Iterator[str]:
    """What was fitted, the scores before and after, and the reliability diagram."""
    found = run.metrics["calibration"]
    if found["kind"] is None:
        yield paragraph("The probabilities are the network's own; nothing calibrated them.")
    else:
        told = ", ".join(f"{escape(name)} {n.show('calibration', 'numbers', name)}" for name in found["numbers"])
        yield paragraph(f"Calibrated on the validation part by {n.show('calibration', 'kind')}: {told}.")
        rows = [["test part", "before", "after"]]
        for name in found["before"]:
            rows.append([name.replace("_", " "), *(n.show("calibration", when, name) for when in ("before", "after"))])
        yield table("Before and after calibration", rows, "/calibration/before, after/(score)")
    if bins := run.metrics.get("reliability"):
        rows = [["probability", "rows", "mean probability", "observed share"]]
        for k in range(len(bins)):
            at = ("reliability", k)
            low, high = (n.show(*at, name, form=lambda edge: f"{edge:.1f}") for name in ("from", "to"))
            known = bins[k]["low"] is not None
            observed = n.show(*at, "observed") + (f" ({n.show(*at, 'low')} to {n.show(*at, 'high')})" if known else " (-)")
            rows.append([f"{low} to {high}", n.show(*at, "rows"), n.show(*at, "predicted"), observed])
        yield table("Reliability, ten equal bins", rows, "/reliability/(bin)")
    yield from pictures(run, "reliability", "Reliability diagram; its numbers are in the table", half=True)


def operating(run: RunFolder, n: Numbers) -> Iterator[str]:
    """The threshold and its rule, predictive values at other prevalences, and the decision curve."""
    if run.metrics["operating_point"] is None:
        yield paragraph("Of three and more classes the likeliest is called; there is no threshold.")
        return
    positive, at = escape(run.metrics["positive"]), "operating_point"
    yield paragraph(
        f"Called {positive} from a probability of {n.show(at, 'threshold', form=lambda t: f'{t:.4g}')} on, by the rule",
        f"{n.show(at, 'rule')}. {n.show(at, 'sentence')}. On the validation part, which chose it, sensitivity is",
        f"{n.show(at, 'sensitivity')} and specificity {n.show(at, 'specificity')}; on the test part",
        f"{n.interval('test', 'CNN', 'sensitivity')} and {n.interval('test', 'CNN', 'specificity')}.",
    )
    rows = [[f"share of patients who are {positive}", "PPV", "NPV"]]
    for share in run.metrics["at_prevalence"]:
        values = (n.interval("at_prevalence", share, name) for name in ("ppv", "npv"))
        rows.append([f"{100 * float(share):g} %", *values])
    yield table("What an answer means where the disease is rarer or commoner", rows, "/at_prevalence/(share)/ppv, npv")
    yield from pictures(run, "decision_curve", "Decision curve; its numbers are in metrics.json, /decision_curve", half=True)


def referral(run: RunFolder, n: Numbers) -> Iterator[str]:
    """How many rows are referred, and whether the sets hold what they promise."""
    found = run.metrics["referral"]
    names = {
        "referred": "rows referred",
        "unlike_the_training_data": "rows unlike the training data",
        "accuracy_of_the_others": "accuracy of the rows that are not referred",
        "accuracy_of_the_referred": "accuracy of the referred rows",
        "coverage": "sets that hold the true class",
    }
    rows = [["on the test part", "share"]]
    rows += [[title, n.interval("referral", name)] for name, title in names.items() if name in found]
    for name in found.get("coverage_by_class", {}):
        rows.append([f"the same, of {escape(name)} rows", n.interval("referral", "coverage_by_class", name)])
    if found["error_rate"] is not None:
        validation = ", ".join(
            f"{n.show('referral', 'validation_rows', name)} {escape(name)}" for name in found["validation_rows"]
        )
        rate = n.show("referral", "error_rate", form=lambda share: f"{share:g}")
        yield paragraph(
            "A row is referred where the prediction set does not hold exactly one class, or where it is unlike the training",
            f"data. Sets are made for an error rate of {rate} in each class,",
            f"from validation rows: {validation}.",
        )
    yield table("Uncertain: refer", rows, "/referral/(name)")


def explanations(run: RunFolder, n: Numbers) -> Iterator[str]:
    """The surest errors, and what spoke for a class in a few rows, errors first."""
    found = run.metrics["errors"]
    yield paragraph(
        f"{n.show('errors', 'rows')} test rows are answered wrongly; {n.show('errors', 'referred')} of them are referred."
    )
    if found["surest"]:
        rows = [["row", "reference", "predicted", "probability of predicted", "referred because"]]
        for k, each in enumerate(found["surest"]):
            at = ("errors", "surest", k)
            because = n.show(*at, "refer") if each["refer"] else "not referred"
            shown = (n.show(*at, name) for name in ("row", "reference", "predicted", "probability_of_predicted"))
            rows.append([*shown, because])
        yield table("The surest errors", rows, "/errors/surest/(number)", kind="words")
    yield from pictures(run, "explanation", "Explanations of single test rows, errors first")
