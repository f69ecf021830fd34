"""Phantoms: the same for the same seed, one class a patient, and nothing but the lesion tells which."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from bcdetect import __version__, metrics
from bcdetect.cli import main
from bcdetect.datasets import load_dataset, phantom
from bcdetect.datasets.phantom import CLASSES, make_phantoms
from bcdetect.datasets.phantom_lesion import Lesion
from bcdetect.datasets.phantom_signal import TIMES, Scanner, plasma, tofts
from bcdetect.errors import UsageError
from bcdetect.pictures import read_picture
from bcdetect.splits import shared_groups, split


@pytest.fixture(scope="module")
def phantoms():
    return make_phantoms(patients=60, slices=2, size=64, seed=4)


def make(folder, *words):
    code = main(["data", "phantom", "--out", str(folder), "--patients", "6", "--slices", "2", "--size", "32", *words])
    return code, {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_patient_has_one_class_and_a_lesion_in_every_slice_or_in_none(phantoms):
    pictures, labels, patients, masks = phantoms
    assert pictures.shape == (120, 64, 64, 3) and pictures.dtype == np.uint16 and masks.shape == (120, 64, 64)
    assert {name: int((labels == name).sum()) for name in CLASSES} == dict.fromkeys(CLASSES, 40)
    assert len(set(patients)) == 60 and all(len(set(labels[patients == name])) == 1 for name in set(patients))
    assert np.array_equal(masks.any(axis=(1, 2)), labels != "normal")
    assert 20 < masks[labels != "normal"].sum(axis=(1, 2)).mean() < 0.1 * 64 * 64
    first = (labels != labels[0]).argmax()
    assert labels[: 2 * first].tolist() != sorted(labels)[: 2 * first]  # patients are not ordered by class


@pytest.mark.parametrize("label", ["benign", "malignant"])
@pytest.mark.parametrize("patient", [1, 2, 3])
def test_beside_its_lesion_a_patient_is_the_same_without(label, patient):
    ill, well = (phantom._exam(patient, name, 3, 64, 7, None) for name in (label, "normal"))
    lesion = ill.masks.any(axis=0)
    reach = np.argwhere(lesion)
    low, high = reach.min(axis=0) - 14, reach.max(axis=0) + 14  # a spicule's longest way
    outside = np.ones((64, 64), bool)
    outside[max(0, low[0]) : high[0], max(0, low[1]) : high[1]] = False
    assert outside.mean() > 0.2 and np.array_equal(ill.pictures[:, outside], well.pictures[:, outside])
    assert not np.array_equal(ill.pictures[:, lesion], well.pictures[:, lesion]) and not well.masks.any()


def cues(phantoms):
    """What could give the class away without a look at any shape."""
    pictures = phantoms.pictures.astype(float)
    edges = np.concatenate([pictures[:, :2].reshape(120, -1), pictures[:, :, -2:].reshape(120, -1)], axis=1)
    yield "edge", edges.mean(axis=1)
    yield "order", phantoms.patients.astype(int)
    for c, name in enumerate(phantom.SEQUENCES):
        yield f"mean of {name}", pictures[..., c].mean(axis=(1, 2))
        yield f"deviation of {name}", pictures[..., c].std(axis=(1, 2))
        yield f"largest of {name}", pictures[..., c].max(axis=(1, 2))


def test_no_simple_number_tells_the_class(phantoms):
    y = np.array([CLASSES.index(name) for name in phantoms.labels])
    for what, score in cues(phantoms):
        for a, b in ((0, 1), (0, 2), (1, 2)):
            rows = (y == a) | (y == b)
            auc = metrics.roc_auc_score((y[rows] == b).astype(int), score[rows])
            assert 0.2 < auc < 0.8, (what, CLASSES[a], CLASSES[b], auc)


def test_the_lesion_does_tell_the_class(phantoms):
    """In the contrast picture a malignant lesion's rim is brighter than its core; a benign one is even."""
    uneven = {name: [] for name in CLASSES}
    for picture, label, mask in zip(phantoms.pictures[..., 2], phantoms.labels, phantoms.masks, strict=True):
        if mask.sum() > 30:
            v, u = np.nonzero(mask)
            distance = np.hypot(v - v.mean(), u - u.mean())
            near = distance < np.quantile(distance, 0.3)
            uneven[label].append(picture[v[near], u[near]].mean() / picture[mask].mean())
    assert np.median(uneven["malignant"]) < 0.85 < 0.95 < np.median(uneven["benign"])


def test_tofts_by_hand():
    """K = 1, k = 0.5 after a minute: 0.1 (3.99 (e^-0.5 - e^-0.144) / -0.356 + 4.78 (e^-0.5 - e^-0.0111) / -0.4889)."""
    by_hand = 0.1 * (3.99 * (0.606531 - 0.865888) / -0.356 + 4.78 * (0.606531 - 0.988961) / -0.4889)
    assert tofts(1.0, 1.0, 0.5) == pytest.approx(by_hand, rel=1e-5) and tofts(0.0, 1.0, 0.5) == 0
    assert plasma([0.0, 1e-9]) == pytest.approx([0, 0.877])  # none before the injection
    fine = np.linspace(0, 1, 20_001)  # dC/dt = K C_p - k C, summed up
    total = np.trapezoid(plasma(fine) * np.exp(-0.5 * (1 - fine)), fine) if hasattr(np, "trapezoid") else by_hand
    assert by_hand == pytest.approx(total, rel=1e-3)


