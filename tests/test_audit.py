"""The audit finds every planted copy and shortcut, raises no alarm over strangers, and writes whole files or none."""

import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from trained import clouds, write_clouds

from bcdetect.audit import audit, duplicated_in, find_duplicates, quick_audit, shared_rows
from bcdetect.audit.shortcuts import border, find_shortcuts
from bcdetect.audit.text import COLUMNS
from bcdetect.cli import main
from bcdetect.datasets import Dataset, load_dataset
from bcdetect.datasets.labels import encode_labels
from bcdetect.datasets.phantom import make_phantoms
from bcdetect.splits import official, split

N, SIDE = 120, 40


def textures(rng, count, side=SIDE):
    """Strangers of the look of ultrasound: speckle of several grains, brighter above than below."""
    x = np.zeros((count, side, side))
    for grain in (2, 3, 5, 9):
        coarse = rng.standard_normal((count, -(-side // grain) + 1, -(-side // grain) + 1)).astype(np.float32)
        for i in range(count):
            image = Image.fromarray(coarse[i]).resize((side, side), Image.Resampling.BICUBIC)
            x[i] += np.asarray(image)
    x = 110 + 30 * x + np.linspace(50, -50, side)[:, None]
    return np.clip(np.rint(x), 0, 255).astype(np.uint8)[..., None]


@pytest.fixture
def scans(rng):
    y = np.arange(N) % 2
    parts = np.repeat(["train", "validation", "test"], (70, 20, 30))
    names = np.array([f"{i:03}.png" for i in range(N)])
    about = {"source": "folder", "file": "scans", "group": None}
    return Dataset("scans", textures(rng, N), y, ("benign", "malignant"), (), None, about, names, parts)


def compressed(picture, quality=50):
    stream = io.BytesIO()
    Image.fromarray(picture[..., 0]).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))[..., None]


def cropped(picture, share=0.92):
    cut = picture.shape[0] * (1 - share) / 2
    box = (cut, cut, SIDE - cut, SIDE - cut)
    return np.asarray(Image.fromarray(picture[..., 0]).resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box))[..., None]


CHANGES = {
    "exact": lambda p: p,
    "near": compressed,
    "brighter": lambda p: np.clip(p * 0.8 + 40, 0, 255).astype(np.uint8),
    "cropped": cropped,
    "shifted": lambda p: np.roll(p, 1, axis=1),
    "mirrored": lambda p: compressed(p[:, ::-1]),
}


def plant(data, change, copies):
    """Rows `b` become changed copies of rows `a`."""
    x = data.x.copy()
    for a, b in copies:
        x[b] = change(x[a])
    return replace(data, x=x)


@pytest.mark.parametrize("kind", CHANGES)
def test_a_planted_copy_is_found_and_nothing_else(kind, scans):
    copies = [(3, 100), (10, 95), (20, 75), (40, 41)]
    data = plant(scans, CHANGES[kind], copies)
    pairs = find_duplicates(data).pairs()
    assert sorted((p.a, p.b) for p in pairs) == sorted(copies)
    assert {p.kind for p in pairs} == {kind if kind in ("exact", "mirrored") else "near"}
    assert all(0.6 <= p.similarity <= 1 for p in pairs)
    assert duplicated_in(data, official(data)).tolist() == [95, 100]
    assert duplicated_in(data, official(data), of="validation").tolist() == [75]


def test_copies_of_copies_are_one_cluster_and_all_are_left_out(scans):
    data = plant(plant(scans, CHANGES["exact"], [(3, 100), (3, 71)]), compressed, [(3, 110)])
    found = find_duplicates(data)
    assert [row for row, name in enumerate(found.clusters().tolist()) if name == 3] == [3, 71, 100, 110]
    assert len(found.pairs()) == 6 and sum(p.kind == "exact" for p in found.pairs()) == 3
    assert duplicated_in(data, official(data), found=found).tolist() == [100, 110]


@pytest.mark.parametrize("count", [40, 600])
def test_strangers_raise_no_alarm(count, rng):
    for x in (textures(rng, count), rng.integers(0, 256, (count, 28, 28, 1), np.uint8)):
        data = Dataset("noise", x, np.arange(count) % 2, ("a", "b"), (), None, {})
        assert find_duplicates(data).pairs() == []


def test_a_frame_and_writing_that_all_share_make_no_pairs(scans, rng):
    x = scans.x.copy()
    x[:, :6] = x[:, -6:] = x[:, :, :4] = 0
    x[:, 8:14, 6:12] = rng.integers(0, 2, (6, 6, 1), np.uint8) * 255
    assert find_duplicates(replace(scans, x=x)).pairs() == []


