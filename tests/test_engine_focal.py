"""The focal loss by hand, where it is cross-entropy, and where numbers run out."""

import math
import re

import numpy as np
import pytest

import tinycnn as tc


def test_one_logit_by_hand():
    """Logit ln 3 is the probability 3/4. d l / dz for y = 1: -alpha * (1/4)^2 * (1/4 + 2 * 3/4 * ln(4/3))."""
    z = np.array([[math.log(3)], [math.log(3)]])
    value, grad = tc.FocalLoss(gamma=2, alpha=0.25)(z, [1, 0])
    assert value == pytest.approx((0.25 * (1 / 16) * math.log(4 / 3) + 0.75 * (9 / 16) * math.log(4)) / 2)
    first = -0.25 / 16 * (1 / 4 + 2 * 3 / 4 * math.log(4 / 3))
    second = 0.75 * 9 / 16 * (3 / 4 + 2 * 1 / 4 * math.log(4))
    assert grad.ravel() == pytest.approx([first / 2, second / 2])


def test_several_logits_by_hand():
    """Logits ln 1, ln 2, ln 5 are the probabilities 1/8, 2/8, 5/8."""
    z = np.log([[1.0, 2, 5], [1, 2, 5]])
    value, _ = tc.FocalLoss(gamma=2, alpha=[1, 3, 1])(z, [1, 2])
    assert value == pytest.approx((3 * (6 / 8) ** 2 * math.log(4) + (3 / 8) ** 2 * math.log(8 / 5)) / 2)


def test_label_smoothing_by_hand():
    """0.2 moves a tenth of the label to the other class, whose term has its own factor and its own probability."""
    z = np.array([[math.log(3)]])
    value, _ = tc.FocalLoss(gamma=1, alpha=0.25, label_smoothing=0.2)(z, [1])
    assert value == pytest.approx(0.9 * 0.25 * (1 / 4) * math.log(4 / 3) + 0.1 * 0.75 * (3 / 4) * math.log(4))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("smoothing", [0, 0.1])
@pytest.mark.parametrize(("kind", "k"), [(tc.BCEWithLogits, 1), (tc.SoftmaxCrossEntropy, 3)], ids=["one logit", "three"])
def test_gamma_0_is_cross_entropy_exactly(kind, k, smoothing, dtype, rng):
    z, y, weight = (4 * rng.standard_normal((50, k))).astype(dtype), rng.integers(0, max(2, k), 50), rng.uniform(0.5, 2, 50)
    value, grad = tc.FocalLoss(gamma=0, label_smoothing=smoothing)(z, y, weight)
    expected, expected_grad = kind(label_smoothing=smoothing)(z, y, weight)
    assert value == expected
    np.testing.assert_allclose(grad, expected_grad, rtol=0, atol=4 * np.finfo(dtype).eps)
    assert grad.dtype == dtype


@pytest.mark.parametrize("gamma", [0, 0.5, 2])
def test_one_logit_z_is_two_logits_0_and_z(gamma, rng):
    z, y = 3 * rng.standard_normal((20, 1)), rng.integers(0, 2, 20)
    value, grad = tc.FocalLoss(gamma, alpha=0.3)(z, y)
    twice, twice_grad = tc.FocalLoss(gamma, alpha=[0.7, 0.3])(np.hstack([np.zeros_like(z), z]), y)
    assert value == pytest.approx(twice, rel=1e-12)
    assert grad[:, 0] == pytest.approx(twice_grad[:, 1], rel=1e-9)


def test_a_share_for_a_label_lies_between_its_two_classes(rng):
    z, loss = rng.standard_normal((4, 1)), tc.FocalLoss(alpha=0.3)
    value = loss(z, np.full(4, 0.25))[0]
    assert value == pytest.approx(0.25 * loss(z, np.ones(4))[0] + 0.75 * loss(z, np.zeros(4))[0])


