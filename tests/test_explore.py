"""A table as numbers to draw: right, bounded, ready for JSON, and clear about whatever cannot be drawn."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trained import environment, wisconsin_table, write_table

from bcdetect import explore
from bcdetect.datasets.wisconsin import load_wisconsin, wisconsin_path
from bcdetect.eda import read_frame, summarise
from bcdetect.errors import InputError
from bcdetect.explore import aucs, bin_edges, correlations, exploration
from bcdetect.metrics import roc_auc_score
from bcdetect.table import parse_table, read_table

MESSY = """id,diagnosis,size,shape,site,empty,text
1,M,5.0,1,north,,12
2,B,1.0,,south,NA,13
3,M,4.0,3,north,,"1,5"
4,B,2.0,nan,south,?,15
5,,9.0,5,north,,16
6,B,,6,south,,17
"""


def explored(text, *arguments, **options):
    """The exploration of CSV text, as a page gets it."""
    return json.loads(json.dumps(exploration(parse_table(text, file="t.csv"), *arguments, **options), allow_nan=False))


def table_of(columns):
    names, rows = list(columns), zip(*columns.values(), strict=True)
    return "\n".join([",".join(names), *(",".join(map(str, row)) for row in rows)]) + "\n"


@pytest.fixture(scope="module")
def built_in():
    return exploration(read_table(wisconsin_path()))


def test_the_built_in_table_is_told_as_eda_tells_it(built_in):
    summary = summarise(*read_frame(wisconsin_path()))
    assert {each["name"]: each["rows"] for each in built_in["classes"]} == summary.counts
    assert [each["share"] for each in built_in["classes"]] == pytest.approx([357 / 569, 212 / 569])
    assert built_in["label"] == "diagnosis" and built_in["features"] == 30 and built_in["left_out"] == built_in["missing"] == []
    shown = {each["feature"]: each for each in built_in["distributions"]}
    assert tuple(shown) == summary.features
    for name, of, auc in summary.separation:
        assert (shown[name]["auc_of"], shown[name]["auc"]) == (of, pytest.approx(auc, abs=1e-6))
    for name, by_class in summary.quartiles.items():
        assert shown[name]["quartiles"] == [pytest.approx(each, rel=1e-5) for each in by_class.values()]
    names = list(shown)
    for one, other, r in summary.pairs:
        assert built_in["correlation"][names.index(one)][names.index(other)] == pytest.approx(r, abs=1e-6)


def test_histograms_count_every_row_and_points_are_the_rows(built_in):
    data = load_wisconsin()
    for k, each in enumerate(built_in["distributions"]):
        for number, counts in enumerate(each["counts"]):
            values = data.x[data.y == number, k]
            assert counts == np.histogram(values, np.linspace(*ends(data.x[:, k]), len(counts) + 1))[0].tolist()
        assert (each["edges"][0], each["edges"][-1]) == (each["low"], each["high"]) == pytest.approx(ends(data.x[:, k]))
    points = built_in["points"]
    assert points["row"] == list(range(1, 570)) and points["class"] == data.y.tolist()
    np.testing.assert_allclose(np.array(points["values"]).T, data.x, rtol=1e-5)


def ends(values):
    return values.min(), values.max()


def test_missing_cells_identifiers_and_other_columns_are_told():
    found = explored(MESSY)
    assert [each["feature"] for each in found["distributions"]] == ["size", "shape"]
    assert found["left_out"] == [
        {"column": "id", "why": "an identifier is not a measurement"},
        {"column": "site", "why": "not a number: 'north'"},
        {"column": "empty", "why": "no values"},
        {"column": "text", "why": "not a number: '1,5'"},
    ]
    missing = {each["column"]: each["cells"] for each in found["missing"]}
    assert missing == {"empty": 6, "shape": 2, "diagnosis": 1, "size": 1} and found["missing"][0]["column"] == "empty"
    assert found["unlabelled"] == 1 and [each["rows"] for each in found["classes"]] == [3, 2]
    assert found["points"]["class"] == [1, 0, 1, 0, None, 0]
    assert found["points"]["values"] == [[5, 1, 4, 2, 9, None], [1, None, 3, None, 5, 6]]
    size, shape = found["distributions"]
    assert (size["auc"], shape["auc"], size["missing"], shape["missing"]) == (1, 0, 1, 2)
    assert [sum(counts) for counts in size["counts"]] == [2, 2], "a row without a label counts for no class"
    assert shape["quartiles"] == [[6, 6, 6], [1.5, 2, 2.5]]


def test_the_label_may_be_any_column_of_few_values_or_none():
    text = table_of({"kind": list("xyzxyz"), "a": [0, 1, 2, 0, 1, 2], "b": [5, 1, 9, 5, 2, 9]})
    plain = explored(text)
    assert plain["label"] is None and plain["classes"] == [{"name": "all rows", "rows": 6, "share": 1.0}]
    assert plain["left_out"] == [{"column": "kind", "why": "not a number: 'x'"}]
    assert [each["auc"] for each in plain["distributions"]] == [None, None] and plain["points"]["class"] == [0] * 6
    three = explored(text, "Kind")
    assert [each["name"] for each in three["classes"]] == ["x", "y", "z"] and three["label"] == "kind"
    by_feature = {each["feature"]: each for each in three["distributions"]}
    assert by_feature["a"]["auc_of"] == "x" and by_feature["a"]["auc"] == 0
    assert (by_feature["b"]["auc_of"], by_feature["b"]["auc"]) == ("y", 0)
    one = explored("diagnosis,a\nM,1\nM,2\n")
    assert one["classes"] == [{"name": "M", "rows": 2, "share": 1.0}]
    assert one["distributions"][0]["auc"] is None


def test_one_row_and_constant_columns_are_drawn_as_what_they_are():
    one = explored("a,b\n3,4\n")
    assert one["correlation"] == [[None, None], [None, None]] and one["rows"] == 1
    (first, _) = one["distributions"]
    assert first["quartiles"] == [[3, 3, 3]] and first["counts"] == [[1]] and first["edges"][0] < 3 < first["edges"][1]
    text = table_of({"diagnosis": list("MBMB"), "zero": [0] * 4, "tenth": [0.1] * 4, "huge": [-1.7e308] * 4, "a": [1, 2, 3, 4]})
    found = explored(text)
    for each in found["distributions"][:3]:
        assert each["auc"] == 0.5 and each["counts"] == [[2], [2]] and each["edges"][0] < each["low"] < each["edges"][1]
    assert found["correlation"][3] == [None, None, None, 1] and found["correlation"][1][0] is None


@pytest.mark.parametrize(
    "text, label, said",
    [
        ("diagnosis,b\nM,2\nB\n", None, "line 3: 1 cell, the header has 2"),
        ("a,b\n1,2\n", "kind", "no column 'kind' among 'a', 'b'"),
        ("diagnosis,b\n,2\nNA,3\n", None, "0 different values"),
        ("n,b\n" + "".join(f"{i},{i}\n" for i in range(99)), "n", "99 different values, which is not a set of classes"),
        ("diagnosis,b\nM,x\nB,y\n", None, "no column of numbers"),
        ("path,b\na.png,x\n", None, "no column of numbers"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(text, label, said):
    with pytest.raises(InputError, match=f"t.csv: (?s:.*){said}"):
        explored(text, label)


def test_ten_thousand_columns_are_bounded_to_those_that_separate_best(rng):
    count, rows = 9_999, 30
    y = np.arange(rows) % 2
    columns = {f"f{k}": rng.integers(0, 9, rows) for k in range(count)}
    best = sorted(rng.choice(count, 60, replace=False).tolist())
    columns |= {f"f{k}": 100 * (1 - 2 * (k % 2)) * y + rng.integers(0, 9, rows) for k in best}
    found = explored(table_of({"diagnosis": ["BM"[k] for k in y], **columns}))
    assert found["features"] == count and [each["feature"] for each in found["distributions"]] == [f"f{k}" for k in best]
    assert np.shape(found["correlation"]) == (60, 60) and np.shape(found["points"]["values"]) == (60, rows)
    assert len(json.dumps(found)) < 200_000
    words = explored(table_of({"a": [1], **{f"w{k}": ["x"] for k in range(count)}}))
    assert words["columns_left_out"] == count and len(words["left_out"]) == explore.LISTED
    assert len(explored(table_of({f"f{k}": [k] for k in range(99)}))["distributions"]) == 60


def test_many_rows_are_drawn_with_the_seed():
    text = table_of({"diagnosis": ["M", "B"] * 3000, "a": range(0, 12_000, 2)})
    one, again, other = explored(text), explored(text), explored(text, seed=1)
    assert one == again and one["points"]["row"] != other["points"]["row"]
    rows = one["points"]["row"]
    assert len(rows) == 5000 and rows == sorted(set(rows)) and one["rows"] == 6000
    assert one["points"]["values"][0] == [2 * (row - 1) for row in rows]
    assert sum(map(sum, one["distributions"][0]["counts"])) == 6000, "histograms are of all rows"


def test_numbers_far_from_zero_stay_apart_and_the_largest_do_not_overflow():
    seconds = [1_700_000_000 + k for k in range(8)]
    found = explored(table_of({"when": seconds, "wide": [-1.7e308, 1.7e308] * 4, "tiny": [5e-324 * k for k in range(8)]}))
    when, wide, _ = found["distributions"]
    assert found["points"]["values"][0] == seconds and len(set(when["edges"])) == 31
    assert sum(wide["counts"][0]) == 8 and (wide["counts"][0][0], wide["counts"][0][-1]) == (4, 4)
    assert found["correlation"][0][1] == pytest.approx(np.corrcoef(range(8), [0, 1] * 4)[0, 1], abs=1e-5)


def test_correlations_over_the_rows_that_both_columns_have(rng):
    import pandas

    x = rng.standard_normal((60, 5)) * [1, 1e200, 1e-200, 1, 1] + [1e6, 0, 0, 0, 0]
    x[:, 3] += x[:, 0] - 1e6
    x[rng.random(x.shape) < 0.2] = np.nan
    x[:, 4] = 0.1  # a constant whose mean is rounded
    expected = pandas.DataFrame(x * [1, 1e-200, 1e200, 1, 1]).corr().to_numpy().copy()
    expected[4] = expected[:, 4] = np.nan
    np.testing.assert_allclose(correlations(x), expected, atol=1e-8)
    x[:, 0], x[:30, 1] = [*range(30), *[7] * 30], np.nan  # the first does not vary where the second is there
    assert math.isnan(correlations(x)[0, 1]) and math.isnan(correlations(np.full((3, 1), np.nan))[0, 0])


def test_the_auc_of_every_class_from_one_sorting(rng):
    values, y = rng.integers(0, 6, 80).astype(float), rng.integers(-1, 4, 80)
    values[rng.random(80) < 0.1] = np.nan
    known = (y >= 0) & ~np.isnan(values)
    assert aucs(values, y, 4) == pytest.approx([roc_auc_score(y[known] == k, values[known]) for k in range(4)])
    assert np.isnan(aucs(values, np.zeros(80, int), 2)).all()


def test_edges_are_exact_at_both_ends():
    edges = bin_edges(np.array([0.1, 0.7, 0.3]))
    assert (edges[0], edges[-1], len(edges)) == (0.1, 0.7, 31) and (np.diff(edges) > 0).all()


CELL = st.sampled_from(["", "?", "M", "B", "benign", "nan", "0", "1", "-1", "1e308", "-1e308", "5e-324", "1e-7", "x", "1,5"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=8), st.sampled_from([None, "a", "diagnosis", "gone"]))
def test_any_table_is_drawn_or_refused_in_one_error(rows, label):
    quoted = [[f'"{cell}"' for cell in column] for column in zip(*rows, strict=True)]
    text = table_of(dict(zip(["a", "b", "diagnosis"], quoted, strict=True)))
    try:
        found = explored(text, label)
    except InputError:
        return
    assert found["rows"] == len(rows) and all(len(each["edges"]) in (2, 31) for each in found["distributions"])


def test_names_are_data_whatever_they_say(tmp_path):
    header, rows = wisconsin_table()
    header = ["<script>alert(1)</script>" if name == "mean area" else name for name in header]
    found = exploration(read_table(write_table(tmp_path / "t.csv", header, rows)))
    assert "<script>alert(1)</script>" in [each["feature"] for each in found["distributions"]]


def test_exploring_needs_no_pandas():
    script = (
        "import sys; from bcdetect.explore import exploration; from bcdetect.table import parse_table; "
        "exploration(parse_table('diagnosis,a\\nM,1\\nB,2\\n')); "
        "print([m for m in ('pandas', 'numba', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environment(), capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr
