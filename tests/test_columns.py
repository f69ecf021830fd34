"""Column names: spelling may differ, meaning may not."""

import pytest

from bcdetect.columns import match_columns
from bcdetect.errors import InputError
from bcdetect.table import read_table

MEASUREMENTS = [
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave points",
    "symmetry",
    "fractal dimension",
]
SKLEARN = [
    *(f"mean {name}" for name in MEASUREMENTS),
    *(f"{name} error" for name in MEASUREMENTS),
    *(f"worst {name}" for name in MEASUREMENTS),
]
# Kaggle's copy writes "concave points_mean" but "fractal_dimension_mean".
KAGGLE = [f"{name.replace('l d', 'l_d')}_{kind}" for kind in ("mean", "se", "worst") for name in MEASUREMENTS]
UCI = [f"{name.replace(' ', '_')}{number}" for number in (1, 2, 3) for name in MEASUREMENTS]


@pytest.mark.parametrize("wanted", [SKLEARN, KAGGLE, UCI], ids=["sklearn", "kaggle", "uci"])
@pytest.mark.parametrize("present", [SKLEARN, KAGGLE, UCI], ids=["sklearn", "kaggle", "uci"])
def test_the_three_spellings_of_the_wisconsin_data_mean_the_same(wanted, present):
    mapping, missing = match_columns(wanted, present[::-1])
    assert mapping == dict(zip(wanted, present, strict=True)) and not missing


def test_the_built_in_table_has_these_names():
    from bcdetect.datasets.wisconsin import wisconsin_path

    assert read_table(wisconsin_path()).columns == ("diagnosis", *SKLEARN)


def test_case_spaces_underscores_and_hyphens_do_not_matter():
    assert match_columns(["Tumour size"], [" tumour_SIZE "])[0] == {"Tumour size": " tumour_SIZE "}


def test_the_exact_name_wins():
    assert match_columns(["radius_mean"], ["mean radius", "radius_mean"])[0] == {"radius_mean": "radius_mean"}


def test_all_missing_names_are_returned_in_order():
    assert match_columns(["d", "a", "c"], ["a", "b"]) == ({"a": "a"}, ["d", "c"])


def test_two_columns_that_could_be_meant_are_both_named():
    with pytest.raises(InputError, match="'radius_mean' and 'Radius1'") as caught:
        match_columns(["mean radius"], ["radius_mean", "Radius1"], file="a.csv")
    assert caught.value.file == "a.csv"


@pytest.mark.parametrize("wanted, present", [(["A", "a"], ["a"]), (["A_1", "a 1"], ["a-1"])])
def test_one_column_never_serves_two_wanted_ones(wanted, present):
    mapping, missing = match_columns(wanted, present)
    assert len(set(mapping.values())) == len(mapping) and len(mapping) + len(missing) == 2


@pytest.mark.parametrize(
    "wanted, present",
    [("x1", "mean x"), ("x1", "x2"), ("x1", "x_1"), ("radius1", "radius error"), ("radius4", "mean radius")],
)
def test_names_that_only_look_alike_do_not_match(wanted, present):
    assert match_columns([wanted], [present]) == ({}, [wanted])
