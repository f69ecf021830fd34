"""From a folder, a manifest or a MedMNIST file to a trained classifier of pictures, and back from its file."""

import json

import numpy as np
import pytest
from PIL import Image

from bcdetect.augment import augment
from bcdetect.cli import main
from bcdetect.config import Config
from bcdetect.datasets import load_dataset
from bcdetect.errors import InputError
from bcdetect.models import NETWORKS, picture_cnn
from bcdetect.preprocessing import PictureScaler
from bcdetect.splits import official

SIZE = 16


@pytest.fixture
def folder(tmp_path, rng):
    """Dark pictures, and such with a bright square."""
    place = tmp_path / "scans"
    for name in ("benign", "malignant"):
        (place / name).mkdir(parents=True)
        for i in range(12):
            picture = rng.integers(0, 60, (20, 24), np.uint8)
            if name == "malignant":
                top, left = rng.integers(2, 10, 2)
                picture[top : top + 8, left : left + 8] += 150
            Image.fromarray(picture).save(place / name / f"{i:02}.png")
    return place


def manifest(folder, rows, header="path,label,patient_id"):
    path = folder / "manifest.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return str(path)


def test_a_folder_names_its_classes_and_leaves_stray_masks_out(folder):
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(folder / "benign" / "gone_mask.png")
    data = load_dataset(str(folder), size=SIZE)
    assert data.x.shape == (24, SIZE, SIZE, 1) and data.x.dtype == np.uint8 and data.class_names == ("benign", "malignant")
    assert data.y.tolist() == [0] * 12 + [1] * 12 and data.names[13].endswith("01.png")
    assert data.provenance["note"] == "1 mask files stand beside no picture and are left out"


def test_a_folder_with_a_split_keeps_it(folder, tmp_path):
    place = tmp_path / "split"
    for part, numbers in {"train": range(6), "val": range(6, 9), "test": range(9, 12)}.items():
        for name in ("benign", "malignant"):
            (place / part / name).mkdir(parents=True)
            for i in numbers:
                (folder / name / f"{i:02}.png").rename(place / part / name / f"{i}.png")
    data = load_dataset(str(place), size=SIZE)
    assert {part: len(rows) for part, rows in official(data).items()} == {"train": 12, "validation": 6, "test": 6}


@pytest.mark.parametrize("kind", ["empty", "flat", "one class"])
def test_a_folder_that_nothing_can_be_learned_from(kind, tmp_path, folder):
    place = {"empty": tmp_path / "nothing", "flat": folder / "benign", "one class": folder}[kind]
    place.mkdir(exist_ok=True)
    if kind == "one class":
        for file in (folder / "malignant").iterdir():
            file.unlink()
    with pytest.raises(InputError, match=r"holds no pictures in sub-folders|only one class"):
        load_dataset(str(place), size=SIZE)


