"""DICOM: what is seen is what the tags say, from every compression, and nothing of a patient gets out."""

import json
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bcdetect import pictures
from bcdetect.errors import InputError
from bcdetect.pictures import peek, read_picture
from bcdetect.windowing import window
from tests.medical import dicom

RAMP = np.arange(20 * 24, dtype=np.uint16).reshape(20, 24)
RLE, JPEG_LS, JPEG_2000 = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "scan.dcm"


def ours(array):
    """Shares of white."""
    return array[:, :, 0] / np.iinfo(array.dtype).max


def test_a_window_by_hand(path):
    # LINEAR, centre 100, width 51: black at and below 100 - 0.5 - 25 = 74.5, white above 124.5, 100 is (100 - 99.5) / 50 + 0.5.
    seen = ours(read_picture(dicom(path, RAMP, WindowCenter=100, WindowWidth=51))).ravel()
    assert (seen[:75] == 0).all() and (seen[125:] == 1).all() and seen[100] == pytest.approx(0.51, abs=1e-5)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("signed", [False, True])
def test_windows_are_pydicoms(function, signed, path):
    import pydicom

    stored = (RAMP.astype(np.int16) - 200) if signed else RAMP
    tags = {"WindowCenter": [300, 9], "WindowWidth": [250, 9], "VOILUTFunction": function}
    dicom(path, stored, RescaleSlope=2, RescaleIntercept=-100, **tags)
    data = pydicom.dcmread(path)
    theirs = pydicom.pixels.apply_windowing(pydicom.pixels.apply_rescale(data.pixel_array, data), data)
    low, high = (np.array([-32768, 32767]) if signed else np.array([0, 65535])) * 2 - 100
    np.testing.assert_allclose(ours(read_picture(path)), (theirs - low) / (high - low), atol=1e-5)


def test_a_step_of_width_one():
    assert window(np.array([9, 10, 11.0]), 10, 1).tolist() == [0, 1, 1]


def lookup(entries, first, bits, name):
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    item = Dataset()
    item.LUTDescriptor, item.LUTData = [len(entries), first, bits], list(entries)
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    return {name: Sequence([item])}


def test_a_table_in_place_of_a_window(path):
    # Ten entries for 100 to 109, from 0 to 900 of 1023; those before and after are its ends.
    seen = ours(
        read_picture(dicom(path, RAMP, WindowCenter=1, WindowWidth=2, **lookup(range(0, 1000, 100), 100, 10, "VOILUTSequence")))
    )
    seen = seen.ravel()
    assert (seen[:101] == 0).all() and seen[105] == pytest.approx(500 / 1023, abs=1e-5) and (seen[109:] == seen[109]).all()


