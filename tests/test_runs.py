"""Runs side by side: the scores are those of their folders, and only what differs is listed."""

import json
from dataclasses import replace

import pytest
from trained import SMALL, small_run

from bcdetect.cli import main
from bcdetect.run import execute, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    first = small_run()
    config = replace(SMALL, epochs=2, dropout=0.5)
    for name, run in (("one", first), ("two", execute(config, first.data, first.parts))):
        (place / name).mkdir()
        write(run, place / name)
    return place


def test_every_run_has_a_line_and_others_are_named(folder, capsys):
    assert main(["runs", "list", str(folder)]) == 0
    out = capsys.readouterr().out
    scores = json.loads((folder / "one" / "metrics.json").read_text())["test"]["CNN"]
    (line,) = [line for line in out.splitlines() if line.startswith("one")]
    assert "wisconsin" in line and f"{scores['accuracy']['value']:.3f}".lstrip("0") in line
    (folder / "compare-wisconsin-1").mkdir()
    (folder / "compare-wisconsin-1" / "comparison.json").write_text("{}")
    assert main(["runs", "list", str(folder)]) == 0, "what `compare` wrote is no run that failed"
    assert "compare-wisconsin-1" not in capsys.readouterr().out
    (folder / "three.unfinished").mkdir()
    assert main(["runs", "list", str(folder), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [each["run"] for each in found["runs"]] == ["one", "two"] and "three.unfinished" in found["problems"][0]
    assert found["runs"][1]["settings"]["dropout"] == 0.5


def test_two_runs_differ_in_what_was_changed_and_nothing_else(folder, capsys):
    assert main(["runs", "compare", str(folder / "one"), str(folder / "two"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["settings"] == {"epochs": [8, 2], "dropout": [0.3, 0.5]} and found["same_test_rows"] is True
    for name, each in found["scores"].items():
        expected = each["second"]["value"] - each["first"]["value"]
        assert each["difference"] == pytest.approx(expected), name
    assert main(["runs", "compare", str(folder / "one"), str(folder / "two")]) == 0
    out = capsys.readouterr().out
    assert "dropout" in out and "the same test rows" in out and "not a medical device" in out
    assert main(["runs", "compare", str(folder / "one"), str(folder / "one")]) == 0
    assert "no setting differs" in capsys.readouterr().out


def test_another_seed_is_other_test_rows(folder, tmp_path, capsys):
    for name in ("metrics.json", "config.json"):
        (tmp_path / name).write_text((folder / "one" / name).read_text().replace('"seed": 0', '"seed": 1'))
    assert main(["runs", "compare", str(folder / "one"), str(tmp_path)]) == 0
    assert "other test rows: part of each difference is the luck of the split" in capsys.readouterr().out


def test_what_is_no_run_is_one_line(tmp_path, capsys):
    for words in (["list", str(tmp_path)], ["list", str(tmp_path / "none")], ["compare", str(tmp_path), str(tmp_path)]):
        assert main(["runs", *words]) == 3
        assert capsys.readouterr().err.count("\n") == 1
