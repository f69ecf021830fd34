"""What helps to fill in one row: numbers that the model carries, real rows, and a table that it reads back."""

import numpy as np
import pytest
from trained import small_run

from bcdetect.classifier import Classifier
from bcdetect.config import Config
from bcdetect.datasets.wisconsin import load_wisconsin
from bcdetect.errors import InputError
from bcdetect.judgement import Judgement
from bcdetect.models import picture_cnn
from bcdetect.novelty import FeatureRange
from bcdetect.predict import predict_table
from bcdetect.preprocessing import PictureScaler, Standardiser
from bcdetect.table import parse_table
from bcdetect.typical import example_rows, ranges_of, template_csv


def of(names, mean, judgement=None):
    """A classifier of these features without networks."""
    scale = Standardiser(np.array(mean, float), np.ones(len(names)))
    return Classifier([], scale, tuple(names), ("benign", "malignant"), judgement=judgement or Judgement())


@pytest.fixture
def pictures():
    scaler = PictureScaler(np.full(1, 0.4), np.full(1, 0.2), np.array([16, 16]))
    model = picture_cnn(Config.for_pictures().with_values({"width": 4}), (16, 16, 1), 2)
    return Classifier([model], scaler, (), ("benign", "malignant"))


def test_ranges_are_those_that_the_model_carries():
    run = small_run()
    found = ranges_of(run.classifier)
    train = run.data.x[run.parts["train"]]
    assert [each["name"] for each in found] == list(run.data.feature_names)
    assert [each["mean"] for each in found] == pytest.approx(train.mean(axis=0))
    assert [each["std"] for each in found] == pytest.approx(train.std(axis=0))
    assert all(each["low"] < low and each["high"] > high for each, low, high in zip(found, *ends(train), strict=True))


def ends(x):
    return x.min(axis=0), x.max(axis=0)


def test_what_was_not_fitted_is_none():
    assert ranges_of(of("ab", [1, 2])) == [
        {"name": "a", "mean": 1.0, "std": 1.0, "low": None, "high": None},
        {"name": "b", "mean": 2.0, "std": 1.0, "low": None, "high": None},
    ]
    ranges = FeatureRange([0, -np.inf], [3, np.inf])  # the second was never measured
    assert [(each["low"], each["high"]) for each in ranges_of(of("ab", [1, 2], Judgement(ranges=ranges)))] == [
        (0, 3),
        (None, None),
    ]


def test_the_examples_are_rows_of_the_table_that_the_model_tells_apart():
    run = small_run()
    found = example_rows(run.classifier)
    data = load_wisconsin()
    assert [each["class"] for each in found] == ["benign", "malignant"]
    for k, each in enumerate(found):
        assert data.y[each["row"] - 1] == k
        assert list(each["values"].values()) == data.x[each["row"] - 1].tolist()
        others = data.x[data.y == k]
        far = np.abs((others - np.median(others, axis=0)) / data.x.std(axis=0)).sum(axis=1)
        assert np.abs((data.x[each["row"] - 1] - np.median(others, axis=0)) / data.x.std(axis=0)).sum() < np.quantile(far, 0.05)
    answers = predict_table(run.classifier, parse_table(template_csv(run.classifier, [each["values"] for each in found])))
    assert [answer.class_name for answer in answers] == ["benign", "malignant"]


def test_other_spellings_and_fewer_features_have_examples_and_other_features_none(pictures):
    (benign, _) = example_rows(of(["radius_worst", "texture1"], [0, 0]))
    data = load_wisconsin()
    at = [data.feature_names.index(name) for name in ("worst radius", "mean texture")]
    assert benign["values"] == dict(zip(["radius_worst", "texture1"], data.x[benign["row"] - 1, at].tolist(), strict=True))
    assert example_rows(of(["mean radius", "age"], [0, 0])) is None
    assert example_rows(pictures) is None


def test_the_template_is_read_back_and_answered():
    run = small_run()
    text = template_csv(run.classifier)
    (answer,) = predict_table(run.classifier, parse_table(text))
    assert answer.problem is None and answer.class_name
    means = list(map(float, text.splitlines()[1].split(",")))
    assert means == pytest.approx(run.classifier.preprocessing.mean, rel=5e-4)
    assert all(len(f"{mean:.12g}".replace(".", "").strip("0")) <= 4 for mean in means)


def test_names_of_any_kind_are_quoted_and_numbers_of_any_size_are_read():
    names = ["a, b", 'the "best"', "=1+1", "two\nlines", "plain"]
    text = template_csv(of(names, [123456, 0.000012344, -7, 1e300, 0]))
    table = parse_table(text)
    assert table.columns == tuple(names)
    assert [float(cell) for cell in table.rows[0]] == [123500, 0.00001234, -7, 1e300, 0]


def test_a_model_of_pictures_has_no_columns(pictures):
    for function in (ranges_of, template_csv):
        with pytest.raises(InputError, match="takes pictures"):
            function(pictures)
