"""The moving average of a model's weights: by hand, swapped in and out, and what prediction sees of it."""

import copy
import math
import re

import numpy as np
import pytest

import tinycnn as tc

BACKENDS = ("numpy", "numba")


def model_of(seed=0):
    return tc.Sequential(
        *(tc.Conv2D(4, 3, bias=False), tc.BatchNorm(), tc.ReLU()),
        *(tc.Residual(tc.Conv2D(4, 3), tc.BatchNorm()), tc.GlobalAvgPool(), tc.Dense(2)),
    ).build((8, 8, 1), seed=seed)


def run(model, rng, steps, ema=None):
    optimizer = tc.SGD(model.parameters(), lr=0.3)
    for _ in range(steps):
        x, y = rng.standard_normal((6, 8, 8, 1)).astype("float32"), rng.integers(0, 2, 6)
        model.train_step(x, y, tc.SoftmaxCrossEntropy(), optimizer)
        if ema:
            ema.update()


def same(mine, theirs):
    assert set(mine) == set(theirs)
    return all(np.array_equal(array, theirs[name]) for name, array in mine.items())


def test_the_average_by_hand():
    """Decays 1/10, 2/11, then the decay asked for, 1/5."""
    model = tc.Sequential(tc.Dense(1, bias=False), tc.BatchNorm()).build((1,), dtype="float64")
    weight, mean = model.layers["dense_1"].params["weight"], model.layers["batchnorm_1"].buffers["running_mean"]
    weight[...], mean[...] = 1.0, 10.0
    ema, seen = tc.EMA(model, decay=0.2), []
    for value in (2.0, 3.0, 4.0, 5.0):
        weight[...], mean[...] = value, 10 * value
        ema.update()
        seen.append(ema.get_state()["dense_1.weight"].item())
    one = 0.1 * 1 + 0.9 * 2
    two = 2 / 11 * one + 9 / 11 * 3
    three = 0.2 * two + 0.8 * 4
    assert seen == pytest.approx([one, two, three, 0.2 * three + 0.8 * 5])
    state = ema.get_state()
    assert state["batchnorm_1.running_mean"] == pytest.approx([10 * seen[-1]])  # buffers alike
    assert state["updates"] == 4
    assert weight.item() == 5.0


