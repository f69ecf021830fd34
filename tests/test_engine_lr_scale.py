"""Each parameter's own factor of the learning rate."""

import copy
import math
import re

import numpy as np
import pytest

import tinycnn as tc


def model_with(value=1.0, grad=1.0, dtype="float64"):
    """A conv, a norm and two dense layers with every value and every gradient the same."""
    layers = (tc.Conv2D(2, 1), tc.BatchNorm(), tc.GlobalAvgPool(), tc.Dense(3), tc.Dense(1))
    model = tc.Sequential(*layers).build((2, 2, 1), dtype=dtype)
    model.built().values[...], model.built().grads[...] = value, grad
    return model


def moved(model):
    return {p.name: 1 - p.value for p in model.parameters()}


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("kind", [tc.SGD, tc.Adam, tc.AdamW])
def test_a_scaled_layer_moves_that_much_less(kind, backend):
    """With constant gradients SGD moves by lr, and Adam too."""
    model = model_with(dtype="float32")
    model.scale_lr(0.1, "conv2d_1", "batchnorm_1")
    model.scale_lr(0.5, "dense_1")
    optimizer = kind(model.parameters(), lr=0.01)
    with tc.backend(backend):
        for _ in range(3):
            optimizer.step()
    for name, by in moved(model).items():
        scale = {"dense_1": 0.5, "dense_2": 1}.get(name.partition(".")[0], 0.1)
        np.testing.assert_allclose(by, 0.03 * scale, rtol=1e-4, err_msg=name)
    assert optimizer.lr == 0.01


def test_it_takes_effect_at_the_next_step_and_is_undone_by_1():
    model = model_with()
    optimizer, bias = tc.SGD(model.parameters(), lr=0.1), model.layers["dense_2"].params["bias"]
    seen = []
    for factor in (1, 0.5, 0.25, 1):
        model.scale_lr(factor, "dense_2")
        optimizer.step()
        seen.append(float(bias[0]))
    assert seen == pytest.approx([0.9, 0.85, 0.825, 0.725])
    assert model.layers["dense_1"].params["bias"] == pytest.approx(np.full(3, 0.6))


def test_a_single_parameter_may_have_its_own():
    model = model_with()
    next(p for p in model.parameters() if p.name == "dense_1.bias").lr_scale = 2.0
    tc.SGD(model.parameters(), lr=0.1).step()
    for name, by in moved(model).items():
        np.testing.assert_allclose(by, 0.2 if name == "dense_1.bias" else 0.1, err_msg=name)


def test_decoupled_weight_decay_follows_the_scaled_rate_and_l2_is_scaled_with_the_gradient():
    for kind in (tc.AdamW, tc.SGD):  # with no gradient, both shrink a weight by lr * decay
        model = model_with(grad=0.0)
        model.scale_lr(0.5, "dense_1")
        kind(model.parameters(), lr=0.1, weight_decay=0.2).step()
        by = moved(model)
        np.testing.assert_allclose(by["dense_1.weight"], 0.5 * 0.1 * 0.2)
        np.testing.assert_allclose(by["dense_2.weight"], 0.1 * 0.2)
        assert (by["dense_1.bias"] == 0).all()


def test_weight_decay_changed_between_steps_takes_effect():
    model = model_with(grad=0.0)
    optimizer = tc.SGD(model.parameters(), lr=0.1)
    optimizer.step()
    optimizer.weight_decay = 0.2
    optimizer.step()
    by = moved(model)
    np.testing.assert_allclose(by["dense_1.weight"], 0.1 * 0.2)
    assert (by["dense_1.bias"] == 0).all()


def test_clipping_sees_the_gradients_unscaled():
    model = model_with(grad=3.0)
    model.scale_lr(0.5, "dense_2")
    count = len(model.built().values)
    tc.SGD(model.parameters(), lr=1.0, clip_norm=2.0).step()
    by = moved(model)
    np.testing.assert_allclose(by["dense_1.bias"], 2 / math.sqrt(count), rtol=1e-5)
    np.testing.assert_allclose(by["dense_2.bias"], 1 / math.sqrt(count), rtol=1e-5)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_one_factor_for_all_is_another_rate(backend, rng):
    x, y = rng.standard_normal((6, 8, 8, 1)).astype("float32"), rng.integers(0, 2, 6)
    states = []
    with tc.backend(backend):
        for factor, lr in ((0.25, 0.04), (1, 0.01)):
            model = tc.Sequential(tc.Conv2D(4, 3), tc.BatchNorm(), tc.ReLU(), tc.GlobalAvgPool(), tc.Dense(2)).build((8, 8, 1))
            model.scale_lr(factor)
            optimizer = tc.AdamW(model.parameters(), lr=lr, weight_decay=0.1)
            for _ in range(3):
                model.train_step(x, y, tc.SoftmaxCrossEntropy(), optimizer)
            states.append(model.built().values.copy())
    np.testing.assert_array_equal(*states)


def test_names_reach_inside_blocks_and_a_copy_keeps_the_factors():
    model = tc.Sequential(tc.Residual(tc.Dense(2), tc.ReLU(), tc.Dense(2)), tc.Dense(1)).build((2,))
    model.scale_lr(0.1, "residual_1")
    model.scale_lr(0.5, "residual_1.body.dense_2")
    expected = {
        "residual_1.body.dense_1.weight": 0.1,
        "residual_1.body.dense_1.bias": 0.1,
        "residual_1.body.dense_2.weight": 0.5,
        "residual_1.body.dense_2.bias": 0.5,
        "dense_1.weight": 1,
        "dense_1.bias": 1,
    }
    for twin in (model, copy.deepcopy(model)):
        assert {p.name: p.lr_scale for p in twin.parameters()} == expected
    assert {p.lr_scale for p in model.build((2,)).parameters()} == {1.0}


@pytest.mark.parametrize("factor", [0, -1, math.nan, math.inf])
def test_a_factor_that_is_not_above_0_is_refused_and_moves_nothing(factor):
    model = model_with()
    with pytest.raises(ValueError, match=re.escape(f"Sequential: scale_lr: lr_scale is {factor}")):
        model.scale_lr(factor)
    optimizer = tc.SGD(model.parameters(), lr=0.1)
    optimizer.step()
    values = model.built().values.copy()
    model.parameters()[-1].lr_scale = factor
    for _ in range(2):
        with pytest.raises(ValueError, match=re.escape(f"dense_2.bias: lr_scale is {factor}")):
            optimizer.step()
    np.testing.assert_array_equal(model.built().values, values)
    assert optimizer.steps == 1


def test_an_unknown_layer_and_a_model_without_parameters_are_refused():
    model = model_with()
    with pytest.raises(ValueError, match="there is no layer 'body'"):
        model.scale_lr(0.1, "dense_1", "body")
    assert {p.lr_scale for p in model.parameters()} == {1.0}
    with pytest.raises(ValueError, match="not built"):
        tc.Sequential(tc.Dense(1)).scale_lr(0.1)
