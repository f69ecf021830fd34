"""The committed simulation of how often intervals hold: its numbers are within what is promised, and are this code's."""

import json
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def committed():
    return json.loads((BENCHMARKS / "interval_coverage.json").read_text(encoding="utf-8"))


@pytest.fixture
def coverage(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    import interval_coverage

    return interval_coverage


def test_every_bound_holds(committed):
    assert committed["datasets"] >= 1000
    rows = [row for part in committed.values() if isinstance(part, list) for row in part]
    assert len(rows) > 100 and not [row for row in rows if row["holds"] is False]


def test_the_interval_of_an_auc_holds_where_it_is_promised_and_says_how_often_beyond(committed):
    rows = committed["interval of an AUC"]
    assert {row["n"] for row in rows} == {114, 156}
    promised = [row for row in rows if row["deviation"] == 1 and row["true AUC"] <= 0.97]
    assert len(promised) == 10 and all(0.92 <= row["coverage"] <= 0.97 for row in promised)
    assert {0.98, 0.99} < {row["true AUC"] for row in rows}
    assert all(row["coverage"] > 0.9 for row in rows)
    assert all(row["low"] < row["high"] for row in committed["interval of an AUC found to be 1"])


def test_wilsons_interval_holds_where_it_is_promised(committed):
    rows = committed["Wilson's interval of a proportion"]
    assert all(0.92 <= row[name] <= 0.98 for row in rows for name in ("coverage", "exact", "first 1,000"))


def test_conformal_sets_hold_as_often_as_stated(committed):
    for row in committed["conformal sets"]:
        assert row["stated"] - 0.005 <= row["coverage"] <= row["stated"] + 1 / (row["rows"] + 1) + 0.005


def test_the_committed_numbers_are_this_codes(committed, coverage):
    again = coverage.proportions(1000)
    for old, new in zip(committed["Wilson's interval of a proportion"], again, strict=True):
        assert new["coverage"] == old["first 1,000"] and new["exact"] == old["exact"]
    old = next(r for r in committed["interval of an AUC"] if (r["n"], r["deviation"], r["true AUC"]) == (114, 1, 0.97))
    assert coverage.area(1000, 114, 1.0, 0.97)["coverage"] == old["first 1,000"]