def test_alpha_scales_the_loss_and_leaves_the_mean_alone(rng):
    z, y = rng.standard_normal((6, 3)), np.array([0, 1, 2, 0, 1, 2])
    assert tc.FocalLoss(alpha=[2, 2, 2])(z, y)[0] == pytest.approx(2 * tc.FocalLoss()(z, y)[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("gamma", [0, 0.5, 1, 2, 5])
@pytest.mark.parametrize("size", [100, 1e4])
def test_huge_logits_give_finite_losses_and_gradients(size, gamma, dtype):
    z = np.array([[-size], [size], [-size], [size]], dtype)
    value, grad = tc.FocalLoss(gamma)(z, [1, 0, 0, 1])
    assert value == pytest.approx(size / 2)
    assert grad.ravel() == pytest.approx([-0.25, 0.25, 0, 0], abs=1e-9)
    z = np.array([[size, -size, 0], [size, -size, 0]], dtype)
    value, grad = tc.FocalLoss(gamma)(z, [1, 0])
    assert value == pytest.approx(size)
    assert grad == pytest.approx(np.array([[0.5, -0.5, 0], [0, 0, 0]]), abs=1e-9)
    assert grad.dtype == dtype


@pytest.mark.parametrize("gamma", [0.5, 1, 2])
def test_a_row_told_almost_surely_keeps_its_digits_in_float32(gamma):
    """1 - p is taken without cancelling: at logit 12 the rest is 6e-6, a float32's p has 2 digits of it."""
    for z in (np.array([[12.0]]), np.array([[0.0, 12.0]])):
        exact, exact_grad = tc.FocalLoss(gamma)(z, [1])
        value, grad = tc.FocalLoss(gamma)(z.astype("float32"), [1])
        assert value == pytest.approx(exact, rel=0.05)
        assert grad[0, -1] == pytest.approx(exact_grad[0, -1], rel=0.05)


@pytest.mark.parametrize("shape", [(4, 1), (4, 3)])
@pytest.mark.parametrize("gamma", [0, 0.5, 1, 3])
def test_every_entry_of_its_gradient_is_right(shape, gamma):
    alpha = 0.3 if shape[1] == 1 else [1, 0, 2]
    assert tc.gradcheck(tc.FocalLoss(gamma, alpha, 0.2), shape, elementwise=True).worst.error < 1e-7


REFUSED = [
    (lambda z, y: tc.FocalLoss(gamma=-1), "FocalLoss: gamma=-1"),
    (lambda z, y: tc.FocalLoss(gamma=math.nan), "gamma=nan"),
    (lambda z, y: tc.FocalLoss(alpha=1.5), "FocalLoss: alpha=1.5"),
    (lambda z, y: tc.FocalLoss(alpha=math.nan), "alpha=nan"),
    (lambda z, y: tc.FocalLoss(alpha=[1, -1]), "alpha=[1, -1]"),
    (lambda z, y: tc.FocalLoss(alpha=[0, 0]), "alpha=[0, 0]"),
    (lambda z, y: tc.FocalLoss(alpha=np.ones((2, 2))), "one finite factor a class"),
    (lambda z, y: tc.FocalLoss(label_smoothing=1), "FocalLoss: label_smoothing=1"),
    (lambda z, y: tc.FocalLoss(alpha=0.3)(z, y), "alpha has shape (); for logits of shape (4, 3) it needs (3,)"),
    (lambda z, y: tc.FocalLoss(alpha=[1, 2])(z, y), "alpha has shape (2,); for logits of shape (4, 3) it needs (3,)"),
    (lambda z, y: tc.FocalLoss(alpha=[1, 2])(z[:, :1], y), "for logits of shape (4, 1) it needs (), one number"),
    (lambda z, y: tc.FocalLoss()(z[:, :0], y), "got logits of shape (4, 0)"),
    (lambda z, y: tc.FocalLoss()(z[:, :1], y * 2), "FocalLoss: labels must lie in [0, 1], got 0 to 2"),
    (lambda z, y: tc.FocalLoss()(z, y + 2), "FocalLoss: labels must be whole numbers from 0 to 2"),
    (lambda z, y: tc.FocalLoss()(z, y / 2), "FocalLoss: labels must be whole numbers from 0 to 2"),
]


@pytest.mark.parametrize(("call", "says"), REFUSED, ids=[says for _, says in REFUSED])
def test_what_does_not_fit_is_refused(call, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        call(np.zeros((4, 3)), np.array([0, 1, 1, 0]))
