"""The command `explain` over many pictures: the sheet of a labelled set, and what excites a layer's channels."""

import json

import pytest
from explaining import bright, left, picture, run, table

from bcdetect import NOTICE
from bcdetect.bundle import save_classifier


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_classifier(tmp_path / "model.npz", bright())
    return tmp_path


def labelled(place):
    """Four pictures of which the model is wrong about two: faintly about one, surely about the other."""
    picture(place / "data" / "benign" / "right.png")
    picture(place / "data" / "benign" / "faint.png", (2, 8), level=200)
    picture(place / "data" / "benign" / "sure.png", (2, 8))
    picture(place / "data" / "malignant" / "right.png", (8, 2))
    return "data"


def test_the_sheet_has_errors_first_and_the_surest_on_top(place, capsys):
    assert run("model.npz", labelled(place), "--sheet", "--out", "out") == 0
    assert left(place / "out") == ["order.csv", "page-01.png"] and "4 rows, all rows" in capsys.readouterr().out
    rows = table(place / "out" / "order.csv")
    assert [row["right"] for row in rows] == ["no", "no", "no", "yes"]
    wrong = [float(row[f"probability of {row['reference']}"]) for row in rows[:3]]
    assert wrong == sorted(wrong) and rows[0]["file"].endswith("sure.png") and rows[1]["file"].endswith("faint.png")
    assert rows[2]["file"].endswith("benign/right.png"), "a black picture's logit is 0, which is called malignant"
    assert all(row["page"] == "1" for row in rows) and [row["place"] for row in rows] == ["1", "2", "3", "4"]


def test_the_sheet_shows_the_test_part_alone_where_there_is_one(place, capsys):
    labelled(place)
    lines = ["path,label,split", "data/benign/right.png,benign,train", "data/benign/sure.png,benign,test"]
    (place / "list.csv").write_text("\n".join([*lines, "data/malignant/right.png,malignant,test"]) + "\n")
    assert run("model.npz", "list.csv", "--sheet", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["rows"], printed["wrong"], printed["notice"]) == (2, 1, NOTICE)
    assert run("model.npz", "list.csv", "--sheet", "--most", "1") == 2


def test_what_excites_a_channel_most(place, capsys):
    for i, level in enumerate((200, 255, 150)):
        picture(place / "in" / f"{i}.png", (2 * i, 8), level)
    assert run("model.npz", "in", "gone.png", "--layers", "--out", "out") == 1
    files = left(place / "out")
    assert files == ["channels-relu_1.png", "channels.csv", "kernels.png", "layer-1-conv2d_1.png", "layer-2-relu_1.png"]
    rows = table(place / "out" / "channels.csv")
    assert [row["input"] for row in rows] == ["in/1.png", "in/0.png", "in/2.png"]
    assert float(rows[0]["value"]) == pytest.approx(1) and (int(rows[0]["row"]), int(rows[0]["column"])) == (2, 8)
    assert "gone.png: not explained: no such file" in capsys.readouterr().out
