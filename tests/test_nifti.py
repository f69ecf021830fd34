"""NIfTI: axial slices, the right way up, from volumes in any orientation and within limits."""

import gzip

import numpy as np
import pytest

from bcdetect.datasets import load_dataset
from bcdetect.errors import InputError
from bcdetect.pictures import peek, read_picture
from tests.medical import nifti

AFFINES = {
    "RAS": np.diag([1, 1, 2, 1]),
    "LPS": np.diag([-1, -1, 2, 1]),
    "LAI": np.diag([-1, 1, -2, 1]),
    "sagittal": np.array([[0, 0, 2, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]),
}


def marked(affine):
    """A volume of 9 x 8 x 5 voxels in patient axes, bright at the right front of the second slice from the feet, stored so."""
    from nibabel.orientations import apply_orientation, io_orientation, ornt_transform

    patient = np.zeros((9, 8, 5), np.int16)
    patient[8, 7, 1] = 1000  # x runs to the patient's RIGHT in RAS, y to the front, z to the head
    return apply_orientation(patient, ornt_transform(io_orientation(np.eye(4)), io_orientation(affine)))


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("axes", AFFINES)
def test_slices_are_axial_and_the_right_way_up(axes, name, tmp_path):
    path = nifti(tmp_path / name, marked(AFFINES[axes]), AFFINES[axes].astype(float))
    assert peek(path) == (5, None)
    slices = [read_picture(f"{path}#{n}") for n in range(1, 6)]
    assert {picture.shape for picture in slices} == {(8, 9, 1)} and slices[1].dtype == np.uint16
    assert [int(picture.max()) for picture in slices] == [0, 65535, 0, 0, 0]
    assert slices[1][0, 0, 0] == 65535, "the front above, the patient's right on the left"


def test_all_slices_are_spread_together(tmp_path):
    volume = np.broadcast_to(np.arange(100, 106) * 10, (8, 8, 6)).astype(np.int16)
    means = [read_picture(f"{nifti(tmp_path / 'a.nii', volume)}#{n}").mean() for n in range(1, 7)]
    assert means[0] == 0 and means[-1] == 65535 and (np.diff(means) > 0).all()
    turned = read_picture(f"{nifti(tmp_path / 'a.nii', volume, scl_slope=-2.0, scl_inter=5.0)}#1")
    assert (turned == 65535).all(), "a falling scale turns dark and bright round"


def test_what_is_not_finite_is_black_and_does_not_count(tmp_path):
    volume = np.linspace(1, 2, 8 * 8 * 3, dtype=np.float32).reshape(8, 8, 3)
    volume[0] = np.nan
    seen = read_picture(f"{nifti(tmp_path / 'a.nii', volume)}#2")
    assert (seen[:, 7] == 0).all() and len(np.unique(seen)) > 50


@pytest.mark.parametrize(
    "change, said",
    [
        ({"dim": [4, 8, 8, 3, 2, 1, 1, 1]}, "holds 2 volumes of 8 x 8 x 3. Save each volume in a file of its own"),
        ({"dim": [3, 8, -8, 3, 1, 1, 1, 1]}, "damaged"),
        ({"dim": [3, 20000, 20000, 3, 1, 1, 1, 1]}, "declares 20000 x 20000 x 3 voxels"),
        ({"dim": [3, 8, 8, 300, 1, 1, 1, 1]}, "damaged: it ends early"),
        ({"datatype": 128, "bitpix": 24}, "holds colours"),
        ({"datatype": 9999}, "damaged: its header cannot be read"),
        ({"vox_offset": 1e9}, "damaged: its header makes no sense"),
        ({"magic": b"ni1"}, "the header of a pair of files"),
    ],
)
def test_a_volume_that_cannot_be_read(change, said, tmp_path):
    path = nifti(tmp_path / "a.nii.gz", np.zeros((8, 8, 3), np.int16), **change)
    with pytest.raises(InputError, match=f"a.nii.gz: {said}"):
        read_picture(f"{path}#1")


def test_a_gzip_bomb_is_unpacked_no_further_than_its_header_says(tmp_path, monkeypatch):
    path = nifti(tmp_path / "a.nii", np.arange(8 * 8 * 3, dtype=np.int16).reshape(8, 8, 3))
    plain = read_picture(f"{path}#2")
    asked = []
    true = gzip.GzipFile.read
    monkeypatch.setattr(gzip.GzipFile, "read", lambda self, size=-1: asked.append(size) or true(self, size))
    packed = tmp_path / "a.nii.gz"
    packed.write_bytes(gzip.compress(path.read_bytes() + b"\0" * 2**24))
    assert np.array_equal(read_picture(f"{packed}#2"), plain) and 0 < max(asked) < 2000 and min(asked) > 0


def test_a_folder_of_volumes_gives_a_row_a_slice_and_keeps_volumes_together(tmp_path, rng):
    for label in ("benign", "malignant"):
        (tmp_path / label).mkdir()
        for i in range(2):
            nifti(tmp_path / label / f"{i}.nii.gz", rng.integers(0, 900, (10, 12, 3)).astype(np.int16))
    data = load_dataset(str(tmp_path), size=12)
    assert data.names[:4].tolist() == ["benign/0.nii.gz#1", "benign/0.nii.gz#2", "benign/0.nii.gz#3", "benign/1.nii.gz#1"]
    assert data.groups.tolist() == [f"file {n}" for n in (1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4)]
    assert data.provenance["group"] == "the file that slices come from"
    assert set(data.facts["height"]) == {12.0} and set(data.facts["width"]) == {10.0}


def test_slices_named_in_a_manifest_keep_their_volume_together(tmp_path, rng):
    for name in ("a", "b"):
        nifti(tmp_path / f"{name}.nii", rng.integers(0, 900, (10, 12, 3)).astype(np.int16))
    path = tmp_path / "list.csv"
    path.write_text("path,label\na.nii#1,benign\na.nii#3,benign\nb.nii#2,malignant\n")
    data = load_dataset(str(path), size=12)
    assert data.groups.tolist() == ["file 1", "file 1", "file 2"] and data.names.tolist() == ["a.nii#1", "a.nii#3", "b.nii#2"]
