"""Comparing: the same rows for all, paired differences, verdicts that a person can check, and kept answers that are not mixed."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from trained import SMALL, clouds, process, write_clouds

from bcdetect.cli import main
from bcdetect.compare import compare, contest, learning_curve, read_variants, sizes
from bcdetect.compare.contenders import (
    PERMUTED,
    Answer,
    Contender,
    GradientBoosting,
    LogisticRegression,
    Majority,
    Network,
    Svm,
    likeliest,
    permuted,
)
from bcdetect.compare.ranking import convolution_verdict, ranked, verdict
from bcdetect.config import Config
from bcdetect.errors import InputError, UsageError
from bcdetect.evaluation import cross_validate

FAST = replace(SMALL, epochs=2)
TWO = {"rows_of_class": (30, 24), "features": 3}


class Spy(Contender):
    """Answers by chance, and notes what it was given."""

    seen: list = []

    def answer(self, data, rest, test, seed):
        self.seen.append((self.name, tuple(rest), tuple(test), seed))
        p = np.random.default_rng(seed).random(len(test))
        return likeliest(np.column_stack([1 - p, p]))


def test_all_get_the_same_rows_which_are_those_of_cross_validation(monkeypatch):
    from bcdetect import evaluation

    data, Spy.seen = clouds(**TWO), []
    result = compare(data, [Spy("a"), Spy("b")], FAST, 2, 3)
    a, b = ([call[1:] for call in Spy.seen if call[0] == name] for name in "ab")
    assert a == b and len(a) == 6 and len({seed for *_, seed in a}) == 6
    for rest, test, _ in a:
        assert not set(rest) & set(test) and len(rest) + len(test) == 54
    for repeat in (a[:3], a[3:]):
        assert sorted(row for _, test, _ in repeat for row in test) == list(range(54))
    tested = []
    monkeypatch.setattr(evaluation, "run_fold", lambda d, t, c: tested.append((tuple(t), c.seed)) or {"cnn": {}, "logistic": {}})
    cross_validate(data, FAST, 2, 3)
    assert tested == [(test, seed) for _, test, seed in a]
    for name in "ab":
        assert result.scores[name]["accuracy"].shape == (6,) and result.calibration[name]["ece"].shape == (2,)
    np.testing.assert_array_equal(result.scores["a"]["roc_auc"], result.scores["b"]["roc_auc"])


def test_groups_stay_together():
    data, Spy.seen = replace(clouds(**TWO), groups=(np.arange(54) // 2).astype(str)), []
    compare(data, [Spy("a")], FAST, 1, 3)
    for _, rest, test, _ in Spy.seen:
        assert not set(data.groups[list(rest)]) & set(data.groups[list(test)])


@pytest.mark.parametrize("contender", [Network("cnn", FAST), LogisticRegression(), Majority(), Svm(), GradientBoosting()])
@pytest.mark.parametrize("classes", [2, 3])
def test_no_contender_learns_from_the_test_rows(contender, classes):
    data = clouds((24, 21, 18)[:classes], features=3, apart=3)
    test = np.arange(0, len(data.y), 4)
    rest = np.setdiff1d(np.arange(len(data.y)), test)
    x, y = data.x.copy(), data.y.copy()
    answer = contender.answer(data, rest, test, 5)
    y[test] = (y[test] + 1) % classes  # other labels and other company: the same answer for the first test row
    x[test[1:]] += 3
    other = contender.answer(replace(data, x=x, y=y), rest, test, 5)
    np.testing.assert_array_equal(answer.probabilities[0], other.probabilities[0])
    assert answer.probabilities.shape == (len(test), classes) and answer.predicted.shape == (len(test),)
    np.testing.assert_allclose(answer.probabilities.sum(axis=1), 1, rtol=1e-6)
    if not isinstance(contender, Majority | Network):
        assert (answer.predicted == data.y[test]).mean() >= 0.75  # its columns are in our order of classes


def test_permuted_columns_are_the_same_columns_in_another_order(monkeypatch):
    data, seen = clouds(features=6), []
    network = permuted(Network("cnn", FAST), data)
    assert sorted(network.columns) == list(range(6)) != list(network.columns)
    assert permuted(Network("cnn", FAST), data) == network and network.name == PERMUTED
    from bcdetect.compare import contenders

    original = contenders.train_network
    monkeypatch.setattr(contenders, "train_network", lambda d, *a: seen.append(d) or original(d, *a))
    network.answer(data, np.arange(60), np.arange(60, 90), 0)
    ((given,),) = (seen,)
    for place, column in enumerate(network.columns):
        np.testing.assert_array_equal(given.x[:, place], data.x[:, column])
        assert given.feature_names[place] == data.feature_names[column]


def test_the_interval_of_a_difference_is_nadeau_and_bengios():
    data, rng = clouds(**TWO), np.random.default_rng(0)
    result = compare(data, [Spy("a")], FAST, 2, 2)
    a, b = rng.random(4), rng.random(4)
    result.scores.update(a={"accuracy": a}, b={"accuracy": b})
    d = a - b
    share = 0.5 / (0.5 + 0.5 * 0.9)  # of one half each, a tenth of the training half chooses the epoch
    margin = 3.182446305 * np.sqrt((1 / 4 + share / (1 - share)) * d.var(ddof=1))
    found = result.difference("a", "b", "accuracy")
    assert (found["mean"], found["low"], found["high"]) == pytest.approx((d.mean(), d.mean() - margin, d.mean() + margin))


def test_verdicts_follow_from_the_interval_and_the_metrics_direction():
    up, down, level = ({"mean": m, "low": m - 0.1, "high": m + 0.1} for m in (0.2, -0.2, 0.05))
    assert [verdict(d, "roc_auc") for d in (up, down, level)] == ["ahead", "behind", "level"]
    assert [verdict(d, "log_loss") for d in (up, down, level)] == ["behind", "ahead", "level"]
    assert convolution_verdict(up, "roc_auc").startswith("The convolution earns its place")
    assert convolution_verdict(level, "roc_auc").startswith("The convolution earns nothing that shows")
    assert "+0.0500 (-0.0500 to +0.1500)" in convolution_verdict(level, "roc_auc")
    assert ranked({"a": 0.5, "b": float("nan"), "c": 0.7}, "roc_auc") == ["c", "a", "b"]
    assert ranked({"a": 0.5, "b": float("nan"), "c": 0.7}, "log_loss") == ["a", "c", "b"]


def test_variants_are_read(tmp_path):
    base = Config(epochs=7, data="x.csv", seed=4)
    (tmp_path / "deep.json").write_text('{"filters": [4, 4], "data": "x.csv", "seed": 9}')
    wide, plain, deep = read_variants(["wide:filters=16,32,lr=1e-2", "plain:", str(tmp_path / "deep.json")], base)
    assert wide.config == replace(base, filters=(16, 32), lr=0.01) and wide.name == "wide"
    assert (plain.name, plain.config) == ("plain", base)
    assert (deep.name, deep.config) == ("deep", Config(filters=(4, 4), data="x.csv", seed=4))
    assert [v.config for v in read_variants([], base)] == [base]


@pytest.mark.parametrize(
    "texts, what",
    [
        (["filters=3"], "no variant"), (["a"], "no variant"), ([":lr=1"], "no variant"), (["a:3"], "no '='"),
        (["a:lr=0"], "lr"), (["a:lrr=1"], "lrr"), (["a:seed=3"], "seed must be the same"),
        (["a:data=x"], "data must be the same"),
        (["a:", "a:lr=.1"], "two variants"),
    ],
)  # fmt: skip
def test_what_is_no_variant_is_refused(texts, what):
    with pytest.raises(UsageError, match=what):
        read_variants(texts, Config())


def test_a_file_made_for_other_data_is_refused(tmp_path):
    (tmp_path / "other.json").write_text('{"label": "kind"}')
    with pytest.raises(UsageError, match=r"other\.json: its label is 'kind'"):
        read_variants([str(tmp_path / "other.json")], Config())


def test_workers_change_nothing():
    data = clouds(**TWO)
    contenders = [Network("cnn", FAST), LogisticRegression(), Svm()]
    one, two = (compare(data, contenders, FAST, 1, 2, workers) for workers in (1, 2))
    for name, row in one.scores.items():
        for metric, values in row.items():
            np.testing.assert_array_equal(values, two.scores[name][metric])


def test_kept_answers_are_taken_and_those_of_other_settings_are_not(tmp_path, monkeypatch):
    data, Spy.seen = clouds(**TWO), []
    first = compare(data, [Spy("a"), Network("cnn", FAST)], FAST, 1, 2, keep=tmp_path)
    assert len(Spy.seen) == 2 and len(list(tmp_path.iterdir())) == 4
    next(iter(sorted(tmp_path.iterdir()))).unlink()  # as if it had been stopped before this one
    again = compare(data, [Spy("a"), Network("cnn", FAST)], FAST, 1, 2, keep=tmp_path)
    for name, row in first.scores.items():
        for metric, values in row.items():
            np.testing.assert_array_equal(values, again.scores[name][metric])
    assert len(Spy.seen) <= 3 and len(list(tmp_path.iterdir())) == 4
    asked = []
    monkeypatch.setattr(Network, "answer", lambda self, d, rest, test, seed: asked.append(1) or likeliest(np.eye(2)[d.y[test]]))
    compare(data, [Network("cnn", replace(FAST, lr=0.5))], FAST, 1, 2, keep=tmp_path)
    y = data.y.copy()
    y[0] = 1
    compare(replace(data, y=y), [Network("cnn", FAST)], FAST, 1, 2, keep=tmp_path)
    assert len(asked) == 4


def test_calibration_is_over_all_rows_of_a_repeat():
    data, Spy.seen = clouds(**TWO), []
    result = compare(data, [Spy("a"), Majority()], FAST, 1, 2)
    p, y = [], []
    for _, _, test, seed in Spy.seen:
        p.append(np.random.default_rng(seed).random(len(test)))
        y.append(data.y[list(test)])
    p, y = np.concatenate(p), np.concatenate(y)
    bins = np.ceil(p * 10).astype(int)
    ece = sum(abs(y[bins == b].mean() - p[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins))
    assert result.calibration["a"]["ece"] == pytest.approx([ece])
    assert "majority class" not in result.calibration  # it says the same of all rows


def test_the_command_writes_a_table_every_fold_and_a_figure(tmp_path, capsys):
    table = write_clouds(tmp_path / "t.csv", rows_of_class=(24, 20), features=3)
    words = ["compare", "plain:", "wide:filters=8,lr=3e-2", "--data", table, "--label", "kind", "--positive", "b", "--cv", "1x2"]
    words += ["--set", "epochs=2", "--set", "filters=4", "--permute-columns", "--threads", "1", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    out = capsys.readouterr().out
    for part in ("wide", "RBF SVM", "gradient boosting", "majority class", "reference", "The convolution earns", "not a medical"):
        assert part in out
    found = json.loads((tmp_path / "out" / "comparison.json").read_text())
    names = {"plain", "wide", PERMUTED, "logistic regression", "majority class", "RBF SVM", "gradient boosting"}
    assert set(found["scores"]) == names and all(len(row["roc_auc"]) == 2 for row in found["scores"].values())
    assert found["contenders"]["wide"]["settings"]["filters"] == [8] and found["against"] == "plain"
    d = found["differences"]["wide"]["accuracy"]["mean"]
    scores = (np.array(found["scores"][name]["accuracy"]) for name in ("wide", "plain"))
    assert d == pytest.approx(np.subtract(*scores).mean())
    assert (tmp_path / "out" / "comparison.png").stat().st_size > 5000
    assert (tmp_path / "out" / "comparison.txt").read_text().strip() in out


@pytest.mark.parametrize(
    "words, code, what",
    [
        (["compare", "a:lr=nan"], 2, "lr"), (["compare", "--cv", "3"], 2, "repeats x folds"),
        (["compare", "--by", "beauty"], 2, "no metric"), (["compare", "majority class:"], 2, "name of a baseline"),
        (["evaluate", "--sizes"], 2, "--cv"), (["evaluate", "--tune", "3"], 2, "--cv"),
        (["evaluate", "--cv", "1x2", "--tune", "0"], 2, "at least 1"),
        (["evaluate", "--cv", "1x2", "--tune", "2", "--sizes"], 2, "questions"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_said_and_nothing_written(words, code, what, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(words) == code
    assert what in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_without_scikit_learn_the_rest_is_compared_and_asking_for_it_says_how(tmp_path, monkeypatch, capsys):
    from bcdetect.compare import rivals

    monkeypatch.setattr(rivals, "available", lambda: False)
    table = write_clouds(tmp_path / "t.csv", rows_of_class=(24, 20), features=3)
    words = [
        "compare",
        "--data",
        table,
        "--label",
        "kind",
        "--positive",
        "b",
        "--cv",
        "1x2",
        "--set",
        "epochs=1",
        "--threads",
        "1",
    ]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert rivals.MISSING in out and "RBF" not in out
    (tmp_path / "sklearn.py").write_text("raise ImportError('not here')")
    done = process(*words, "--rivals", "--out", tmp_path / "two", cwd=tmp_path, env={"PYTHONPATH": f"{tmp_path}:{_root()}"})
    assert done.returncode == 2 and "the extra 'compare'" in done.stderr and not (tmp_path / "two").exists()


def _root():
    from trained import ROOT

    return ROOT


def test_more_rows_hold_the_fewer_and_every_class_and_no_test_row(monkeypatch):
    data, seen = replace(clouds((60, 40), features=3), groups=None), []
    original = sizes.first_parts

    def spy(data, rest, step, steps, seed):
        rows = original(data, rest, step, steps, seed)
        seen.append((seed, step, rest, rows))
        return rows

    monkeypatch.setattr(sizes, "first_parts", spy)
    result = learning_curve(data, FAST, 1, 2, steps=5)
    assert result.shares == pytest.approx((0.2, 0.4, 0.6, 0.8, 1)) and result.rows == pytest.approx((10, 20, 30, 40, 50))
    for (seed, step, rest, rows), (next_seed, next_step, _, more) in pairwise(seen):
        assert set(rows) <= set(rest) and set(data.y[rows]) == {0, 1}
        if next_seed == seed:
            assert next_step == step + 1 and set(rows) < set(more)
    for model in ("CNN", "logistic regression", "CNN on its training rows"):
        assert result.scores[model]["roc_auc"].shape == (5, 2)
    whole = compare(data, [LogisticRegression()], FAST, 1, 2)
    last = result.scores["logistic regression"]["roc_auc"][-1]
    np.testing.assert_array_equal(last, whole.scores["logistic regression"]["roc_auc"])  # 100 % is the plain cross-validation


def test_sizes_keep_groups_whole():
    data = replace(clouds((60, 40), features=3), groups=(np.arange(100) // 2).astype(str))
    rows = sizes.first_parts(data, np.arange(100), 2, 5, 0)
    assert not set(data.groups[rows]) & set(data.groups[np.setdiff1d(np.arange(100), rows)])
    assert 30 <= len(rows) <= 50


def test_the_verdict_on_more_data_tells_a_rising_curve_from_a_flat_one():
    noise = np.array([0.001, -0.001, 0.002, 0.0])
    rising = np.array([0.7, 0.8, 0.9, 0.95])[:, None] + noise
    flat = np.array([0.9, 0.9, 0.9, 0.9])[:, None] + noise * np.array([1, -1, 1, -1])[:, None]

    def curve(scores):
        models = {name: {"roc_auc": scores} for name in ("CNN", "logistic regression", "CNN on its training rows")}
        return sizes.LearningCurve((0.25, 0.5, 0.75, 1.0), (10, 20, 30, 40), models, 2, 2)

    assert curve(rising).verdict("roc_auc").startswith("More data would probably help: from 50 % to 100 %")
    assert "+0.1500" in curve(rising).verdict("roc_auc")
    assert "change little" in curve(flat).verdict("roc_auc")
    few = np.array([0.7, 0.8, 0.85, 0.87])[:, None] + np.array([0, 1, 2, 3])[:, None] * np.array([0.05, -0.05, 0.02, -0.04])
    assert curve(few).gain("roc_auc")[1]["mean"] > 0.05
    assert curve(few).verdict("roc_auc").startswith("Whether more data would help cannot be told"), "wide is not flat"
    assert "not help" in curve(rising[::-1]).verdict("roc_auc")


def test_too_few_rows_for_a_curve_are_refused():
    with pytest.raises(InputError, match="too few rows"):
        learning_curve(clouds((8, 8), features=2), FAST, 1, 2)


def test_the_curve_by_command(tmp_path, capsys):
    table = write_clouds(tmp_path / "t.csv", rows_of_class=(40, 30), features=3)
    words = [
        "evaluate",
        "--cv",
        "1x2",
        "--sizes",
        "--data",
        table,
        "--label",
        "kind",
        "--positive",
        "b",
        "--set",
        "epochs=1",
        "--threads",
        "1",
    ]
    assert main([*words, "--out", str(tmp_path / "curve.json")]) == 0
    out = capsys.readouterr().out
    assert "ore data" in out and "100 %" in out
    found = json.loads((tmp_path / "curve.json").read_text())
    assert found["verdict"] in out and len(found["scores"]["CNN"]["roc_auc"]) == len(found["shares"]) == len(found["rows"])
    assert (tmp_path / "curve.png").stat().st_size > 5000


def test_an_answer_of_one_fold_is_made_without_it():
    data, test = clouds(**TWO), np.arange(10)
    answer = contest.answer_fold(data, LogisticRegression(), test, 0, None)
    assert isinstance(answer, Answer) and answer.facts["converged"] is True
