"""The command line where it fails: whatever is wrong is one line and a code, and leaves nothing."""

import json

import pytest
from trained import process, wisconsin_table


def wisconsin_with(cell, row=5, column="mean perimeter"):
    header, rows = wisconsin_table()
    rows = [list(r) for r in rows]
    rows[row - 1][header.index(column)] = cell
    return header, rows


def as_csv(header, rows, delimiter=","):
    return "\n".join(delimiter.join(row) for row in [header, *rows]) + "\n"


def bad_tables():
    header, rows = wisconsin_table()
    short, long = [list(row) for row in rows], [list(row) for row in rows]
    del short[3][-1]
    long[3].append("9")
    benign = [row for row in rows if row[0] == "B"]
    yield "empty", b"", "the file is empty"
    yield "text in a cell", as_csv(*wisconsin_with("abc")), "row 5 (line 6), column 'mean perimeter': 'abc' is not a number"
    yield "nan", as_csv(*wisconsin_with("NaN")), "row 5 (line 6), column 'mean perimeter': 'NaN'"
    yield "inf", as_csv(*wisconsin_with("inf")), "row 5 (line 6), column 'mean perimeter': 'inf'"
    yield "blank cell", as_csv(*wisconsin_with("")), "row 5 (line 6), column 'mean perimeter': empty"
    yield "overflow", as_csv(*wisconsin_with("1e300")), "row 5, column 'mean perimeter': 1e+300 is beyond"
    yield "unknown label", as_csv(*wisconsin_with("X", column="diagnosis")), "the label 'X' is not one of M and B"
    yield "no label", as_csv(*wisconsin_with("", column="diagnosis")), "row 5 (line 6), column 'diagnosis'"
    yield "one class", as_csv(header, benign), "only one class: 'benign'"
    yield "few rows", as_csv(header, [*benign[:3], *[r for r in rows if r[0] == "M"][:3]]), "too few rows"
    yield "short row", as_csv(header, short), "row 4 (line 5), 30 cells, the header has 31"
    yield "long row", as_csv(header, long), "row 4 (line 5), 32 cells, the header has 31"
    yield "semicolons", as_csv(header, rows, ";"), "separated by semicolons"
    yield "utf-16", as_csv(header, rows).encode("utf-16"), "UTF-16"
    yield "latin-1", as_csv(header, rows).replace("diagnosis", "Größe").encode("latin-1"), "0xf6 is not UTF-8"
    yield "excel", b"PK\x03\x04" + bytes(100), "Excel"
    yield "no label column", as_csv(header[1:], [row[1:] for row in rows]), "no column 'diagnosis'"
    yield "a measurement as label", as_csv(["diagnosis", "f"], [[str(k), "1"] for k in range(90)]), "90 classes"
    yield "constant", as_csv(["diagnosis", "f"], [["MB"[k % 2], "1"] for k in range(90)]), "same in all rows"
    yield "repeated header", as_csv([*header[:-1], header[1]], rows), "'mean radius' occurs more than once"
    yield "header alone", as_csv(header, []), "no rows below it"


@pytest.mark.parametrize("content, words", [pytest.param(*case, id=name) for name, *case in bad_tables()])
def test_a_bad_table_is_one_line_and_leaves_nothing(content, words, command, tmp_path):
    table = tmp_path / "table.csv"
    table.write_bytes(content if isinstance(content, bytes) else content.encode())
    code, out, err = command("train", "--data", table, "--epochs", "1", "--out", tmp_path / "o")
    assert code == 3 and words in err
    assert err.startswith("error: ") and err.count("\n") == 1 and "Traceback" not in err
    assert "accuracy" not in out and [path.name for path in tmp_path.iterdir()] == ["table.csv"]


@pytest.mark.parametrize(
    "words, code, what",
    [
        (["train", "--data", "{tmp}/nothing.csv"], 3, "no such file"),
        (["train", "--data", "{tmp}"], 3, "folder"),
        (["train", "--data", "/dev/null"], 3, "not a regular file"),
        (["train", "--data", ""], 2, "--data is empty"),
        (["train", "--label", ""], 2, "--label is empty"),
        (["train", "--config", "{tmp}/nothing.json"], 3, "no such file"),
        (["train", "--set", "epoch=3"], 2, "epochs"),
        (["train", "--set", "units=100000000000"], 2, "units"),
        (["train", "--epochs", "0"], 2, "epochs"),
        (["train", "--epochs", "x"], 2, "invalid int value"),
        (["train", "--threads", "0"], 2, "at least 1"),
        (["train", "--set", "lr=1e30"], 6, "diverged"),
        (["train", "--out", "/dev/null/x"], 5, "cannot be made"),
        (["train", "--label", "diagnoses"], 3, "Did you mean 'diagnosis'"),
        (["train", "--positive", "X"], 3, "no class 'X'"),
        (["train", "--group", "patient"], 3, "no column 'patient'"),
        (["train", "--drop", "nothing"], 3, "no column 'nothing'"),
        (["evaluate"], 2, "--cv"),
        (["evaluate", "--cv", "ten"], 2, "repeats x folds"),
        (["evaluate", "--cv", "1x300"], 3, "too few rows"),
        (["evaluate", "--cv", "0x5"], 2, "at least 1x2"),
        (["predict", "{tmp}/nothing.npz", "{tmp}/nothing.csv"], 4, "no such file"),
        (["eda", "{tmp}/nothing.csv", "--out", "{tmp}/o"], 3, "no such file"),
        (["trian"], 2, "invalid choice"),
        ([], 2, "COMMAND"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_every_failure_has_its_code_and_one_line(words, code, what, as_json, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [word.format(tmp=tmp_path) for word in words]
    if words[:1] == ["train"] and "--out" not in words:
        words += ["--out", "o"]
    found, out, err = command(*words, *(["--json"] if as_json else []))
    assert found == code and what in err and "accuracy" not in out
    assert err.count("\n") == 1 and "Traceback" not in err and not list(tmp_path.iterdir())
    if as_json:
        error = json.loads(err)["error"]
        assert set(error) == {"code", "file", "where", "what", "hint"}
        assert error["code"] == {2: "usage", 3: "bad_input", 4: "bad_model", 5: "output", 6: "diverged"}[code]
    else:
        assert err.startswith("error: ")


@pytest.mark.parametrize("words, code", [(["train", "--data", "nothing.csv"], 3), (["train", "--set", "lr=1e30"], 6)])
def test_failures_in_a_process_of_their_own(words, code, tmp_path):
    done = process(*words, cwd=tmp_path)
    assert done.returncode == code and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
