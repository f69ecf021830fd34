"""The model card, and a table of reporting items: what the run knows is filled in, what only people know is marked."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from bcdetect import NOTICE
from bcdetect.report.folder import RunFolder
from bcdetect.report.page import Numbers, paragraph, table

TODO = '<span class="todo">to be filled in</span>'
SOURCES = (
    "Item numbers: TRIPOD+AI, Collins et al. 2024, BMJ 385:e078378; CLAIM, Mongan, Moy and Kahn 2020, Radiology: Artificial "
    "Intelligence 2(2):e200029. The wording here is ours, and this table is no substitute for theirs."
)


def model_card(run: RunFolder, n: Numbers) -> Iterator[str]:
    """After Mitchell et al. 2019, Model Cards for Model Reporting."""
    classes = ", ".join(map(escape, run.metrics["class_names"]))
    takes = "pictures" if run.classifier.takes_pictures else f"{len(run.classifier.feature_names)} measurements, by column name"
    area = "roc_auc" if run.metrics["positive"] else "macro_auc"
    entries = {
        "Model": f"{len(run.classifier.models)} convolutional network(s), {n.show('parameters')} trained numbers; "
        f"bcdetect {n.show('versions', 'bcdetect')}",
        "Takes": takes,
        "Gives": f"a probability for each of: {classes}; a prediction set; and uncertain: refer, with the reason",
        "Intended use": f"{escape(NOTICE)} Intended users, setting and place in care: {TODO}",
        "Not for": "decisions about a patient; data of another kind than it was trained on",
        "Training data": f"{escape(run.metrics['data_described'])}, {n.show('parts', 'train', 'rows')} of its rows",
        "Test data": f"{n.show('parts', 'test', 'rows')} rows of the same source; external data: {TODO}",
        "Performance": f"accuracy {n.interval('test', 'CNN', 'accuracy')}, AUC {n.interval('test', 'CNN', area)}",
        "Subgroups": f"not judged in this run (evaluate MODEL DATA --subgroup COLUMN); which matter: {TODO}",
        "Ethics": f"consent, harms, and who answers for the use: {TODO}",
        "Contact and licence": TODO,
    }
    yield "<dl>" + "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in entries.items()) + "</dl>"
    yield paragraph("Source of the headings: Mitchell et al. 2019, Model Cards for Model Reporting (arXiv:1810.03993).")


def checklist(run: RunFolder, n: Numbers) -> Iterator[str]:
    """What a report of a study must tell, with the items' numbers."""
    yield paragraph(f"{escape(SOURCES)} {TODO} marks what a person has to write.")
    yield table("Reporting items", [["what has to be told", "TRIPOD+AI", "CLAIM", "this run"], *items(run, n)], kind="words")


def items(run: RunFolder, n: Numbers) -> Iterator[list[str]]:
    """Rows of the table: what has to be told, its numbers in TRIPOD+AI and in CLAIM, and what this run says of it."""
    parts = ", ".join(f"{part} {n.show('parts', part, 'rows')}" for part in run.metrics["parts"])
    yield from _of_the_study(run, parts)
    yield from _of_the_model(run, n, parts)
    yield from _of_the_results(run, n, parts)


