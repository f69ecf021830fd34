"""Prediction: a row's answer is its own, and predicting leaves no trace."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from small_model import same_state, small, task, train

import tinycnn as tc
from tinycnn.layers import walk


def relu_net(*last):
    return tc.Sequential(tc.Dense(16), tc.BatchNorm(), tc.ReLU(), tc.Dropout(0.3), *last)


ROW_MODELS = {
    "tabular": ((30,), lambda: relu_net(tc.Dense(1))),
    "tabular softmax": ((30,), lambda: relu_net(tc.Dense(2), tc.Softmax())),
    "one feature": ((1,), lambda: tc.Sequential(tc.Dense(3), tc.Sigmoid(), tc.Dense(3), tc.Softmax())),
    "wide": ((301,), lambda: tc.Sequential(tc.Dense(257), tc.ReLU(), tc.Dense(1))),
    "cnn over features": (
        (30, 1, 1),
        lambda: tc.Sequential(
            tc.Conv2D(16, (3, 1)),
            tc.BatchNorm(),
            tc.ReLU(),
            tc.MaxPool2D((2, 1)),
            tc.Conv2D(8, (3, 1), padding="valid"),
            tc.ReLU(),
            tc.Flatten(),
            tc.Dense(1),
        ),
    ),
    "cnn over features, pooled": (
        (30, 1, 1),
        lambda: tc.Sequential(tc.Conv2D(8, (3, 1), padding="valid"), tc.ReLU(), tc.GlobalAvgPool(), tc.Dense(2), tc.Softmax()),
    ),
    "one channel pooled": ((9, 11, 1), lambda: tc.Sequential(tc.Conv2D(1, 1), tc.GlobalAvgPool(), tc.Dense(1))),
    "groups and averages": (
        (8, 9, 4),
        lambda: tc.Sequential(
            tc.Conv2D(8, 3, groups=4, bias=False),
            tc.AvgPool2D(3, stride=2, padding=1),
            tc.Conv2D(6, 1, stride=2, groups=2),
            tc.Flatten(),
            tc.Dense(3),
            tc.Softmax(),
        ),
    ),
    "signals": (
        (40, 3),
        lambda: tc.Sequential(
            tc.Conv1D(6, 3, groups=3),
            tc.MaxPool1D(2),
            tc.LayerNorm(),
            tc.GELU(),
            tc.Conv1D(6, 5, groups=6),
            tc.Upsample(2),
            tc.GroupNorm(3),
            tc.AvgPool1D(3),
            tc.GlobalMaxPool(),
            tc.Dense(1),
        ),
    ),
    "volumes": (
        (4, 5, 6, 1),
        lambda: tc.Sequential(
            tc.Pad(1),
            tc.Conv3D(4, 3, stride=2),
            tc.GroupNorm(1),
            tc.ELU(),
            tc.SqueezeExcite(2),
            tc.MaxPool3D(2, padding="same"),
            tc.AvgPool3D((2, 1, 1), stride=1),
            tc.Dropout(0.5, channels=True),
            tc.Flatten(),
            tc.Dense(2),
        ),
    ),
    "there and back": (
        (9, 10, 2),
        lambda: tc.Sequential(
            tc.Conv2D(20, 3, stride=2),
            tc.LayerNorm(),
            tc.SiLU(),
            tc.ConvTranspose2D(16, 3, stride=2),
            tc.GroupNorm(1),
            tc.Tanh(),
            tc.ConvTranspose2D(1, 4, stride=3, padding=1),
            tc.Softplus(),
            tc.Reshape((-1, 29)),
            tc.LeakyReLU(),
            tc.GlobalAvgPool(),
        ),
    ),
    "wide norms": (
        (331, 2),
        lambda: tc.Sequential(tc.Reshape((2, 331)), tc.LayerNorm(), tc.GroupNorm(1), tc.Reshape((331, 2)), tc.GroupNorm(2)),
    ),
    "blocks": (
        (8, 8, 2),
        lambda: tc.Sequential(
            tc.Residual(tc.Conv2D(2, 3), tc.BatchNorm()),
            tc.Branches(tc.Conv2D(3, 1), tc.Conv2D(2, 3, dilation=2)),
            tc.AvgPool2D(2, padding="same", count_padding=True),
            tc.GlobalAvgPool(),
            tc.Dense(1),
            tc.Sigmoid(),
        ),
    ),
}


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("name", ROW_MODELS)
def test_a_rows_answer_does_not_depend_on_its_neighbours(name, backend, rng):
    """Bit for bit: alone, in any batch, shuffled, and whatever the layout in memory of the table that it stands in."""
    shape, make = ROW_MODELS[name]
    model = make().build(shape, seed=3)
    x = (3 * rng.standard_normal((569, *shape))).astype("float32")
    shuffled = rng.permutation(len(x))
    with tc.backend(backend):
        for predict in (model.predict, model.predict_proba):
            whole = predict(x, batch_size=569)
            answers = {
                "alone": (np.concatenate([predict(x[i : i + 1]) for i in range(70)]), whole[:70]),
                "shuffled": (predict(x[shuffled]), whole[shuffled]),
                "every other": (predict(x[::2]), whole[::2]),
                "backwards": (predict(x[::-1]), whole[::-1]),
                "column by column": (predict(np.asfortranarray(x)), whole),
                "a part of a wider table": (predict(np.concatenate([x, x], axis=-1)[..., : shape[-1]]), whole),
                "float64": (predict(x.astype("float64")), whole),
            }
            for size in (1, 2, 7, 64, 569, 1000):
                answers[f"batch_size {size}"] = (predict(x, batch_size=size), whole)
                answers[f"a batch of {size}"] = (predict(x[9 : 9 + size]), whole[9 : 9 + size])
            wrong = [how for how, (got, expected) in answers.items() if not np.array_equal(got, expected)]
            assert not wrong
        by_layers, whole = model.forward(x), model.predict(x)
        assert np.array_equal(by_layers, whole) if backend == "numpy" else np.allclose(by_layers, whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("last", [tc.Sigmoid(), tc.Softmax()], ids=["Sigmoid", "Softmax"])
@pytest.mark.parametrize("nested", [False, True])
def test_probabilities_are_squashed_once(last, nested, rng):
    x = rng.standard_normal((4, 3)).astype("float32")
    tail = [tc.Dense(2), last]
    model = tc.Sequential(*([tc.Sequential(*tail)] if nested else tail)).build((3,))
    assert np.array_equal(model.predict_proba(x), model.predict(x))


@pytest.mark.parametrize("units", [1, 3])
def test_probabilities_come_from_the_logits(units, rng):
    x = rng.standard_normal((4, 3)).astype("float32")
    model = tc.Sequential(tc.Dense(units)).build((3,))
    z = model.predict(x).astype("float64")
    expected = 1 / (1 + np.exp(-z)) if units == 1 else np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(x), expected, rtol=1e-6)


def test_what_predict_takes_and_what_it_refuses(rng):
    model = small()
    x, _ = task(rng)
    assert model.predict(x.astype("float64")).dtype == np.float32
    assert np.array_equal(model.predict(x.astype(">f4")), model.predict(x))
    for bad, says in ((x.astype(int), "int64"), (x > 0, "bool"), (x[:0], "empty"), (x[0], "shape"), (x[..., 0], "shape")):
        with pytest.raises(ValueError, match=says):
            model.predict(bad)
    for size in (0, -1, 2.5):
        with pytest.raises(ValueError, match=f"batch_size is {size}"):
            model.predict(x, batch_size=size)
    with pytest.raises(ValueError, match="not built"):
        tc.Sequential(tc.Dense(1)).predict(x)


def test_predict_keeps_nothing_and_moves_nothing(rng):
    x, y = task(rng)
    model = small()
    train(model, x, y, 1)
    before = {path: dict(layer.__dict__) for path, layer in walk(model)}
    state = model.get_state()
    with model.capture() as taps:
        model.predict(x)
    assert all(tap.output is None for tap in taps.values())
    for path, layer in walk(model):
        assert layer.__dict__.keys() == before[path].keys()
        assert all(value is before[path][key] for key, value in layer.__dict__.items())
    assert same_state(model.get_state(), state)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_several_threads_may_predict_at_once(backend, rng):
    shape, make = ROW_MODELS["groups and averages"]
    model = make().build(shape)
    batches = [rng.standard_normal((20, *shape)).astype("float32") for _ in range(24)]

    def predict(x):
        with tc.backend(backend):
            return model.predict_proba(x, batch_size=3)

    alone = [predict(x) for x in batches]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(predict, batches))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))
