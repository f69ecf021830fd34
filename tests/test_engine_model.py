"""A model: names, training, determinism, freezing, capture, state, summary."""

import copy
import hashlib
import pickle
import re
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from small_model import same_state, small, task, train

import tinycnn as tc
from tinycnn.layers import walk


def test_names_are_kinds_numbered_in_their_row_and_paths_are_dotted():
    model = tc.Sequential(
        tc.Conv2D(2, 3),
        tc.ReLU(),
        tc.Conv2D(2, 1),
        tc.Residual(tc.Conv2D(4, 3), shortcut=tc.Conv2D(4, 1)),
        tc.Branches(tc.Conv2D(1, 1), tc.Sequential(tc.Conv2D(1, 1), tc.ReLU())),
        tc.Sequential(tc.Flatten(), tc.Dense(1)),
    ).build((3, 3, 1))
    assert [p.name for p in model.parameters() if p.name.endswith("weight")] == [
        "conv2d_1.weight",
        "conv2d_2.weight",
        "residual_1.body.conv2d_1.weight",
        "residual_1.shortcut.conv2d_1.weight",
        "branches_1.path_1.conv2d_1.weight",
        "branches_1.path_2.conv2d_1.weight",
        "sequential_1.dense_1.weight",
    ]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_training_learns_a_small_problem(backend, rng):
    x, y = task(rng, 64)
    model = tc.Sequential(tc.Conv2D(4, 3), tc.BatchNorm(), tc.ReLU(), tc.Flatten(), tc.Dense(1)).build((6, 6, 1), seed=1)
    optimizer, loss = tc.Adam(model.parameters(), lr=0.01), tc.BCEWithLogits()
    with tc.backend(backend):
        values = [model.train_step(x, y, loss, optimizer) for _ in range(60)]
        probabilities = model.predict_proba(x)
    assert values[0] > 0.4 > 0.1 > values[-1]
    assert ((probabilities[:, 0] > 0.5) == y).all()
    assert model.steps == 60


def test_train_step_returns_the_loss_before_the_update(rng):
    x, y = task(rng)
    model = tc.Sequential(tc.Flatten(), tc.Dense(1)).build((6, 6, 1))
    before = tc.BCEWithLogits()(model.predict(x), y)[0]
    values = train(model, x, y, 2, lr=0.5)
    assert values[0] == pytest.approx(before, rel=1e-6)
    assert values[1] < values[0]


def test_an_optimizer_of_another_model_is_refused(rng):
    x, y = task(rng)
    model, other = small(), small()
    with pytest.raises(ValueError, match="optimizer holds other parameters"):
        model.train_step(x, y, tc.BCEWithLogits(), tc.SGD(other.parameters(), lr=0.1))
    optimizer = tc.SGD(model.parameters(), lr=0.1)
    model.build((6, 6, 1))
    with pytest.raises(ValueError, match="optimizer holds other parameters"):  # a rebuilt model has new arrays
        model.train_step(x, y, tc.BCEWithLogits(), optimizer)


# Determinism and resuming


def test_the_seed_alone_decides_weights_and_training(rng):
    x, y = task(rng)
    runs = []
    for seed in (5, 5, 6):
        model = small(seed)
        start = model.get_state()
        np.random.seed(len(runs))  # the global generator must not matter
        runs.append((start, train(model, x, y, 3), model.get_state()))
    assert same_state(runs[0][0], runs[1][0])
    assert runs[0][1] == runs[1][1]
    assert same_state(runs[0][2], runs[1][2])
    weight = "conv2d_1.weight"
    assert not np.array_equal(runs[0][0][weight], runs[2][0][weight])


def test_the_seed_gives_the_same_weights_in_another_process():
    code = (
        "import hashlib, tinycnn as tc; "
        "m = tc.Sequential(tc.Conv2D(4, 3), tc.Flatten(), tc.Dense(3)).build((5, 5, 2), seed=11); "
        "print(hashlib.sha256(m.built().values.tobytes()).hexdigest())"
    )
    digests = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in range(2)}
    model = tc.Sequential(tc.Conv2D(4, 3), tc.Flatten(), tc.Dense(3)).build((5, 5, 2), seed=11)
    assert digests == {hashlib.sha256(model.built().values.tobytes()).hexdigest() + "\n"}


