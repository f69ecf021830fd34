"""Explaining a picture over HTTP: the map to draw, where it is strongest, its grade; and words that make no sense told."""

import base64
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from explaining import SIDE, bright, classifier
from PIL import Image
from starlette.testclient import TestClient

from bcdetect.bundle import save_classifier
from bcdetect.explain.grade import Check, Grade, save_grade
from bcdetect.explain.png import STOPS, colours
from bcdetect.serve.api.explain import Explained
from bcdetect.serve.app import HERE, create_app
from bcdetect.serve.settings import Settings
from tests.medical import nifti

EXPLAIN = "/api/explain/pictures"


@pytest.fixture
def folder(tmp_path):
    save_classifier(tmp_path / "exams.npz", classifier(2, ("t1", "dce"), ("normal", "benign", "malignant")))
    save_classifier(tmp_path / "deep.npz", classifier())
    save_classifier(tmp_path / "bright.npz", bright())
    return tmp_path


@pytest.fixture
def client(folder):
    with TestClient(create_app(Settings(models=folder)), base_url="http://127.0.0.1:8000") as found:
        yield found


def spot(row=2, column=10, value=255):
    """A black picture with a white spot of 4 x 4 pixels, as a PNG file."""
    plane = np.zeros((SIDE, SIDE), np.uint8)
    plane[row : row + 4, column : column + 4] = value
    stream = io.BytesIO()
    Image.fromarray(plane).save(stream, "PNG")
    return stream.getvalue()


def explain(client, *files, status=200, **parameters):
    files = files or (("picture", ("spot.png", spot())),)
    response = client.post(EXPLAIN, params={"model": "bright"} | parameters, files=files)
    assert response.status_code == status, response.text
    content = json.loads(response.text, parse_constant=lambda text: pytest.fail(f"{text} in JSON"))
    if status == 200:
        Explained.model_validate(content)  # the shape that /openapi.json promises
        return content
    return content["error"]


def pixels(address):
    data = base64.b64decode(address.removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def test_the_map_lies_over_the_spot_that_speaks_for_the_class(client):
    found = explain(client)
    (plane,) = found["planes"]
    assert np.array_equal(pixels(plane["picture"]), pixels("data:image/png;base64," + base64.b64encode(spot()).decode()))
    heat = pixels(found["map"])
    assert heat.shape == (SIDE, SIDE, 4)
    cover = heat[:, :, 3].copy()
    assert (cover[2:6, 10:14] == 255).all() and np.array_equal(heat[3, 11, :3], STOPS[-1])
    cover[2:6, 10:14] = 0
    assert not cover.any(), "nothing covers what does not speak for the class"
    assert (found["class"], found["method"], found["layer"], found["unit"]) == ("malignant", "gradcam", "relu_1", "logits")
    assert found["strength"] == found["full_colour_at"] == pytest.approx(1 / SIDE**2) and not found["blank"]
    peak = found["peak"]
    assert 2 <= peak["row"] < 6 and 10 <= peak["column"] < 14 and peak["share_down"] == (peak["row"] + 0.5) / SIDE
    assert "The strongest place lies in the upper right of the picture" in found["said"]
    assert [layer["name"] for layer in found["layers"]] == ["conv2d_1", "relu_1"] and found["layers"][0]["shape"] == [16, 16, 1]
    assert found["classes"] == ["benign", "malignant"] and found["prediction"]["class"] == "malignant"
    ways = {way["name"]: way for way in found["methods"]}
    assert ways["gradcam"]["needs_layer"] and not ways["integrated"]["needs_layer"] and ways["occlusion"]["slow"]


def test_a_blank_map_says_so_and_shows_nothing(client):
    found = explain(client, class_name="benign")
    assert found["blank"] and found["map"] is None and found["peak"] is None
    assert found["said"].startswith("No evidence for benign, evidence against up to")
    black = explain(client, ("picture", ("black.png", spot(value=0))))
    assert black["blank"] and black["full_colour_at"] == 0


def test_layers_and_methods_give_other_maps(client):
    one, other = (explain(client, model="deep", layer=layer) for layer in ("conv2d_1", "relu_2"))
    assert one["layer"] == "conv2d_1" and not np.array_equal(pixels(one["map"]), pixels(other["map"]))
    found = explain(client, method="integrated")
    assert found["layer"] is None and found["completeness_error"] < 0.1
    assert not explain(client, method="saliency")["signed"]


def test_the_grade_stands_with_it_and_its_lack_too(client, folder):
    found = explain(client)
    assert not found["graded"] and not found["grade_failed"] and "have no grade" in found["grade"] and found["checks"] == []
    good = Check("weights", "pass", 0.1, 0.0, 0.2, "at most 0.5", "likeness")
    grade = Grade(found["model_sha256"], "gradcam", "relu_1", "data", "all rows", 12, (good,))
    save_grade(folder / "bright.npz", grade)
    found = explain(client)
    assert found["graded"] and not found["grade_failed"] and found["grade"] == grade.line()
    assert found["checks"][0]["name"] == "weights" and found["checks"][0]["value"] == 0.1
    save_grade(folder / "bright.npz", replace(grade, checks=(good, Check("stability", "FAIL"))))
    found = explain(client)
    assert found["graded"] and found["grade_failed"] and "FAILED: stability" in found["grade"]
    assert not explain(client, method="integrated")["graded"] and not explain(client, layer="conv2d_1")["graded"]
    (folder / "bright.grade.json").write_text("{")
    found = explain(client)
    assert not found["graded"] and "cannot be read" in found["grade"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"layer": "conv9"}, "there is no layer 'conv9': Take one of conv2d_1, relu_1"),
        ({"layer": "dense_1"}, "without a place in the picture"),
        ({"layer": "relu_1", "method": "integrated"}, "takes no layer"),
        ({"method": "magic"}, "there is no method 'magic': Take one of gradcam"),
        ({"class_name": "evil"}, "there is no class 'evil': Take one of benign, malignant"),
    ],
)
def test_words_that_make_no_sense(client, words, says):
    found = explain(client, status=400, **words)
    assert says in f"{found['what']}: {found['hint']}"


