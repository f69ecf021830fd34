"""Masks beside pictures and in manifests, and the facts of files as they lay on the disk."""

import numpy as np
import pytest
from PIL import Image

from bcdetect.datasets import load_dataset
from bcdetect.errors import InputError
from bcdetect.pictures import fitted, fitted_mask


@pytest.fixture
def folder(tmp_path, rng):
    for name in ("benign", "malignant"):
        (tmp_path / "scans" / name).mkdir(parents=True)
        for i in range(3):
            picture(tmp_path / "scans" / name / f"{name} ({i}).png", rng.integers(1, 255, (20, 40), np.uint8))
    return tmp_path / "scans"


def picture(path, values):
    Image.fromarray(values).save(path)


def square(top, left, side=8, white=255):
    values = np.zeros((20, 40), np.uint8)
    values[top : top + side, left : left + side] = white
    return values


def test_masks_beside_pictures_are_theirs_and_several_are_united(folder):
    picture(folder / "benign" / "benign (1)_mask.png", square(0, 0))
    picture(folder / "benign" / "benign (1)_mask_1.png", square(12, 32))
    data = load_dataset(str(folder), size=20)
    assert data.x.shape == (6, 20, 20, 1) and data.masks.shape == (6, 20, 20) and data.masks.dtype == bool
    assert not data.masks[[0, 2, 3, 4, 5]].any()
    expected = np.zeros((20, 20), bool)  # 20 x 40 pixels become rows 5 to 15 of 20, at half the size
    expected[5:9, :4] = expected[11:15, 16:] = True
    assert np.array_equal(data.masks[1], expected) and data.provenance["masks"] == 1
    assert data.subset(np.array([1, 2])).masks.any(axis=(1, 2)).tolist() == [True, False]


def test_a_dataset_without_masks_has_none(folder):
    assert load_dataset(str(folder), size=20).masks is None


@pytest.mark.parametrize("white", [1, 255])
def test_a_manifest_names_masks(white, folder):
    picture(folder / "outline.png", square(4, 8, white=white))
    rows = ["malignant/malignant (0).png,malignant,outline.png", "benign/benign (0).png,benign,"]
    (folder / "list.csv").write_text("\n".join(["path,label,Mask", *rows]) + "\n")
    data = load_dataset(str(folder / "list.csv"), size=40)
    assert data.masks[0].sum() == 64 and not data.masks[1].any() and data.masks[0][14:22, 8:16].all()


def test_a_manifest_may_part_its_folders_as_windows_does(folder):
    (folder / "masks").mkdir()
    picture(folder / "masks" / "outline.png", square(4, 8))
    rows = ["malignant/malignant (0).png,malignant,masks/outline.png", "benign/benign (0).png,benign,"]
    found = []
    for name, sign in (("here", "/"), ("windows", "\\")):
        (folder / f"{name}.csv").write_text("\n".join(["path,label,mask", *rows]).replace("/", sign) + "\n")
        found.append(load_dataset(str(folder / f"{name}.csv"), size=40))
    assert np.array_equal(found[0].x, found[1].x) and np.array_equal(found[0].masks, found[1].masks)


def test_a_smoothed_mask_counts_from_half_white(folder):
    soft = np.clip(np.linspace(-20, 275, 800), 0, 255).reshape(20, 40).astype(np.uint8)
    picture(folder / "benign" / "benign (1)_mask.png", soft)
    assert load_dataset(str(folder), size=40).masks[1].sum() == (soft > 127).sum()


def test_a_mask_of_another_size_is_refused(folder):
    picture(folder / "benign" / "benign (1)_mask.png", np.zeros((5, 6), np.uint8))
    said = r"scans: 1 of 6 cannot be used: benign/benign \(1\).png: .*_mask.png: a mask of 6 x 5 pixels for a picture of 40 x 20"
    with pytest.raises(InputError, match=said):
        load_dataset(str(folder), size=20)


@pytest.mark.parametrize("shape", [(20, 40), (31, 17), (8, 8), (200, 100)])
def test_a_mask_moves_with_its_picture(shape, rng):
    mask = np.zeros(shape, bool)
    mask[: shape[0] // 2, : shape[1] // 2] = True
    seen = fitted((mask * 255).astype(np.uint8)[:, :, None], 16)[:, :, 0] > 127
    assert (seen != fitted_mask(mask, 16)).mean() < 0.05


def test_facts_are_of_the_file_as_it_lay_on_the_disk(folder):
    data = load_dataset(str(folder), size=20)
    assert set(data.facts) == {"bytes", "height", "width"} and all(a.dtype == np.float64 for a in data.facts.values())
    assert data.facts["height"].tolist() == [20.0] * 6 and data.facts["width"].tolist() == [40.0] * 6
    assert data.facts["bytes"].tolist() == [(folder / name).stat().st_size for name in data.names]
    assert data.subset(np.array([4])).facts["bytes"].tolist() == [data.facts["bytes"][4]]


def test_facts_of_an_exam_are_those_of_its_first_sequence(folder):
    rows = ["benign/benign (0).png,benign/benign (1).png,benign", ",malignant/malignant (1).png,malignant"]
    (folder / "list.csv").write_text("\n".join(["t1,t2,label", *rows]) + "\n")
    data = load_dataset(str(folder / "list.csv"), size=20)
    sizes = [(folder / name).stat().st_size for name in ("benign/benign (0).png", "malignant/malignant (1).png")]
    assert data.facts["bytes"].tolist() == sizes
