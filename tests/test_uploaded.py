"""Pictures from memory: the bits, the names and the refusals of the same files on disk, and nothing on disk."""

import io
import os
import struct

import numpy as np
import pytest
from PIL import Image

from bcdetect import pictures, predict
from bcdetect.classifier import Classifier
from bcdetect.config import Config
from bcdetect.errors import InputError
from bcdetect.inputs import open_pictures
from bcdetect.models import picture_cnn
from bcdetect.preprocessing import PictureScaler, Standardiser
from bcdetect.uploaded import open_uploads
from tests.medical import dicom, nifti


def classifier(channels=1, sequences=()):
    """An untrained network."""
    model = picture_cnn(Config.for_pictures().with_values({"width": 4}), (16, 16, channels), 2)
    scaler = PictureScaler(np.full(channels, 0.4), np.full(channels, 0.2), np.array([16, 16]))
    return Classifier([model], scaler, (), ("benign", "malignant"), card={"data": {"sequences": list(sequences)}})


@pytest.fixture
def place(tmp_path, rng):
    Image.fromarray(rng.integers(0, 255, (20, 24), np.uint8)).save(tmp_path / "grey.png")
    Image.fromarray(rng.integers(900, 4000, (20, 24), np.uint16)).save(tmp_path / "deep.png")
    Image.fromarray(rng.integers(0, 255, (20, 24, 3), np.uint8)).save(tmp_path / "colour.jpg")
    dicom(tmp_path / "scan.dcm", rng.integers(0, 4000, (3, 20, 24)).astype(np.uint16), PatientName="Doe^Jane")
    nifti(tmp_path / "volume.nii.gz", rng.integers(0, 900, (12, 10, 4)).astype(np.int16))
    pages = [Image.fromarray(rng.integers(0, 255, (20, 24), np.uint8)) for _ in range(2)]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    return tmp_path


def named(place, *names):
    return [(name, (place / name).read_bytes()) for name in names]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_file_and_each_slice_have_the_bits_they_have_on_disk(place, channels, monkeypatch):
    model = classifier(channels)
    files = named(place, "grey.png", "deep.png", "colour.jpg", "scan.dcm", "volume.nii.gz", "pages.tif")
    expected = [f"{name}" for name in ("grey.png", "deep.png", "colour.jpg")]
    expected += [f"scan.dcm#{n}" for n in (1, 2, 3)] + [f"volume.nii.gz#{n}" for n in (1, 2, 3, 4)]
    expected += ["pages.tif#1", "pages.tif#2"]
    on_disk = [next(open_pictures(model, place / name).read(None)) for name in expected]
    monkeypatch.setattr("builtins.open", lambda *_, **__: pytest.fail("the disk was touched"))
    monkeypatch.setattr(os, "open", lambda *_, **__: pytest.fail("the disk was touched"))
    source = open_uploads(model, files)
    found = list(source.read(None))
    assert source.count == len(found) == 12 and [each.name for each in found] == expected
    assert [each.row for each in found] == list(range(1, 13)) and all(each.files == (each.name,) for each in found)
    for one, other in zip(found, on_disk, strict=True):
        assert one.problem is None and one.x.dtype == other.x.dtype and np.array_equal(one.x, other.x), one.name


def test_some_rows_alone_are_those_rows(place):
    source = open_uploads(classifier(), named(place, "grey.png", "scan.dcm", "volume.nii.gz"))
    every, some = list(source.read(None)), list(source.read({3, 8}))
    assert [each.name for each in some] == ["scan.dcm#2", "volume.nii.gz#4"]
    assert all(np.array_equal(each.x, every[each.row - 1].x) for each in some)


def test_a_bad_file_is_told_as_on_disk_and_the_others_are_answered(place):
    (place / "short.png").write_bytes((place / "grey.png").read_bytes()[:-60])
    (place / "text.dcm").write_bytes(b"this is a text\n")
    (place / "short.nii.gz").write_bytes((place / "volume.nii.gz").read_bytes()[:-40])
    names = ["short.png", "grey.png", "text.dcm", "short.nii.gz"]
    found = list(open_uploads(classifier(), [*named(place, *names), ("empty.png", b"")]).read(None))
    assert [each.name for each in found if each.problem is None] == ["grey.png"]
    assert found[-1].problem == "the file is empty" and found[-1].name == "empty.png"
    problems = [each.problem for each in found if each.name.startswith("short.nii.gz")]
    assert len(problems) == 4 and len(set(problems)) == 1 and "gzip" in problems[0], "each slice of a broken volume"
    for name in ("short.png", "text.dcm"):
        (on_disk,) = open_pictures(classifier(), place / name).read(None)
        assert on_disk.problem in [each.problem for each in found if each.name == name]


