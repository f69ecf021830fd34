"""Rows that are no file: as a table of text they give the numbers that they were, each row by its own names."""

import numpy as np
import pytest

from bcdetect.errors import InputError
from bcdetect.records import table_of
from bcdetect.table import numbers, plain

FEATURES = ("mean radius", "mean area")


def test_numbers_come_through_to_the_bit_and_a_missing_one_is_its_rows_problem(rng):
    x = np.concatenate([rng.standard_normal((50, 2)) * 10.0 ** rng.integers(-300, 300, (50, 2)), [[5e-324, -0.0]]])
    records = [dict(zip(FEATURES, row, strict=True)) for row in x]
    values, problems = numbers(table_of(FEATURES, records), FEATURES)
    assert values.tobytes() == x.tobytes() and not problems
    values, problems = numbers(
        table_of(FEATURES, [{"mean area": 1}, records[0], {"mean radius": None, "mean area": 2}]), FEATURES
    )
    assert problems == {0: "column 'mean radius': empty", 2: "column 'mean radius': empty"}
    np.testing.assert_array_equal(values[1], x[0])


def test_each_record_may_have_its_own_names_and_order():
    table = table_of(FEATURES, [{"Area_Mean": 2, "radius1": 1}, {"mean radius": 3, "note": 9, "mean area": 4}])
    assert table.rows == (("1.0", "2.0"), ("3.0", "4.0")) and table.lines == (0, 0)


def test_a_name_that_could_be_either_is_refused_with_its_row():
    with pytest.raises(InputError, match="row 2: the column 'mean radius' could be any of"):
        table_of(FEATURES, [{"mean radius": 1}, {"radius_mean": 1, "Radius1": 2}])


@pytest.mark.parametrize("text", ["=1+1", "+a", "-1-1", "@SUM(A1)", "\tx", "\r=1", "-"])
def test_text_that_a_spreadsheet_would_run_is_led_by_an_apostrophe(text):
    assert plain(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "-1", "+1.5e3", "benign", "a=b", "0", "row 1; -2"])
def test_other_text_and_numbers_stay_as_they_are(text):
    assert plain(text) == text