def masks(model, x):
    model.forward(x, training=True)
    return [layer.mask != 0 for _, layer in walk(model) if isinstance(layer, tc.Dropout)]


def test_a_resumed_run_draws_on_as_if_it_had_never_stopped(rng, tmp_path):
    x, y = task(rng)
    model = small(seed=9)
    train(model, x, y, 3)
    tc.save(tmp_path / "m.npz", model)
    again = tc.load(tmp_path / "m.npz")
    assert (again.steps, again.seed) == (3, 9)
    for mine, theirs in zip(masks(model, x), masks(again, x), strict=True):
        assert np.array_equal(mine, theirs)
    model.set_state(again.get_state())  # looking at the masks moved the running statistics
    assert train(model, x, y, 3) == train(again, x, y, 3)
    assert same_state(model.get_state(), again.get_state())


def test_every_step_layer_and_seed_has_its_own_mask(rng):
    x, y = task(rng)
    model = tc.Sequential(tc.Dropout(0.5), tc.Dropout(0.5), tc.Flatten(), tc.Dense(1)).build((6, 6, 1), seed=1)
    first = masks(model, x)
    assert not np.array_equal(first[0], first[1])
    assert np.array_equal(first[0], masks(model, x)[0])  # no step was taken
    train(model, x, y, 1)
    assert not np.array_equal(first[0], masks(model, x)[0])
    other = tc.Sequential(tc.Dropout(0.5), tc.Flatten(), tc.Dense(1)).build((6, 6, 1), seed=2)
    assert not np.array_equal(first[0], masks(other, x)[0])


def test_a_layer_more_does_not_shift_the_numbers_of_those_before_it(rng):
    x, _ = task(rng)
    short = tc.Sequential(tc.Dropout(0.5), tc.Flatten(), tc.Dense(1)).build((6, 6, 1))
    long = tc.Sequential(tc.Dropout(0.5), tc.Flatten(), tc.Dropout(0.5), tc.Dense(1)).build((6, 6, 1))
    assert np.array_equal(masks(short, x)[0], masks(long, x)[0])


# Freezing


def test_frozen_layers_and_their_statistics_stand_still_and_the_others_move(rng):
    x, y = task(rng)
    model = small()
    optimizer = tc.Adam(model.parameters(), lr=0.01, weight_decay=0.1)  # made before the freeze
    train(model, x, y, 2)
    model.freeze("conv2d_1", "batchnorm_1", "residual_1")
    before = model.get_state()
    for _ in range(3):
        model.train_step(x, y, tc.BCEWithLogits(), optimizer)
    moved = {name for name, array in model.get_state().items() if not np.array_equal(array, before[name])}
    assert moved == {"dense_1.weight", "dense_1.bias"}
    model.unfreeze("residual_1.body.batchnorm_1")
    model.train_step(x, y, tc.BCEWithLogits(), optimizer)
    inside = "residual_1.body.batchnorm_1."
    moved = {name for name, array in model.get_state().items() if not np.array_equal(array, before[name])}
    assert moved == {"dense_1.weight", "dense_1.bias", *(inside + n for n in ("gamma", "beta", "running_mean", "running_var"))}


def test_freeze_all_but_the_head_survives_save_load_rebuild_and_copy(rng, tmp_path):
    model = small()
    model.freeze()
    model.unfreeze("dense_1")
    tc.save(tmp_path / "m.npz", model)
    for again in (model, tc.load(tmp_path / "m.npz"), copy.deepcopy(model), copy.deepcopy(model).build((6, 6, 1))):
        assert [p.name for p in again.parameters() if p.trainable] == ["dense_1.weight", "dense_1.bias"]


