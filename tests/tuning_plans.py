"""What tests of tuning share: a small data set, and plans over it."""

from dataclasses import replace

from trained import SMALL, clouds

from bcdetect.tuning.space import space_for
from bcdetect.tuning.study import Plan

FAST = replace(SMALL, epochs=1)
DATA = clouds((24, 20), features=3)


def plan(*only, **changes):
    return Plan(FAST, space_for(DATA, only), **{"inner": 2, "validation": 0.3, **changes})


def url(path):
    return f"sqlite:///{path / 'trials.db'}"
