"""A classifier's judgement: learned from the validation part alone, the same after a file, and in words a person can act on."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from trained import SMALL, clouds, small_run, wisconsin_table, write_table

from bcdetect import metrics
from bcdetect.bundle import load_classifier, save_classifier
from bcdetect.calibration import Temperature
from bcdetect.cli import main
from bcdetect.conformal import Conformal
from bcdetect.errors import UsageError
from bcdetect.judgement import Judgement
from bcdetect.judging import NOTHING_LEFT, judge
from bcdetect.novelty import FeatureDistance, FeatureRange
from bcdetect.operating import OperatingPoint
from bcdetect.run import execute
from bcdetect.training import train_classifier

FAST = replace(SMALL, epochs=3)
THIRDS = {"train": np.arange(0, 90, 3), "validation": np.arange(1, 90, 3), "test": np.arange(2, 90, 3)}


def same(a: Judgement, b: Judgement) -> bool:
    one, other = a.arrays(), b.arrays()
    return a.meta() == b.meta() and one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


def test_the_test_part_teaches_it_nothing():
    run = small_run()
    test = run.parts["test"]
    x, y = run.data.x.copy(), run.data.y.copy()
    x[test], y[test] = 3 * x[test][::-1], 1 - y[test]
    again = judge(run.classifier, replace(run.data, x=x, y=y), run.parts["train"], run.parts["validation"], run.config)
    assert same(again, run.classifier.judgement)


def test_few_rows_that_are_out_of_order_turn_no_answer_round():
    run = small_run()
    rows = run.parts["validation"]
    p, y = run.classifier.raw_rows(run.data, rows)[:, 1], run.data.y[rows]
    benign, malignant = (rows[y == k][np.argsort(p[y == k])] for k in (0, 1))
    odd = np.append(malignant[:3], benign[-1])  # the benign row that looks worst, and the malignant ones that look best
    config = replace(run.config, calibration="platt")
    found = judge(run.classifier, run.data, run.parts["train"], odd, config)
    assert metrics.roc_auc_score(run.data.y[odd], run.classifier.raw_rows(run.data, odd)[:, 1]) < 0.5
    assert found.calibration is None and found.notes[0].startswith("no calibration: on the validation part")
    assert judge(run.classifier, run.data, run.parts["train"], rows, config).calibration.slope > 0


def test_calibration_lowers_the_validation_parts_loss_and_moves_no_decision_at_one_half():
    run = small_run()
    rows = run.parts["validation"]
    y, raw, p = run.data.y[rows], run.classifier.raw_rows(run.data, rows), run.classifier.predict_rows(run.data, rows)
    assert run.classifier.judgement.calibration.temperature != 1
    assert metrics.log_loss(y, p[:, 1]) < metrics.log_loss(y, raw[:, 1])
    np.testing.assert_array_equal(raw.argmax(axis=1), run.classifier.decide(p))
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("settings", [
    {}, {"calibration": "none", "operating": "youden"}, {"calibration": "platt", "operating": "sensitivity"},
    {"calibration": "isotonic", "operating": "cost", "error_rate": 0.2}, {"head": "softmax"}, {"ensemble": 2},
])  # fmt: skip
def test_it_comes_back_from_a_file_and_gives_the_same_bits(settings, tmp_path):
    run = small_run()
    config = replace(FAST, **settings)
    classifier, _ = train_classifier(run.data, run.parts["train"], run.parts["validation"], config)
    classifier.judgement = judge(classifier, run.data, run.parts["train"], run.parts["validation"], config)
    save_classifier(tmp_path / "model.npz", classifier)
    loaded, _ = load_classifier(tmp_path / "model.npz")
    assert same(loaded.judgement, classifier.judgement) and loaded.threshold == classifier.threshold
    x = run.data.x
    p = classifier.predict_proba(x)
    np.testing.assert_array_equal(loaded.predict_proba(x), p)
    assert loaded.referrals(p, x) == classifier.referrals(p, x)


@pytest.mark.parametrize("kind", ["temperature", "platt", "isotonic"])
def test_a_rows_calibrated_bits_and_reasons_are_its_own(kind):
    run = small_run()
    config = replace(run.config, calibration=kind)
    classifier = replace(run.classifier)
    classifier.judgement = judge(classifier, run.data, run.parts["train"], run.parts["validation"], config)
    x = run.data.x
    p = classifier.predict_proba(x)
    told = classifier.referrals(p, x)
    assert p.dtype == np.float32 and any(each.reason for each in told) and not all(each.reason for each in told)
    order = np.random.default_rng(0).permutation(len(x))
    np.testing.assert_array_equal(classifier.predict_proba(x[order]), p[order])
    for i in range(0, len(x), 9):
        np.testing.assert_array_equal(classifier.predict_proba(x[i : i + 1]), p[i : i + 1])
        assert classifier.referrals(p[i : i + 1], x[i : i + 1]) == told[i : i + 1]


def test_an_ensemble_is_calibrated_as_a_whole():
    run = small_run()
    config = replace(FAST, ensemble=2)
    classifier, _ = train_classifier(run.data, run.parts["train"], run.parts["validation"], config)
    rows = run.parts["validation"]
    found = judge(classifier, run.data, run.parts["train"], rows, config)
    mean = np.mean([replace(classifier, models=[m]).raw_proba(run.data.x[rows]) for m in classifier.models], axis=0)[:, 1]
    expected = Temperature.fit(np.log(mean / (1 - mean)), run.data.y[rows]).temperature
    assert found.calibration.temperature == pytest.approx(expected, rel=1e-4)


def test_the_operating_point_is_frozen_and_decides():
    run = small_run()
    config = replace(run.config, operating="sensitivity", target_sensitivity=1.0)
    classifier = replace(run.classifier)
    classifier.judgement = judge(classifier, run.data, run.parts["train"], run.parts["validation"], config)
    rows = run.parts["validation"]
    called = classifier.decide(classifier.predict_rows(run.data, rows))
    assert called[run.data.y[rows] == 1].all() and classifier.threshold != 0.5
    lowest = classifier.predict_rows(run.data, rows)[run.data.y[rows] == 1, 1].min()
    assert classifier.threshold <= lowest


def test_without_rows_of_its_own_nothing_is_fitted_and_a_note_says_so():
    run = small_run()
    train, validation = run.parts["train"], run.parts["validation"]
    for rest in (train[:5], validation[:0], np.concatenate([validation, train[-1:]])):
        found = judge(run.classifier, run.data, train, rest, run.config)
        assert found == Judgement(notes=(NOTHING_LEFT,)) and found.threshold == 0.5


def test_a_class_of_too_few_rows_is_said():
    run = small_run()
    rows = run.parts["validation"]
    few = np.concatenate([rows[run.data.y[rows] == 0], rows[run.data.y[rows] == 1][:5]])
    found = judge(run.classifier, run.data, run.parts["train"], few, run.config)
    assert any("malignant is in every set: 5 validation rows are too few" in note for note in found.notes)
    alone = judge(run.classifier, run.data, run.parts["train"], rows[run.data.y[rows] == 0], run.config)
    assert alone.calibration is None and alone.threshold == 0.5
    assert any("no calibration: every class must have rows" in note for note in alone.notes)


def test_three_classes_are_calibrated_and_have_sets_and_no_operating_point(tmp_path):
    data = clouds((30, 40, 20))
    run = execute(replace(FAST, units=0), data, THIRDS)
    judgement = run.classifier.judgement
    assert judgement.point is None and judgement.conformal.limits.shape == (3,)
    p = run.classifier.predict_proba(data.x)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)
    save_classifier(tmp_path / "m.npz", run.classifier)
    np.testing.assert_array_equal(load_classifier(tmp_path / "m.npz")[0].predict_proba(data.x), p)


@pytest.mark.parametrize("settings", [{"calibration": "platt"}, {"calibration": "isotonic"}, {"operating": "youden"}])
def test_settings_of_two_classes_are_refused_before_training_three(settings):
    with pytest.raises(UsageError, match="it is for two classes, and there are 3"):
        execute(replace(FAST, **settings, epochs=10**6), clouds((30, 40, 20)), THIRDS)


JUDGEMENT = Judgement(
    conformal=Conformal(0.05, [0.8, 0.8], [100, 100]),
    ranges=FeatureRange([0, 0], [1, 1]),
    distance=FeatureDistance([[0.0], [9.0]], [[1.0]], 2.0),
)


def test_the_reasons_are_told_together_and_a_plain_row_has_none():
    p = np.array([[0.5, 0.5], [0.9, 0.1], [0.9, 0.1], [0.1, 0.9]])
    table = np.array([[0.5, 0.5], [0.5, 0.5], [0.5, 7.0], [0.5, 0.5]])
    features = np.array([[0.0], [0.0], [4.0], [4.0]])
    found = JUDGEMENT.referrals(p, ("benign", "malignant"), table, ("a", "b"), features)
    assert [each.classes for each in found] == [("benign", "malignant"), ("benign",), ("benign",), ("malignant",)]
    far = "at distance 4 from it, where validation rows stay within 2"
    assert [each.reason for each in found] == [
        "it could be benign or malignant at an error rate of 0.05", None,
        f"unlike the training data: b is 7, beyond 0 to 1; {far}", f"unlike the training data: {far}",
    ]  # fmt: skip
    (none,) = Judgement().referrals(p[:1], ("benign", "malignant"), table[:1], ("a", "b"))
    assert (none.classes, none.reason) == (None, None)


def test_a_row_whose_set_contradicts_the_threshold_is_referred():
    judgement = Judgement(conformal=Conformal(0.05, [0.1, 0.7], [100, 100]))
    p = np.array([[0.95, 0.05], [0.6, 0.4], [0.4, 0.6]])
    benign, torn, malignant = judgement.referrals(p, ("benign", "malignant"))
    assert benign.reason is None and malignant.reason is None
    assert torn.classes == ("malignant",) and "it is called benign, and only malignant is likely enough" in torn.reason
    lower = replace(judgement, point=OperatingPoint("youden", 0.3, 1.0, 1.0, True, "so"))
    assert lower.referrals(p, ("benign", "malignant"))[1].reason is None  # the two agree there


def test_numbers_that_no_fit_gives_are_refused():
    point = OperatingPoint("half", 0.5, float("nan"), 1.0, True, "so")
    judgement = replace(JUDGEMENT, point=point, calibration=Temperature(2))
    arrays, meta = judgement.arrays(), json.loads(json.dumps(judgement.meta(), allow_nan=False))
    again = Judgement.restore(arrays, meta)
    assert np.isnan(again.point.sensitivity) and again.meta() == judgement.meta()
    for change in ({"calibration": None}, {"calibration": "beta"}, {"point": {**meta["point"], "threshold": -0.1}}):
        with pytest.raises(ValueError):
            Judgement.restore(arrays, {**meta, **change})


def test_predict_says_refer_and_why_and_the_files_carry_it(tmp_path, capsys):
    save_classifier(tmp_path / "model.npz", small_run().classifier)
    header, rows = wisconsin_table()
    strange = [*rows[3]]
    strange[header.index("mean radius")] = "4000"
    table = write_table(tmp_path / "t.csv", header, [*rows[:40], strange])
    assert main(["predict", str(tmp_path / "model.npz"), table, "--out", str(tmp_path / "o.csv")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "; uncertain: refer: " in lines[40] and "unlike the training data: mean radius is 4000, beyond" in lines[40]
    answers = list(csv.DictReader((tmp_path / "o.csv").read_text().splitlines()))
    assert "mean radius is 4000" in answers[40]["reason"]
    assert [bool(a["reason"]) for a in answers] == ["uncertain: refer" in line for line in lines[:41]]
    main(["predict", str(tmp_path / "model.npz"), table, "--json"])
    content = json.loads(capsys.readouterr().out)
    assert content["error_rate"] == 0.05
    for row, answer in zip(content["rows"], answers, strict=True):
        assert row["refer"] == bool(answer["reason"]) == (row["reason"] is not None)
        assert "; ".join(row["set"]) == answer["set"]
        assert row["refer"] or len(row["set"]) == 1