def _of_the_study(run: RunFolder, parts: str) -> Iterator[list[str]]:
    """Question, data, outcome and predictors."""
    told = run.metrics["data"]
    question = f"development, with an internal test; the question: {TODO}"
    source = f"{escape(str(told.get('file', told['source'])))}; dates: {TODO}"
    kind, bad = "files" if run.classifier.takes_pictures else "rows", len(told.get("bad", []))
    left_out = f"{len(told.get('left_out', {}))} columns and {bad} {kind} left out"
    skipped = bad and not run.classifier.takes_pictures
    missing = f"{bad} rows with a missing or bad cell were left out" if skipped else "rows with missing values are refused"
    prepared = f"scaled by the training part's mean and deviation; {left_out}"
    label, classes = escape(repr(told.get("label", "folder"))), ", ".join(map(escape, run.metrics["class_names"]))
    outcome = f"column {label}, classes {classes}; the rest: {TODO}"
    predictors = "pictures" if run.classifier.takes_pictures else f"{len(run.classifier.feature_names)} measurements"
    yield ["Title and abstract that name the model, its outcome and population", "1, 2", "1, 2", TODO]
    yield ["Clinical background, intended use, known inequalities", "3a-3c", "3", TODO]
    yield ["Objectives: development, evaluation, or both", "4", "4, 6", question]
    yield ["Source of the data, and its dates", "5a, 5b", "5, 7", source]
    yield ["Setting, eligibility, treatments", "6a-6c", "8", TODO]
    yield ["Preparation of the data", "7", "9, 10", prepared]
    yield ["De-identification", "-", "12", f"no PatientID is written into the results; before that: {TODO}"]
    yield ["Outcome: definition, who judged it, blinded to what", "8a-8c", "11, 14-18", outcome]
    yield ["Predictors: choice, definition, who measured them", "9a-9c", "11", f"{predictors}; how they came about: {TODO}"]
    yield ["Sample size", "10", "19", f"{parts}; why so many: {TODO}"]
    yield ["Missing data", "11", "13", f"{missing}; sequences that were not taken are masked"]


def _of_the_model(run: RunFolder, n: Numbers, parts: str) -> Iterator[list[str]]:
    """How it was trained, and how it is judged."""
    m, setting = run.metrics, run.settings.get
    group = f"by {escape(repr(m['data'].get('group')))}" if "groups" in m["parts"]["train"] else "none named in the data"
    dealt = f"{parts}; seed {escape(str(setting('seed')))}; rows kept together: {group}"
    networks = f"{len(run.classifier.models)} network(s), {n.show('parameters')} trained numbers"
    trained = f"{escape(str(setting('optimizer')))}, rate {setting('lr'):g}, at most {setting('epochs')} epochs"
    kind = n.show("calibration", "kind") if m["calibration"]["kind"] else "none"
    threshold = n.show("threshold", form=lambda t: f"{t:.4g}")
    yield ["Parts, and how rows were dealt to them", "12a, 16", "20, 21", dealt]
    software = f"{networks}; model.npz, config.json, versions below"
    yield ["Model, its software, and its starting weights", "12c, 22", "22-24", software]
    yield ["Training, choice of the final model, ensembles", "12c", "25-27", f"{trained}; kept: {n.show('monitor')}"]
    yield ["Performance measures, and their intervals", "12e", "28, 29", "in the chapters above"]
    yield ["Class imbalance", "13", "-", f"balance={escape(str(setting('balance')))}; recalibrated: {kind}"]
    yield ["Fairness", "14", "-", TODO]
    yield ["What the model puts out, and its threshold", "15", "-", f"probabilities; threshold {threshold}"]
    yield ["Robustness and explanations", "-", "30, 31", "explanations of single rows above; graded by audit-model, if at all"]
    yield ["External data", "12g", "32", f"none in this run: {TODO}"]


def _of_the_results(run: RunFolder, n: Numbers, parts: str) -> Iterator[list[str]]:
    """Around the study, and what came out."""
    area = "roc_auc" if run.metrics["positive"] else "macro_auc"
    shared = f"code: bcdetect {n.show('versions', 'bcdetect')}; data: {TODO}"
    performance = f"accuracy {n.interval('test', 'CNN', 'accuracy')}, AUC {n.interval('test', 'CNN', area)}"
    yield ["Ethics approval", "17", "-", TODO]
    yield ["Funding, conflicts, protocol, registration", "18a-18d", "40-42", TODO]
    yield ["Data and code that others can have", "18e, 18f", "41", shared]
    yield ["Patients and public in the study", "19", "-", TODO]
    yield ["Flow and characteristics of participants", "20a-20c", "33, 34", f"{parts}; ages and other facts: {TODO}"]
    yield ["Performance with intervals", "23a", "35, 36", performance]
    yield ["Performance in subgroups and sites", "23b", "36", f"not judged in this run: {TODO}"]
    yield ["Failures", "-", "37", f"{n.show('errors', 'rows')} wrong test rows, the surest listed above"]
    yield ["Interpretation, limits, next steps", "25-27c", "38, 39", f"known limits above; the rest: {TODO}"]
