"""The command `explain`: what it refuses, and that nothing is left half-written."""

import pytest
from explaining import bright, left, picture, run, table

from bcdetect import plots
from bcdetect.bundle import save_classifier


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_classifier(tmp_path / "model.npz", bright())
    return tmp_path


def test_good_inputs_are_explained_and_bad_ones_named(place, capsys):
    picture(place / "in" / "spot.png", (2, 8))
    (place / "in" / "broken.png").write_bytes((place / "in" / "spot.png").read_bytes()[:60])
    assert run("model.npz", "in", "gone.png", "nowhere.csv", "--out", "out") == 1
    said = capsys.readouterr().out
    assert "in/broken.png: not explained: " in said and "gone.png: not explained: no such file" in said
    assert "nowhere.csv: not explained: no such file" in said and "in/spot.png: " in said
    rows = table(place / "out" / "summary.csv")
    assert [bool(row["problem"]) for row in rows] == [True, False, True, True]
    assert [path.name for path in (place / "out").glob("*.json")] == ["2-spot.json"]


def test_where_nothing_is_good_nothing_is_written(place, capsys):
    before = left(place)
    assert run("model.npz", "gone.png") == 3
    assert capsys.readouterr().err == "error: gone.png: nothing could be explained: no such file.\n"
    assert run("model.npz", "nowhere.csv") == 3
    assert capsys.readouterr().err == "error: nowhere.csv: no such file. Check the path.\n"
    assert run("model.npz", "gone.png", "nowhere.csv", "--layers") == 3
    assert left(place) == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--class", "evil"], "there is no class 'evil'. Take one of benign, malignant."),
        (["--layer", "conv9"], "there is no layer 'conv9'. Take one of conv2d_1, relu_1."),
        (["--layer", "dense_1"], "without a place in the picture"),
        (["--layer", "conv9", "--layers"], "Take one of conv2d_1, relu_1."),
        (["--method", "magic"], "Take one of gradcam, gradcam++, "),
        (["--rows", "1"], "--rows chooses rows of one CSV table or manifest"),
        (["--most", "0"], "it must be at least 1"),
        (["--sheet", "--layers"], "Leave out one of them"),
        (["--sheet", "--shared-scale"], "one labelled data set"),
        (["--label", "kind"], "goes with --sheet"),
        (["--layers", "--class", "benign"], "--class does not go with --layers"),
    ],
)
def test_wrong_words_are_told_before_anything_is_written(place, capsys, words, says):
    picture(place / "spot.png", (2, 8))
    before = left(place)
    assert run("model.npz", "spot.png", *words) == 2
    assert says in capsys.readouterr().err and left(place) == before


def test_too_many_inputs_are_refused_unless_told(place, capsys):
    for i in range(3):
        picture(place / "in" / f"{i}.png", (2, 8))
    assert run("model.npz", "in", "--most", "2") == 2
    assert "3 inputs at once. Pass fewer, choose some with --rows, or say --most 3." in capsys.readouterr().err
    assert not (place / "explanations").exists()
    assert run("model.npz", "in", "--most", "3") == 0


def test_a_folder_that_is_there_stays_as_it_is(place, capsys):
    picture(place / "spot.png", (2, 8))
    (place / "out").mkdir()
    (place / "out" / "mine.txt").write_text("mine")
    assert run("model.npz", "spot.png", "--out", "out") == 5
    assert left(place / "out") == ["mine.txt"] and "already exists" in capsys.readouterr().err
    assert run("model.npz", "spot.png") == run("model.npz", "spot.png") == 0
    assert left(place / "explanations") == ["spot-1", "spot-2"]


def test_a_failure_half_way_leaves_nothing(place, monkeypatch, capsys):
    for i in range(3):
        picture(place / "in" / f"{i}.png", (2, 8))
    saved = plots.save_figure

    def fail(figure, path):
        if path.name.startswith("2-"):
            raise OSError(28, "No space left on device")
        saved(figure, path)

    monkeypatch.setattr(plots, "save_figure", fail)
    before = left(place)
    assert run("model.npz", "in", "--out", "new/out") == 5
    assert left(place) == before and "No space left" in capsys.readouterr().err
