"""A model's facts, report, file, and the counts of every threshold; and what is said where there are none."""

import itertools
import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from shelved import asking, fill
from trained import small_run

from bcdetect import NOTICE
from bcdetect.bundle import save_classifier
from bcdetect.metrics import confusion_matrix
from bcdetect.operating import RULES, choose


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def client(folder):
    with asking(folder) as client:
        yield client


def error(answer, status):
    assert answer.status_code == status, answer.text
    found = answer.json()["error"]
    assert set(found) == {"code", "file", "where", "what", "hint"} and found["what"]
    return found


def test_the_facts_of_a_run_are_those_of_its_model(client):
    run, found = small_run(), client.get("/api/models/run").json()
    classifier = run.classifier
    assert found["notice"] == NOTICE and found["name"] == "run" and found["takes"] == "table"
    assert found["classes"] == ["benign", "malignant"] and found["positive"] == "malignant"
    assert found["features"] == list(classifier.feature_names) and found["threshold"] == classifier.threshold
    assert found["parameters"] == sum(each.value.size for each in classifier.models[0].parameters())
    assert found["layers"] == classifier.models[0].summary() and found["calibration"] == "temperature"
    assert found["card"]["parts"]["test"]["rows"] == 113 and found["error_rate"] == 0.05
    assert found["has_report"] and found["has_metrics"] and "no grade" in found["grade"]


def test_the_facts_of_other_models(client):
    lone, pictures, three = (client.get(f"/api/models/{name}").json() for name in ("lone", "pictures", "three"))
    assert not lone["has_metrics"] and not lone["has_report"]
    assert lone["sha256"] == client.get("/api/models/run").json()["sha256"]
    assert pictures["takes"] == "pictures" and pictures["features"] == [] and pictures["input_shape"] == [16, 16, 1]
    assert three["positive"] is None and three["threshold"] is None and three["operating_point"] is None


def test_the_grade_of_its_explanations_is_told_whatever_it_is_of(client, folder):
    grade = {
        "notice": NOTICE, "model_sha256": client.get("/api/models/lone").json()["sha256"], "method": "occlusion", "layer": None,
        "data": "d", "part": "p", "rows": 7, "checks": [{"name": "needed", "verdict": "pass"}],
    }  # fmt: skip
    path = folder / "lone.grade.json"
    path.write_text(json.dumps(grade))
    try:
        assert client.get("/api/models/lone").json()["grade"].startswith("explanations graded on 7 rows (occlusion)")
        path.write_text("{")
        assert "cannot be read" in client.get("/api/models/lone").json()["grade"]
    finally:
        path.unlink()


def test_the_counts_of_every_threshold_are_those_of_counting(client):
    run, found = small_run(), client.get("/api/models/run/operating").json()
    y, p = run.data.y[run.parts["test"]], run.probabilities["CNN"][:, 1]
    counts = found["counts"]
    for k, threshold in enumerate(counts["thresholds"]):
        (tn, fp), (fn, tp) = confusion_matrix(y, p >= threshold).tolist()
        assert [counts[name][k] for name in ("tp", "fp", "fn", "tn")] == [tp, fp, fn, tn]
    assert found["point"]["threshold"] in counts["thresholds"] and found["point"]["rule"] == "half"
    assert found["prevalence"] == np.mean(y) and found["test"]["rows"] == len(y)
    assert (found["negative"], found["positive"]) == ("benign", "malignant")


@pytest.mark.parametrize("name, what", [("lone", "lone file"), ("pictures", "lone file"), ("three", "3 classes")])
def test_a_threshold_that_cannot_be_moved_is_a_clear_404(client, name, what):
    assert what in error(client.get(f"/api/models/{name}/operating"), 404)["what"]


CHANGED = itertools.count()  # a name each: a model that is loaded is not loaded again


def _operating_with(client, folder, change):
    """The answer, and the page, for a run whose metrics were changed."""
    name = f"changed-{next(CHANGED)}"
    shutil.copytree(folder / "run", folder / name)
    path = folder / name / "metrics.json"
    metrics = json.loads(path.read_text())
    change(metrics)
    path.write_text(json.dumps(metrics))
    try:
        return name, client.get(f"/api/models/{name}/operating"), client.get("/model", params={"model": name}).text
    finally:
        shutil.rmtree(folder / name)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.clear(),
        lambda m: m.update(test=3),
        lambda m: m["test"]["CNN"]["accuracy"].update(value=float("nan")),
        lambda m: m["parts"].pop("test"),
        lambda m: m["threshold_counts"]["tp"].pop(),
        lambda m: m["threshold_counts"].update(tp=[-1] * len(m["threshold_counts"]["tp"])),
        lambda m: m["threshold_counts"]["tn"].__setitem__(0, 10**6),
        lambda m: m["threshold_counts"].update(thresholds=[]),
    ],
)
def test_metrics_that_no_run_writes_are_refused_and_the_page_says_so(client, folder, change):
    name, answer, page = _operating_with(client, folder, change)
    assert error(answer, 422)["file"] == f"{name}/metrics.json"
    assert f"{name}/metrics.json" in page and 'id="panel"' not in page


@pytest.mark.parametrize(
    "change",
    [lambda m: m["class_names"].reverse(), lambda m: m["operating_point"].update(threshold=0.123)],
    ids=["classes", "threshold"],
)
def test_scores_of_another_model_are_not_shown_as_this_one_s(client, folder, change):
    _, answer, page = _operating_with(client, folder, change)
    assert "another model" in error(answer, 422)["what"]
    assert "another model" in page and "majority class" not in page and 'id="panel"' not in page