def test_bars_that_made_few_pictures_square_make_no_pairs(rng):
    x = textures(rng, 30)
    x[:, :10] = x[:, -10:] = 0
    facts = {"height": np.full(30, 100.0), "width": np.full(30, 200.0), "bytes": np.ones(30)}
    data = Dataset("wide", x, np.arange(30) % 2, ("a", "b"), (), None, {}, facts=facts)
    assert find_duplicates(data).pairs() == []


def test_empty_pictures_are_copies_and_no_division_by_zero(scans):
    x = scans.x.copy()
    x[[5, 50]], x[60] = 0, 255
    assert [(p.a, p.b, p.kind) for p in find_duplicates(replace(scans, x=x)).pairs()] == [(5, 50, "exact")]


def test_deep_and_coloured_pictures_are_compared_too(scans):
    planted = plant(scans, compressed, [(3, 100)])
    for x in (planted.x.astype(np.uint16) * 257, np.repeat(planted.x, 3, axis=3)):
        assert [(p.a, p.b) for p in find_duplicates(replace(planted, x=x)).pairs()] == [(3, 100)]


def test_rows_that_differ_by_rounding(rng):
    x = rng.standard_normal((300, 6)) * [1, 10, 100, 1000, 0.1, 1]
    x[250], x[251] = x[5], [round(value, digits) for value, digits in zip(x[9], (3, 2, 1, 0, 4, 3), strict=True)]
    x[252] = x[12] + [0, 0, 0, 40, 0, 0]  # a twentieth of a deviation in one column
    found = find_duplicates(Dataset("t", x, np.zeros(300, int), ("a", "b"), tuple("abcdef"), None, {})).pairs()
    assert [(p.a, p.b, p.kind) for p in found] == [(5, 250, "exact"), (9, 251, "near")]
    few = Dataset("t", np.round(x[:, :2], 2), np.zeros(300, int), ("a", "b"), ("a", "b"), None, {})
    assert all(p.kind == "exact" for p in find_duplicates(few).pairs())


def test_columns_that_never_vary_do_not_make_strangers_near(rng):
    x = np.column_stack([rng.standard_normal(200), np.full((200, 5), 3.3)])
    data = replace(clouds((100, 100), features=6), x=x)
    assert find_duplicates(data).near == []


def test_numbers_at_the_end_of_the_range_are_compared(rng):
    x = rng.uniform(-1, 1, (40, 6)) * [1e307, 1e-307, 1, 0, 1e200, 1]
    x[30] = x[4] * (1 + 1e-6)
    found = find_duplicates(Dataset("t", x, np.zeros(40, int), ("a", "b"), tuple("abcdef"), None, {})).pairs()
    assert [(p.a, p.b, p.kind) for p in found] == [(4, 30, "near")]


def test_minus_zero_is_zero():
    x = np.array([[0.0, 1], [-0.0, 1], [1, 1]])
    assert find_duplicates(Dataset("t", x, np.zeros(3, int), ("a", "b"), ("a", "b"), None, {})).first.tolist() == [0, 0, 2]


def test_rows_that_stand_twice_in_different_parts_are_counted():
    x = np.array([[1.0, 2], [1, 2], [3, 4], [3, 4], [5, 6], [1, 2]])
    data = Dataset("d", x, np.zeros(6, int), ("a", "b"), ("f", "g"), None, {})
    parts = {"train": np.array([0, 1, 2]), "validation": np.array([4]), "test": np.array([3, 5])}
    assert shared_rows(data, parts) == 2


def results(found):
    return {check.name: check.result for check in found.checks}


def test_a_clean_set_is_clean(scans):
    found = audit(scans, official(scans))
    assert found.clean and set(results(found).values()) == {"ok"} and not found.pairs and not len(found.leave_out)
    assert quick_audit(scans, official(scans)) == []


