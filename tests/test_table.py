"""The strict CSV reader: the same cells back, the right line numbers, and no number that the file does not hold."""

import csv
import io
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bcdetect.errors import InputError
from bcdetect.gate import decode_text
from bcdetect.table import MAX_COLUMNS, described, numbers, numbers_and_cells, parse_number, parse_table, read_table

CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@given(st.data())
def test_what_a_csv_writer_wrote_reads_back(data):
    width = data.draw(st.integers(2, 5))
    rows = data.draw(st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1, max_size=6))
    text = io.StringIO(newline="")
    csv.writer(text).writerows([[f"name {n}" for n in range(width)], *rows])
    table = parse_table(text.getvalue())
    assert table.rows == tuple(tuple(cell.strip() for cell in row) for row in rows)


@given(st.one_of(st.binary(), st.text(st.sampled_from('ab1.,;"\t\r\n '))))
def test_any_bytes_are_a_table_or_an_input_error(data):
    try:
        table = parse_table(decode_text(data.encode() if isinstance(data, str) else data))
    except InputError:
        return
    values, problems = numbers(table, table.columns)
    assert np.isnan(values).all(axis=1).nonzero()[0].tolist() == list(problems)


def test_reads_a_file_with_a_byte_order_mark_and_old_line_ends(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbf a , b \r1, 2\r")
    table = read_table(path)
    assert (table.columns, table.rows, table.file) == (("a", "b"), (("1", "2"),), str(path))


def test_line_numbers_count_blank_lines_and_lines_inside_quotes():
    table = parse_table('\na,b\n\n1,"two\nlines"\n  \n3,4\n')
    assert table.lines == (4, 7)


def test_an_empty_cell_of_a_single_column_is_a_row_and_not_a_blank_line():
    assert parse_table('a\n1\n""\n2\n').rows == (("1",), ("",), ("2",))


def test_a_header_that_ends_in_a_comma_fits_rows_with_and_without_one():
    table = parse_table("id,a,\n1,2\n3,4,\n5,6,7\n")
    assert table.columns == ("id", "a")
    assert [table.problem(index) for index in range(3)] == [None, None, "3 cells, the header has 2"]


def test_short_and_long_rows_are_kept_and_marked():
    table = parse_table("a,b\n1\n1,2\n1,2,3\n")
    assert [table.problem(index) for index in range(3)] == [
        "1 cell, the header has 2",
        None,
        "3 cells, the header has 2",
    ]


def test_a_long_tail_of_commas_takes_no_long_time():
    assert parse_table("a,b\n1,2" + "," * 200_000).rows == (("1", "2"),)


@pytest.mark.parametrize(
    "text, words",
    [
        ("\n\n", "no header"),
        ("a,b\n\n", "no rows"),
        ("a,b,a\n1,2,3\n", "'a' occurs more than once"),
        ("a,,c\n1,2,3\n", "column 2 has no name"),
        ("a;b\n1;2\n", "semicolons"),
        ("a\tb\n1\t2\n", "tabs"),
        ("a|b\n1|2\n", "bars"),
        ("1.5,2\n3,4\n", "not column names"),
        ("842302,M,17.99\n842517,M,20.57\n", "not column names"),
        ('a,b\n1,"2\n', "line 2"),
        ('a,b\n1,2\n3,"4"5\n', "line 3"),
        (",".join(f"x{n}" for n in range(MAX_COLUMNS + 1)) + "\n1\n", "limit is 10,000"),
    ],
)
def test_refuses_a_table_that_cannot_be_meant(text, words):
    with pytest.raises(InputError, match=words) as caught:
        parse_table(text, file="a.csv")
    assert caught.value.file == "a.csv"


def test_a_table_of_decimal_commas_is_converted_as_its_hint_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.csv").write_text("Größe;Befund\n17,99;bösartig\n;gutartig\n", encoding="utf-8")
    with pytest.raises(InputError, match="semicolons") as caught:
        read_table("old.csv")
    exec("import pandas; " + caught.value.hint.partition(", by ")[2])
    assert read_table("new.csv").rows == (("17.99", "bösartig"), ("", "gutartig"))


def test_the_index_that_pandas_writes_may_have_no_name():
    assert parse_table(",a\n0,1\n").columns == ("", "a")


@pytest.mark.parametrize("text, value", [("1", 1), ("-1.5", -1.5), ("+.5", 0.5), ("1.", 1), ("1e-3", 1e-3), ("0E0", 0)])
def test_numbers_as_people_write_them(text, value):
    assert parse_number(text) == value


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "empty"),
        ("abc", "'abc' is not a number"),
        ("6_55.1", "not a number"),
        ("١٢", "not a number"),
        ("１", "not a number"),
        ("nan", "not a number"),
        ("-inf", "not a number"),
        ("0x10", "not a number"),
        ("1e", "not a number"),
        (".", "not a number"),
        ("1 000", "not a number"),
        ("1\n2", "not a number"),
        ("1e999", "too large"),
        ("1,5", "decimal comma; write 1.5"),
        ("17,990", "not a number"),
        ("9" * 100_000 + "x", r"^.{,60}$"),
    ],
)
def test_refuses_what_is_no_plain_number_alone_and_in_a_column(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_number(text)
    buffer = io.StringIO(newline="")
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerows([["a", "b"], ["1", "2"], [text, "3"]])
    values, problems = numbers(parse_table(buffer.getvalue()), ["a", "b"])
    assert list(problems) == [1] and problems[1].startswith("column 'a': ")
    assert values[0].tolist() == [1, 2] and np.isnan(values[1]).all()


@given(st.one_of(st.text(st.sampled_from("0123456789+-.eE")), st.floats(allow_nan=False).map(repr)))
def test_a_whole_column_reads_as_its_cells_do(text):
    assume(text)
    values, problems = numbers(parse_table(f"a\n{text}\n"), ["a"])
    try:
        assert values[0, 0] == parse_number(text) and not problems
    except ValueError as error:
        assert math.isnan(values[0, 0]) and problems == {0: f"column 'a': {error}"}


def test_every_bad_row_has_one_entry_in_the_order_of_the_file():
    table = parse_table("a,b,c\nx,1,2\n1,2\n1,2,3\n1,x,y\n")
    values, problems = numbers(table, ["c", "b"])
    assert problems == {1: "2 cells, the header has 3", 3: "column 'c': 'y' is not a number (and 1 more column)"}
    np.testing.assert_array_equal(values, [[2, 1], [np.nan] * 2, [3, 2], [np.nan] * 2])


def test_every_bad_cell_of_a_row_is_told_and_the_text_is_made_of_them():
    table = parse_table('a,b,c\n1,x,"1,5"\n1,2\n1,2,3\n1e999,,x\n')
    values, cells = numbers_and_cells(table, ["c", "a", "b"])
    assert cells == {
        0: (("c", "decimal comma; write 1.5"), ("b", "'x' is not a number")),
        1: (("", "2 cells, the header has 3"),),
        3: (("c", "'x' is not a number"), ("a", "'1e999' is too large"), ("b", "empty")),
    }
    as_text = numbers(table, ["c", "a", "b"])
    assert as_text[1] == {row: described(bad) for row, bad in cells.items()}
    assert as_text[1][3] == "column 'c': 'x' is not a number (and 2 more columns)"
    np.testing.assert_array_equal(as_text[0], values)