def test_a_table_of_8_bits_with_many_entries(path):
    entries = np.repeat(np.arange(256), 2)
    seen = ours(read_picture(dicom(path, RAMP, **lookup(entries.tolist(), 0, 8, "VOILUTSequence")))).ravel()
    np.testing.assert_allclose(seen, np.arange(480) // 2 / 255, atol=1e-5)


def test_a_modality_table_comes_before_the_window(path):
    table = lookup(range(479, -1, -1), 0, 16, "ModalityLUTSequence")
    seen = ours(read_picture(dicom(path, RAMP, WindowCenter=100, WindowWidth=51, **table))).ravel()
    assert (seen[:355] == 1).all() and (seen[-75:] == 0).all()


def test_white_and_black_are_turned_round_after_the_window(path):
    plain = read_picture(dicom(path, RAMP, WindowCenter=100, WindowWidth=51))
    turned = read_picture(dicom(path, RAMP, WindowCenter=100, WindowWidth=51, PhotometricInterpretation="MONOCHROME1"))
    assert (plain.astype(int) + turned == 65535).all()


@pytest.mark.parametrize(
    "tags", [{}, {"WindowCenter": 100}, {"WindowCenter": 100, "WindowWidth": 0}, {"WindowCenter": 9000, "WindowWidth": 20}]
)
def test_without_a_window_that_shows_anything_deep_pictures_are_spread(tags, path):
    seen = read_picture(dicom(path, RAMP + 1000, **tags))
    assert seen.dtype == np.uint16 and seen.min() == 0 and seen.max() == 65535 and len(np.unique(seen)) > 470


def test_8_bits_without_a_window_are_kept_exactly(path):
    grey = (RAMP % 256).astype(np.uint8)
    assert np.array_equal(read_picture(dicom(path, grey))[:, :, 0], grey)


def test_padding_is_black_and_does_not_count(path):
    stored = RAMP + 1000
    stored[:, :4] = 65535
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        seen = read_picture(dicom(path, stored, PixelPaddingValue=65535, PhotometricInterpretation=photometric))[:, :, 0]
        assert (seen[:, :4] == 0).all() and len(np.unique(seen[:, 4:])) > 380


def test_colours_and_palettes(path):
    colours = np.zeros((4, 6, 3), np.uint8)
    colours[..., 0], colours[:2, :, 1] = 200, 90
    assert np.array_equal(read_picture(dicom(path, colours)), colours)
    assert read_picture(dicom(path, np.repeat(RAMP[:4, :6, None] % 200, 3, 2).astype(np.uint8))).shape == (4, 6, 1)
    tables = {}
    for name, entries in zip(("Red", "Green", "Blue"), ([0, 255], [0, 90], [0, 10]), strict=True):
        tables[f"{name}PaletteColorLookupTableDescriptor"] = [2, 0, 16]
        tables[f"{name}PaletteColorLookupTableData"] = (np.array(entries) * 257).astype("<u2").tobytes()
    seen = read_picture(dicom(path, (RAMP[:4, :6] % 2).astype(np.uint8), PhotometricInterpretation="PALETTE COLOR", **tables))
    assert seen[0, 0].tolist() == [0, 0, 0] and seen[0, 1].tolist() == [255, 90, 10]


@pytest.mark.parametrize("syntax", [RLE, JPEG_LS, JPEG_2000])
def test_compressed_without_loss_is_the_same_picture(syntax, path):
    large = np.arange(64 * 80, dtype=np.uint16).reshape(64, 80)
    plain = read_picture(dicom(path, large, WindowCenter=2000, WindowWidth=3000))
    assert np.array_equal(read_picture(dicom(path, large, compress=syntax, WindowCenter=2000, WindowWidth=3000)), plain)


def test_every_frame_of_a_compressed_file(path):
    frames = np.stack([RAMP, RAMP + 100, RAMP[::-1]])
    plain = [read_picture(f"{dicom(path, frames)}#{n}") for n in (1, 2, 3)]
    dicom(path, frames, compress=RLE)
    assert peek(path) == (3, None)
    for n in (1, 2, 3):
        assert np.array_equal(read_picture(f"{path}#{n}"), plain[n - 1])
    assert plain[1].mean() > plain[0].mean(), "frames of a file without a window are spread together"
    with pytest.raises(InputError, match=r"scan.dcm: has no picture 4; it holds 3"):
        read_picture(f"{path}#4")
    with pytest.raises(InputError, match=r"scan.dcm: holds 3 pictures. Name one of them, such as scan.dcm#1"):
        read_picture(path)


def test_a_window_in_the_functional_groups_of_a_frame(path):
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    def group(center):
        item, frame = Dataset(), Dataset()
        item.WindowCenter, item.WindowWidth = center, 51
        frame.FrameVOILUTSequence = Sequence([item])
        return frame

    groups = Sequence([group(100), group(300)])
    dicom(path, np.stack([RAMP, RAMP]), PerFrameFunctionalGroupsSequence=groups)
    first, second = (ours(read_picture(f"{path}#{n}")).ravel() for n in (1, 2))
    assert first[125] == 1 and second[125] == 0 and second[325] == 1


def test_a_file_without_a_preamble(path):
    plain = read_picture(dicom(path, RAMP))
    dicom(path, RAMP, preamble=False)
    assert path.read_bytes()[128:132] != b"DICM" and np.array_equal(read_picture(path), plain)


def test_a_file_without_a_picture_whose_kind_cannot_be_read_either(path):
    data = dicom(path, RAMP, Rows=None).read_bytes()
    start = data.rindex(b"\x08\0\x16\0UI")
    path.write_bytes(data[:start] + b"\x08\0\x16\0UM" + data[start + 6 :])
    for opening in (peek, read_picture):
        with pytest.raises(InputError, match=r"scan\.dcm: holds no picture\. Remove it"):
            opening(path)


def test_limits_hold_before_anything_is_decoded(path, monkeypatch):
    monkeypatch.setattr("pydicom.pixels.decoders.base.Decoder.as_array", lambda *a, **k: pytest.fail("decoded"))
    for tags in (
        {"Rows": 60000, "Columns": 60000},
        {"NumberOfFrames": 20000},
        {"Rows": 8000, "Columns": 8000, "NumberOfFrames": 90},
    ):
        dicom(path, RAMP, **tags)
        for read in (read_picture, peek):
            with pytest.raises(InputError, match=r"scan.dcm: declares .* pixels"):
                read(path)


@pytest.mark.parametrize("syntax", [JPEG_LS, JPEG_2000])
def test_a_compressed_picture_larger_than_its_header_says(syntax, path):
    dicom(path, np.zeros((64, 64), np.uint16), compress=syntax)
    data = bytearray(path.read_bytes())
    at = data.find(b"\x28\x00\x10\x00US\x02\x00") + 8  # Rows
    data[at : at + 2] = b"\x08\x00"
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match="declares 64 x 8 pixels, and its compressed picture 64 x 64"):
        read_picture(path)