def test_a_link_in_a_run_s_folder_leads_nowhere_else(client, folder, tmp_path):
    (tmp_path / "secret.html").write_text("of nobody's business")
    (tmp_path / "secret.json").write_text(json.dumps({"of nobody's": "business"}))
    shutil.copytree(folder / "run", folder / "linked")
    try:
        for name in ("report.html", "metrics.json"):
            (folder / "linked" / name).unlink()
            (folder / "linked" / name).symlink_to(tmp_path / f"secret{name[name.index('.') :]}")
        error(client.get("/api/models/linked/report"), 404)
        facts = client.get("/api/models/linked").json()
        assert not facts["has_report"] and not facts["has_metrics"]
        (found,) = [each for each in client.get("/api/models").json()["models"] if each["name"] == "linked"]
        assert not found["has_report"]
    finally:
        shutil.rmtree(folder / "linked")


def test_a_folder_of_models_may_hold_links_to_runs_and_models(client, folder, tmp_path):
    shutil.copytree(folder / "run", tmp_path / "run")
    (folder / "latest").symlink_to(tmp_path / "run")
    try:
        assert client.get("/api/models/latest/report").status_code == 200
        assert client.get("/api/models/latest/operating").status_code == 200
    finally:
        (folder / "latest").unlink()


def test_a_run_of_before_counts_were_kept(client, folder):
    _, answer, page = _operating_with(client, folder, lambda m: m.pop("threshold_counts"))
    assert "kept no counts" in error(answer, 404)["what"] and "kept no counts" in page
    assert "majority class" in page, "its scores are shown all the same"


def test_the_report_comes_with_a_policy_of_its_own(client, folder):
    answer = client.get("/api/models/run/report")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert policy == "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert answer.text == (folder / "run" / "report.html").read_text()
    error(client.get("/api/models/lone/report"), 404)


def test_the_file_is_the_model(client, folder):
    answer = client.get("/api/models/run/file")
    assert answer.content == (folder / "run" / "model.npz").read_bytes()
    assert answer.headers["content-disposition"] == 'attachment; filename="run.npz"'


@pytest.mark.parametrize("name", ["..%2frun", "%2e%2e", ".hidden", "a" * 65, "run%00", "r%C3%BCn", "run%0a", "<script>"])
@pytest.mark.parametrize("what", ["", "/operating", "/report", "/file"])
def test_only_names_are_taken(client, name, what):
    assert client.get(f"/api/models/{name}{what}").status_code in (404, 422)


@pytest.mark.parametrize("what", ["", "/operating", "/report", "/file"])
def test_a_model_that_is_none_says_why(client, what, folder):
    assert error(client.get(f"/api/models/broken{what}"), 409)["file"] == "broken"
    found = error(client.get(f"/api/models/gone{what}"), 404)
    assert "no model of this name" in found["what"] and str(folder) not in str(found)


@pytest.mark.parametrize("name", ["run", "three", "lone", "pictures", "gone"])
def test_the_page_of_each_model(client, name):
    answer = client.get("/model", params={"model": name})
    assert answer.status_code == 200 and NOTICE in answer.text
    assert ('id="panel"' in answer.text) == (name == "run") or name == "gone"
    assert "style=" not in answer.text and "<script>" not in answer.text


@pytest.mark.parametrize("rule", RULES)
def test_the_page_says_the_rule_of_the_threshold_once_and_as_one_sentence(client, folder, rule):
    classifier = small_run().classifier
    point = choose([0, 0, 1, 0, 1, 1], np.array([0.1, 0.2, 0.3, 0.4, 0.7, 0.9]), rule)
    judged = replace(classifier, judgement=replace(classifier.judgement, point=point))
    path = folder / "ruled.npz"
    save_classifier(path, judged)
    try:
        page = " ".join(client.get("/model?model=ruled").text.split())
    finally:
        path.unlink()
    said = re.sub("<[^>]*>", "", page.partition("from a probability of")[2].partition("</dd>")[0]).partition("by the rule ")[2]
    name, _, sentence = said.strip().partition(": ")
    assert name == rule and sentence[0].islower() and sentence.endswith(".") and "alled from" not in sentence
    assert rule == "half" or sentence[1:-1] == point.sentence[1:]


@pytest.mark.parametrize("path", ["/model", "/table", "/patient", "/pictures", "/inside"])
def test_a_page_says_so_when_another_model_answers_than_the_one_asked_for(client, path):
    asked = "<b>gone"
    page = client.get(path, params={"model": asked}).text
    assert "There is no model <b>&lt;b&gt;gone</b> here" in page and "answers instead" in page
    chosen = "pictures" if path == "/pictures" else "run"
    assert "answers instead" not in client.get(path, params={"model": chosen}).text
    assert "answers instead" not in client.get(path).text


def test_the_page_shows_the_scores_with_intervals_beside_the_baselines(client):
    page = client.get("/model?model=run").text
    scores = small_run().scores
    for name in scores:
        entry = scores[name]["accuracy"]
        assert f"{entry['value']:.3f}" in page and f"({entry['low']:.3f} to {entry['high']:.3f})" in page
    assert scores["majority class"]["precision"]["why"] in page, "an undefined score has its reason"


def test_a_server_without_models_says_how_to_get_one(tmp_path):
    with asking(tmp_path) as client:
        answer = client.get("/model")
        assert answer.status_code == 200 and "Train one" in answer.text
