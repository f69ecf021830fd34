"""What a part says beyond scores: counts by hand, the words for people, and the same numbers in file and terminal."""

import json
from dataclasses import replace

import numpy as np
import pytest
from trained import SMALL, clouds, small_run, wisconsin_table, write_table

from bcdetect import metrics
from bcdetect.assessment import against, by_prevalence, by_subgroup, errors, referral
from bcdetect.assessment_text import assessment_lines, subgroup_lines
from bcdetect.bundle import save_classifier
from bcdetect.cli import main
from bcdetect.conformal import Conformal
from bcdetect.datasets.subgroups import subgroup_values
from bcdetect.errors import InputError
from bcdetect.judgement import Judgement, Referral
from bcdetect.run import execute, summary, write

NAMES = ("benign", "malignant")
B, M = ("benign",), ("malignant",)
# Four benign rows, four malignant: the third is wrong and referred, the fifth wrong and sure of it.
Y = np.array([0, 0, 0, 0, 1, 1, 1, 1])
P = np.array([0.1, 0.2, 0.6, 0.1, 0.05, 0.9, 0.8, 0.7])
BOTH = np.column_stack([1 - P, P]).astype(np.float32)
CALLED = (P >= 0.5).astype(int)
REFERRALS = [
    Referral(B, None), Referral(B, None), Referral(NAMES, "it could be benign or malignant"), Referral(B, None),
    Referral(B, None), Referral(M, None), Referral(M, "unlike the training data: a is 7"), Referral((), "no class is likely"),
]  # fmt: skip


def test_referral_by_hand():
    judgement = Judgement(conformal=Conformal(0.1, [0.5, 0.5], [40, 20]))
    found = referral(judgement, REFERRALS, Y, CALLED, NAMES)
    assert (found["error_rate"], found["validation_rows"]) == (0.1, {"benign": 40, "malignant": 20})
    values = {name: entry["value"] for name, entry in found.items() if isinstance(entry, dict) and "value" in entry}
    assert values == pytest.approx(
        {
            "referred": 3 / 8, "unlike_the_training_data": 1 / 8, "accuracy_of_the_referred": 2 / 3,
            "accuracy_of_the_others": 4 / 5, "coverage": 6 / 8,
        }
    )  # fmt: skip
    assert {name: entry["value"] for name, entry in found["coverage_by_class"].items()} == {"benign": 1, "malignant": 0.5}
    assert found["rows_by_set_size"] == {"0": 1, "1": 6, "2": 1}
    plain = referral(Judgement(), [Referral(None, None)] * 8, Y, CALLED, NAMES)
    assert plain["error_rate"] is None and "coverage" not in plain and plain["accuracy_of_the_referred"]["value"] is None


def test_the_surest_errors_stand_first():
    found = errors(Y, BOTH, CALLED, REFERRALS, [f"row {k}" for k in range(8)], NAMES)
    assert (found["rows"], found["referred"]) == (2, 1)
    assert [each["row"] for each in found["surest"]] == ["row 4", "row 2"]
    assert found["surest"][0]["probability_of_predicted"] == pytest.approx(0.95)
    assert found["surest"][1] == {
        "row": "row 2", "reference": "benign", "predicted": "malignant",
        "probability_of_predicted": pytest.approx(0.6), "refer": "it could be benign or malignant",
    }  # fmt: skip


def test_predictive_values_by_bayes_rule():
    found = by_prevalence(np.array([[90, 10], [5, 45]]))
    assert list(found) == ["0.005", "0.01", "0.05", "0.3"]
    assert found["0.01"]["ppv"]["value"] == pytest.approx(0.9 * 0.01 / (0.9 * 0.01 + 0.1 * 0.99))
    assert found["0.3"]["npv"]["value"] == pytest.approx(0.9 * 0.7 / (0.9 * 0.7 + 0.1 * 0.3))
    assert found["0.05"]["ppv"]["low"] < found["0.05"]["ppv"]["value"] < found["0.05"]["ppv"]["high"]
    grouped = by_prevalence(np.array([[90, 10], [5, 45]]), np.arange(150))
    assert grouped["0.01"]["ppv"]["value"] == found["0.01"]["ppv"]["value"] and grouped["0.01"]["ppv"]["low"] is None


