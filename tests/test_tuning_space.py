"""What is tuned: every value is a setting, and the settings to beat come first."""

from dataclasses import replace

import numpy as np
import pytest
from tuning_plans import DATA, FAST, plan

from bcdetect.config import Config
from bcdetect.errors import UsageError
from bcdetect.tuning.space import PICTURES, TABLES, Choice, holds, settings, space_for, values_of
from bcdetect.tuning.study import search

pytest.importorskip("optuna", reason="optuna is not installed (the extra tune)")


@pytest.mark.parametrize("pictures, space", [(False, TABLES), (True, PICTURES)])
def test_every_end_of_every_range_is_a_setting_that_config_takes(pictures, space):
    names = {r.name for r in space}
    wanted = {"kernel_size", "depth", "dropout", "lr", "optimizer", "weight_decay"}
    assert wanted | ({"width", "rotate", "shift", "noise"} if pictures else {"filters", "units"}) <= names
    base = Config.for_pictures() if pictures else Config()
    for r in space:
        for value in r.values if isinstance(r, Choice) else (r.low, r.high):
            assert r.holds(value)
            config = settings({r.name: value}, base, pictures)
            if pictures or r.name not in ("filters", "depth"):
                assert getattr(config, r.name) == value
    assert settings({"filters": 8, "depth": 3}, Config(), False).filters == (8, 8, 8)
    assert settings({"depth": 2}, Config(filters=(4,)), False).filters == (4, 4)


def test_the_settings_to_beat_are_in_the_space_and_come_first():
    own = values_of(Config(), TABLES, DATA)
    assert settings(own, Config(), False) == Config() and holds(TABLES, own)
    for outside in (Config(filters=(8, 16)), Config(filters=()), Config(lr=1.0)):
        assert not holds(TABLES, values_of(outside, TABLES, DATA))
    first = plan("dropout", "lr")
    found = search(DATA, first, 2)
    assert found.trials[0].params == {"dropout": FAST.dropout, "lr": FAST.lr} and found.trials[1].params != found.trials[0].params


def test_small_pictures_get_no_deeper_than_they_are():
    x = np.zeros((4, 28, 28, 1), np.uint8)
    (depth,) = space_for(replace(DATA, x=x), ["depth"])
    assert depth.high == 4
    pictures, base = replace(DATA, x=x), Config.for_pictures()
    own = values_of(base, space_for(pictures), pictures)
    assert own["depth"] == 3 and holds(space_for(pictures), own)  # which the size has chosen
    assert settings(own, base, True) == replace(base, depth=3)


def test_what_is_not_tuned_cannot_be_asked_for():
    with pytest.raises(UsageError, match="'droput'") as caught:
        space_for(DATA, ["droput"])
    assert "dropout" in caught.value.hint
