"""The published study: its rows are rebuilt, its numbers quoted as they stand, and what they support is said."""

import json

import numpy as np
import pytest
from trained import SMALL

from bcdetect import NOTICE, cli, reproduce
from bcdetect.reproduce import PAPER, describe, paper_split


@pytest.fixture(scope="module")
def study():
    """The study with a network of a few epochs; the baseline is trained in full."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reproduce, "RANDOM_SPLITS", 3)
        patch.setattr(reproduce, "TIMED_PREDICTIONS", 3)
        said = []
        result = reproduce.reproduce(reproduce.default_config().with_values({"epochs": 3, "filters": SMALL.filters}), said.append)
        assert "455" in said[0] and "3 random" in said[1]
        yield result


def test_the_split_is_the_published_one(study):
    train, test = paper_split(569)
    assert len(test) == 114 and sorted(np.concatenate([train, test])) == list(range(569))
    assert np.bincount(study.data.y[train]).tolist() == [286, 169]
    assert study.data.class_names[study.data.y[test[0]]] == "benign"
    np.testing.assert_array_equal(study.train, train)


def test_logistic_regression_alone_reaches_the_published_train_matrix(study):
    assert study.matrices["logistic, train"].tolist() == [[284, 2], [4, 165]] == PAPER["train matrix"].tolist()
    assert study.matrices["logistic, test"].sum() == 114 and study.matrices["CNN, train"].sum() == 455


def test_the_published_figures_are_quoted_exactly(study):
    text = describe(study)
    for quote in (
        "[0.02352743 0.97647256]", "Benign with 97.65% certainty", "32-60 ms", "TN 284 FP 2 FN 4 TP 165",
        "62.7 % benign, 37.3 % malignant", "286 benign, 169 malignant", "not given in the text",
    ):  # fmt: skip
        assert quote in text, quote
    assert "reference standard: benign" in text and text.rstrip().endswith(NOTICE)


def test_what_the_data_supports_is_said(study):
    text = describe(study)
    for words in (
        "not MRI",
        "reaches exactly the published train matrix",
        "class order contradicts itself",
        "random 80/20 splits",
    ):
        assert words in text, words
    assert f"between {study.spread.min():.3f} and {study.spread.max():.3f}" in text and len(study.spread) == 3


def test_a_matrix_that_is_not_reached_is_not_claimed(study):
    other = dict(study.matrices) | {"logistic, train": np.array([[283, 3], [4, 165]])}
    text = describe(reproduce.replace(study, matrices=other))
    assert "reaches exactly" not in text


def test_random_splits_are_80_20_and_differ(study):
    assert ((0.9 < study.spread) & (study.spread <= 1)).all()
    np.testing.assert_allclose(study.spread * 114, np.round(study.spread * 114))


def test_the_command_writes_text_numbers_and_figures(study, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(reproduce, "reproduce", lambda config, say: study)
    assert cli.main(["reproduce", "--out", str(tmp_path / "o")]) == 0
    out = capsys.readouterr().out
    assert NOTICE in out and "published" in out
    names = {path.name for path in (tmp_path / "o").iterdir()}
    assert names == {
        "reproduce.txt", "reproduce.json", "class_share.png", "correlation.png", "confusion_published.png",
        "confusion_cnn.png", "confusion_logistic.png", "learning_curves.png",
    }  # fmt: skip
    content = json.loads((tmp_path / "o" / "reproduce.json").read_text())
    assert content["notice"] == NOTICE and content["published"]["train matrix"] == [[284, 2], [4, 165]]
    assert sum(content["first_test_row"].values()) == pytest.approx(1, abs=1e-6)
    assert content["matrices"]["logistic, train"] == [[284, 2], [4, 165]]