def test_two_models_are_compared_on_the_same_rows_and_groups_make_no_p_value():
    other = np.array([0.3, 0.2, 0.1, 0.1, 0.9, 0.4, 0.8, 0.7])
    pair = (BOTH, CALLED), (np.column_stack([1 - other, other]), (other >= 0.5).astype(int))
    found = against(Y, *pair)
    assert (found["only_first_right"], found["only_second_right"], found["mcnemar_exact_p"]) == (1, 2, 1.0)
    expected = metrics.roc_auc_score(Y, P) - metrics.roc_auc_score(Y, other)
    assert found["roc_auc_difference"]["value"] == pytest.approx(expected) and found["roc_auc_difference"]["p_value"] < 1
    grouped = against(Y, *pair, np.array(list("aabbccdd")))
    assert grouped["mcnemar_mid_p"] is None and "no independent draws" in grouped["why_no_mcnemar"]
    assert grouped["roc_auc_difference"]["p_value"] is None
    assert grouped["roc_auc_difference"]["value"] == found["roc_auc_difference"]["value"]
    alone = against(Y[:4], (BOTH[:4], CALLED[:4]), (BOTH[:4], CALLED[:4]))
    assert alone["roc_auc_difference"]["value"] is None and alone["roc_auc_difference"]["why"] == "a class has no rows"


def test_subgroups_are_scored_one_by_one_and_undefined_scores_have_their_reason():
    found = by_subgroup(np.array(list("xxxxyyyx")), Y, BOTH, CALLED, NAMES)
    assert found["x"]["classes"] == {"benign": 4, "malignant": 1} and found["x"]["scores"]["accuracy"]["value"] == 0.8
    assert found["y"]["rows"] == 3 and found["y"]["scores"]["roc_auc"]["why"] == "no row is benign"
    text = "\n".join(subgroup_lines({"site": found}))
    assert "(site y: no row is benign)" in text


def test_metrics_json_and_the_terminal_say_the_same():
    run = small_run()
    found = json.loads(json.dumps(summary(run), allow_nan=False))
    test = run.parts["test"]
    y, p = run.data.y[test], run.probabilities["CNN"]
    np.testing.assert_array_equal(p, run.classifier.predict_rows(run.data, test))
    assert found["test"]["CNN"]["log_loss"]["value"] == pytest.approx(found["calibration"]["after"]["log_loss"])
    raw = run.classifier.raw_rows(run.data, test)
    assert found["calibration"]["before"]["log_loss"] == pytest.approx(metrics.log_loss(y, raw[:, 1]))
    assert found["operating_point"]["threshold"] == found["threshold"] == 0.5
    assert sum(found["referral"]["rows_by_set_size"].values()) == len(test) == sum(b["rows"] for b in found["reliability"])
    assert found["decision_curve"]["thresholds"][0] == 0.05 and len(found["decision_curve"]["model"]) == 19
    counts = found["threshold_counts"]
    at = counts["thresholds"].index(found["threshold"])
    assert [[counts["tn"][at], counts["fp"][at]], [counts["fn"][at], counts["tp"][at]]] == found["confusion"]["test"]
    told = run.classifier.referral_rows(p, run.data, test)
    assert found["referral"]["referred"]["value"] == pytest.approx(np.mean([each.reason is not None for each in told]))
    text = "\n".join(assessment_lines(run.assessment, "malignant"))
    assert f"temperature {run.classifier.judgement.calibration.temperature:.3f}" in text
    assert "0.5 %" in text and "30 %" in text and "sets hold the true class" in text


