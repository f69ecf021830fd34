"""A block that is computed twice instead of kept: the same bits, running statistics moved once, less memory."""

import gc
import tracemalloc

import numpy as np
import pytest
from test_engine_plan import Doubled

import tinycnn as tc
from tinycnn.layers import walk

BACKENDS = ["numpy", "numba"]


def blocks(kind):
    """Rows to be put into blocks: norms at the end and at the start, dropout, residuals, branches, unknown layers, pools."""
    conv = lambda n=16, **how: tc.Conv2D(n, 3, **how)  # noqa: E731
    norm_relu = lambda: (tc.BatchNorm(), tc.ReLU())  # noqa: E731
    return {
        "plain": [
            [conv(bias=False), *norm_relu(), conv(), tc.ReLU()],
            [conv(), *norm_relu(), tc.Dropout(0.2)],
            [conv(8), *norm_relu()],
        ],
        "norm first": [[conv()], [*norm_relu(), conv()], [tc.BatchNorm(), conv(8), tc.ReLU()]],
        "residual": [
            [conv(), tc.ReLU(), tc.Residual(conv(bias=False), *norm_relu(), conv(), tc.BatchNorm()), tc.ReLU()],
            [tc.Residual(*norm_relu(), tc.Dropout(0.1), conv(24, stride=2), shortcut=tc.Conv2D(24, 1, stride=2))],
        ],
        "pools": [
            [conv(), tc.BatchNorm(), tc.MaxPool2D(2)],
            [conv(5), tc.AvgPool2D(2), tc.Dropout(0.3), tc.Dropout(0.0)],
            [tc.ReLU()],
        ],
        "foreign": [
            [Doubled(), conv(4), *norm_relu(), tc.Branches(conv(4), tc.Sequential(conv(4), tc.BatchNorm(), tc.Dropout(0.2)))],
            [tc.Branches(tc.BatchNorm(), Doubled())],
        ],
        "empty": [[conv(4)], [tc.Dropout(0.0)], [conv(4), *norm_relu()]],
    }[kind]


KINDS = ["plain", "norm first", "residual", "pools", "foreign", "empty"]


def model_of(kind, checkpoint, nested=False, dtype="float32"):
    def wrap(*row):
        if not nested:
            return tc.Checkpoint(*row)
        first = 2 if isinstance(row[0], tc.BatchNorm) else 1  # a norm and its ReLU stay together
        return tc.Checkpoint(tc.Checkpoint(*row[:first]), *row[first:])

    rows = [[wrap(*row)] if checkpoint else [tc.Sequential(*row)] for row in blocks(kind)]
    model = tc.Sequential(*[layer for row in rows for layer in row], tc.GlobalAvgPool(), tc.Dense(1))
    model.build((9, 9, 3), seed=0, dtype=dtype)
    rng = np.random.default_rng(8)
    model.store.values[...] += 0.1 * rng.standard_normal(model.store.values.shape)
    return model


def assert_same_numbers(plain, checkpointed, x, y, backend, steps=3):
    """The layers' numbers differ in name and stream alone; so give them the same streams."""
    pairs = [
        [layer for _, layer in walk(model) if not isinstance(layer, (tc.Sequential, tc.Checkpoint))]
        for model in (plain, checkpointed)
    ]
    for mine, theirs in zip(*pairs, strict=True):
        mine.stream = theirs.stream
    found = []
    for model in (plain, checkpointed):
        optimizer = tc.SGD(model.parameters(), lr=0.05, momentum=0.9)
        with tc.backend(backend):
            losses = [model.train_step(x, y, tc.BCEWithLogits(), optimizer) for _ in range(steps)]
            found.append((np.array(losses), model.store.grads, model.store.values, model.store.buffers, model.predict(x)))
    for mine, theirs in zip(*found, strict=True):
        assert np.array_equal(mine, theirs)
    assert found[0][1].any()


@pytest.mark.parametrize("nested", [False, True], ids=["", "nested"])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bits_as_without(kind, backend, nested, rng):
    x, y = rng.standard_normal((7, 9, 9, 3)).astype("float32"), rng.integers(0, 2, 7)
    assert_same_numbers(model_of(kind, False), model_of(kind, True, nested), x, y, backend)