def test_a_deflated_bomb_is_measured_first(path, monkeypatch):
    import pydicom

    dicom(path, np.zeros((400, 400), np.uint16))
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    data.save_as(path)
    assert read_picture(path).shape == (400, 400, 1) and path.stat().st_size < 2000
    monkeypatch.setattr("bcdetect.dicom.MAX_INFLATED", 100_000)
    with pytest.raises(InputError, match="unpacks to more than the limit of 100,000 bytes"):
        read_picture(path)


def _late(raw):
    """What says that it is deflated comes behind a long element."""
    return raw[:144] + b"\x02\x00\x02\x01OB\x00\x00" + (4000).to_bytes(4, "little") + bytes(4000) + raw[144:]


def _command_set(raw):
    """A group between the header and what is deflated."""
    end = 144 + int.from_bytes(raw[140:144], "little")
    return raw[:end] + bytes([0, 0, 0, 9, 2, 0, 0, 0, 0, 0]) + raw[end:]


def _wrong_length(raw):
    """The first group claims to end where something small and harmless is inflated."""
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    small = deflate.compress(b"harmless") + deflate.flush()
    return raw[:140] + (len(raw) - 144).to_bytes(4, "little") + raw[144:] + small


@pytest.mark.parametrize("disguise", [_late, _command_set, _wrong_length])
def test_a_deflated_bomb_in_disguise_is_measured_too(path, monkeypatch, disguise):
    import pydicom

    dicom(path, np.zeros((400, 400), np.uint16))
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    data.save_as(path)
    path.write_bytes(disguise(path.read_bytes()))
    monkeypatch.setattr("bcdetect.dicom.MAX_INFLATED", 100_000)
    with pytest.raises(InputError, match="unpacks to more than the limit of 100,000 bytes"):
        read_picture(path)


def shipped():
    """The files that pydicom brings for its own tests."""
    try:
        import pydicom
    except ImportError:
        return []
    return sorted((Path(pydicom.__file__).parent / "data" / "test_files").glob("*.dcm"))


@pytest.mark.parametrize("file", shipped(), ids=lambda file: file.stem)
def test_pydicoms_own_files_read_or_are_refused(file):
    before = list(warnings.filters)
    try:
        count, _ = peek(file)
        seen = read_picture(f"{file}#1" if count > 1 else file)
        assert seen.dtype in (np.uint8, np.uint16) and seen.min() < seen.max()
    except InputError as error:
        assert error.hint and "\n" not in str(error)
        refused = (
            "rt",
            "report",
            "test-SR",
            "waveform",
            "UN_seq",
            "badVR",
            "empty",
            "meta_m",
            "nested",
            "no_meta",
            "priv",
            "ExplVR",
        )
        damaged = ("MR_truncated", "JPEG2000-embedded", "JPEG-lossy", "JPGExtended")  # the last two need a decoder under the GPL
        assert file.stem.startswith((*refused, *damaged)), error
    assert warnings.filters == before


@pytest.mark.parametrize("name", ["MR_small_RLE", "MR_small_jp2klossless", "MR_small_jpeg_ls_lossless", "MR_small_bigendian"])
def test_compressed_twins_of_pydicoms_mr_are_equal(name):
    files = {file.stem: file for file in shipped()}
    if name not in files:
        pytest.skip("pydicom's test files are not there")
    assert np.array_equal(read_picture(files[name]), read_picture(files["MR_small"]))


def series(place, rng, patients=6, each=2):
    """A class folder each, of files without a suffix, two a patient."""
    for label in ("benign", "malignant"):
        (place / label).mkdir(parents=True)
        for i in range(patients):
            for j in range(each):
                pixels = rng.integers(0, 60, (16, 16)).astype(np.uint16)
                if label == "malignant":
                    pixels[4:12, 4:12] += 200
                who = {"PatientID": f"SECRET-{label}-{i}", "PatientName": "Doe^Jane"}
                dicom(place / label / f"IM{i}{j}", pixels, WindowCenter=128, WindowWidth=256, **who)