def test_the_worst_comes_first(scans):
    data = plant(scans, CHANGES["exact"], [(1, 3), (2, 101)])  # inside a part; in two parts, with two labels
    data = plant(data, compressed, [(20, 110)])
    found = audit(data, official(data))
    said = results(found)
    assert said["exact duplicates in two parts"] == said["exact duplicates, two labels"] == "bad"
    assert said["near duplicates in two parts"] == said["exact duplicates in one part"] == "look"
    assert said["near duplicates in one part"] == said["near duplicates, two labels"] == "ok"
    assert [(p.a, p.b) for p in found.pairs] == [(2, 101), (20, 110), (1, 3)]
    assert sorted(map(tuple, found.clusters)) == [(1, 3), (2, 101), (20, 110)]
    warnings = quick_audit(data, official(data))
    assert len(warnings) == 3 and "1 row stands in more than one part, exactly alike" in warnings[0]
    assert "different labels" in warnings[1] and "2 of 30 test rows have a copy in training" in warnings[2]


def test_a_patient_in_two_parts_is_named(scans):
    groups = np.array([f"p{i}" for i in range(N)])
    groups[[3, 100, 110]] = "Anna"
    data = replace(scans, groups=groups)
    found = audit(data, official(data))
    check = next(c for c in found.checks if c.name == "patients in two parts")
    assert (check.result, check.count) == ("bad", 1) and "'Anna' in train and test" in check.found
    assert any("'Anna'" in text for text in quick_audit(data, official(data)))
    parts = split(data.y, groups, 0.2, 0.2, 0)
    assert results(audit(data, parts))["patients in two parts"] == "ok"


def test_a_mark_at_the_border_of_one_class_is_told(scans):
    x = scans.x.copy()
    assert not next(c for c in find_shortcuts(scans) if c.name == "border").tells
    x[scans.y == 1, :3, :3] = 255
    cue = next(c for c in find_shortcuts(replace(scans, x=x)) if c.name == "border")
    assert cue.tells and cue.auc > 0.95


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", ["bytes", "middle", "dimensions", "nothing"])
def test_what_a_file_tells(classes, kind, scans, rng):
    y = np.arange(N) % classes
    size, side = rng.uniform(5000, 9000, N), np.full(N, 500.0)
    if kind == "bytes":
        size += 3500 * y
    if kind == "middle":  # neither larger nor smaller: around the others'
        size = np.where(y == 0, rng.uniform(6500, 7500, N), rng.choice([5000.0, 9000.0], N))
    if kind == "dimensions":
        side = 500.0 + 20 * y
    data = replace(scans, y=y, class_names=tuple("abc"[:classes]), facts={"bytes": size, "height": side, "width": side})
    said = {cue.name: cue.tells for cue in find_shortcuts(data)}
    assert said["file size"] == (kind in ("bytes", "middle"))
    assert said.get("picture dimensions", False) == (kind == "dimensions")
    assert len(data.subset(np.arange(5)).facts["bytes"]) == 5


def test_a_missing_sequence_tells(scans, rng):
    x = np.repeat(scans.x, 2, axis=3)
    missing = np.zeros((N, 2), bool)
    missing[:, 1] = (scans.y == 1) & (rng.random(N) < 0.8)
    x[missing[:, 1], :, :, 1] = 0
    found = audit(replace(scans, x=x, missing=missing), official(scans))
    assert results(found)["class told by missing sequences"] == "look"


def test_slices_of_one_organ_are_no_copies_but_a_copy_among_them_is():
    made = make_phantoms(patients=24, slices=3, size=32, seed=3)
    names, y = encode_labels(made.labels.tolist())
    data = Dataset("phantoms", made.pictures, y, names, (), made.patients, {"source": "synthetic"})
    parts = split(data.y, data.groups, 0.2, 0.2, 0)
    found = audit(data, parts)
    assert not found.pairs and not len(found.leave_out)
    test, train = parts["test"][0], parts["train"][0]
    data.x[test] = np.clip(data.x[train] * 0.9, 0, 65535)
    found = audit(data, parts)
    assert (min(test, train), max(test, train)) in [(p.a, p.b) for p in found.pairs] and test in found.leave_out


def test_the_rows_of_one_patient_do_not_vouch_for_each_other(scans, rng):
    """Each patient's files have a size of their own: rows of known patients tell, new patients' do not."""
    patient = np.arange(N) // 10
    y = rng.permutation(12)[patient] % 2
    size = np.repeat(1000.0 * rng.permutation(12), 10) + rng.integers(1, 100, N)
    data = replace(scans, y=y, facts={"bytes": size}, groups=np.array([f"p{i}" for i in patient]))
    told = next(c for c in find_shortcuts(replace(data, groups=None)) if c.name == "file size")
    assert told.auc > 0.75 and not next(c for c in find_shortcuts(data) if c.name == "file size").tells


