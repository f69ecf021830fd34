"""The settings that a page may choose: every bound is one that trains, nothing outside, and no path at all."""

from dataclasses import fields, replace

import pytest
from trained import clouds

from bcdetect.config import Config
from bcdetect.errors import UsageError
from bcdetect.serve.choices import ALLOWED, BLOCKS, check, check_size, chosen

PATHS = {"data", "init", "freeze"}


def ends(name):
    kind, bounds = ALLOWED[name]
    if kind == "choice":
        return bounds
    if kind in ("text", "texts"):
        return ["x" * bounds[0]]
    return [[each] * BLOCKS for each in bounds] if kind == "ints" else bounds


@pytest.mark.parametrize("name", ALLOWED)
def test_every_end_of_every_range_is_taken(name):
    for value in ends(name):
        config = chosen({name: value})
        assert getattr(config, name) == (tuple(value) if isinstance(value, list) else (value,) if name == "drop" else value)


@pytest.mark.parametrize("name", [name for name, (kind, _) in ALLOWED.items() if kind in ("int", "float", "ints")])
def test_beyond_its_bounds_a_number_is_refused(name):
    least, most = ALLOWED[name][1]
    for value in (least - 1, most * 1.5 if isinstance(most, float) else most + 1, float("nan"), float("inf")):
        with pytest.raises(UsageError):
            chosen({name: [value] if ALLOWED[name][0] == "ints" else value})


@pytest.mark.parametrize("name", sorted({field.name for field in fields(Config)} - ALLOWED.keys()))
def test_what_is_not_listed_cannot_be_chosen(name):
    with pytest.raises(UsageError, match="no setting to choose here"):
        chosen({name: "1"})


def test_no_path_is_listed_and_a_config_with_one_is_refused():
    assert not PATHS & ALLOWED.keys()
    for changes in ({"data": "/etc/passwd"}, {"init": "/tmp/m.npz"}, {"ensemble": 2}, {"epochs": 501}):
        with pytest.raises(UsageError):
            check(replace(Config(), **changes))
    check(Config())


@pytest.mark.parametrize(
    "values",
    [{"epochs": "many"}, {"epochs": None}, {"epochs": [1]}, {"epochs": True}, {"filters": [1] * 5}, {"filters": {"a": 1}},
     {"drop": ["a"] * 1001}, {"label": "x" * 201}, {"label": 5}, {"optimizer": "magic"}, {"nothing": 1}, {"": 1},
     {"validation_size": 0.5, "test_size": 0.5}],
)  # fmt: skip
def test_nonsense_is_a_usage_error(values):
    with pytest.raises(UsageError):
        chosen(values)


def test_as_a_form_sends_them():
    config = chosen({"epochs": "12", "filters": "8, 16", "label": "", "drop": "a,b", "lr": "1e-2"})
    assert (config.epochs, config.filters, config.label, config.drop, config.lr) == (12, (8, 16), None, ("a", "b"), 0.01)


def test_a_table_too_wide_for_so_many_filters_is_said():
    wide = replace(clouds(), feature_names=tuple(f"f{i}" for i in range(5000)))
    check_size(chosen({"filters": [8]}), wide)
    check_size(chosen({"filters": [64] * 4}), replace(wide, feature_names=wide.feature_names[:30]))
    with pytest.raises(UsageError, match="5,000 columns with 16 filters") as caught:
        check_size(Config(), wide)
    assert "13 filters in all" in caught.value.hint
    check_size(chosen({"filters": [13]}), wide)