def test_what_does_not_move_keeps_its_bits(rng):
    model = model_of()
    model.freeze("conv2d_1")
    before, ema = model.get_state()["conv2d_1.weight"], tc.EMA(model)
    run(model, rng, 20, ema)
    assert np.array_equal(ema.get_state()["conv2d_1.weight"], before)
    assert not np.array_equal(ema.get_state()["dense_1.weight"], model.get_state()["dense_1.weight"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_prediction_is_by_the_averages_inside_and_by_the_trained_weights_after(backend, rng):
    x = rng.standard_normal((5, 8, 8, 1)).astype("float32")
    with tc.backend(backend):
        model = model_of()
        ema = tc.EMA(model, decay=0.9)
        run(model, rng, 5, ema)
        trained, plain = model.get_state(), model.predict(x)
        average = ema.get_state()
        twin = model_of(seed=1)
        twin.set_state({name: array for name, array in average.items() if name != "updates"})
        expected = twin.predict(x)
        assert not np.allclose(expected, plain)
        for _ in range(2):
            with ema.applied():
                assert np.array_equal(model.predict(x), expected)
                assert np.array_equal(model.predict_proba(x), twin.predict_proba(x))
            assert np.array_equal(model.predict(x), plain)
        assert same(model.get_state(), trained)


@pytest.mark.parametrize("backend", BACKENDS)
def test_watching_does_not_change_the_run(backend, rng):
    """Averaging, and predicting by the averages between steps, leaves training bit for bit as it is."""
    x = rng.standard_normal((3, 8, 8, 1)).astype("float32")
    models, rngs = (model_of(), model_of()), [np.random.default_rng(5) for _ in range(2)]
    with tc.backend(backend):
        ema = tc.EMA(models[0])
        for _ in range(4):
            run(models[0], rngs[0], 1, ema)
            with ema.applied():
                models[0].predict(x)
            run(models[1], rngs[1], 1)
    assert same(models[0].get_state(), models[1].get_state())


def test_an_exception_inside_puts_the_trained_weights_back(rng):
    model = model_of()
    ema = tc.EMA(model)
    run(model, rng, 3, ema)
    trained, average = model.get_state(), ema.get_state()
    with pytest.raises(KeyError), ema.applied():
        model.built().values[...] = math.nan
        raise KeyError
    assert same(model.get_state(), trained)
    assert same(ema.get_state(), average)


def test_the_averages_saved_from_inside_are_what_the_file_holds(rng, tmp_path):
    model = model_of()
    ema = tc.EMA(model)
    run(model, rng, 3, ema)
    with ema.applied():
        tc.save(tmp_path / "m.npz", model)
    again = tc.load(tmp_path / "m.npz").get_state()
    assert same({**again, "updates": 3}, ema.get_state())


def test_copy_to_model_is_for_good_and_divergence_comes_back_to_it(rng):
    model = model_of()
    ema = tc.EMA(model)
    run(model, rng, 3, ema)
    ema.copy_to_model()
    average = model.get_state()
    assert same({**average, "updates": 3}, ema.get_state())
    model.layers["dense_1"].params["weight"] = np.full((4, 2), np.nan)
    with pytest.raises(tc.DivergenceError):
        run(model, rng, 1)
    assert same(model.get_state(), average)


def test_a_run_resumed_from_its_state_averages_to_the_same_bits(rng, tmp_path):
    model = model_of()
    ema = tc.EMA(model)
    run(model, rng, 3, ema)
    np.savez(tmp_path / "ema.npz", **ema.get_state())
    twin = copy.deepcopy(model)
    again = tc.EMA(twin)
    with np.load(tmp_path / "ema.npz", allow_pickle=False) as state:
        again.set_state(dict(state))
    rngs = [np.random.default_rng(2) for _ in range(2)]
    run(model, rngs[0], 3, ema)
    run(twin, rngs[1], 3, again)
    assert same(again.get_state(), ema.get_state())
    assert again.updates == 6


BAD = [
    (lambda s: s.pop("updates"), "EMA: the state does not fit: missing ['updates'], unknown []"),
    (lambda s: s.pop("batchnorm_1.running_var"), "missing ['batchnorm_1.running_var']"),
    (lambda s: s.update(updates=-1), "updates is -1"),
    (lambda s: s.update({"dense_1.bias": np.zeros(3, "float32")}), "dense_1.bias has shape (2,)"),
    (lambda s: s.update({"dense_1.bias": np.zeros(2)}), "float64"),
]


@pytest.mark.parametrize(("spoil", "says"), BAD, ids=[says for _, says in BAD])
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(spoil, says, rng):
    model = model_of()
    ema = tc.EMA(model)
    run(model, rng, 2, ema)
    before = ema.get_state()
    state = {name: value + 1 for name, value in before.items()}
    spoil(state)
    with pytest.raises(ValueError, match=re.escape(says)):
        ema.set_state(state)
    assert same(ema.get_state(), before)


USES = {
    "update": lambda ema: ema.update(),
    "applied": lambda ema: ema.applied().__enter__(),
    "copy_to_model": lambda ema: ema.copy_to_model(),
    "get_state": lambda ema: ema.get_state(),
    "set_state": lambda ema: ema.set_state({}),
}


@pytest.mark.parametrize("use", USES)
def test_a_model_built_anew_or_made_part_of_another_is_refused(use):
    for change in (lambda model: model.build((8, 8, 1)), lambda model: tc.Sequential(model, tc.ReLU()).build((8, 8, 1))):
        model = model_of()
        ema = tc.EMA(model)
        change(model)
        with pytest.raises(ValueError, match=r"EMA: the model's arrays are no more those averaged"):
            USES[use](ema)


@pytest.mark.parametrize("use", USES)
def test_nothing_mixes_with_the_averages_while_they_are_in_the_model(use):
    model = model_of()
    ema = tc.EMA(model)
    with ema.applied(), pytest.raises(ValueError, match="leave `with ema"):
        USES[use](ema)
    ema.update()


@pytest.mark.parametrize("decay", [-0.1, 1, math.nan])
def test_a_decay_that_averages_nothing_is_refused(decay):
    with pytest.raises(ValueError, match=re.escape(f"EMA: decay={decay}")):
        tc.EMA(model_of(), decay)


def test_a_model_that_is_not_built_is_refused():
    with pytest.raises(ValueError, match="not built"):
        tc.EMA(tc.Sequential(tc.Dense(1)))