def test_unknown_names_are_refused_with_the_names_there_are():
    model = small()
    for use in (lambda: model.freeze("conv2d_9"), lambda: model.capture("conv2d_9").__enter__()):
        with pytest.raises(ValueError, match=r"no layer 'conv2d_9'; there are conv2d_1, .*residual_1\.body\.dropout_1"):
            use()


# Arrays


def test_parameters_are_views_and_assigning_writes_in_place():
    model = small()
    dense = model.layers["dense_1"]
    parameter = next(p for p in model.parameters() if p.name == "dense_1.weight")
    values, grads = parameter.flat
    assert np.shares_memory(parameter.value, values)
    assert np.shares_memory(parameter.grad, grads)
    dense.params["weight"] = np.arange(4).reshape(4, 1)
    assert parameter.value.ravel().tolist() == [0, 1, 2, 3]
    assert values[parameter.start : parameter.start + 4].tolist() == [0, 1, 2, 3]
    values[parameter.start] = 7
    assert dense.params["weight"][0, 0] == 7
    with pytest.raises(ValueError, match=re.escape("dense_1: weight has shape (4, 1), got (4,)")):
        dense.params["weight"] = np.zeros(4)
    assert sum(p.value.size for p in model.parameters()) == len(values)
    starts = sorted((p.start, p.value.size) for p in model.parameters())
    assert all(a + n == b for (a, n), (b, _) in pairwise(starts))  # no gap, no overlap


@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["deepcopy", "pickle"])
def test_a_copied_model_is_apart_from_the_first_and_can_be_trained(twin_of, rng):
    x, y = task(rng)
    model = small()
    train(model, x, y, 2)
    twin = twin_of(model)
    assert same_state(model.get_state(), twin.get_state())
    before = model.get_state()
    values = train(twin, x, y, 3)
    assert values[-1] != values[0]
    assert same_state(model.get_state(), before)
    assert train(model, x, y, 3) == values


def test_get_state_is_a_copy_and_set_state_brings_it_back(rng):
    x, y = task(rng)
    model = small()
    state, prediction = model.get_state(), model.predict(x)
    train(model, x, y, 2)
    assert not np.array_equal(model.predict(x), prediction)
    model.set_state(state)
    assert np.array_equal(model.predict(x), prediction)
    state["dense_1.weight"][...] = 99
    assert np.array_equal(model.predict(x), prediction)


@pytest.mark.parametrize("change", ["missing", "unknown", "shape"])
def test_a_state_that_does_not_fit_changes_nothing(change):
    model = small()
    state = {name: array + 1 for name, array in model.get_state().items()}
    last = list(state)[-1]
    if change == "missing":
        del state[last]
    elif change == "unknown":
        state["dense_9.weight"] = np.zeros(1)
    else:
        state[last] = np.zeros((3, 3))
    before = model.get_state()
    with pytest.raises(ValueError, match=r"dense_"):
        model.set_state(state)
    assert same_state(model.get_state(), before)


def test_capture_sees_what_a_hand_computation_gives(rng):
    x = rng.standard_normal((2, 4))
    model = tc.Sequential(tc.Dense(3), tc.ReLU(), tc.Residual(tc.Dense(3, bias=False)), tc.Dense(1)).build((4,), dtype="float64")
    first, inner, last = (model._named(name).params for name in ("dense_1", "residual_1.body.dense_1", "dense_2"))
    with model.capture("dense_1", "relu_1", "residual_1.body.dense_1") as taps:
        model.backward(np.ones_like(model.forward(x)))
    z = x @ first["weight"] + first["bias"]
    np.testing.assert_allclose(taps["dense_1"].output, z)
    np.testing.assert_allclose(taps["relu_1"].output, np.maximum(z, 0))
    np.testing.assert_allclose(taps["residual_1.body.dense_1"].output, np.maximum(z, 0) @ inner["weight"])
    by_sum = np.ones((2, 1)) @ last["weight"].T
    np.testing.assert_allclose(taps["residual_1.body.dense_1"].grad, by_sum)
    by_relu = by_sum + by_sum @ inner["weight"].T
    np.testing.assert_allclose(taps["relu_1"].grad, by_relu)
    np.testing.assert_allclose(taps["dense_1"].grad, by_relu * (z > 0))
    model.forward(x + 1)
    np.testing.assert_allclose(taps["dense_1"].output, z)  # the block is over