def test_the_sequences_of_an_exam_have_the_bits_of_a_manifest(place):
    model = classifier(2, ("t1", "dce"))
    (place / "list.csv").write_text("t1,dce\ngrey.png,deep.png\ngrey.png,\n")
    both, one = open_pictures(model, place / "list.csv").read(None)
    grey, deep = named(place, "grey.png", "deep.png")
    for files, other in (({"DCE": deep, "t1": grey}, both), ({"t1": grey}, one)):
        (found,) = open_uploads(model, files).read(None)
        assert np.array_equal(found.x, other.x) and np.array_equal(found.missing, other.missing)
        assert found.name == other.name and found.x.dtype == other.x.dtype
    (found,) = open_uploads(model, {"t1": grey, "dce": ("gone.png", b"GIF89a")}).read(None)
    assert found.problem == "gone.png: not a picture that can be read (it holds text)"
    (found,) = open_uploads(model, {"t1": named(place, "volume.nii.gz")[0]}).read(None)
    assert found.problem == "holds 4 pictures"


@pytest.mark.parametrize(
    "sequences, files, said",
    [
        ((), [], "no pictures"),
        ((), {"t1": ("a.png", b"x")}, "the model takes single pictures"),
        (("t1", "dce"), {}, "no pictures"),
        (
            ("t1", "dce"),
            [("a.png", b"x")],
            "takes 2 sequences of one exam; which file is which[?] The model's sequences are t1, dce",
        ),
        (("t1", "dce"), {"t2": ("a.png", b"x"), "t1": ("a.png", b"x")}, "no sequence 't2'. The model's sequences are t1, dce"),
    ],
)
def test_files_that_do_not_fit_the_model(sequences, files, said):
    with pytest.raises(InputError, match=said):
        open_uploads(classifier(max(1, len(sequences)), sequences), files)


def test_pictures_for_a_model_of_tables():
    table = Classifier([], Standardiser(np.zeros(2), np.ones(2)), ("a", "b"), ("benign", "malignant"))
    with pytest.raises(InputError, match="takes a table"):
        open_uploads(table, [("a.png", b"x")])


def test_more_pictures_than_are_answered_at_once(place):
    files = named(place, "grey.png", "scan.dcm", "volume.nii.gz")
    assert open_uploads(classifier(), files, most=8).count == 8
    with pytest.raises(InputError, match=r"volume.nii.gz: more than 7 pictures at once"):
        open_uploads(classifier(), files, most=7)


def test_bytes_have_the_limits_of_files(place, monkeypatch):
    monkeypatch.setattr(pictures, "MAX_BYTES", 200)
    for name in ("grey.png", "volume.nii.gz"):
        refusals = []
        for opening in (lambda n: pictures.open_pictures(place / n), lambda n: pictures.open_bytes(*named(place, n)[0][::-1])):
            with pytest.raises(InputError, match="larger than the limit of 200 bytes") as caught:
                opening(name)
            refusals.append(caught.value.what)
        assert refusals[0] == refusals[1]


@pytest.mark.parametrize("name", ["grey.png", "scan.dcm", "volume.nii.gz"])
def test_a_picture_that_declares_too_much_is_refused_before_it_is_decoded(name, place, monkeypatch):
    room = {"grey.png": "raster", "scan.dcm": "dicom"}.get(name, "nifti")
    monkeypatch.setattr(f"bcdetect.{room}.{'MAX_VOXELS' if room == 'nifti' else 'MAX_PIXELS'}", 400)
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    (found, *_) = open_uploads(classifier(), named(place, name)).read(None)
    assert "declares" in found.problem and "the limit is 400" in found.problem


def test_a_chain_of_pages_is_not_followed_for_ever():
    tags = {256: 4, 257: 4, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 4, 279: 16}
    entries = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, n) for tag, n in tags.items())
    pages = [entries + struct.pack("<I", 24 + (k + 1) * (len(entries) + 4)) for k in range(10_050)]
    (found,) = open_uploads(classifier(), [("long.tif", b"II*\0" + struct.pack("<I", 24) + b"\1" * 16 + b"".join(pages))]).read(
        None
    )
    assert found.problem == "holds more than 10,000 pictures"


def test_an_animation_is_refused_since_each_frame_takes_all_before_it(rng):
    frames = [Image.fromarray(rng.integers(0, 255, (8, 8), np.uint8)) for _ in range(3)]
    stream = io.BytesIO()
    frames[0].save(stream, "PNG", save_all=True, append_images=frames[1:])
    (found,) = open_uploads(classifier(), [("moving.png", stream.getvalue())]).read(None)
    assert found.problem == "an animation of 3 frames"


def test_uploads_are_answered_as_their_files_are(place):
    model, names = classifier(), ["grey.png", "volume.nii.gz"]
    answers = predict.predict_source(model, open_uploads(model, named(place, *names)))
    on_disk = [answer for name in names for answer in predict.predict_pictures(model, place / name)]
    assert [a.probabilities.tobytes() for a in answers] == [a.probabilities.tobytes() for a in on_disk]
