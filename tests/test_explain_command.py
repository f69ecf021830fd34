"""The command `explain` on pictures: what it writes, and what it says."""

import json

import numpy as np
import pytest
from explaining import SIDE, bright, classifier, left, picture, read, run, table
from PIL import Image

from bcdetect import NOTICE, plots
from bcdetect.bundle import save_classifier
from bcdetect.explain.grade import Check, Grade, save_grade
from bcdetect.explain.planes import FAINT, full_colour, planes_of
from bcdetect.explain.words import file_stem, safe
from bcdetect.inputs import Input


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_classifier(tmp_path / "model.npz", bright())
    return tmp_path


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
    assert ",".join(rows[0]) == "number,input,files,class,predicted class,probability,strength,against,row,column,problem"
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
