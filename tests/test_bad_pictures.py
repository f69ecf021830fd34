"""Bad pictures, folders and manifests through the command line: one clear line, exit code 3, nothing half-written."""

import gzip
import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from bcdetect.cli import main
from bcdetect.datasets.folder import load_folder
from bcdetect.errors import InputError
from bcdetect.pictures import peek
from tests.medical import dicom, nifti

GREY = np.arange(20 * 24, dtype=np.uint16).reshape(20, 24)
SMALL = (GREY % 256).astype(np.uint8)


@pytest.fixture
def folder(tmp_path, rng, monkeypatch):
    """Two classes of six good pictures, in the present folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("benign", "malignant"):
        (tmp_path / "scans" / name).mkdir(parents=True)
        for i in range(6):
            Image.fromarray(rng.integers(0, 255, (20, 24), np.uint8)).save(tmp_path / "scans" / name / f"{i}.png")
    return tmp_path / "scans"


def refused(capsys, *words):
    """The one line that a refused `train` says."""
    before = sorted(os.listdir())
    assert main(["train", *map(str, words)]) == 3
    out, line = capsys.readouterr()
    assert out == "" and line.count("\n") == 1 and line.startswith("error: ") and "Traceback" not in line
    assert sorted(os.listdir()) == before, "nothing is written"
    return line


def encoded(array, kind, **options):
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, kind, **options)
    return stream.getvalue()


def declared_png(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def declared_tiff(width, height):
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: 100}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + b"\0" * 104


def as_dicom(path, **tags):
    return dicom(path, GREY, **tags).read_bytes()


def bad_files(tmp_path):
    """By name: the bytes of a file that cannot be used, and what is said of it."""
    scratch = tmp_path / "scratch"
    volume = np.arange(8 * 9 * 3, dtype=np.int16).reshape(8, 9, 3)
    rle = as_dicom(scratch, compress="1.2.840.10008.1.2.5")
    whole = nifti(scratch, volume).read_bytes()
    declares_much = nifti(scratch, volume, dim=[3, 30000, 30000, 30000, 1, 1, 1, 1]).read_bytes()
    found = {
        "zero.png": (b"", "the file is empty"),
        "zero.dcm": (b"", "the file is empty"),
        "text.png": (b"this is a text\n", "not a picture that can be read (it holds text)"),
        "noise.jpg": (bytes(range(256)), "not a picture that can be read"),
        "short.png": (encoded(SMALL, "PNG")[:-60], "damaged"),
        "short.jpg": (encoded(SMALL, "JPEG")[:-60], "damaged"),
        "short.bmp": (encoded(SMALL, "BMP")[:-60], "damaged"),
        "short.pgm": (encoded(SMALL, "PPM")[:-60], "damaged"),
        "short.tif": (encoded(SMALL, "TIFF")[:-60], "damaged"),
        "short_lzw.tif": (encoded(SMALL, "TIFF", compression="tiff_lzw")[:300], "damaged"),
        "head.png": (encoded(SMALL, "PNG")[:20], "damaged"),
        "short.dcm": (as_dicom(scratch)[:-60], "ends early"),
        "short_rle.dcm": (rle[: len(rle) - 200], "damaged: it ends early"),
        "head.dcm": (as_dicom(scratch)[:300], "damaged: it ends early"),
        "short.nii": (whole[:-60], "damaged"),
        "short.nii.gz": (gzip.compress(whole)[:-40], "damaged"),
        "dot.png": (encoded(SMALL[:1, :1], "PNG"), "1 x 1 pixels show nothing"),
        "dot.dcm": (dicom(scratch, np.zeros((1, 1), np.uint16)).read_bytes(), "1 x 1 pixels show nothing"),
        "huge.png": (declared_png(60_000, 60_000), "declares 3,600,000,000 pixels"),
        "huge.tif": (declared_tiff(60_000, 60_000), "declares 3,600,000,000 pixels"),
        "huge.dcm": (as_dicom(scratch, Rows=60_000, Columns=60_000), "declares 60000 x 60000 pixels"),
        "long.dcm": (as_dicom(scratch, NumberOfFrames=2_000_000), "in 2,000,000 frames"),
        "huge.nii": (declares_much, "declares 30000 x 30000 x 30000 voxels"),
        "bomb.nii.gz": (gzip.compress(declares_much + b"\0" * 2**22), "declares 30000 x 30000 x 30000 voxels"),
        "zeros.nii.gz": (gzip.compress(b"\0" * 2**24), "packed with gzip, and not a NIfTI volume inside"),
    }
    scratch.unlink()
    return found


NAMES = (
    "zero.png zero.dcm text.png noise.jpg short.png short.jpg short.bmp short.pgm short.tif short_lzw.tif head.png short.dcm "
    "short_rle.dcm head.dcm short.nii short.nii.gz dot.png dot.dcm huge.png huge.tif huge.dcm long.dcm huge.nii bomb.nii.gz "
    "zeros.nii.gz"
).split()


def test_files_whose_headers_cannot_be_read_are_each_named(folder, tmp_path):
    unread = []
    for name, (content, said) in bad_files(tmp_path).items():
        path = folder / "benign" / f"bad_{name}"
        path.write_bytes(content)
        try:
            peek(path)
        except InputError:
            unread.append((path.name, said))
        else:
            path.unlink()
    assert {"bad_zero.dcm", "bad_head.dcm", "bad_huge.nii"} <= {name for name, _ in unread}
    data = load_folder(folder, 12, skip_bad=True)
    assert len(data.y) == 12 and data.groups is None
    told = dict(line.split(": ", 1) for line in data.provenance["bad"])
    for name, said in unread:
        assert said in told[os.path.join("benign", name)]
    assert len(told) == len(unread)


def test_the_list_of_bad_files_is_whole(tmp_path):
    assert set(NAMES) == bad_files(tmp_path).keys()


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_file_is_named_in_one_line(name, folder, tmp_path, capsys):
    data, said = bad_files(tmp_path)[name]
    (folder / "benign" / name).write_bytes(data)
    line = refused(capsys, "--data", folder)
    assert f"benign/{name}" in line and said in line and "--skip-bad" in line


def test_hundreds_of_bad_files_are_still_one_readable_line(folder, capsys):
    for i in range(300):
        (folder / "benign" / f"bad{i:03}.png").write_text("no")
    line = refused(capsys, "--data", folder)
    assert "300 of 312 cannot be used: benign/bad000.png: not a picture" in line and "; and 295 more" in line and len(line) < 700


def test_a_wrong_suffix_simply_reads(folder, tmp_path):
    from bcdetect.datasets import load_dataset

    (folder / "benign" / "a.png").write_bytes(encoded(SMALL, "JPEG"))
    (folder / "benign" / "b.jpg").write_bytes(as_dicom(tmp_path / "x"))
    assert len(load_dataset(str(folder), size=16).y) == 14


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda place: [f.unlink() for f in (place / "benign").iterdir()], "only one class: 'malignant'"),
        (lambda place: [f.unlink() for f in place.glob("*/*")], "holds no pictures in sub-folders"),
        (lambda place: [(f.unlink(), f.write_text("no")) for f in place.glob("*/*")], "not one picture can be used"),
        (lambda place: (place / "train").mkdir(), "has folders of a split beside others: 'benign', 'malignant'"),
    ],
    ids=["one class", "empty", "all bad", "half a split"],
)
def test_a_folder_that_nothing_can_be_learned_from(change, said, folder, capsys):
    change(folder)
    assert said in refused(capsys, "--data", folder)


def test_no_such_data(folder, capsys):
    assert "gone: no such file" in refused(capsys, "--data", "gone")
    dicom(folder / "scan.dcm", GREY)
    for name in ("scan.dcm", "benign/0.png"):
        assert "a folder of pictures" in refused(capsys, "--data", folder / name)


def test_a_row_with_a_mask_names_what_is_bad_once(folder, tmp_path, capsys):
    Image.fromarray(SMALL).save(folder / "outline.png")
    rows = ["benign/9.png,benign,outline.png", "benign/0.png,benign,gone.png", "malignant/0.png,malignant,"]
    (folder / "list.csv").write_text("\n".join(["path,label,mask", *rows]) + "\n")
    line = refused(capsys, "--data", folder / "list.csv")
    assert "benign/9.png: no such file; benign/0.png: gone.png: no such file" in line


GOOD = ["benign/0.png,benign,p1,train", "malignant/0.png,malignant,p2,train"]


@pytest.mark.parametrize(
    "rows, said",
    [
        (["benign/9.png,benign,p1,train", GOOD[1]], "benign/9.png: no such file"),
        (["../scans/benign,benign,p1,train", GOOD[1]], "this is a folder, not a file"),
        (["/dev/zero,benign,p1,train", GOOD[1]], "/dev/zero: not a regular file"),
        ([GOOD[0], GOOD[0], GOOD[1]], "row 2 (line 3): the same as row 1"),
        (["benign/0.png,benign,p1,later", GOOD[1]], "the split 'later' is not train, val or test"),
        ([GOOD[0], "malignant/0.png,malignant,p1,test"], "patient_id 'p1' stands in test and in train"),
        (["benign/0.png#2,benign,p1,train", GOOD[1]], "has no picture 2; it holds 1"),
        (["pages.tif,benign,p1,train", GOOD[1]], "holds 2 pictures"),
        (["frames.dcm,benign,p1,train", GOOD[1]], "holds 3 pictures. Name one of them, such as frames.dcm#1"),
        (["volume.nii.gz,benign,p1,train", GOOD[1]], "holds 3 pictures. Name one of them, such as volume.nii.gz#1"),
        (["volume.nii.gz#4,benign,p1,train", GOOD[1]], "has no picture 4; it holds 3"),
        (["benign/0.png,benign,p1", GOOD[1]], "row 1 (line 2): 3 cells, the header has 4"),
    ],
)
def test_a_bad_manifest_is_one_line(rows, said, folder, capsys):
    Image.fromarray(SMALL).save(folder / "pages.tif", save_all=True, append_images=[Image.fromarray(SMALL)])
    dicom(folder / "frames.dcm", np.stack([GREY] * 3))
    nifti(folder / "volume.nii.gz", np.arange(8 * 9 * 3, dtype=np.int16).reshape(8, 9, 3))
    path = folder / "list.csv"
    path.write_text("\n".join(["path,label,patient_id,split", *rows]) + "\n")
    line = refused(capsys, "--data", path)
    assert said in line and "list.csv" in line


def test_a_path_may_be_absolute_or_lead_upwards(folder, tmp_path):
    from bcdetect.datasets import load_dataset

    path = tmp_path / "elsewhere" / "list.csv"
    path.parent.mkdir()
    path.write_text(f"path,label\n{folder}/benign/0.png,benign\n../scans/malignant/0.png,malignant\n")
    assert len(load_dataset(str(path), size=16).y) == 2