@pytest.mark.parametrize("frozen", [(0,), (1,), (0, 1)], ids=str)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", ["plain", "residual", "foreign"])
def test_the_same_bits_with_frozen_blocks(kind, backend, frozen, rng):
    x, y = rng.standard_normal((7, 9, 9, 3)).astype("float32"), rng.integers(0, 2, 7)
    plain, checkpointed = model_of(kind, False), model_of(kind, True)
    for model in (plain, checkpointed):
        names = [name for name in model.layers if not name.startswith(("dense", "global"))]
        model.freeze(*[names[i] for i in frozen])
    assert_same_numbers(plain, checkpointed, x, y, backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_part_inside_a_block_may_be_frozen(backend, rng):
    x, y = rng.standard_normal((7, 9, 9, 3)).astype("float32"), rng.integers(0, 2, 7)
    plain, checkpointed = model_of("plain", False), model_of("plain", True)
    plain.freeze("sequential_1.conv2d_1", "sequential_2.batchnorm_1")
    checkpointed.freeze("checkpoint_1.body.conv2d_1", "checkpoint_2.body.batchnorm_1")
    assert_same_numbers(plain, checkpointed, x, y, backend)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_forward_and_backward_by_hand(dtype, rng):
    plain, checkpointed = (model_of("residual", c, dtype=dtype) for c in (False, True))
    x = rng.standard_normal((4, 9, 9, 3)).astype(dtype)
    for training in (False, True):
        grads = []
        for model in (plain, checkpointed):
            for _, layer in walk(model):
                layer.stream = 0
            y = model.forward(x, training)
            grads.append(
                (y, model.backward(np.ones_like(y)), model.backward(np.ones_like(y)), model.store.grads, model.store.buffers)
            )
        for mine, theirs in zip(*grads, strict=True):
            assert np.array_equal(mine, theirs)


def test_layers_inside_hold_nothing_between_steps(rng):
    model = model_of("plain", True)
    inside = [(path, layer, set(vars(layer))) for path, layer in walk(model.layers["checkpoint_2"])][1:]
    x, y = rng.standard_normal((4, 9, 9, 3)).astype("float32"), rng.integers(0, 2, 4)
    with tc.backend("numpy"):
        model.backward(np.ones_like(model.forward(x, training=True)))
        model.train_step(x, y, tc.BCEWithLogits(), tc.SGD(model.parameters(), lr=0.1))
    assert len(inside) > 3 and all(set(vars(layer)) == before for _, layer, before in inside)


def deep(checkpoint):
    row = lambda: [layer for _ in range(4) for layer in (tc.Conv2D(16, 3, bias=False), tc.BatchNorm(), tc.ReLU())]  # noqa: E731
    wrap = tc.Checkpoint if checkpoint else tc.Sequential
    return tc.Sequential(*[wrap(*row()) for _ in range(4)], tc.GlobalAvgPool(), tc.Dense(1)).build((24, 24, 3))


def test_less_memory_layer_by_layer(rng):
    x, y = rng.standard_normal((8, 24, 24, 3)).astype("float32"), rng.integers(0, 2, 8)

    def peak(model):
        optimizer = tc.SGD(model.parameters(), lr=0.1)
        gc.collect()
        tracemalloc.start()
        with tc.backend("numpy"):
            model.train_step(x, y, tc.BCEWithLogits(), optimizer)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(deep(True)) < 0.6 * peak(deep(False))


def test_less_memory_in_a_plan():
    pytest.importorskip("numba", reason="plans need numba")
    from tinycnn.plan.training import TrainingPlan

    assert TrainingPlan(deep(True), 8).arena.size < 0.7 * TrainingPlan(deep(False), 8).arena.size


def test_captured_layers_inside_are_seen(rng):
    model, plain = model_of("plain", True), model_of("plain", False)
    x = rng.standard_normal((3, 9, 9, 3)).astype("float32")
    with model.capture("checkpoint_1.body.conv2d_1") as taps, plain.capture("sequential_1.conv2d_1") as others:
        for each in (model, plain):
            each.backward(np.ones_like(each.forward(x)))
    mine, theirs = taps["checkpoint_1.body.conv2d_1"], others["sequential_1.conv2d_1"]
    assert np.array_equal(mine.output, theirs.output) and np.array_equal(mine.grad, theirs.grad)


def test_the_table_and_repr_show_the_block():
    model = model_of("plain", True)
    assert "checkpoint_1" in model.summary() and repr(model).startswith("Sequential(Checkpoint(Conv2D(")
    assert model.total_macs() == model_of("plain", False).total_macs()
    with pytest.raises(ValueError, match="got 3; it needs layers"):
        tc.Sequential(tc.Checkpoint(3))