def test_the_logistic_baseline_keeps_its_own_threshold():
    data, parts = small_run().data, small_run().parts
    run = execute(replace(SMALL, operating="cost", cost_ratio=1e6), data, parts)
    assert run.classifier.threshold < 0.5
    p = run.probabilities["logistic regression"]
    expected = metrics.accuracy_score(data.y[parts["test"]], (p[:, 1] >= 0.5).astype(int))
    assert run.scores["logistic regression"]["accuracy"]["value"] == pytest.approx(expected)


def test_rows_of_one_patient_give_the_reliability_diagram_no_intervals(tmp_path):
    plain = clouds((45, 45), apart=1.0)  # its classes stand one after the other, 15 patients each
    data = replace(plain, groups=(np.arange(90) // 3).astype(str))
    parts = {name: np.flatnonzero(np.arange(90) // 3 % 3 == k) for k, name in enumerate(("train", "validation", "test"))}
    run = execute(replace(SMALL, epochs=2), data, parts)
    bins = run.assessment["reliability"]
    assert sum(each["rows"] for each in bins) == 30 and {each["low"] for each in bins} == {each["high"] for each in bins} == {
        None
    }
    write(run, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "Reliability, ten equal bins" in page
    assert page.count("(-)</td>", page.index("Reliability, ten equal bins")) >= len(bins)
    alone = execute(replace(SMALL, epochs=2), plain, parts).assessment["reliability"]
    assert all(each["low"] < each["high"] for each in alone)


def test_three_classes_have_what_applies_to_them():
    data = clouds((30, 40, 20))
    thirds = {name: np.arange(k, 90, 3) for k, name in enumerate(("train", "validation", "test"))}
    run = execute(replace(SMALL, epochs=2), data, thirds)
    found = json.loads(json.dumps(summary(run), allow_nan=False))
    assert found["operating_point"] is None and not found.keys() & {"at_prevalence", "reliability", "threshold_counts"}
    assert set(found["referral"]["coverage_by_class"]) == {"a", "b", "c"}
    assert "roc_auc_difference" not in found["cnn_against_logistic_regression"]
    assert assessment_lines(run.assessment, None)


@pytest.fixture
def model(tmp_path):
    save_classifier(tmp_path / "model.npz", small_run().classifier)
    return str(tmp_path / "model.npz")


def table_with(tmp_path, values):
    header, rows = wisconsin_table()
    return write_table(tmp_path / "t.csv", [*header, "Site"], [[*row, v] for row, v in zip(rows, values, strict=False)])


def test_evaluate_scores_each_subgroup(model, tmp_path, capsys):
    table = table_with(tmp_path, ["north", "south", ""] * 66)
    assert main(["evaluate", model, table, "--subgroup", "site", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    values = found["subgroups"]["site"]
    assert {name: each["rows"] for name, each in values.items()} == {"north": 66, "south": 66, "(empty)": 66}
    hits = sum(each["scores"]["accuracy"]["value"] * each["rows"] for each in values.values())
    assert hits == pytest.approx(found["scores"]["model"]["accuracy"]["value"] * 198)
    assert found["referral"]["coverage"]["value"] > 0.8 and found["calibration"]["kind"] == "temperature"
    assert main(["evaluate", model, table, "--subgroup", "site"]) == 0
    assert "north" in capsys.readouterr().out


def test_subgroups_that_are_not_there_are_one_line(model, tmp_path, capsys):
    table = table_with(tmp_path, map(str, range(30)))
    for words, code, said in (
        (("--subgroup", "centre"), 3, "no column 'centre'"),
        (("--subgroup", "site"), 3, "column 'site' has 30 values; at most 20 make subgroups"),
    ):
        assert main(["evaluate", model, table, *words]) == code
        err = capsys.readouterr().err
        assert said in err and err.count("\n") == 1
    assert main(["evaluate", "--cv", "2x2", "--subgroup", "site"]) == 2
    with pytest.raises(InputError, match="it is no table"):
        subgroup_values(tmp_path, "site", 3)
    with pytest.raises(InputError, match="which row has which subgroup is not known"):
        subgroup_values(table, "site", 29)