@pytest.mark.parametrize("seed", range(20))
def test_benign_curves_persist_and_malignant_ones_wash_out(seed):
    for malignant in (False, True):
        scanner = Scanner(np.random.default_rng(0), np.random.default_rng(seed), malignant)
        curve = tofts(TIMES, scanner.transfer, scanner.washout)
        early, late = curve[1:4].max(), curve[-1]
        assert late < 0.9 * early if malignant else late > 1.05 * early


def test_the_kind_is_drawn_after_place_and_size():
    from bcdetect.datasets.phantom_anatomy import Anatomy

    anatomy = Anatomy(np.random.default_rng(1), 32)
    a, b = (Lesion(np.random.default_rng(2), anatomy, kind) for kind in (False, True))
    assert (a.u, a.v, a.radius) == (b.u, b.v, b.radius) and a.depths(4).tolist() == b.depths(4).tolist()


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    code, first = make(tmp_path / "a", "--seed", "3", "--missing", "0.5", "--series")
    assert code == 0 and first == make(tmp_path / "b", "--seed", "3", "--missing", "0.5", "--series")[1]
    other = make(tmp_path / "c", "--seed", "4")[1]
    assert other["pictures/synthetic-001-1-t1.png"] != first.get("pictures/synthetic-001-1-t1.png")


def test_the_folder_says_what_it_is_and_its_names_tell_no_class(tmp_path, capsys):
    code, files = make(tmp_path / "a", "--seed", "3")
    assert code == 0 and "SYNTHETIC" in capsys.readouterr().out
    said = files["README.txt"].decode()
    assert said.startswith("SYNTHETIC") and "--seed 3" in said and __version__ in said and "not a medical device" in said
    names = set(files) - {"README.txt", "manifest.csv"}
    assert len(names) == 6 * 2 * 4
    assert all(re.fullmatch(r"pictures/synthetic-00[1-6]-[12]-(t1|t2|dce|mask)\.png", name) for name in names)
    with Image.open(tmp_path / "a" / "pictures" / "synthetic-001-1-dce.png") as image:
        assert image.mode == "I;16" and image.size == (32, 32) and "SYNTHETIC" in image.info["Description"]


def test_what_is_written_is_what_the_arrays_hold_and_trains_by_patient(tmp_path):
    made = make_phantoms(patients=12, slices=2, size=32, seed=5)
    words = ["--patients", "12", "--slices", "2", "--size", "32", "--seed", "5"]
    assert main(["data", "phantom", "--out", str(tmp_path / "a"), *words]) == 0
    data = load_dataset(str(tmp_path / "a" / "manifest.csv"), size=32)
    assert data.class_names == CLASSES and [CLASSES[k] for k in data.y] == made.labels.tolist()
    assert data.groups.tolist() == made.patients.tolist() and data.missing is None and data.x.shape == (24, 32, 32, 3)
    assert data.provenance["sequences"] == ["t1", "t2", "dce"] and "synthetic" in data.names[0]
    with Image.open(tmp_path / "a" / "pictures" / "synthetic-003-2-t2.png") as image:
        assert np.array_equal(np.asarray(image), made.pictures[5, :, :, 1])
    mask = read_picture(tmp_path / "a" / "pictures" / "synthetic-003-2-mask.png")[:, :, 0]
    assert np.array_equal(mask == 255, made.masks[5]) and set(np.unique(mask)) <= {0, 255}
    assert shared_groups(data, split(data.y, data.groups, 0.25, 0.25, 0, data.class_names)) == 0


def test_missing_leaves_one_sequence_out_in_that_share_of_the_exams(tmp_path):
    words = ["--patients", "12", "--slices", "2", "--size", "32", "--missing", "0.33"]
    assert main(["data", "phantom", "--out", str(tmp_path / "a"), *words]) == 0
    data = load_dataset(str(tmp_path / "a" / "manifest.csv"), size=32)
    assert data.missing.sum() == 4 * 2 and data.missing.sum(axis=1).max() == 1
    assert len(set(data.groups[data.missing.any(axis=1)])) == 4
    full = make_phantoms(patients=12, slices=2, size=32)
    whole = ~data.missing.any(axis=1)
    assert [CLASSES[k] for k in data.y] == full.labels.tolist() and whole.sum() == 16


def test_the_series_is_beside_the_manifest_and_gives_the_contrast_picture(tmp_path):
    _, files = make(tmp_path / "a", "--series")
    lines = files["timepoints.csv"].decode().splitlines()
    assert lines[0] == "patient_id,slice,minutes,picture" and len(lines) == 1 + 6 * 2 * len(TIMES)
    exam = next(phantom.exams(6, 2, 32, 0))
    difference = exam.series[..., 2].astype(int) - exam.series[..., 0]
    assert np.abs(exam.pictures[..., 2] - np.maximum(difference, 0)).max() <= 1
    assert load_dataset(str(tmp_path / "a" / "manifest.csv"), size=32).x.shape == (12, 32, 32, 3)


@pytest.mark.parametrize(
    "words", [["--patients", "2"], ["--size", "8"], ["--missing", "1.5"], ["--slices", "0"], ["--seed", "-1"]]
)
def test_what_makes_no_sense_leaves_nothing(tmp_path, words, capsys):
    assert main(["data", "phantom", "--out", str(tmp_path / "a"), *words]) == 2
    assert "it must be from" in capsys.readouterr().err and not list(tmp_path.iterdir())
    with pytest.raises(UsageError):
        make_phantoms(patients=0)


def test_a_folder_that_holds_something_is_left_alone(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["data", "phantom", "--out", str(tmp_path), "--json"]) == 5
    assert json.loads(capsys.readouterr().err)["error"]["code"] == "output" and len(list(tmp_path.iterdir())) == 1
