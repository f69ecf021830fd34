"""Splits: every row has one place, classes keep their shares, and a patient is never on both sides."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcdetect.config import Config
from bcdetect.errors import InputError
from bcdetect.run import load_run_data
from bcdetect.splits import PARTS, assign, folds, split


def test_the_default_is_60_20_20_of_each_class():
    data, parts = load_run_data(Config())
    assert tuple(parts) == PARTS == ("train", "validation", "test")
    assert [len(parts[name]) for name in PARTS] == [341, 115, 113]
    for label, size in ((0, 357), (1, 212)):
        for name, share in zip(PARTS, (0.6, 0.2, 0.2), strict=True):
            assert abs((data.y[parts[name]] == label).sum() - share * size) <= 1


@given(st.lists(st.integers(10, 60), min_size=2, max_size=4), st.integers(0, 2**32), st.floats(0.15, 0.35), st.floats(0.15, 0.35))
def test_parts_are_disjoint_complete_and_within_one_row_of_their_share(sizes, seed, validation, test):
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    parts = split(y, None, validation, test, seed)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(len(y)))
    for label, size in enumerate(sizes):
        for name, share in zip(PARTS, (1 - validation - test, validation, test), strict=True):
            assert abs((y[parts[name]] == label).sum() - share * size) <= 1


def test_the_seed_decides_and_nothing_else():
    y = np.repeat([0, 1], (60, 40))
    one, same, other = (split(y, None, 0.2, 0.2, seed)["test"] for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(0, 1)), min_size=4, max_size=40), st.integers(0, 2**32), st.integers(2, 5)
)
def test_a_group_is_never_in_two_parts(groups, seed, count):
    names = np.repeat([f"p{i}" for i in range(len(groups))], [size for size, _ in groups])
    y = np.repeat([label for _, label in groups], [size for size, _ in groups])
    try:
        part = assign(y, names, (1 / count,) * count, seed)
    except InputError:
        return
    for name in set(names):
        assert len(set(part[names == name])) == 1
    assert set(part) == set(range(count))


def test_groups_are_dealt_near_their_shares():
    rng = np.random.default_rng(0)
    names = np.repeat(np.arange(200).astype(str), rng.integers(1, 6, 200))
    y = (rng.random(200) < 0.4).astype(int)[np.unique(names, return_inverse=True)[1]]
    parts = split(y, names, 0.2, 0.2, 0)
    for label in (0, 1):
        shares = [(y[parts[name]] == label).sum() / (y == label).sum() for name in PARTS]
        np.testing.assert_allclose(shares, [0.6, 0.2, 0.2], atol=0.02)


@pytest.mark.parametrize("grouped", [False, True])
def test_every_row_is_tested_once_a_repeat(grouped):
    y = np.repeat([0, 1], (37, 26))
    groups = (np.arange(63) // 3).astype(str) if grouped else None
    for seed in range(3):
        tested = np.concatenate(folds(y, groups, 5, seed))
        assert sorted(tested) == list(range(63))
    sizes = [len(rows) for rows in folds(y, None, 5, 0)]
    assert max(sizes) - min(sizes) <= 2


@pytest.mark.parametrize(
    "y, groups, what",
    [
        ([0] * 20 + [1] * 3, None, "too few rows"),
        ([0] * 20 + [1] * 20, ["same"] * 40, "too few groups"),
        ([0] * 20 + [1] * 20, list("abcd" * 5) + list("xyx" * 6 + "yx"), "too few groups"),
    ],
)
def test_fewer_rows_or_groups_of_a_class_than_folds_are_refused(y, groups, what):
    with pytest.raises(InputError, match=what) as caught:
        folds(np.array(y), None if groups is None else np.array(groups), 5, 0)
    assert caught.value.exit_code == 3


def test_no_part_may_lack_a_class():
    with pytest.raises(InputError, match="too few rows of class number 1 for 3 parts"):
        split(np.repeat([0, 1], (50, 2)), None, 0.2, 0.2, 0)


@pytest.mark.parametrize("mixed, groups", [(True, 3), (True, 4), (False, 6), (False, 7)])
def test_as_few_groups_as_can_do_are_enough(mixed, groups):
    for seed in range(30):
        sizes = 2 * np.random.default_rng(seed).integers(1, 6, groups)
        y = np.concatenate([np.arange(size) % 2 if mixed else np.full(size, k % 2) for k, size in enumerate(sizes)])
        names = np.repeat(np.arange(groups), sizes).astype(str)
        parts = split(y, names, 0.2, 0.2, seed)
        assert all(set(y[rows]) == {0, 1} for rows in parts.values())
        assert sum(len(set(names[rows])) for rows in parts.values()) == groups
    with pytest.raises(InputError, match="too few groups"):
        split(y[names != "0"], names[names != "0"], 0.2, 0.2, 0) if groups in (3, 6) else split(y[:4], names[:4], 0.2, 0.2, 0)