@pytest.mark.usefixtures("no_figures")
def test_a_folder_of_dicom_keeps_patients_together_and_secret(tmp_path, rng, capsys):
    from bcdetect.cli import main
    from bcdetect.datasets import load_dataset
    from bcdetect.splits import shared_groups, split

    series(tmp_path / "scans", rng)
    dicom(tmp_path / "scans" / "benign" / "bad", RAMP, Rows=None, PatientID="SECRET-9", PatientName="Doe^John")
    data = load_dataset(str(tmp_path / "scans"), size=16, skip_bad=True)
    assert len(data.y) == 24 and len(set(data.groups)) == 12 and data.provenance["group"] == "PatientID of the DICOM files"
    assert shared_groups(data, split(data.y, data.groups, 0.2, 0.2, 0)) == 0
    out = tmp_path / "run"
    quick = ["--set", "image_size=16", "--set", "width=4", "--epochs", "2"]
    assert main(["train", "--data", str(tmp_path / "scans"), "--skip-bad", "--out", str(out), *quick]) == 0
    said = "".join(capsys.readouterr())
    with np.load(out / "model.npz", allow_pickle=False) as model:
        said += "".join(str(model[name].tobytes()) for name in model.files)
    said += "".join(file.read_text() for file in out.iterdir() if file.suffix in (".json", ".html", ".csv"))
    assert "SECRET-" not in said and "Doe^" not in said and "PatientID of the DICOM files" in said
    assert json.loads((out / "metrics.json").read_text())["data"]["bad"][0].startswith("benign/bad: holds no picture")


@pytest.mark.usefixtures("no_figures")
def test_files_that_name_no_patient_beside_others_that_do_are_warned_of(tmp_path, rng, capsys):
    from bcdetect.cli import main
    from bcdetect.datasets import load_dataset

    place = tmp_path / "scans"
    series(place, rng)
    assert "warning" not in load_dataset(str(place), size=16).provenance
    for label in ("benign", "malignant"):
        for i in range(3):
            Image.fromarray(rng.integers(0, 255, (16, 16), np.uint8)).save(place / label / f"{i}.png")
    data = load_dataset(str(place), size=16)
    assert data.provenance["warning"].startswith("24 of 30 files name a patient and 6 do not: ")
    listed = [f"{file.relative_to(place)},{file.parent.name}" for file in sorted(place.glob("*/*"))]
    (place / "list.csv").write_text("\n".join(["path,label", *listed]) + "\n")
    assert load_dataset(str(place / "list.csv"), size=16).provenance["warning"] == data.provenance["warning"]
    (place / "list.csv").write_text(
        "\n".join(["path,label,patient_id", *(f"{line},{n}" for n, line in enumerate(listed))]) + "\n"
    )
    assert "warning" not in load_dataset(str(place / "list.csv"), size=16).provenance
    quick = ["--set", "image_size=16", "--set", "width=4", "--epochs", "1"]
    assert main(["train", "--data", str(place), "--out", str(tmp_path / "run"), *quick]) == 0
    assert "warning: 24 of 30 files name a patient and 6 do not" in capsys.readouterr().out
    assert "<strong>24 of 30 files name a patient and 6 do not" in (tmp_path / "run" / "report.html").read_text()


def test_one_patient_id_for_all_names_nobody(tmp_path):
    from bcdetect.datasets import load_dataset

    for label in ("benign", "malignant"):
        (tmp_path / label).mkdir()
        for i in range(2):
            dicom(tmp_path / label / f"{i}.dcm", RAMP, PatientID="ANONYMOUS")
    data = load_dataset(str(tmp_path), size=16)
    assert data.groups is None and data.provenance["note"] == "all files have one PatientID: it is taken to name nobody"


def test_a_patient_in_two_parts_of_a_folders_split(tmp_path):
    from bcdetect.datasets import load_dataset

    for part in ("train", "val", "test"):
        for label in ("benign", "malignant"):
            (tmp_path / part / label).mkdir(parents=True)
            who = f"SECRET-{label}" if part != "val" else "SECRET"
            dicom(tmp_path / part / label / "a.dcm", RAMP, PatientID=who)
    with pytest.raises(InputError, match="of one patient and in two parts") as caught:
        load_dataset(str(tmp_path), size=16)
    assert "SECRET" not in str(caught.value) and "train/benign/a.dcm" in str(caught.value)


def test_a_missing_extra_is_one_line(path, monkeypatch, capsys):
    import sys

    from bcdetect.errors import UsageError

    dicom(path, RAMP)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(
        UsageError, match=r"reading DICOM needs pydicom, which is not installed. Install it with: pip install pydicom"
    ):
        read_picture(path)


def test_a_file_opened_for_its_frames_is_read_once(path, monkeypatch):
    dicom(path, np.stack([RAMP] * 5))
    times, true = [], pictures.open_pictures
    monkeypatch.setattr(pictures, "open_pictures", lambda place: times.append(place) or true(place))
    reader = pictures.Reader()
    for n in range(1, 6):
        reader.read(f"{path}#{n}")
    assert len(times) == 1
