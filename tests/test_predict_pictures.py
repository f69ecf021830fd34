"""Predicting for pictures: a file, a slice, a folder, a manifest; in batches, with a row's bits its own."""

import json

import numpy as np
import pytest
from PIL import Image

from bcdetect import predict
from bcdetect.bundle import save_classifier
from bcdetect.classifier import Classifier
from bcdetect.cli import main
from bcdetect.config import Config
from bcdetect.errors import InputError
from bcdetect.models import picture_cnn
from bcdetect.preprocessing import PictureScaler
from tests.medical import dicom, nifti


def classifier(rng, channels=1, sequences=()):
    """An untrained network."""
    model = picture_cnn(Config.for_pictures().with_values({"width": 4}), (16, 16, channels), 2)
    scaler = PictureScaler(np.full(channels, 0.4), np.full(channels, 0.2), np.array([16, 16]))
    return Classifier([model], scaler, (), ("benign", "malignant"), card={"data": {"sequences": list(sequences)}})


@pytest.fixture
def place(tmp_path, rng):
    for i in range(3):
        Image.fromarray(rng.integers(0, 255, (20, 24), np.uint8)).save(tmp_path / f"{i}.png")
    dicom(tmp_path / "scan.dcm", rng.integers(0, 4000, (20, 24)).astype(np.uint16), PatientName="Doe^Jane")
    nifti(tmp_path / "volume.nii.gz", rng.integers(0, 900, (12, 10, 4)).astype(np.int16))
    return tmp_path


def manifest(place, *lines):
    path = place / "list.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_a_dicom_file_a_slice_and_all_slices(place, rng):
    model = classifier(rng)
    (one,) = predict.predict_pictures(model, place / "scan.dcm")
    assert one.name.endswith("scan.dcm") and one.problem is None
    every = predict.predict_pictures(model, place / "volume.nii.gz")
    assert [answer.name.rpartition("#")[2] for answer in every] == ["1", "2", "3", "4"]
    (third,) = predict.predict_pictures(model, f"{place}/volume.nii.gz#3")
    assert third.name.endswith("volume.nii.gz#3") and np.array_equal(third.probabilities, every[2].probabilities)


def test_a_manifest_without_labels_with_a_bad_row(place, rng, capsys):
    save_classifier(place / "model.npz", classifier(rng))
    path = manifest(place, "id,path", "7,0.png", "8,gone.png", "9,volume.nii.gz#2", "10,", "11,volume.nii.gz")
    assert main(["predict", str(place / "model.npz"), path, "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row.get("file") for row in rows] == ["0.png", "gone.png", "volume.nii.gz#2", None, "volume.nii.gz"]
    assert [row.get("problem") for row in rows] == [None, "no such file", None, "no path", "holds 4 pictures"]
    assert main(["predict", str(place / "model.npz"), path]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("0.png: ") and lines[1] == "gone.png: not answered: no such file"
    assert lines[3] == "row 4 (line 5): not answered: no path"


def test_several_pictures_are_answered_as_alone_and_a_missing_one_keeps_no_other_from_it(place, rng, capsys):
    model = str(place / "model.npz")
    save_classifier(model, classifier(rng))
    names = [str(place / name) for name in ("2.png", "gone.png", "volume.nii.gz", "0.png")]
    assert main(["predict", model, *names, "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)["rows"]
    slices = [f"{names[2]}#{n}" for n in range(1, 5)]
    assert [row["file"] for row in rows] == [names[0], names[1], *slices, names[3]]
    assert [row.get("problem") for row in rows] == [None, "no such file", *[None] * 5]
    for row in (rows[0], rows[-1]):
        assert main(["predict", model, row["file"], "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["rows"] == [row]
    path = manifest(place, "path", "0.png")
    assert main(["predict", model, names[0], path, "--out", path]) == 2, "the second of two is an input too"
    assert "the input itself" in capsys.readouterr().err
    assert main(["predict", model, str(place / "a.png"), str(place / "b.png")]) == 3
    assert f"{place / 'a.png'}: nothing could be answered: no such file" in capsys.readouterr().err


def test_sequences_are_matched_by_name_and_may_be_missing(place, rng):
    model = classifier(rng, 2, ("t1", "dce"))
    both = manifest(place, "DCE,label,t1", "1.png,benign,0.png", ",benign,0.png", "1.png,benign,gone.png")
    answers = predict.predict_pictures(model, both)
    assert [answer.name for answer in answers] == ["0.png 1.png", "0.png", "gone.png 1.png"]
    assert answers[2].problem == "gone.png: no such file"
    x = np.zeros((1, 16, 16, 2), np.uint8)
    from bcdetect.pictures import fitted, read_picture

    x[0, :, :, 0], x[0, :, :, 1] = (fitted(read_picture(place / f"{i}.png"), 16)[:, :, 0] for i in (0, 1))
    assert np.array_equal(answers[0].probabilities, model.predict_proba(x, np.array([[False, False]]))[0])
    assert np.array_equal(answers[1].probabilities, model.predict_proba(x, np.array([[False, True]]))[0])
    alone = predict.predict_pictures(model, manifest(place, "t1", "0.png"))
    assert np.array_equal(alone[0].probabilities, answers[1].probabilities), "a sequence without a column counts as not taken"


@pytest.mark.parametrize(
    "lines, sequences, said",
    [
        (("t2,flair", "0.png,1.png"), ("t1", "dce"), "no column of 't1', 'dce'; the columns are 't2', 'flair'"),
        (("t1,t2", "0.png,1.png"), (), r"2 columns of paths \('t1', 't2'\); the model takes one picture a row"),
        (("a,b", "1,2"), (), "no column of paths; the model takes one picture a row. Name that column 'path'"),
    ],
)
def test_a_manifest_that_does_not_fit_the_model(lines, sequences, said, place, rng):
    with pytest.raises(InputError, match=f"list.csv: {said}"):
        predict.predict_pictures(classifier(rng, max(1, len(sequences)), sequences), manifest(place, *lines))


def test_one_picture_for_a_model_of_sequences(place, rng):
    with pytest.raises(InputError, match=r"takes 2 sequences of one exam, and this is no manifest. Pass a manifest CSV with"):
        predict.predict_pictures(classifier(rng, 2, ("t1", "dce")), place / "0.png")


def test_masks_in_a_folder_are_not_answered(place, rng):
    Image.fromarray(np.zeros((20, 24), np.uint8)).save(place / "0_mask.png")
    names = [answer.name for answer in predict.predict_pictures(classifier(rng), place)]
    assert len(names) == 3 + 1 + 4 and not any("_mask.png" in name for name in names)


def test_pictures_are_answered_in_batches_with_the_bits_of_each_alone(place, rng, monkeypatch):
    model, sizes = classifier(rng), []
    true = Classifier.predict_proba
    monkeypatch.setattr(Classifier, "predict_proba", lambda self, x, *rest: sizes.append(len(x)) or true(self, x, *rest))
    path = manifest(place, "path", *(f"{place}/{i % 3}.png" for i in range(150)), "scan.dcm")
    answers = predict.predict_pictures(model, path)
    assert sorted(sizes) == [1, 22, 64, 64] and len(answers) == 151 and [answer.row for answer in answers] == list(range(1, 152))
    for i in (0, 149, 150):
        (alone,) = predict.predict_pictures(model, f"{place}/{i % 3}.png" if i < 150 else place / "scan.dcm")
        assert np.array_equal(alone.probabilities, answers[i].probabilities)
