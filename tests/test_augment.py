"""Changed pictures: each change does what it says, at its stated strength, and its two forms agree."""

import os
import subprocess
import sys

import numpy as np
import pytest

import tinycnn as tc
from bcdetect.augment import CELLS, affine_maps, augment, elastic_field
from bcdetect.config import STRENGTHS, Config
from tinycnn import ops
from tinycnn.ops.numpy.retouch import gaussian_weights
from tinycnn.ops.numpy.warp import spline_basis

pytest.importorskip("numba", reason="one of the two forms needs numba")

BACKENDS = ("numpy", "numba")
SHAPES = [(5, 28, 28, 1), (2, 33, 17, 3), (1, 64, 5, 2), (3, 1, 1, 1), (1, 40, 70, 1)]
MODERATE = {
    "flip": 0.5, "vertical_flip": 0.5, "rotate": 15.0, "shift": 0.1, "scale": 0.1, "shear": 0.1, "elastic": 0.05,
    "intensity": 0.2, "gamma": 0.5, "noise": 0.1, "blur": 1.5, "cutout": 0.4,
}  # fmt: skip
ALL = Config(**MODERATE)
IDENTITY = np.eye(2, 3)


def pictures(rng, *shape):
    """Smooth enough that rounded positions do not show."""
    n, height, width, channels = shape
    h, w, waves = np.arange(height)[:, None, None], np.arange(width)[:, None], rng.uniform(0.1, 0.4, (2, n, 1, 1, channels))
    return (np.sin(waves[0] * h + 1) + np.cos(waves[1] * w)).astype("float32")


def coordinates(n, height, width):
    """A picture of which each pixel shows where it is, so that a warped one shows where it looked."""
    grid = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), axis=-1)
    return np.repeat(grid[None].astype("float32"), n, axis=0)


def in_both(name, *args):
    found = []
    for backend in BACKENDS:
        with tc.backend(backend):
            found.append(getattr(ops, name)(*args))
    return found


# ---- the ops


