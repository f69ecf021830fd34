"""Losses, optimizers and schedules by hand, and what happens when training diverges."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

import tinycnn as tc

# Losses


def test_bce_by_hand():
    """Logits 0 and ln 3 are the probabilities 1/2 and 3/4."""
    value, grad = tc.BCEWithLogits()(np.array([[0.0], [math.log(3)]]), [1, 0])
    assert value == pytest.approx((math.log(2) + math.log(4)) / 2)
    assert grad.ravel() == pytest.approx([-0.5 / 2, 0.75 / 2])


def test_bce_pos_weight_and_smoothing_by_hand():
    value, grad = tc.BCEWithLogits(pos_weight=3, label_smoothing=0.2)(np.array([[0.0], [math.log(3)]]), [1, 0])
    first = 3 * 0.9 * math.log(2) + 0.1 * math.log(2)
    second = 3 * 0.1 * math.log(4 / 3) + 0.9 * math.log(4)
    assert value == pytest.approx((first + second) / 2)
    assert grad.ravel() == pytest.approx([(0.1 * 0.5 - 2.7 * 0.5) / 2, (0.9 * 0.75 - 0.3 * 0.25) / 2])


def test_softmax_cross_entropy_by_hand():
    """Logits ln 1, ln 2, ln 5 are the probabilities 1/8, 2/8, 5/8."""
    z = np.log([[1.0, 2, 5], [1, 2, 5]])
    value, grad = tc.SoftmaxCrossEntropy(class_weight=[1, 3, 1])(z, [1, 2])
    assert value == pytest.approx((3 * math.log(4) + math.log(8 / 5)) / 4)
    assert grad[0] == pytest.approx(3 / 4 * np.array([1 / 8, -6 / 8, 5 / 8]))
    assert grad[1] == pytest.approx(1 / 4 * np.array([1 / 8, 2 / 8, -3 / 8]))


@pytest.mark.parametrize("loss", [tc.BCEWithLogits(), tc.SoftmaxCrossEntropy()], ids=["bce", "softmax"])
def test_sample_weights_are_as_if_rows_were_repeated(loss, rng):
    k = 1 if isinstance(loss, tc.BCEWithLogits) else 3
    z, y = rng.standard_normal((4, k)), np.array([0, 1, 1, 0])
    value, grad = loss(z, y, [2, 0, 1, 1])
    repeated, _ = loss(z[[0, 0, 2, 3]], y[[0, 0, 2, 3]])
    assert value == pytest.approx(repeated)
    assert (grad[1] == 0).all()
    assert value == pytest.approx(loss(z, y, np.array([200, 0, 100, 100]))[0])  # their scale does not matter


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_huge_logits_give_finite_losses_and_gradients(dtype):
    z = np.array([[-1e4], [1e4], [-1e4], [1e4]], dtype)
    value, grad = tc.BCEWithLogits()(z, [1, 0, 0, 1])
    assert value == pytest.approx(5e3)
    assert grad.ravel().tolist() == [-0.25, 0.25, 0, 0]
    z = np.array([[1e4, -1e4, 0], [1e4, -1e4, 0]], dtype)
    value, grad = tc.SoftmaxCrossEntropy()(z, [1, 0])
    assert value == pytest.approx(1e4)
    assert grad.tolist() == [[0.5, -0.5, 0], [0, 0, 0]]
    assert grad.dtype == dtype


@pytest.mark.parametrize("loss", [tc.BCEWithLogits(), tc.SoftmaxCrossEntropy()], ids=["bce", "softmax"])
def test_a_column_of_labels_is_the_same_as_a_row_of_them(loss, rng):
    z = rng.standard_normal((5, 1 if isinstance(loss, tc.BCEWithLogits) else 2))
    y = np.array([0, 1, 1, 0, 1])
    value, grad = loss(z, y)
    for same in (y[:, None], y.astype("float32"), y.astype(bool), y.tolist()):
        again, same_grad = loss(z, same)
        assert again == value
        assert np.array_equal(same_grad, grad)


bce, softmax = tc.BCEWithLogits(), tc.SoftmaxCrossEntropy()
REFUSED = [
    (lambda z, y: bce(z[:, :1], y[:-1]), r"BCEWithLogits: got labels of shape (3,); it needs (4,) or (4, 1)"),
    (lambda z, y: bce(z[:, :1], y[None]), "got labels of shape (1, 4)"),
    (lambda z, y: bce(z[:, :1], 1), "got labels of shape ()"),
    (lambda z, y: bce(z[:, :1], np.eye(4)), "got labels of shape (4, 4)"),
    (lambda z, y: bce(z, y), "got logits of shape (4, 3); it needs one logit a row"),
    (lambda z, y: bce(z[:, 0], y), "got logits of shape (4,); it needs (N, K)"),
    (lambda z, y: bce(z[:0, :1], y[:0]), "got logits of shape (0, 1)"),
    (lambda z, y: bce(z[:, :1], y * 2), "labels must lie in [0, 1], got 0 to 2"),
    (lambda z, y: bce(z[:, :1], y * np.nan), "labels must lie in [0, 1]"),
    (lambda z, y: bce(z[:, :1], ["a", "b", "a", "b"]), "labels of dtype <U1; it needs numbers"),
    (lambda z, y: bce(z[:, :1].astype(int), y), "logits of dtype int64; it needs floats"),
    (lambda z, y: softmax(z[:, :1], y), "it needs at least two a row"),
    (lambda z, y: softmax(z, y + 2), "whole numbers from 0 to 2"),
    (lambda z, y: softmax(z, y - 1), "whole numbers from 0 to 2"),
    (lambda z, y: softmax(z, y / 2), "whole numbers from 0 to 2"),
    (lambda z, y: softmax(z, np.eye(4)[:, :3]), "got labels of shape (4, 3)"),
    (lambda z, y: tc.SoftmaxCrossEntropy(class_weight=[1, 2])(z, y), "class_weight has 2 entries for 3 classes"),
    (lambda z, y: softmax(z, y, [1, 1, 1]), "sample_weight has shape (3,); it needs (4,)"),
    (lambda z, y: softmax(z, y, np.ones((4, 1))), "sample_weight has shape (4, 1)"),
    (lambda z, y: softmax(z, y, [1, 1, 1, -1]), "none below 0"),
    (lambda z, y: softmax(z, y, [1, 1, 1, np.inf]), "finite"),
    (lambda z, y: softmax(z, y, [1, 1, 1, np.nan]), "finite"),
    (lambda z, y: softmax(z, y, [0, 0, 0, 0]), "the weights sum to 0.0"),
    (lambda z, y: tc.BCEWithLogits(pos_weight=0), "pos_weight=0"),
    (lambda z, y: tc.BCEWithLogits(pos_weight=math.inf), "pos_weight=inf"),
    (lambda z, y: tc.BCEWithLogits(label_smoothing=1), "label_smoothing=1"),
    (lambda z, y: tc.SoftmaxCrossEntropy(label_smoothing=-0.1), "label_smoothing=-0.1"),
    (lambda z, y: tc.SoftmaxCrossEntropy(class_weight=[1, -1]), "class_weight=[1, -1]"),
    (lambda z, y: tc.SoftmaxCrossEntropy(class_weight=2.0), "class_weight=2.0"),
]


@pytest.mark.parametrize(("call", "says"), REFUSED, ids=[says for _, says in REFUSED])
def test_labels_and_weights_that_do_not_fit_are_refused_and_never_broadcast(call, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        call(np.zeros((4, 3)), np.array([0, 1, 1, 0]))


# Optimizers


def model_with(value=1.0, grad=0.0):
    """A conv, a norm and a dense layer with every value and every gradient the same."""
    model = tc.Sequential(tc.Conv2D(2, 1), tc.BatchNorm(), tc.GlobalAvgPool(), tc.Dense(1)).build((2, 2, 1), dtype="float64")
    model.built().values[...], model.built().grads[...] = value, grad
    return model


@pytest.mark.parametrize(("kind", "left"), [(tc.SGD, 1 - 0.1 * 0.5), (tc.AdamW, 1 - 0.1 * 0.5), (tc.Adam, 1 - 0.1)])
def test_weight_decay_shrinks_weights_and_skips_biases_and_norms(kind, left):
    """SGD: value -= lr * decay * value; AdamW the same; Adam's first step is lr whatever the gradient's size."""
    model = model_with()
    kind(model.parameters(), lr=0.1, weight_decay=0.5).step()
    for parameter in model.parameters():
        expected = left if parameter.name.endswith("weight") else 1.0
        np.testing.assert_allclose(parameter.value, expected, rtol=1e-6, err_msg=parameter.name)


def test_sgd_with_momentum_by_hand():
    model = model_with(grad=1.0)
    optimizer = tc.SGD(model.parameters(), lr=0.1, momentum=0.5)
    seen = []
    for _ in range(3):  # velocities 1, 1.5, 1.75
        optimizer.step()
        seen.append(float(model.built().values[0]))
    assert seen == pytest.approx([0.9, 0.75, 0.575])


def test_clipping_is_by_the_norm_of_all_gradients_together():
    model = model_with(grad=3.0)
    count = len(model.built().values)
    tc.SGD(model.parameters(), lr=1.0, clip_norm=2.0).step()
    moved = 1 - model.built().values
    assert np.linalg.norm(moved) == pytest.approx(2.0, rel=1e-5)
    assert moved == pytest.approx(np.full(count, 2 / math.sqrt(count)), rel=1e-5)
    assert (model.built().grads == 3).all()  # what the user looks at stays what backward gave
    model = model_with(grad=0.1)
    tc.SGD(model.parameters(), lr=1.0, clip_norm=2.0).step()
    assert model.built().values == pytest.approx(np.full(count, 0.9))


def test_clipping_leaves_frozen_gradients_out():
    model = model_with(grad=3.0)
    model.freeze("conv2d_1", "batchnorm_1")
    tc.SGD(model.parameters(), lr=1.0, clip_norm=1.0).step()
    moved = {p.name: 1 - p.value for p in model.parameters()}
    assert (moved["conv2d_1.weight"] == 0).all()
    assert moved["dense_1.bias"] == pytest.approx([1 / math.sqrt(3)], rel=1e-5)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"lr": -1}, "SGD: lr=-1"),
        ({"lr": math.nan}, "SGD: lr=nan"),
        ({"lr": 0.1, "momentum": 1}, "SGD: momentum=1"),
        ({"lr": 0.1, "weight_decay": -1}, "SGD: weight_decay=-1"),
        ({"lr": 0.1, "clip_norm": 0}, "SGD: clip_norm=0"),
    ],
)
def test_bad_rates_are_refused(how, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        tc.SGD(model_with().parameters(), **how)


def test_an_optimizer_needs_the_parameters_of_one_model():
    with pytest.raises(ValueError, match="Adam: got no parameters"):
        tc.Adam([])
    with pytest.raises(ValueError, match="several models"):
        tc.Adam(model_with().parameters() + model_with().parameters())


# Schedules


def test_step_decay_by_hand():
    schedule = tc.StepDecay(0.8, every=3, factor=0.5)
    assert [schedule(step) for step in range(7)] == pytest.approx([0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2])


def test_cosine_with_warmup_by_hand():
    schedule = tc.CosineWarmup(1.0, total=8, warmup=2, floor=0.2)
    half = 0.2 + 0.8 / 2
    quarter = 0.8 * math.cos(math.pi / 6) / 2
    expected = [0.5, 1.0, 1.0, half + quarter, half + 0.8 / 4, half, half - 0.8 / 4, half - quarter, 0.2, 0.2]
    assert [schedule(step) for step in range(10)] == pytest.approx(expected)


def test_one_cycle_by_hand():
    """Ten steps, the peak at step 0.5 * 10 - 1 = 4; a quarter of a rise is (1 - cos(pi / 4)) / 2 of it."""
    schedule = tc.OneCycle(1.0, total=10, warmup=0.5, start=4.0, end=5.0)
    quarter = (1 - math.cos(math.pi / 4)) / 2
    rise = [0.25, 0.25 + 0.75 * quarter, 0.625, 1 - 0.75 * quarter, 1.0]
    assert [schedule(step) for step in range(5)] == pytest.approx(rise)
    assert [schedule(step) for step in (9, 10, 99)] == pytest.approx([0.05] * 3)
    assert schedule(5) == pytest.approx(0.05 + 0.95 * (1 + math.cos(math.pi / 5)) / 2)


def test_one_cycle_without_a_warmup_only_falls():
    rates = [tc.OneCycle(1.0, total=6, warmup=0)(step) for step in range(6)]
    assert rates == sorted(rates, reverse=True)
    assert tc.OneCycle(1.0, total=4, warmup=0.25)(0) == 1.0  # the peak at step 0


def test_one_cycle_is_pytorchs():
    """See golden/make_schedules.py."""
    with np.load(Path(__file__).parent / "golden" / "schedules.npz", allow_pickle=False) as golden:
        for name in ("default", "short", "own"):
            lr, total, warmup, start, end = golden[f"{name}_arguments"]
            schedule = tc.OneCycle(lr, int(total), warmup, start, end)
            np.testing.assert_allclose([schedule(step) for step in range(int(total))], golden[f"{name}_rates"], rtol=1e-12)


def test_an_optimizer_asks_its_schedule_for_every_step_from_0_on():
    asked = []

    def schedule(step):
        asked.append(step)
        return 10.0 ** -(step + 1)

    model = model_with(grad=1.0)
    optimizer = tc.SGD(model.parameters(), lr=schedule)
    asked.clear()
    rates = []
    for _ in range(3):
        optimizer.step()
        rates.append(optimizer.lr)
    assert asked == [0, 1, 2]
    assert rates == pytest.approx([0.1, 0.01, 0.001])
    assert model.built().values == pytest.approx(np.full(len(model.built().values), 1 - 0.111))


@pytest.mark.parametrize(
    "make",
    [
        lambda: tc.StepDecay(0, every=3),
        lambda: tc.StepDecay(0.1, every=0),
        lambda: tc.StepDecay(0.1, every=3, factor=1.5),
        lambda: tc.CosineWarmup(0.1, total=0),
        lambda: tc.CosineWarmup(0.1, total=5, warmup=5),
        lambda: tc.CosineWarmup(0.1, total=5, floor=0.2),
        lambda: tc.OneCycle(math.nan, total=5),
        lambda: tc.OneCycle(0.1, total=5.0),
        lambda: tc.OneCycle(0.1, total=5, warmup=1),
        lambda: tc.OneCycle(0.1, total=5, start=0.5),
        lambda: tc.OneCycle(0.1, total=5, end=math.inf),
    ],
)
def test_schedules_that_make_no_sense_are_refused(make):
    with pytest.raises(ValueError, match=r"lr|every|factor|total|warmup|start"):
        make()


# Divergence


def trained(rng, lr=0.1):
    model = tc.Sequential(tc.Dense(4), tc.BatchNorm(), tc.ReLU(), tc.Dense(2)).build((3,), seed=1)
    x, y = rng.standard_normal((8, 3)).astype("float32"), rng.integers(0, 2, 8)
    optimizer = tc.SGD(model.parameters(), lr=lr)
    return model, x, y, optimizer, tc.SoftmaxCrossEntropy()


def unchanged(model, state):
    return all(np.array_equal(array, state[name]) for name, array in model.get_state().items())


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_nan_in_x_is_called_that_and_nothing_moves(bad, rng):
    model, x, y, optimizer, loss = trained(rng)
    model.train_step(x, y, loss, optimizer)
    state = model.get_state()
    poisoned = x.copy()
    poisoned[3, 1] = bad
    with pytest.raises(tc.DivergenceError, match=r"step 2: the input x holds NaN or inf") as caught:
        model.train_step(poisoned, y, loss, optimizer)
    assert (caught.value.step, caught.value.layer) == (2, "input")
    assert unchanged(model, state)
    assert model.steps == 1
    assert math.isfinite(model.train_step(x, y, loss, optimizer))


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("lr", [1e10, 1e30, 1e38])
def test_a_huge_learning_rate_ends_with_the_last_good_weights_and_the_layer_named(norm, lr, rng):
    middle = [tc.BatchNorm(), tc.ReLU()] if norm else [tc.ReLU()]
    model = tc.Sequential(tc.Dense(4), *middle, tc.Dense(2)).build((3,), seed=1)
    _, x, y, _, loss = trained(rng)
    optimizer, starts = tc.SGD(model.parameters(), lr=lr), []
    with pytest.raises(tc.DivergenceError) as caught:
        for _ in range(20):
            starts.append(model.get_state())
            model.train_step(x, y, loss, optimizer)
    says = r"training diverged at step \d+: the (output|running statistics|gradient) of \w+_\d (is|are) "
    assert re.match(says, str(caught.value))
    assert caught.value.step == model.steps + 1 == len(starts)
    assert caught.value.layer in model.layers
    assert "lower learning rate" in str(caught.value)
    state, weights = model.get_state(), {p.name for p in model.parameters()}
    # A step that got as far as its gradient had a finite loss; else the weights of the step before were the last good ones.
    good = starts[-1] if "gradient" in str(caught.value) else starts[-2]
    assert all(np.array_equal(state[name], good[name]) for name in weights)
    assert all(np.array_equal(state[name], starts[-1][name]) for name in state.keys() - weights)
    assert all(np.isfinite(array).all() for array in state.values())


def test_a_gradient_that_is_not_finite_is_named_and_nothing_moves(rng):
    class Poison(tc.ReLU):
        def backward(self, grad):
            return grad * np.inf

    model = tc.Sequential(tc.Dense(3), tc.BatchNorm(), Poison(), tc.Dense(2)).build((3,))
    state = model.get_state()
    with pytest.raises(tc.DivergenceError, match=r"step 1: the gradient of batchnorm_1 is the first") as caught:
        model.train_step(rng.standard_normal((4, 3)), [0, 1, 0, 1], tc.SoftmaxCrossEntropy(), tc.SGD(model.parameters(), lr=0.1))
    assert caught.value.layer == "batchnorm_1"
    assert unchanged(model, state)


def test_a_loss_that_overflows_over_finite_logits_is_not_blamed_on_a_layer(rng):
    model, x, y, optimizer, loss = trained(rng)
    model.train_step(x, y, loss, optimizer)
    state = model.get_state()
    model.layers["dense_2"].params["bias"] = [3e38, -3e38]  # their difference overflows
    with pytest.raises(tc.DivergenceError, match="the loss is not finite though every layer's output is"):
        model.train_step(x, np.ones(8), loss, optimizer)
    assert np.isfinite(loss(model.predict(x), y)[0])
    assert all(np.array_equal(model.get_state()[name], state[name]) for name in state if "running" in name)


def test_a_sum_that_overflows_at_the_end_of_a_block_is_that_blocks(rng):
    model = tc.Sequential(tc.Residual(tc.Dense(2))).build((2,))
    model.layers["residual_1"].body.layers["dense_1"].params["weight"] = np.eye(2)
    x = np.full((2, 2), 3e38, "float32")
    with pytest.raises(tc.DivergenceError, match="the output of residual_1 is the first"):
        model.train_step(x, [0, 1], tc.SoftmaxCrossEntropy(), tc.SGD(model.parameters(), lr=0.1))


@pytest.mark.parametrize("weights", [[np.inf] + [1] * 7, [np.nan] + [1] * 7, [1] * 9])
def test_bad_sample_weights_and_labels_are_refused_without_a_trace(weights, rng):
    model, x, y, optimizer, loss = trained(rng)
    model.train_step(x, y, loss, optimizer)
    state = model.get_state()
    with pytest.raises(ValueError, match="sample_weight"):
        model.train_step(x, y, loss, optimizer, sample_weight=weights)
    with pytest.raises(ValueError, match="labels"):
        model.train_step(x, y + 5, loss, optimizer)
    assert unchanged(model, state)


def test_sample_weights_reach_the_loss(rng):
    model, x, y, optimizer, loss = trained(rng, lr=0.0)
    weights = np.array([0, 0, 0, 0, 1, 2, 3, 4])
    expected = loss(model.forward(x, training=True), y, weights)[0]
    assert model.train_step(x, y, loss, optimizer, sample_weight=weights) == pytest.approx(expected, rel=1e-6)
