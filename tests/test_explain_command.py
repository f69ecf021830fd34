"""The command `explain`: what it writes, what it says, what it refuses, and that nothing is left half-written."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

import tinycnn as tc
from bcdetect import NOTICE, plots
from bcdetect.bundle import save_classifier
from bcdetect.classifier import Classifier
from bcdetect.cli import main
from bcdetect.commands.explain import rows_of
from bcdetect.config import Config
from bcdetect.datasets.wisconsin import wisconsin_path
from bcdetect.errors import UsageError
from bcdetect.explain.grade import Check, Grade, save_grade
from bcdetect.explain.planes import FAINT, full_colour, planes_of
from bcdetect.explain.words import file_stem, safe
from bcdetect.inputs import Input
from bcdetect.models import picture_cnn
from bcdetect.preprocessing import PictureScaler
from tests.trained import small_run

SIDE = 16


def classifier(channels=1, sequences=(), classes=("benign", "malignant")):
    """An untrained network."""
    model = picture_cnn(Config.for_pictures().with_values({"width": 4}), (SIDE, SIDE, channels), len(classes))
    scaler = PictureScaler(np.full(channels, 0.4), np.full(channels, 0.2), np.array([SIDE, SIDE]))
    return Classifier([model], scaler, (), classes, card={"data": {"sequences": list(sequences)}})


def bright():
    """A classifier that takes white for malignant: its evidence is the picture itself, less its mean of half white."""
    model = tc.Sequential(tc.Conv2D(1, 1), tc.ReLU(), tc.GlobalAvgPool(), tc.Dense(1)).build((SIDE, SIDE, 1), seed=0)
    values = {"weight": [[1.0]], "bias": [0.0]}
    conv, dense = model.layers["conv2d_1"], model.layers["dense_1"]
    conv.params["weight"][...], conv.params["bias"][...] = 1.0, 0.0
    dense.params["weight"][...], dense.params["bias"][...] = values["weight"], values["bias"]
    scaler = PictureScaler(np.array([0.5]), np.array([0.5]), np.array([SIDE, SIDE]))
    return Classifier([model], scaler, (), ("benign", "malignant"))


def picture(path, spot=None, level=255):
    """Black, with a white spot of 4 x 4 pixels whose upper left corner is `spot`."""
    plane = np.zeros((SIDE, SIDE), np.uint8)
    if spot is not None:
        plane[spot[0] : spot[0] + 4, spot[1] : spot[1] + 4] = level
    path.parent.mkdir(exist_ok=True, parents=True)
    Image.fromarray(plane).save(path)
    return str(path)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_classifier(tmp_path / "model.npz", bright())
    return tmp_path


def run(*words):
    return main(["explain", *map(str, words)])


def read(path):
    return json.loads(path.read_text())


def table(path):
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def test_one_picture_gives_its_map_its_numbers_and_an_overlay(place, capsys):
    spot = picture(place / "spot.png", (2, 8))
    assert run("model.npz", spot) == 0
    said = capsys.readouterr().out
    folder = place / "explanations" / "spot-1"
    assert sorted(path.name for path in folder.iterdir()) == ["1-spot.json", "1-spot.npy", "1-spot.png", "summary.csv"]
    found, content = np.load(folder / "1-spot.npy", allow_pickle=False), read(folder / "1-spot.json")
    assert found.dtype == np.float32 and found.shape == (SIDE, SIDE)
    outside = found.copy()
    outside[2:6, 8:12] = 0
    assert not outside.any() and (found[2:6, 8:12] > 0).all()
    assert content["class"] == "malignant" and content["method"] == "gradcam" and content["layer"] == "relu_1"
    assert content["strength"] == pytest.approx(1 / SIDE**2) == pytest.approx(float(found.max()))
    assert content["logit"] == pytest.approx(16 / SIDE**2), "16 white pixels of 256, each 1 after scaling"
    peak = content["peak"]
    assert found[peak["row"], peak["column"]] == found.max()
    assert peak["share_down"] == (peak["row"] + 0.5) / SIDE and peak["share_across"] == (peak["column"] + 0.5) / SIDE
    assert content["notice"] == NOTICE and "have no grade" in content["grade"] and len(content["model_sha256"]) == 64
    assert sum(content["probabilities"].values()) == pytest.approx(1)
    assert NOTICE in said and "have no grade" in said and "evidence for malignant" in said
    with Image.open(folder / "1-spot.png") as image:
        assert image.size[0] > 2 * 400, "two panels side by side"


def test_the_class_that_is_asked_for_turns_the_sign(place, capsys):
    spot = picture(place / "spot.png", (2, 8))
    assert run("model.npz", spot, "--class", "benign", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    (row,) = printed["rows"]
    assert row["class"] == "benign" and row["logit"] == pytest.approx(-16 / SIDE**2)
    assert row["blank"] and row["peak"] is None and row["against"] == pytest.approx(1 / SIDE**2)
    assert printed["notice"] == NOTICE and printed["folder"].endswith("spot-1")


def colourful(path):
    """The number of pixels that are no shade of grey."""
    with Image.open(path) as image:
        rgb = np.asarray(image.convert("RGB"), int)
    return int((np.ptp(rgb, axis=-1) > 24).sum())


def test_a_blank_map_stays_blank_and_says_so(place, capsys):
    black, spot = picture(place / "black.png"), picture(place / "spot.png", (2, 8))
    assert run("model.npz", black, spot, "--out", "out") == 0
    assert "black.png: malignant (probability of malignancy 50.0 %); no evidence for malignant" in capsys.readouterr().out
    assert read(place / "out" / "1-black.json")["blank"] and not np.load(place / "out" / "1-black.npy").any()
    with Image.open(place / "out" / "1-black.png") as image:
        rgb = np.asarray(image.convert("RGB"), int)
    panel = rgb[140:560, 620:1090]  # the overlay, without its title
    assert np.ptp(panel, axis=-1).max() == 0, "no colour over a picture without evidence"
    assert colourful(place / "out" / "2-spot.png") > 10_000


def test_evidence_that_changes_nothing_is_not_stretched_to_full_colour():
    assert full_colour(0.5, np.array([[0.5, -9.0]])) == 0.5
    assert full_colour(1e-6, np.array([[1e-6, -9.0]])) == pytest.approx(FAINT)
    assert full_colour(0.0, np.array([[0.0, -9.0]])) == 0


def test_one_scale_for_all_inputs(place):
    picture(place / "in" / "faint.png", (2, 8), level=160)
    picture(place / "in" / "strong.png", (2, 8))
    assert run("model.npz", "in", "--out", "own") == run("model.npz", "in", "--out", "shared", "--shared-scale") == 0
    strengths = [read(place / "shared" / f"{name}.json")["strength"] for name in ("1-faint", "2-strong")]
    tops = [read(place / "shared" / f"{name}.json")["full_colour_at"] for name in ("1-faint", "2-strong")]
    assert strengths[0] < strengths[1] and tops == [strengths[1]] * 2
    assert read(place / "own" / "1-faint.json")["full_colour_at"] is None
    own, shared = ((place / folder / "1-faint.png").read_bytes() for folder in ("own", "shared"))
    assert own != shared
    assert np.array_equal(np.load(place / "own" / "1-faint.npy"), np.load(place / "shared" / "1-faint.npy")), (
        "the map itself stays"
    )


def test_names_that_are_long_alike_or_odd_do_not_collide(place, capsys):
    long = "x" * 251 + ".png"
    for path in (place / "a" / long, place / "b" / long, place / "b" / "$x^2$ ü 😀 ..png"):
        picture(path, (2, 8))
    assert run("model.npz", "a", "b", "--out", "out") == 0
    files = sorted(path.name for path in (place / "out").iterdir())
    assert len(files) == 3 * 3 + 1 and all(len(name.encode()) < 100 for name in files)
    rows = table(place / "out" / "summary.csv")
    assert len({row["files"] for row in rows}) == 3 and rows[0]["input"].endswith(f"a/{long}")
    for row in rows:
        assert read(place / "out" / f"{row['files']}.json")["input"] == row["input"]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("scan.nii.gz#12", "scan-12"),
        ("a/b/benign (1).PNG", "benign-1"),
        ("../..", "input"),
        ("e\u0301cho", "\u00e9cho"),
        ("\udcff", "input"),
        ("\u4e73" * 80, "\u4e73" * 20),
    ],
)
def test_safe_names(name, stem):
    assert safe(name) == stem


def test_the_number_in_a_file_s_name_has_room_for_all():
    assert file_stem(Input(7, 8), 1000) == "row-0007" and file_stem(Input(7, 0, "a/b.png"), 12) == "07-b"
    exam = Input(1, 2, "x", files=("p/003-1-t1.png", "p/003-1-t2.png"))
    assert file_stem(exam, 5) == "1-003-1"


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


def left(place):
    return sorted(path.name for path in place.iterdir())


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


def test_without_matplotlib_maps_and_numbers_are_written_all_the_same(place, monkeypatch, capsys):
    monkeypatch.setattr(plots, "available", lambda: False)
    picture(place / "benign" / "0.png")
    picture(place / "malignant" / "1.png", (2, 8))
    assert run("model.npz", "malignant", "--out", "out") == 0
    assert left(place / "out") == ["1-1.json", "1-1.npy", "summary.csv"]
    assert capsys.readouterr().out.count(plots.MISSING) == 1
    assert run("model.npz", "malignant", "--layers", "--out", "layers") == 0
    assert left(place / "layers") == ["channels.csv"]


def test_the_grade_beside_the_model_stands_under_every_explanation(place, capsys):
    spot = picture(place / "spot.png", (2, 8))
    assert run("model.npz", spot, "--json") == 0
    digest = json.loads(capsys.readouterr().out)["rows"][0]["model_sha256"]
    grade = Grade(digest, "gradcam", "relu_1", "data", "all rows", 12, (Check("stability", "FAIL"),))
    save_grade(place / "model.npz", grade)
    assert run("model.npz", spot, "--out", "out") == 0
    assert grade.line() in capsys.readouterr().out and read(place / "out" / "1-spot.json")["grade"] == grade.line()
    for other in (["--layer", "conv2d_1"], ["--method", "occlusion"]):
        assert run("model.npz", spot, *other) == 0
        assert grade.line() not in (said := capsys.readouterr().out) and "have no grade; the model's is for" in said
    (place / "model.grade.json").write_text("{}")
    assert run("model.npz", spot) == 0 and "cannot be read: not a grade that audit-model wrote" in capsys.readouterr().out


def test_sequences_are_shown_by_name_and_missing_ones_told(tmp_path, rng, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = classifier(2, ("t1", "dce"), ("normal", "benign", "malignant"))
    save_classifier("model.npz", model)
    for i in range(2):
        Image.fromarray(rng.integers(0, 255, (SIDE, SIDE), np.uint8)).save(tmp_path / f"p-{i}.png")
    (tmp_path / "list.csv").write_text("t1,dce\np-0.png,p-1.png\np-0.png,\n,\n")
    assert run("model.npz", "list.csv", "--method", "integrated", "--out", "out") == 1
    both, one = read(tmp_path / "out" / "1-p.json"), read(tmp_path / "out" / "2-p-0.json")
    assert [each["taken"] for each in both["sequences"].values()] == [True, True] and list(both["sequences"]) == ["t1", "dce"]
    assert not one["sequences"]["dce"]["taken"] and one["sequences"]["dce"]["evidence"] == 0
    assert 0 <= both["completeness_error"] < 0.2 and both["class"] == both["predicted_class"]
    seen = planes_of(model, np.zeros((SIDE, SIDE, 2), np.uint8), np.array([False, True]))
    assert [plane.title for plane in seen] == ["t1", "dce"] and seen[1].values is None


@pytest.fixture(scope="module")
def tabular(tmp_path_factory):
    path = tmp_path_factory.mktemp("tabular") / "model.npz"
    save_classifier(path, small_run().classifier)
    return path


def test_a_table_s_rows_are_chosen_and_every_feature_is_in_the_json(tabular, tmp_path, capsys):
    assert run(tabular, wisconsin_path(), "--rows", "3,20-21", "--out", tmp_path / "out") == 0
    assert left(tmp_path / "out") == [f"row-{n}.{kind}" for n in ("003", "020", "021") for kind in ("json", "png")] + [
        "summary.csv"
    ]
    content = read(tmp_path / "out" / "row-020.json")
    features = content["features"]
    assert len(features) == 30 and {each["name"] for each in features} == set(small_run().classifier.feature_names)
    sizes = [abs(each["evidence"]) for each in features]
    assert sizes == sorted(sizes, reverse=True) and content["method"] == "integrated"
    header, *rows = csv.reader(wisconsin_path().read_text().splitlines())
    for each in features:
        assert each["value"] == float(rows[19][header.index(each["name"])])
    x = small_run().classifier.preprocessing.mean[None]
    model = small_run().classifier.models[0]
    start = float(model.predict(small_run().classifier.preprocessing.transform(x))[0, 0])
    total = sum(each["evidence"] for each in features)
    assert total == pytest.approx(content["logit"] - start, rel=0.05, abs=0.05), "integrated gradients add up"
    assert "most for malignant: " in capsys.readouterr().out


def test_rows_of_a_table_that_cannot_be_read_are_named(tabular, tmp_path, capsys):
    header, *rows = wisconsin_path().read_text().splitlines()[:4]
    cells = rows[1].split(",")
    (tmp_path / "t.csv").write_text("\n".join([header, rows[0], ",".join([*cells[:-1], "x"]), rows[2]]) + "\n")
    assert run(tabular, tmp_path / "t.csv", "--out", tmp_path / "out") == 1
    assert "row 2 (line 3): not explained: column 'worst fractal dimension': 'x' is not a number" in capsys.readouterr().out
    assert [path.name for path in sorted((tmp_path / "out").glob("*.json"))] == ["row-1.json", "row-3.json"]
    assert run(tabular, tmp_path / "t.csv", tmp_path / "t.csv", "--out", tmp_path / "two") == 1
    assert "t.csv row 3: " in capsys.readouterr().out


@pytest.mark.parametrize(("text", "rows"), [("1,5-9", {1, 5, 6, 7, 8, 9}), (" 2 - 3 ,3", {2, 3}), ("10", {10})])
def test_row_numbers(text, rows):
    assert rows_of(text, 10) == rows


@pytest.mark.parametrize("text", ["", "0", "11", "3-2", "a", "1,,2", "-1", "1-", "٣", "9-11"])
def test_row_numbers_that_are_none(text):
    with pytest.raises(UsageError, match="--rows"):
        rows_of(text, 10)


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


def test_what_is_for_pictures_alone_is_refused_for_a_table(tabular, tmp_path, capsys):
    assert run(tabular, wisconsin_path(), "--sheet", "--out", tmp_path / "out") == 2
    assert "--sheet shows pictures" in capsys.readouterr().err
    assert run(tabular, wisconsin_path(), "--shared-scale", "--out", tmp_path / "out") == 2
    assert "--shared-scale is for pictures" in capsys.readouterr().err and not left(tmp_path)


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


def test_the_layers_of_a_table_s_network(tabular, tmp_path):
    assert run(tabular, wisconsin_path(), "--rows", "1-9", "--layers", "--out", tmp_path / "out") == 0
    files = left(tmp_path / "out")
    assert "kernels.png" in files and "layer-1-conv2d_1.png" in files and "channels.csv" in files
    rows = table(tmp_path / "out" / "channels.csv")
    assert len(rows) == 4 * 5 and {row["input"] for row in rows} <= {f"row {n}" for n in range(1, 10)}