# Summary


def test_the_summary_by_hand():
    model = tc.Sequential(
        tc.Conv2D(4, 3),
        tc.BatchNorm(),
        tc.MaxPool2D(2),
        tc.Residual(tc.Conv2D(4, 3, bias=False)),
        tc.Conv2D(2, 3, dilation=2, padding=0, groups=2),
        tc.Flatten(),
        tc.Dense(1),
    ).build((12, 10, 1))
    lines = model.summary().splitlines()
    rows = {line.split()[0]: re.split(r"  +", line.strip())[1:] for line in lines[3:] if not line.startswith("-")}
    assert rows == {
        "conv2d_1": ["(12, 10, 4)", "40", "4,320", "1.9 KiB", "3 x 3", "direct"],  # 120 positions x 9 x 4; 120 x 4 x 4 bytes
        "batchnorm_1": ["(12, 10, 4)", "8", "0", "1.9 KiB", "3 x 3", "with conv2d_1"],
        "maxpool2d_1": ["(6, 5, 4)", "0", "0", "480 B", "4 x 4", "max"],
        "residual_1": [
            "(6, 5, 4)",
            "144",
            "4,320",
            "960 B",
            "8 x 8",
            "direct",
        ],  # the body's output and the sum; two pixels apart
        "conv2d_2": ["(2, 1, 2)", "38", "72", "16 B", "16 x 16", "on its own"],  # 3 x 3 x 2 x 2 weights and 2; 8 + 4 * 2
        "flatten_1": ["(4,)", "0", "0", "16 B", "16 x 16", "flatten"],
        "dense_1": ["(1,)", "5", "4", "4 B", "all", "direct"],
        "total": ["235", "8,716", "5.2 KiB"],
    }
    assert model.total_macs() == 8716
    assert "(12, 10, 1)" in lines[0]
    model.freeze("conv2d_1")
    assert "conv2d_1 (frozen)" in model.summary()


def test_a_part_of_a_model_is_built_and_frozen_with_it():
    inner = tc.Sequential(tc.Dense(3))
    outer = tc.Sequential(inner, tc.Dense(1)).build((4,), seed=0)
    with pytest.raises(ValueError, match="part of a built model"):
        inner.build((4,))
    with pytest.raises(ValueError, match=r"model.freeze\('sequential_1'\)"):
        inner.freeze()
    outer.freeze("sequential_1")
    assert [p.trainable for p in outer.parameters()] == [False, False, True, True]


def test_a_shallow_copy_is_a_model_of_its_own():
    model = tc.Sequential(tc.Dense(1)).build((4,), seed=0)
    twin = copy.copy(model)
    twin.layers["dense_1"].params["bias"][...] = 5
    assert model.predict(np.zeros((1, 4), "float32")) == 0 and twin.predict(np.zeros((1, 4), "float32")) == 5


def test_cut_gives_two_models_over_the_same_layers(rng):
    model = small()
    x = rng.standard_normal((3, 6, 6, 1)).astype(np.float32)
    for name in model.layers:
        front, rest = model.cut(name)
        assert rest.infer(front.predict(x)) == pytest.approx(model.predict(x), rel=1e-5, abs=1e-6)
        assert [*front.layers, *rest.layers] == list(model.layers)
    model.parameters()[0].value[...] = 0  # what is written into the model is seen by its parts
    assert front.predict(x) == pytest.approx(model.predict(x))
    with pytest.raises(ValueError, match=r"'residual_1\.body\.conv2d_1' is inside a block; cut at conv2d_1, "):
        model.cut("residual_1.body.conv2d_1")
    with pytest.raises(ValueError, match="there is no layer 'relu_7'"):
        model.cut("relu_7")