@pytest.mark.parametrize("outside", ["edge", "zero"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_two_forms_of_a_warp_agree(shape, outside, rng):
    x, n, sides = pictures(rng, *shape), shape[0], np.array(shape[1:3])
    for reach in (0.02, 1.0):  # with 1, most of what is looked at lies beyond the picture
        maps = np.eye(2, 3) + reach * rng.standard_normal((n, 2, 3))
        maps[:, :, 2] *= sides
        for field in (None, rng.uniform(-0.2, 0.2, (n, 6, 4, 2)) * sides):
            readable, fast = in_both("warp", x, maps, field, outside)
            assert fast.dtype == np.float32 and fast.shape == x.shape
            np.testing.assert_allclose(fast, readable, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_two_forms_of_blur_tone_and_noise_agree(shape, rng):
    x, n, c = pictures(rng, *shape), shape[0], shape[3]
    keys = rng.integers(2**64, size=(n, 2), dtype=np.uint64)
    for args in (
        ("blur", x, rng.uniform(0, 3, n)),
        ("tone", x, np.full((n, c), -2.0), np.full((n, c), 2.5), *rng.uniform(0.3, 3, (3, n))),
        ("add_noise", x, rng.uniform(0, 2, n), keys),
    ):
        readable, fast = in_both(*args)
        assert fast.dtype == np.float32 and fast.shape == x.shape
        np.testing.assert_allclose(fast, readable, atol=1e-5, err_msg=args[0])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_pictures_bits_do_not_depend_on_its_neighbours(backend, rng):
    x, n = pictures(rng, 7, 30, 21, 2), 7
    field, keys = rng.uniform(-2, 2, (n, 5, 5, 2)), rng.integers(2**64, size=(n, 2), dtype=np.uint64)
    numbers, ends = rng.uniform(0.1, 2, (3, n)), rng.uniform(2, 3, (2, n, 2))
    maps = np.eye(2, 3) + 0.1 * rng.standard_normal((n, 2, 3))
    with tc.backend(backend):
        for name, *args in (
            ("warp", maps, field),
            ("blur", numbers[0]),
            ("tone", -ends[0], ends[1], *numbers),
            ("add_noise", numbers[0], keys),
        ):
            op = getattr(ops, name)
            whole = op(x, *args)
            for i in range(n):
                assert np.array_equal(op(x[i : i + 1], *(a[i : i + 1] for a in args))[0], whole[i]), name


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_warp_shows_where_it_looks(backend, rng):
    x = rng.standard_normal((1, 5, 6, 2)).astype("float32")
    with tc.backend(backend):
        edge, zero = (ops.warp(x, np.array([[[1.0, 0, 1], [0, 1, -2]]]), None, word) for word in ("edge", "zero"))
    expected = np.zeros_like(x)
    expected[:, :4, 2:] = x[:, 1:, :4]
    np.testing.assert_allclose(zero, expected, atol=1e-6)
    expected[:, 4, 2:] = x[:, 4, :4]
    expected[:, :, :2] = expected[:, :, 2:3]
    np.testing.assert_allclose(edge, expected, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_between_pixels_and_beyond_the_edge_by_hand(backend):
    x, maps = np.array([10.0, 20, 40], "float32").reshape(1, 1, 3, 1), IDENTITY[None].copy()
    with tc.backend(backend):
        for move, edge, zero in (
            (0.25, [12.5, 25, 40], [12.5, 25, 30]),
            (-0.5, [10, 15, 30], [5, 15, 30]),
            (9, [40] * 3, [0] * 3),
        ):
            maps[0, 1, 2] = move
            assert ops.warp(x, maps).ravel().tolist() == edge
            assert ops.warp(x, maps, None, "zero").ravel().tolist() == zero


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_field_of_one_displacement_moves_all_by_it(backend):
    x = coordinates(2, 20, 26)
    field = np.broadcast_to([1.5, -2.0], (2, 5, 4, 2))
    with tc.backend(backend):
        moved = ops.warp(x, np.broadcast_to(IDENTITY, (2, 2, 3)), field) - x
    np.testing.assert_allclose(moved[:, :18, 2:], np.broadcast_to([1.5, -2.0], (2, 18, 24, 2)), atol=1e-5)


def test_a_control_point_moves_what_is_near_it_by_two_thirds_squared():
    """A cubic B-spline has 2/3 at its middle, 1/6 at the next points, and nothing at those after."""
    x, field = coordinates(1, 33, 33), np.zeros((1, 7, 7, 2))
    field[0, 3, 3, 0] = 0.9
    for moved in (y - x for y in in_both("warp", x, IDENTITY[None], field)):
        at = [moved[0, i, j, 0] for i, j in ((16, 16), (16, 24), (8, 8), (16, 32), (0, 16))]
        np.testing.assert_allclose(at, 0.9 * np.array([4 / 9, 1 / 9, 1 / 36, 0, 0]), atol=1e-5)
        assert abs(moved[..., 1]).max() < 1e-5


@pytest.mark.parametrize("points, size", [(4, 9), (7, 28), (7, 1), (12, 5)])
def test_the_shares_of_a_pixels_four_points_are_positive_and_sum_to_one(points, size):
    basis = spline_basis(points, size)
    assert basis.shape == (points, size) and (basis >= 0).all() and (np.count_nonzero(basis, axis=0) <= 4).all()
    np.testing.assert_allclose(basis.sum(axis=0), 1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_positions_that_are_no_numbers_stay_inside(backend, rng):
    x = rng.standard_normal((3, 6, 6, 1)).astype("float32")
    maps = np.stack([np.full((2, 3), np.nan), np.full((2, 3), 1e30), np.full((2, 3), -1e30)])
    with tc.backend(backend), np.errstate(all="ignore"):
        assert np.isfinite(ops.warp(x, maps)).all()
        assert (ops.warp(x, maps, None, "zero") == 0).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_arguments_that_do_not_fit_are_refused(backend, rng):
    x, three = rng.standard_normal((3, 8, 8, 1)).astype("float32"), np.broadcast_to(IDENTITY, (3, 2, 3))
    with tc.backend(backend):
        with pytest.raises(ValueError, match="outside is 'wrap'; it must be one of edge, zero"):
            ops.warp(x, three, None, "wrap")
        with pytest.raises(ValueError, match="a field has 3 points along an axis; cubic splines need at least 4"):
            ops.warp(x, three, np.zeros((3, 5, 3, 2)))
        for name, *args in (
            ("warp", three[:2]),
            ("warp", three, np.zeros((2, 4, 4, 2))),
            ("blur", np.ones(2)),
            ("tone", *np.ones((2, 3, 1)), np.ones(2), *np.ones((2, 3))),
            ("add_noise", np.ones(2), np.zeros((3, 2), np.uint64)),
            ("add_noise", np.ones(3), np.zeros((2, 2), np.uint64)),
        ):
            with pytest.raises((ValueError, IndexError)):
                getattr(ops, name)(x, *args)


@pytest.mark.parametrize("backend", BACKENDS)
def test_blur_spreads_a_point_and_keeps_the_mean(backend, rng):
    x = rng.standard_normal((3, 19, 8, 2)).astype("float32")
    point = np.zeros((1, 31, 31, 1), "float32")
    point[0, 15, 15] = 1
    with tc.backend(backend):
        soft, flat = ops.blur(x, np.array([0, 0.7, 5])), ops.blur(np.full_like(x, 2.5), np.array([0, 0.7, 5]))
        spot = ops.blur(point, np.array([2.0]))[0, :, :, 0]
    assert np.array_equal(soft[0], x[0])
    np.testing.assert_allclose(soft.mean(axis=(1, 2)), x.mean(axis=(1, 2)), atol=1e-6)
    np.testing.assert_allclose(flat, 2.5, rtol=1e-6)
    assert (soft[1:].std(axis=(1, 2)) < 0.6 * x[1:].std(axis=(1, 2))).all()
    distance = np.arange(31) - 15
    assert np.sqrt((spot.sum(axis=0) * distance**2).sum()) == pytest.approx(2, rel=0.02)
    np.testing.assert_allclose(spot, spot.T, atol=1e-7)


def test_a_gaussians_weights_do_not_depend_on_wider_ones():
    both, alone = gaussian_weights(np.array([0.4, 3])), gaussian_weights(np.array([0.4]))
    assert both.shape == (2, 19) and np.array_equal(both[0, 7:12], alone[0]) and not both[0, :7].any()
    np.testing.assert_allclose(both.sum(axis=1), 1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_tone_curve_by_hand(backend):
    x = np.array([-1, 0, 2, 3, -2, np.nan], "float32").reshape(1, 1, 6, 1)
    black, white = np.array([[-1.0]]), np.array([[3.0]])
    with tc.backend(backend):
        plain = ops.tone(x, black, white, np.array([0.5]), np.array([1.0]), np.array([0.0])).ravel()
        bright = ops.tone(x, black, white, np.array([2.0]), np.array([1.5]), np.array([0.25])).ravel()
        flat = ops.tone(x, white, white, np.array([2.0]), np.array([1.0]), np.array([0.0])).ravel()
    np.testing.assert_allclose(plain, [-1, 1, 4 * 0.75**0.5 - 1, 3, -1, np.nan], atol=1e-6)
    np.testing.assert_allclose(bright, [-1.25, -0.875, 2.125, 4.75, -1.25, np.nan], atol=1e-6)
    np.testing.assert_allclose(flat[:5], 3, atol=1e-6)  # no white above black


def test_powers_are_those_of_numpy_over_the_whole_range(rng):
    u = np.concatenate([np.linspace(0, 4, 3000), 10.0 ** rng.uniform(-30, 0, 1000)]).astype("float32").reshape(1, 50, 80, 1)
    nothing, one = np.zeros((1, 1)), np.ones((1, 1))
    for gamma in (0.25, 0.9, 1.0, 2.2, 4.0):
        with tc.backend("numba"):
            found = ops.tone(u, nothing, one, np.array([gamma]), np.ones(1), np.zeros(1))
        np.testing.assert_allclose(found, u.astype("float64") ** gamma, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
def test_noise_has_its_mean_its_deviation_and_its_bound(backend, rng):
    x, keys = np.zeros((3, 150, 151, 2), "float32"), rng.integers(2**64, size=(3, 2), dtype=np.uint64)
    with tc.backend(backend):
        y = ops.add_noise(x, np.array([0.0, 0.5, 2.0]), keys)
    assert not y[0].any()
    for image, deviation in ((y[1], 0.5), (y[2], 2.0)):
        assert image.mean() == pytest.approx(0, abs=0.02 * deviation) and image.std() == pytest.approx(deviation, rel=0.01)
        assert 3 * deviation < abs(image).max() < 3.47 * deviation
        assert (abs(image) < deviation).mean() == pytest.approx(0.67, abs=0.015)  # of a normal distribution 0.683
        neighbours = (
            (image[:, 1:] * image[:, :-1]).mean(),
            (image[1:] * image[:-1]).mean(),
            (image[..., 0] * image[..., 1]).mean(),
        )
        assert abs(np.array(neighbours)).max() < 0.02 * deviation**2
    assert abs(np.corrcoef(y[1].ravel(), y[2].ravel())[0, 1]) < 0.02


# ---- the changes


def test_every_change_is_tested_here():
    assert set(MODERATE) == set(STRENGTHS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(6, 28, 28, 1), (2, 33, 17, 3), (1, 28, 28, 1)], ids=str)
@pytest.mark.parametrize("name", [*STRENGTHS, "all", "nothing"])
def test_a_change_is_seeded_and_leaves_its_input_alone(name, shape, dtype, rng):
    x = rng.standard_normal(shape).astype(dtype)
    before = x.copy()
    strong = {name: MODERATE[name]} if name in MODERATE else MODERATE if name == "all" else {}
    config = Config(**strong | ({name: 1.0} if "flip" in name else {}))
    first, again, other = (augment(x, config, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert np.array_equal(x, before)
    for y in (first, other):
        assert y.shape == shape and y.dtype == dtype and not np.shares_memory(y, x) and np.isfinite(y).all()
    assert np.array_equal(first, again)
    if name == "nothing":
        assert np.array_equal(first, x)
    else:
        assert abs(first - x).max() > 1e-2
        assert "flip" in name or not np.array_equal(first, other)


def test_both_backends_change_alike(rng):
    x, found = pictures(rng, 4, 30, 30, 1), []
    for backend in BACKENDS:
        with tc.backend(backend):
            found.append(augment(x, ALL, np.random.default_rng(0), np.array([-2.0]), np.array([2.0])))
    np.testing.assert_allclose(*found, atol=1e-3)


def test_flips(rng):
    x = rng.standard_normal((4, 9, 12, 2)).astype("float32")
    np.testing.assert_allclose(augment(x, Config(flip=1.0), rng), x[:, :, ::-1], atol=1e-5)
    np.testing.assert_allclose(augment(x, Config(vertical_flip=1.0), rng), x[:, ::-1], atol=1e-5)
    np.testing.assert_allclose(augment(x, Config(flip=1.0, vertical_flip=1.0), rng), x[:, ::-1, ::-1], atol=1e-5)
    some = augment(np.repeat(x[:1], 400, axis=0), Config(flip=0.25), rng)
    flipped = (abs(some - x[:1, :, ::-1]) < 1e-4).all(axis=(1, 2, 3))
    assert 0.17 < flipped.mean() < 0.33 and np.allclose(some[~flipped], x[:1], atol=1e-5)


@pytest.mark.parametrize("name", ["rotate", "shift", "scale", "shear"])
def test_a_map_is_as_strong_as_stated_and_the_middle_stays(name):
    strength = {"rotate": 20.0, "shift": 0.2, "scale": 0.25, "shear": 0.3}[name]
    maps = affine_maps((2000, 41, 21, 1), Config(**{name: strength}), np.random.default_rng(0))
    middle = maps @ [20, 10, 1] - [20, 10]
    linear = maps[:, :, :2]
    if name == "shift":
        sizes, most = middle / [41, 21], 0.2
        assert np.array_equal(linear, np.broadcast_to(np.eye(2), linear.shape))
    else:
        np.testing.assert_allclose(middle, 0, atol=1e-9)
        if name == "rotate":
            np.testing.assert_allclose(linear @ linear.transpose(0, 2, 1), np.broadcast_to(np.eye(2), linear.shape), atol=1e-12)
            sizes, most = np.rad2deg(np.arctan2(linear[:, 1, 0], linear[:, 0, 0])), 20
        elif name == "scale":
            sizes, most = 1 / linear[:, 0, 0] - 1, 0.25
        else:
            sizes, most = linear[:, 1, 0], 0.3
    assert 0.98 * most < sizes.max() <= most + 1e-9 and -most - 1e-9 <= sizes.min() < -0.98 * most


def test_elastic_moves_no_pixel_further_than_stated_and_folds_nothing(rng):
    strength, size = STRENGTHS["elastic"], 48
    field = elastic_field((200, size, size, 2), strength, rng)
    assert field.shape == (200, CELLS + 3, CELLS + 3, 2) and abs(field).max() <= strength * size
    x = coordinates(200, size, size)
    at = ops.warp(x, np.broadcast_to(IDENTITY, (200, 2, 3)), field)
    assert 0.4 * strength * size < abs(at - x).max() <= strength * size + 1e-4
    inside = at[:, 6:-6, 6:-6]
    down, across = np.diff(inside, axis=1)[:, :, :-1], np.diff(inside, axis=2)[:, :-1]
    assert (down[..., 0] * across[..., 1] - down[..., 1] * across[..., 0] > 0).all()


def test_gamma_keeps_black_and_white_and_moves_the_grey_between(rng):
    x = np.linspace(-1.5, 2.5, 4 * 144).reshape(4, 12, 12, 1).astype("float32")
    black, white = np.array([-1.5]), np.array([2.5])
    y = augment(x, Config(gamma=1.0), rng, black, white)
    assert y[0, 0, 0, 0] == -1.5 and y[-1, -1, -1, 0] == pytest.approx(2.5, abs=1e-6)
    grey = augment(np.full((500, 2, 2, 1), 0.5, "float32"), Config(gamma=1.0), rng, black, white)[:, 0, 0, 0]
    shares = (grey + 1.5) / 4  # 1/2 to the power of 1/2 ... 2
    assert (
        0.25 <= shares.min() < 0.26
        and 0.70 < shares.max() <= 0.5**0.5 + 1e-6
        and (shares < 0.5).mean() == pytest.approx(0.5, abs=0.1)
    )


def test_without_black_and_white_gamma_keeps_each_pictures_own_range(rng):
    x = rng.standard_normal((3, 9, 9, 2)).astype("float32")
    y = augment(x, Config(gamma=1.0), rng)
    for end in ("min", "max"):
        np.testing.assert_allclose(getattr(y, end)(axis=(1, 2)), getattr(x, end)(axis=(1, 2)), atol=1e-5)
    assert np.array_equal(np.argsort(y[0, :, :, 0], axis=None), np.argsort(x[0, :, :, 0], axis=None))


def test_intensity_and_gamma_come_as_one_curve(rng):
    x = pictures(rng, 300, 8, 8, 1)
    for config in (Config(intensity=0.3), Config(intensity=0.3, gamma=1e-9)):
        y = augment(x, config, np.random.default_rng(0), np.array([-3.0]), np.array([3.0]))
        lines = [np.polyfit(a.ravel().astype(float), b.ravel(), 1) for a, b in zip(x, y, strict=True)]
        contrast, brightness = np.array(lines).T
        assert 0.29 < abs(contrast - 1).max() <= 0.3001 and 0.29 < abs(brightness).max() <= 0.3001


def test_blur_is_drawn_up_to_its_strength(rng):
    point = np.zeros((60, 21, 21, 1), "float32")
    point[:, 10, 10] = 1
    peaks = augment(point, Config(blur=2.0), rng)[:, 10, 10, 0]
    assert peaks.max() > 0.9 and peaks.min() < 0.07 and peaks.min() > 0.9 / (2 * np.pi * 4)


def test_channels_that_are_missing_stay_0(rng):
    x, missing = rng.standard_normal((3, 20, 20, 2)).astype("float32"), np.array([[False, True], [False, False], [True, True]])
    x *= ~missing[:, None, None, :]
    y = augment(x, ALL, np.random.default_rng(0), missing=missing)
    assert np.array_equal((y == 0).all(axis=(1, 2)), missing)


def test_outside_can_be_the_mean(rng):
    x = 5 + rng.standard_normal((20, 16, 16, 1)).astype("float32")
    edge, zero = (augment(x, Config(shift=0.3), np.random.default_rng(0), outside=word) for word in ("edge", "zero"))
    assert edge.min() > 0 and (zero == 0).any()


BITS = """
import hashlib, numpy as np
from bcdetect.augment import augment
from bcdetect.config import STRENGTHS, Config
from test_augment import MODERATE
digest = hashlib.sha256()
for shape in ((7, 45, 33, 1), (1, 90, 64, 3)):
    x = np.random.default_rng(1).standard_normal(shape).astype("float32")
    digest.update(augment(x, Config(**MODERATE), np.random.default_rng(2)).tobytes())
print(digest.hexdigest())
"""


def test_the_bits_do_not_depend_on_the_number_of_threads():
    digests = set()
    for threads in ("1", "2"):
        words = [sys.executable, "-c", "import sys; sys.path[:0] = ['.', 'tests']\n" + BITS]
        done = subprocess.run(words, env={**os.environ, "TINYCNN_NUM_THREADS": threads}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        digests.add(done.stdout)
    assert len(digests) == 1 and len(digests.pop().strip()) == 64