def test_bad_files_stop_everything_or_are_listed(folder):
    (folder / "benign" / "03.png").write_text("a text")
    (folder / "malignant" / "05.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"2 of 24 cannot be used: .*03\.png: not a picture.*05\.png: the file is empty"):
        load_dataset(str(folder), size=SIZE)
    data = load_dataset(str(folder), size=SIZE, skip_bad=True)
    assert len(data.y) == 22 == len(data.names) and len(data.provenance["bad"]) == 2
    assert not any(name.endswith("benign/03.png") for name in data.names)


def test_a_manifest_names_patients_and_parts(folder):
    parts = ["train"] * 6 + ["val"] * 3 + ["test"] * 3
    rows = [f"{c}/{i:02}.png,{c},{c[0]}{i // 3},{parts[i]}" for c in ("benign", "malignant") for i in range(12)]
    data = load_dataset(manifest(folder, rows, "path,label,patient_id,split"), size=SIZE)
    assert data.x.shape == (24, SIZE, SIZE, 1) and set(data.groups) == {f"{c}{i}" for c in "bm" for i in range(4)}
    assert (data.parts == "train").sum() == 12 and data.provenance["group"] == "patient_id"


def test_sequences_become_channels_and_may_be_missing(folder):
    rows = [f"{c}/{i:02}.png,{c}/{i + 6:02}.png,{c}" for c in ("benign", "malignant") for i in range(6)]
    rows[2] = "benign/02.png,,benign"
    data = load_dataset(manifest(folder, rows, "t1,t2,label"), size=SIZE)
    assert data.x.shape == (12, SIZE, SIZE, 2) and data.missing.sum() == 1 and data.missing[2, 1]
    scaled = PictureScaler.fit(data, np.arange(12)).transform(data.x, data.missing)
    assert (scaled[2, :, :, 1] == 0).all() and abs(scaled[~data.missing[:, 1], :, :, 1].mean()) < 1e-3


@pytest.mark.parametrize(
    "rows, said",
    [
        (["benign/00.png,benign,p1", "benign/00.png,benign,p1"], "row 2 .*the same as row 1"),
        (["benign/00.png,,p1", "malignant/00.png,malignant,p2"], "row 1 .*no label"),
        ([",benign,p1", "malignant/00.png,malignant,p2"], "row 1 .*no path"),
        (["benign/00.png,benign,", "malignant/00.png,malignant,p2"], "row 1 .*no patient_id"),
        (["benign/99.png,benign,p1", "malignant/00.png,malignant,p2"], r"99\.png: no such file"),
        (["benign/00.png,benign,p1", "benign/01.png,benign,p2"], "only one class"),
    ],
)
def test_a_bad_manifest_is_refused_in_one_line(rows, said, folder):
    with pytest.raises(InputError, match=said):
        load_dataset(manifest(folder, rows), size=SIZE)


@pytest.mark.parametrize(
    "parts, said",
    [(("train", "test"), "'p1' stands in test and in train"), (("train", "later"), "'later' is not train, val or test")],
)
def test_a_split_that_shares_a_patient_or_makes_no_sense(parts, said, folder):
    rows = [f"benign/00.png,benign,p1,{parts[0]}", f"malignant/00.png,malignant,p1,{parts[1]}"]
    with pytest.raises(InputError, match=said):
        load_dataset(manifest(folder, rows, "path,label,patient_id,split"), size=SIZE)


@pytest.mark.parametrize("column", [True, False])
def test_medmnist_turns_its_labels_round_at_the_door(column, tmp_path, rng):
    arrays, labels = {}, np.array([0, 1, 1, 0], np.uint8)
    for part in ("train", "val", "test"):
        arrays[f"{part}_images"] = rng.integers(0, 256, (4, 8, 8), np.uint8)
        arrays[f"{part}_labels"] = labels[:, None] if column else labels
    np.savez(tmp_path / "breastmnist.npz", **arrays)
    data = load_dataset(str(tmp_path / "breastmnist.npz"))
    assert data.class_names == ("benign", "malignant") and data.positive == "malignant"
    assert data.y.tolist() == [1, 0, 0, 1] * 3 and data.parts.tolist() == ["train"] * 4 + ["validation"] * 4 + ["test"] * 4
    assert np.array_equal(data.x[4:8, :, :, 0], arrays["val_images"])


def test_a_medmnist_file_must_be_one(tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, x=np.zeros(3))
    with pytest.raises(InputError, match=r"other.npz: has no test_images. Pass a file of MedMNIST"):
        load_dataset(str(path))
    path.write_bytes(b"PK nothing")
    with pytest.raises(InputError, match=r"other.npz: not a readable .npz file"):
        load_dataset(str(path))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (64, 64, 3)])
def test_every_network_takes_every_size(name, shape):
    model = picture_cnn(Config.for_pictures().with_values({"model": name, "width": 4}), shape, 3)
    assert model.predict(np.zeros((2, *shape), "float32")).shape == (2, 3)


def test_augmentation_is_seeded_and_of_the_stated_strength(rng):
    x = rng.standard_normal((6, 12, 12, 2)).astype("float32")
    config = Config.for_pictures()
    first, again, other = (augment(x, config, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other) and first.shape == x.shape
    assert np.array_equal(augment(x, Config(), rng), x)
    mirrored = augment(x, Config(flip=1.0), rng)
    np.testing.assert_allclose(mirrored, x[:, :, ::-1], atol=1e-5)
    cut = augment(x, Config(cutout=0.5), rng)
    assert all(0 < (cut[i] == 0).all(axis=-1).sum() <= 36 for i in range(6)) and not (x == 0).any()


@pytest.mark.usefixtures("no_figures")
def test_train_then_predict_pictures(folder, tmp_path, capsys):
    out, settings = tmp_path / "run", ["--set", "image_size=16", "--set", "width=4", "--set", "lr=0.01", "--set", "patience=40"]
    assert main(["train", "--data", str(folder), "--epochs", "25", "--out", str(out), "--quiet", *settings]) == 0
    assert json.loads((out / "metrics.json").read_text())["test"]["CNN"]["roc_auc"]["value"] > 0.9
    capsys.readouterr()
    (folder / "benign" / "broken.png").write_text("no")
    assert main(["predict", str(out / "model.npz"), str(folder), "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert len(rows) == 25 and sum("problem" in row for row in rows) == 1
    right = [row["class"] in row["file"] for row in rows if "class" in row]
    assert np.mean(right) > 0.8
    assert main(["predict", str(out / "model.npz"), str(folder / "malignant" / "00.png")]) == 0
    assert "not a medical device" in capsys.readouterr().out
    assert main(["predict", str(out / "model.npz"), str(folder / "benign" / "broken.png")]) == 3
