"""Pictures that are too many for memory: the same as in memory, held one by one, kept for the next run, never trusted blindly."""

import hashlib
import json
import os
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from bcdetect.cli import main
from bcdetect.datasets import cache, collecting, decoding, load_dataset
from bcdetect.datasets.decoding import Row
from bcdetect.errors import InputError, OutputError

SIZE = 16


def decode(files, size, **options):
    return decoding.decode([Row(tuple(row), name=os.path.basename(row[0])) for row in files], size, **options)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("BCDETECT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pictures"


@pytest.fixture
def files(tmp_path, rng):
    """Grey, then deep grey, then colour: each later kind makes what came before another array."""
    found = []
    kinds = [(np.uint8, ())] * 4 + [(np.uint16, ())] * 3 + [(np.uint8, (3,))] * 3
    for i, (dtype, channels) in enumerate(kinds):
        path = tmp_path / f"{i}.png"
        Image.fromarray(rng.integers(0, np.iinfo(dtype).max, (20, 18, *channels), dtype)).save(path)
        found.append([str(path)])
    return found


@pytest.fixture
def decoded_now(monkeypatch):
    """Counts the pictures that are really decoded."""
    seen, read = [], decoding.Reader.read
    monkeypatch.setattr(decoding.Reader, "read", lambda self, file: (seen.append(file), read(self, file))[1])
    return seen


def assert_same(a, b):
    assert a.x.dtype == b.x.dtype and np.array_equal(a.x, b.x) and a.sha256 == b.sha256 and a.bad == b.bad
    assert np.array_equal(a.kept, b.kept) and np.array_equal(a.missing, b.missing)
    assert all(np.array_equal(a.facts[name], b.facts[name]) for name in ("bytes", "height", "width"))
    assert (a.masks is None) == (b.masks is None) and (a.masks is None or np.array_equal(a.masks, b.masks))


def test_a_file_holds_the_same_as_memory_and_is_opened_again(files, place, monkeypatch, decoded_now):
    inside = decode(files, SIZE)
    assert not isinstance(inside.x, np.memmap) and inside.x.dtype == np.uint16 and inside.x.shape == (10, SIZE, SIZE, 3)
    assert not place.exists() and inside.sha256 == hashlib.sha256(inside.x.tobytes()).hexdigest()
    monkeypatch.setattr(collecting, "LIMIT", 0)
    fresh = decode(files, SIZE)
    assert isinstance(fresh.x, np.memmap) and not fresh.x.flags.writeable and len(decoded_now) == 20
    counts = []
    again = decode(files, SIZE, on_picture=counts.append)
    assert isinstance(again.x, np.memmap) and len(decoded_now) == 20 and counts == [10]
    assert_same(inside, fresh)
    assert_same(inside, again)
    assert sorted(path.suffix for path in place.iterdir()) == [".json", ".npy"]


@pytest.mark.parametrize("limit", [2000, 6000, 10_000])
def test_an_array_may_outgrow_memory_on_the_way(files, place, monkeypatch, limit):
    inside = decode(files, SIZE)
    monkeypatch.setattr(collecting, "LIMIT", limit)  # 10 pictures of 256 pixels: 2,560 bytes grey, 5,120 deep, 15,360 in colour
    assert_same(inside, decode(files, SIZE))


def test_grey_becomes_deep_and_coloured_by_hand():
    with collecting.Collector(3, "key") as pictures:
        pictures.add(np.full((1, 1, 1), 255, np.uint8))
        pictures.add(np.full((1, 1, 1), 300, np.uint16))
        pictures.add(np.array([[[0, 1, 2]]], np.uint8))
        assert pictures.finish({}).x[:, 0, 0].tolist() == [[65535] * 3, [300] * 3, [0, 257, 514]]


def test_a_changed_file_or_size_is_decoded_anew(files, place, monkeypatch, decoded_now):
    monkeypatch.setattr(collecting, "LIMIT", 0)
    decode(files, SIZE)
    decode(files, SIZE + 1)
    os.utime(files[3][0], ns=(1, 1))
    decode(files, SIZE)
    assert len(decoded_now) == 30 and len(list(place.glob("*.npy"))) == 3


@pytest.mark.parametrize("harm", ["a bit", "cut", "longer", "header", "no array", "no json", "a list", "no shape", "not json"])
def test_a_damaged_file_is_noticed_and_made_anew(files, place, monkeypatch, decoded_now, harm):
    inside = decode(files, SIZE)
    monkeypatch.setattr(collecting, "LIMIT", 0)
    decode(files, SIZE)
    (array,), (note,) = place.glob("*.npy"), place.glob("*.json")
    data, said = bytearray(array.read_bytes()), note.read_text()
    if harm == "a bit":
        data[-5] ^= 1
    elif harm == "header":
        data[:6] = b"PICKLE"
    data = {"cut": data[:-100], "longer": data + b"x"}.get(harm, data)
    said = {"a list": "[]", "no shape": json.dumps({"bytes": len(data)}), "not json": "{"}.get(harm, said)
    array.write_bytes(data)
    note.write_text(said)
    for path in {"no array": [array], "no json": [note]}.get(harm, []):
        path.unlink()
    decoded_now.clear()
    assert_same(inside, decode(files, SIZE))
    assert len(decoded_now) == 10
    decode(files, SIZE)
    assert len(decoded_now) == 10


def test_bad_files_are_remembered_and_still_refused_without_being_told_to_skip(files, place, monkeypatch, decoded_now):
    with open(files[2][0], "w") as file:
        file.write("a text")
    inside = decode(files, SIZE, skip_bad=True)
    monkeypatch.setattr(collecting, "LIMIT", 0)
    with pytest.raises(InputError, match=r"1 of 10 cannot be used: .*2\.png"):
        decode(files, SIZE)
    assert not list(place.iterdir())
    assert_same(inside, decode(files, SIZE, skip_bad=True))
    decoded_now.clear()
    assert_same(inside, decode(files, SIZE, skip_bad=True))
    assert inside.kept.tolist() == [0, 1, 3, 4, 5, 6, 7, 8, 9] and inside.x.shape[0] == 9 and not decoded_now
    with pytest.raises(InputError, match=r"1 of 10 cannot be used: .*2\.png"):
        decode(files, SIZE)


def test_missing_sequences_are_the_same_from_a_file(files, place, monkeypatch):
    rows = [[files[i][0], files[i + 1][0] if i % 2 else None] for i in range(6)]
    inside = decode(rows, SIZE)
    monkeypatch.setattr(collecting, "LIMIT", 0)
    decode(rows, SIZE)
    again = decode(rows, SIZE)
    assert_same(inside, again)
    assert again.missing[:, 1].tolist() == [True, False] * 3 and not again.x[0, ..., 1].any()


def test_masks_are_kept_beside_their_pictures(files, place, monkeypatch, tmp_path, rng, decoded_now):
    outline = tmp_path / "outline.png"
    Image.fromarray((rng.random((20, 18)) < 0.5).astype(np.uint8) * 255).save(outline)
    rows = [Row((file,), (str(outline),) * (i % 2), f"{i}") for i, (file,) in enumerate(files)]
    inside = decoding.decode(rows, SIZE)
    assert inside.masks.shape == (10, SIZE, SIZE) and inside.masks[1::2].any() and not inside.masks[::2].any()
    monkeypatch.setattr(collecting, "LIMIT", 0)
    assert_same(inside, decoding.decode(rows, SIZE))
    decoded_now.clear()
    assert_same(inside, decoding.decode(rows, SIZE))
    assert not decoded_now and len(list(place.iterdir())) == 3
    (mask,) = place.glob("*.masks.npy")
    data = bytearray(mask.read_bytes())
    data[-3] ^= 1
    mask.write_bytes(data)
    assert_same(inside, decoding.decode(rows, SIZE))
    assert decoded_now
    assert main(["data", "cache", "--clear"]) == 0 and not list(place.iterdir())


def test_memory_does_not_grow_with_the_number_of_pictures(tmp_path, place, monkeypatch, rng):
    side, count = 64, 300
    path = tmp_path / "one.png"
    Image.fromarray(rng.integers(0, 256, (side, side), np.uint8)).save(path)
    monkeypatch.setattr(collecting, "LIMIT", 0)
    monkeypatch.setattr(cache, "CHUNK", 8 * side * side)
    decode([[str(path)]] * 2, side)  # what is loaded once is not counted
    tracemalloc.start()
    try:
        x = decode([[str(path)]] * count, side).x
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert x.nbytes == count * side * side and peak < x.nbytes / 2


def test_a_full_disk_is_said_before_and_leaves_nothing(files, place, monkeypatch):
    monkeypatch.setattr(collecting, "LIMIT", 0)
    usage = collecting.shutil.disk_usage(place.parents[1])
    monkeypatch.setattr(collecting.shutil, "disk_usage", lambda folder: usage._replace(free=1000))
    with pytest.raises(OutputError, match=r"decoded pictures need 2\.5 KiB and 1000 bytes are free.*BCDETECT_CACHE"):
        decode(files, SIZE)
    assert not list(place.iterdir())


def test_the_same_training_data_either_way_and_the_command_lists_and_clears(files, place, monkeypatch, tmp_path, capsys):
    lines = ["path,label"] + [f"{i}.png,{'benign' if i % 2 else 'malignant'}" for i in range(10)]
    (tmp_path / "m.csv").write_text("\n".join(lines))
    inside = load_dataset(str(tmp_path / "m.csv"), size=SIZE)
    monkeypatch.setattr(collecting, "LIMIT", 0)
    large = load_dataset(str(tmp_path / "m.csv"), size=SIZE)
    assert large.provenance == inside.provenance and np.array_equal(large.subset(inside.y == 1).x, inside.x[inside.y == 1])
    (place / "1-ff.tmp").write_bytes(b"left by a killed run")
    assert main(["data", "cache"]) == 0
    said = capsys.readouterr().out
    assert "10 pictures of 16 x 16 x 3, uint16" in said and "unfinished" in said and str(place) in said
    assert main(["data", "cache", "--clear", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["freed"] > 15_000 and not list(place.iterdir())
    assert main(["data", "cache"]) == 0 and "nothing" in capsys.readouterr().out