def test_the_border_by_hand():
    x = np.zeros((1, 28, 28, 1), np.uint8)
    x[0, :2] = 255  # the upper strip, two pixels high; 2 of 4 rows of its corners
    numbers = border(x)[0]
    np.testing.assert_allclose(numbers[:8], [1, 0, 2 / 28, 2 / 28, 0.5, 0.5, 0, 0])
    np.testing.assert_allclose(numbers[-2:], [(56 + 2 * 52) / 224, (56 + 2 * 4) / 224])


@pytest.fixture
def folder(tmp_path, rng):
    """Two classes of scans as files: a recompressed copy, and an exact one in the other class."""
    place, x = tmp_path / "scans", textures(rng, 24, 64)
    for name in ("benign", "malignant"):
        (place / name).mkdir(parents=True)
    for i in range(24):
        Image.fromarray(x[i, :, :, 0]).save(place / ("benign", "malignant")[i % 2] / f"{i:02}.png")
    Image.fromarray(x[3, :, :, 0]).save(place / "malignant" / "copy.jpg", quality=60)
    Image.fromarray(x[5, :, :, 0]).save(place / "benign" / "other.bmp")
    return place


def test_the_command_lists_the_pairs_and_says_what_to_do(folder, tmp_path, capsys):
    out, sheet = tmp_path / "pairs.csv", tmp_path / "pairs.png"
    assert main(["audit", str(folder), "--out", str(out), "--sheet", str(sheet), "--quiet"]) == 1
    said = capsys.readouterr().out
    assert "not a medical device" in said and "malignant/05.png" in said and "what to do:" in said and "two labels" in said
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert tuple(rows[0]) == COLUMNS and len(rows) == 2
    exact = next(row for row in rows if row["kind"] == "exact")
    assert {exact["name_a"], exact["name_b"]} == {os.path.join("malignant", "05.png"), os.path.join("benign", "other.bmp")}
    assert {exact["label_a"], exact["label_b"]} == {"benign", "malignant"} and float(exact["similarity"]) == 1
    with Image.open(sheet) as shown:
        assert shown.size[0] > 600
    assert main(["audit", "--data", str(folder), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert not found["clean"] and len(found["pairs"]) == 2 and len(found["clusters"]) == 2


def test_a_clean_table_gives_zero(tmp_path, capsys):
    path = write_clouds(tmp_path / "clouds.csv", features=6)
    assert main(["audit", path, "--label", "kind"]) == 0
    assert "nothing was found" in capsys.readouterr().out
    text = Path(path).read_text().splitlines()
    Path(path).write_text("\n".join([*text, text[1], text[70]]) + "\n")
    assert main(["audit", path, "--label", "kind"]) == 1
    assert "row 1 (" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words, code, said",
    [
        (["--out", "pairs.txt"], 2, "must end in .csv"),
        (["--sheet", "pairs.png"], 2, "this data is a table"),
        (["--out", "nowhere/pairs.csv"], 5, "no file can be written here"),
        (["--data", "other.csv"], 2, "given twice"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_done(words, code, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = write_clouds(tmp_path / "clouds.csv")
    assert main(["audit", path, "--label", "kind", *words]) == code
    assert said in capsys.readouterr().err and os.listdir(tmp_path) == ["clouds.csv"]
    assert main(["audit", "missing.csv"]) == 3


def test_train_warns_of_copies(tmp_path, capsys):
    data = clouds(features=6)
    x = np.concatenate([data.x, data.x])
    doubled = replace(data, x=x, y=np.tile(data.y, 2))
    parts = split(doubled.y, None, 0.2, 0.2, 0)
    from bcdetect import show

    text = show.data(doubled, parts)
    assert f"warning: {shared_rows(doubled, parts)} rows stand in more than one part, exactly alike" in text
    assert "warning" not in show.data(data, split(data.y, None, 0.2, 0.2, 0))


def test_breastmnist_has_copies_in_two_parts():
    place = Path(os.environ.get("BCDETECT_TEST_DATA", "")) / "breastmnist.npz"
    if not place.is_file():
        pytest.skip("breastmnist.npz is not at hand: set BCDETECT_TEST_DATA to its folder")
    data = load_dataset(str(place))
    found = audit(data, official(data))
    exact = [p for p in found.pairs if p.kind == "exact"]
    assert [(data.names[p.a], data.names[p.b]) for p in exact] == [("train/115", "test/76")]
    assert data.y[exact[0].a] != data.y[exact[0].b]
    assert 50 <= len(found.leave_out) <= 70 and 200 <= len(found.pairs) <= 260
