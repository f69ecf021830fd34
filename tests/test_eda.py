"""Exploring a table: the built-in one, and one with everything that training would refuse."""

import pytest
from test_explore import MESSY

from bcdetect import NOTICE
from bcdetect.datasets.table import load_table
from bcdetect.eda import describe, explore, read_frame, summarise
from bcdetect.errors import InputError, OutputError
from bcdetect.explore import exploration
from bcdetect.table import read_table

pandas = pytest.importorskip("pandas", reason="exploring needs pandas")


@pytest.fixture
def messy(tmp_path):
    path = tmp_path / "messy.csv"
    path.write_text(MESSY, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def report():
    return explore()


def _lines(text):
    return [" ".join(line.split()) for line in text.splitlines()]


def test_the_report_of_the_built_in_data(report):
    lines = _lines(report)
    assert lines[0] == "569 rows, 30 features, classes in column 'diagnosis'"
    assert {"benign 357 62.7%", "malignant 212 37.3%", "worst perimeter 0.975 higher in malignant"} <= set(lines)
    assert "mean radius mean perimeter 0.998" in lines
    assert "mean radius 12.2 [11.1, 13.4] 17.3 [15.1, 19.6]" in lines
    assert "Not numeric" not in lines and "Left out" not in lines


def test_the_index_that_pandas_writes_is_named_among_what_is_left_out(tmp_path):
    path = tmp_path / "indexed.csv"
    path.write_text(",diagnosis,size\n0,M,1\n1,B,2\n", encoding="utf-8")
    lines = _lines(describe(summarise(*read_frame(path))))
    assert lines[lines.index("Left out") + 1].startswith("(without a name) ")


def test_the_report_fits_a_terminal_and_ends_with_the_notice(report):
    assert max(map(len, report.splitlines())) <= 80
    assert report.endswith(f"\n\n{NOTICE}\n")
    assert report.isascii()


def test_missing_cells_are_counted_and_other_columns_are_named(messy):
    frame, label = read_frame(messy)
    summary = summarise(frame, label)
    assert summary.rows == 6
    assert summary.counts == {"benign": 3, "malignant": 2}
    assert summary.features == ("size", "shape")
    assert summary.missing == {"diagnosis": 1, "size": 1, "shape": 2, "empty": 6}
    assert summary.not_numeric == {"site": "north", "empty": "", "text": "1,5"}
    assert summary.left_out == {"id": "an identifier is not a measurement"}
    assert summary.quartiles["size"] == {"benign": (1.25, 1.5, 1.75), "malignant": (4.25, 4.5, 4.75)}
    assert summary.separation == (("size", "malignant", 1.0), ("shape", "malignant", 0.0))
    lines = _lines(describe(summary))
    assert {"text such as '1,5'", "empty no values", "size 1 16.7%", "shape 1.000 lower in malignant"} <= set(lines)


def test_a_column_that_numbers_the_rows_is_left_out_here_as_in_training(tmp_path):
    path = tmp_path / "sorted.csv"
    path.write_text("index,diagnosis,a\n" + "".join(f"{i},{'BM'[i > 5]},{i * i % 7}\n" for i in range(12)))
    frame, label = read_frame(path)
    summary = summarise(frame, label)
    assert summary.features == ("a",) and summary.left_out == load_table(path).provenance["left_out"]
    assert "index it numbers the rows" in _lines(describe(summary))
    assert max(map(len, describe(summary).splitlines())) <= 80
    found = exploration(read_table(path))
    assert found["left_out"] == [{"column": "index", "why": "it numbers the rows"}]
    assert [each["feature"] for each in found["distributions"]] == ["a"]


def test_a_column_of_codes_can_be_the_label(tmp_path):
    path = tmp_path / "coded.csv"
    path.write_text("Outcome,a\n0,1\n1,2\n0,3\n", encoding="utf-8")
    assert summarise(*read_frame(path, "outcome")).counts == {"0": 2, "1": 1}


def test_classes_that_training_would_question_are_shown_all_the_same(tmp_path):
    path = tmp_path / "kinds.csv"
    path.write_text("kind,a,b\n" + "".join(f"{'pear apple'.split()[i % 2]},{i % 2},7\n" for i in range(6)))
    summary = summarise(*read_frame(path, "kind"))
    assert summary.counts == {"apple": 3, "pear": 3}
    assert summary.pairs == ()  # b never varies
    path.write_text("kind,a\nx,1\nx,2\n")
    assert "x 2 100.0%" in _lines(describe(summarise(*read_frame(path, "kind"))))


def test_three_classes_are_each_set_against_the_rest(tmp_path):
    path = tmp_path / "three.csv"
    path.write_text("kind,a,b\n" + "".join(f"{'xyz'[i % 3]},{i % 3},{(i % 3) != 1}\n" for i in range(9)))
    text = describe(summarise(*read_frame(path, "kind")))
    assert "a 1.000 lower in x" in _lines(text)
    assert "b such as 'True'" in _lines(text)
    assert all(name in text for name in "xyz")


@pytest.mark.parametrize(
    ("text", "label", "what"),
    [
        ("a,b\n1,2\n", None, "no column 'diagnosis'"),
        ("diagnosis,b\nM,2\nB\n", None, "line 3.*1 cell, the header has 2"),
        ("diagnosis,b\n,2\nNA,3\n", None, "0 different values"),
        ("diagnosis,b\nM,x\nB,y\n", None, "no column of numbers"),
        ("n,b\n" + "".join(f"{i},{i}\n" for i in range(99)), "n", "99 different values"),
    ],
)
def test_what_cannot_be_explored_is_refused_by_name(tmp_path, text, label, what):
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=f"bad.csv: (?s:.*){what}"):
        explore(path, label=label)


def test_the_figures_and_the_report_are_written(messy, tmp_path):
    pytest.importorskip("matplotlib", reason="figures need matplotlib, the extra 'plots'")
    out = tmp_path / "a" / "b"
    text = explore(messy, out=out)
    written = {path.name for path in out.iterdir()}
    assert written == {"class_share.png", "correlation.png", "distributions.png", "missing.png", "eda.txt"}
    assert (out / "eda.txt").read_text(encoding="utf-8") == text


def test_nothing_missing_no_figure_of_it(tmp_path):
    pytest.importorskip("matplotlib", reason="figures need matplotlib, the extra 'plots'")
    explore(out=tmp_path)
    assert {path.name for path in tmp_path.glob("*.png")} == {"class_share.png", "correlation.png", "distributions.png"}


def test_without_matplotlib_only_the_text_is_written(messy, tmp_path, monkeypatch):
    monkeypatch.setattr("bcdetect.plots.available", lambda: False)
    explore(messy, out=tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["eda.txt"]


def test_an_output_that_cannot_be_written_is_named(messy):
    with pytest.raises(OutputError, match=r"messy\.csv: already exists"):
        explore(messy, out=messy)