def test_parameters_out_of_bounds(client):
    for wrong in ({"number": 0}, {"number": 10**20}, {"number": "x"}, {"layer": "x" * 999}, {"method": "x" * 999}):
        assert explain(client, status=422, **wrong)["code"] == "bad_request"
    assert "one at a time" in explain(client, *[("picture", ("a.png", spot()))] * 2, status=422)["what"]
    assert explain(client, ("picture", ("a.png", b"")), status=422)["what"] == "the file is empty"
    assert explain(client, ("picture", ("notes.png", b"some text")), status=422)["file"] == "notes.png"


def test_a_picture_in_colour_is_shown_in_colour(client, folder, rng):
    save_classifier(folder / "colour.npz", classifier(3))
    plane = rng.integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(plane).save(stream, "PNG")
    found = explain(client, ("picture", ("a.png", stream.getvalue())), model="colour")
    assert np.array_equal(pixels(found["planes"][0]["picture"]), plane)


def test_a_slice_of_a_volume(client, folder):
    volume = np.zeros((SIDE, SIDE, 3), np.int16)
    volume[3:7, 3:7, 1] = 900
    nifti(folder / "v.nii.gz", volume)
    file = ("picture", ("v.nii.gz", (folder / "v.nii.gz").read_bytes()))
    blank, white = explain(client, file), explain(client, file, number=2)
    assert blank["blank"] and blank["count"] == 3 and not white["blank"] and white["input"] == "v.nii.gz#2"
    assert white["number"] == 2 and white["prediction"]["file"] == "v.nii.gz#2"
    assert "has no picture 4; it holds 3" in explain(client, file, number=4, status=422)["what"]


def test_the_sequences_of_an_exam_each_with_its_plane(client):
    t1, dce = ("t1", ("a-t1.png", spot())), ("dce", ("a-dce.png", spot(8, 8)))
    found = explain(client, dce, t1, model="exams", method="integrated")
    assert [plane["title"] for plane in found["planes"]] == ["t1", "dce"] and found["class"] == found["prediction"]["class"]
    assert all(isinstance(plane["evidence"], float) for plane in found["planes"])
    assert np.array_equal(
        pixels(found["planes"][1]["picture"]), pixels(explain(client, dce, model="exams")["planes"][1]["picture"])
    )
    alone = explain(client, t1, model="exams", class_name="malignant")
    assert alone["planes"][1]["picture"] is None and alone["class"] == "malignant"


def test_the_colours_are_those_of_the_page_and_near_those_of_the_sheets():
    script = (HERE / "static" / "charts.js").read_text()
    stops = script.partition("STOPS = ")[2].partition(";")[0].replace(",\n]", "\n]")
    assert np.array_equal(json.loads(stops), STOPS)
    matplotlib = pytest.importorskip("matplotlib")
    share = np.linspace(0, 1, 101)
    assert np.abs(colours(share) - 255 * matplotlib.colormaps["viridis"](share)[:, :3]).max() < 32
