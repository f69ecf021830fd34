"""What is frozen costs nothing in backward and keeps nothing in forward, and changes no bit of what learns; batches in parts."""

import numpy as np
import pytest
from test_engine_plan import MODELS, build, data

import tinycnn as tc
from tinycnn import ops
from tinycnn.__main__ import examples
from tinycnn.layers import walk

BACKENDS = ["numpy", "numba"]


def leaves(model):
    return [path for path, layer in walk(model) if path and layer.declared]


def step(model, x, y, **how):
    return model.train_step(x, y, tc.BCEWithLogits(), tc.SGD(model.parameters(), lr=0.0), **how)


def after_a_step(name, frozen, backend, dtype=np.float32):
    rng = np.random.default_rng(5)
    model = build(name, rng, dtype)
    x, y = data(rng)
    model.freeze(*frozen) if frozen else None
    with tc.backend(backend):
        value = step(model, x, y)
    return model, value


def sets(model):
    """The front, all but the head, every other layer, all but one inside, the first alone, everything."""
    names = leaves(model)
    yield names[: len(names) // 2]
    yield names[:-1]
    yield names[::2]
    yield [name for i, name in enumerate(names) if i != len(names) // 2]
    yield names[:1]
    yield names


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", MODELS)
def test_what_learns_gets_the_bits_it_gets_where_all_learns(name, backend):
    """Norms of the set are frozen on both sides, since a frozen one normalises by other numbers."""
    for frozen in sets(build(name, np.random.default_rng(0))):
        norms = [path for path in frozen if "batchnorm" in path]
        model, value = after_a_step(name, frozen, backend)
        full, expected = after_a_step(name, norms, backend)
        assert value == expected
        theirs = {p.name: p.grad for p in full.parameters()}
        for p in model.parameters():
            assert p.trainable == (p.name.rpartition(".")[0] not in frozen)
            if p.trainable:
                assert np.array_equal(p.grad, theirs[p.name]), (frozen, p.name)
                assert p.grad.any() or "bias" in p.name
            else:
                assert not p.grad.any()
        assert np.array_equal(model.store.buffers, full.store.buffers)


@pytest.mark.parametrize("backend", BACKENDS)
def test_frozen_layers_call_for_no_weight_gradient_and_backward_ends_at_the_lowest_that_learns(backend, rng, monkeypatch):
    asked = []
    conv_backward, dense_backward = ops.conv_backward, ops.dense_backward
    monkeypatch.setattr(ops, "conv_backward", lambda *a: (asked.append(("conv", *map(bool, a[5:]))), conv_backward(*a))[1])
    monkeypatch.setattr(ops, "dense_backward", lambda *a: (asked.append(("dense", *a[3:])), dense_backward(*a))[1])
    layers = [
        tc.Conv2D(4, 3),
        tc.Residual(tc.Conv2D(4, 3), shortcut=tc.Conv2D(4, 1)),
        tc.Branches(tc.Conv2D(4, 3), tc.Conv2D(4, 1)),
    ]
    model = tc.Sequential(*layers, tc.Conv2D(4, 3), tc.GlobalAvgPool(), tc.Dense(1)).build((6, 6, 3), dtype="float64")
    x, y = rng.standard_normal((5, 6, 6, 3)), rng.integers(0, 2, 5)

    def calls():  # (kind, wants input, bias, weight) from the last layer to the first
        asked.clear()
        with tc.backend(backend):
            step(model, x, y)
        return list(asked)

    full, no = ("conv", True, True, True), ("conv", True, False, False)
    assert calls() == [("dense", True, True), full, full, full, full, full, ("conv", False, True, True)]
    model.freeze("conv2d_2", "branches_1")
    assert calls() == [("dense", True, True), no, no, no, full, full, ("conv", False, True, True)]
    model.freeze("conv2d_1", "residual_1.body")  # the shortcut is now the lowest; in the body nothing learns, or wants a gradient
    assert calls() == [("dense", True, True), no, no, no, ("conv", False, True, True)]
    model.freeze("residual_1")
    model.unfreeze("branches_1.path_2")
    assert calls() == [("dense", True, True), no, ("conv", False, True, True)]
    model.freeze()
    model.unfreeze("dense_1")
    assert calls() == [("dense", False, True)]
    model.freeze()
    assert calls() == []


def test_a_plan_has_no_steps_for_what_is_frozen(rng):
    """By kernel: how many steps go back, and whether any computes a convolution's weight gradient or a norm's sums."""
    from tinycnn.plan.training import TrainingPlan

    def backward_steps(model):
        programs = [act.__self__ for act in TrainingPlan(model, 4).backward_acts]
        return [step.kernel.function.__name__ for program in programs for step in program.steps]

    model = tc.Sequential(*MODELS["residual"]()).build((13, 13, 3), seed=2)
    full = backward_steps(model)
    blocks = [name for name in model.layers if not name.startswith("dense")]
    model.freeze(*blocks)
    head = backward_steps(model)
    small = tc.Sequential(tc.Dense(1)).build((24,))
    assert head == backward_steps(small) and len(head) < 5 < len(full)
    model.unfreeze("conv2d_1")  # then all above it is only gone through
    through = backward_steps(model)
    assert through.count("sum_pixels") == 0 and len(through) < len(full) - 10


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_frozen_front_keeps_nothing(backend, rng):
    model = build("reference", rng)
    before = {path: set(layer.__dict__) for path, layer in walk(model)}
    model.freeze(*[name for name in model.layers if not name.startswith("dense")])
    x, y = data(rng)
    with tc.backend(backend):
        step(model, x, y)
        for path, layer in walk(model):
            if path and not path.startswith(("dense", "dropout")):
                assert set(layer.__dict__) == before[path], path
        with pytest.raises(ValueError, match="no forward to go back through"):
            model.backward(np.ones((10, 1), "float32"))


def test_a_frozen_front_needs_the_same_memory_for_any_batch(rng):
    from tinycnn.plan.training import TrainingPlan

    def more(model):
        """Bytes for 192 rows more."""
        sizes = []
        for rows in (64, 256):
            plan = TrainingPlan(model, rows)
            sizes.append(plan.arena.size + sum(part.arena.size for part in plan.front.plans))
        return sizes[1] - sizes[0]

    model = build("reference", rng, size=32)
    model.freeze(*[name for name in model.layers if not name.startswith("dense")])
    row = 4 * (32 * 2 + 32 + 2)  # what enters dropout, its numbers and its output, and the logits
    assert more(model) < 192 * 2 * row


def test_a_frozen_front_inside_a_block_needs_little_memory(rng):
    """Behind a dropout the layers are no part of the front, and still nothing goes back through them."""
    from tinycnn.plan.training import TrainingPlan

    rows = [layer for _ in range(8) for layer in (tc.Conv2D(16, 3, bias=False), tc.BatchNorm(), tc.ReLU())]
    layers = [tc.Dropout(0.1), tc.Residual(tc.Conv2D(16, 3), *rows, shortcut=tc.Conv2D(16, 1)), tc.GlobalAvgPool(), tc.Dense(1)]
    model = tc.Sequential(*layers).build((16, 16, 3))
    full = TrainingPlan(model, 8).arena.size
    model.freeze("residual_1")
    model.unfreeze("residual_1.body.batchnorm_8")
    assert TrainingPlan(model, 8).arena.size < full / 2


@pytest.mark.parametrize("name", ["reference", "residual", "biases", "foreign"])
def test_the_rows_that_a_front_takes_at_once_do_not_show(name, monkeypatch):
    """Ten rows as three, three, three and one."""
    from tinycnn.plan import inference

    frozen = leaves(build(name, np.random.default_rng(0)))[:-1]
    whole, expected = after_a_step(name, frozen, "numba")
    monkeypatch.setattr(inference, "rows_at_once", lambda model, most: 3)
    monkeypatch.setattr("tinycnn.plan.front.rows_at_once", lambda model, most: 3)
    parts, value = after_a_step(name, frozen, "numba")
    assert [plan.rows for _, plan in parts._runner.training[0].front.parts] == [3, 3, 3, 1]
    assert value == expected and np.array_equal(parts.store.grads, whole.store.grads)


@pytest.mark.parametrize("backend", BACKENDS)
def test_forward_and_backward_go_through_what_is_frozen(backend, rng):
    """For Grad-CAM: the gradient of any layer, and of the input."""
    model, full = (build("residual", np.random.default_rng(1)) for _ in range(2))
    model.freeze(*leaves(model)[:-1])
    x, _ = data(rng)
    with tc.backend(backend), model.capture("conv2d_1") as taps:
        mine = model.backward(np.ones_like(model.forward(x)))
        theirs = full.backward(np.ones_like(full.forward(x)))
    assert np.array_equal(mine, theirs) and taps["conv2d_1"].grad.any()
    assert not any(p.grad.any() for p in model.parameters() if not p.trainable)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_step_that_is_captured_shows_frozen_layers_too(backend, rng):
    model = build("residual", rng)
    model.freeze(*leaves(model)[:-1])
    x, y = data(rng)
    with tc.backend(backend), model.capture("conv2d_1", "residual_1.body.conv2d_1") as taps:
        step(model, x, y)
    assert all(tap.output.any() and tap.grad.any() for tap in taps.values())


@pytest.mark.parametrize("backend", BACKENDS)
def test_freezing_and_unfreezing_between_steps(backend, rng):
    model, (x, y) = build("reference", rng), data(rng)
    optimizer = tc.Adam(model.parameters(), lr=0.01)
    with tc.backend(backend):
        for frozen in (True, False, True):
            model.train_step(x, y, tc.BCEWithLogits(), optimizer)
            names = [name for name in model.layers if not name.startswith("dense")]
            (model.freeze if frozen else model.unfreeze)(*names)
            before = model.get_state()
            model.train_step(x, y, tc.BCEWithLogits(), optimizer)
            moved = {name.split(".")[0] for name, array in model.get_state().items() if not np.array_equal(array, before[name])}
            assert ("conv2d_1" in moved) is not frozen and "dense_1" in moved


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_written_frozen_weight_is_seen(backend, rng):
    found = []
    for other in BACKENDS if backend == "numba" else ["numpy"] * 2:
        model, (x, y) = build("reference", np.random.default_rng(2)), data(np.random.default_rng(3))
        model.freeze(*[name for name in model.layers if not name.startswith("dense")])
        with tc.backend(other):
            values = [step(model, x, y)]
            model.layers["conv2d_2"].params["weight"][...] *= 2
            values.append(step(model, x, y))
            model.layers["batchnorm_1"].buffers["running_var"][...] *= 3
            values.append(step(model, x, y))
            model.layers["batchnorm_1"].eps = 0.5
            values.append(step(model, x, y))
        assert len({round(value, 4) for value in values}) == 4
        found.append(values)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4)


def test_fronts_of_batches_of_all_sizes_are_the_same_plans(rng):
    model = build("residual", rng)
    model.freeze(*leaves(model)[:-1])
    with tc.backend("numba"):
        for rows in (10, 4, 10):
            step(model, *data(rng, rows))
        first, second = (plan.front.plans for plan in model._runner.training)
        assert set(model._runner.fronts) == {4, 10} and first != second
        model.unfreeze("conv2d_1")
        step(model, *data(rng, 4))
        assert model._runner.fronts == {}


def test_weights_set_while_frozen_survive_a_step_that_diverges(rng):
    model, (x, y) = build("dense", rng), data(rng)
    step(model, x, y)
    model.freeze("dense_1")
    model.layers["dense_1"].params["bias"][...] = 3
    model.unfreeze("dense_1")
    with pytest.raises(tc.DivergenceError):
        step(model, x * np.float32(1e38), y)
    assert (model.layers["dense_1"].params["bias"] == 3).all()


WITH_PARAMETERS = [
    (i, shape)
    for i, (layer, shape) in enumerate(examples())
    if isinstance(layer, tc.Layer) and leaves(tc.Sequential(layer).build(shape[1:]))
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("index", "shape"), WITH_PARAMETERS, ids=[type(examples()[i][0]).__name__ + f"-{i}" for i, _ in WITH_PARAMETERS]
)
def test_every_layer_frozen_gives_the_same_gradient_of_its_input_and_none_of_its_own(index, shape, backend, rng):
    x, found = rng.standard_normal(shape).astype("float32"), []
    for frozen in (False, True):
        model = tc.Sequential(examples()[index][0]).build(shape[1:], seed=1)
        model.freeze() if frozen else None
        with tc.backend(backend):
            y = model.forward(x, False)
            found.append(model.backward(np.ones_like(y)))
        assert bool(model.store.grads.any()) is not frozen
    assert np.array_equal(*found)


# A batch in parts


def deep(dtype="float64"):
    """Without batch norm; with dropout, whose numbers are those of the whole batch."""
    return tc.Sequential(
        *(tc.Conv2D(16, 3), tc.ReLU(), tc.Dropout(0.3), tc.MaxPool2D(2)),
        *(tc.Residual(tc.Conv2D(16, 3), tc.Dropout(0.2)), tc.ReLU(), tc.Branches(tc.Conv2D(3, 3), tc.Dropout(0.1))),
        *(tc.GlobalAvgPool(), tc.Dense(3)),
    ).build((7, 7, 3), seed=4, dtype=dtype)


LOSSES = [tc.SoftmaxCrossEntropy(class_weight=[1, 5, 0.2], label_smoothing=0.1), tc.FocalLoss(alpha=[1, 2, 3])]


@pytest.mark.parametrize("weighed", [False, True])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
@pytest.mark.parametrize(("backend", "dtype", "tolerance"), [("numpy", "float64", 1e-12), ("numba", "float32", 3e-6)])
def test_parts_of_a_batch_give_the_update_of_the_whole(backend, dtype, tolerance, loss, weighed, rng):
    x, y = rng.standard_normal((11, 7, 7, 3)).astype(dtype), rng.integers(0, 3, 11)
    weight = np.array([1, 2, 0, 0, 0, 1, 1, 3, 1, 0.5, 1]) if weighed else None  # the second of five parts counts for nothing
    values, states = [], []
    for parts in (1, 2, 5, 11):
        model = deep(dtype)
        optimizer = tc.SGD(model.parameters(), lr=0.1, momentum=0.9)
        with tc.backend(backend):
            values.append([model.train_step(x, y, loss, optimizer, weight, accumulate=parts) for _ in range(3)])
        assert (model.steps, optimizer.steps) == (3, 3)
        states.append(model.store.values.copy())
    for value, state in zip(values, states, strict=True):
        np.testing.assert_allclose(value, values[0], rtol=10 * tolerance)
        np.testing.assert_allclose(state, states[0], atol=tolerance)


@pytest.mark.parametrize("backend", BACKENDS)
def test_parts_with_frozen_layers(backend, rng):
    x, y = rng.standard_normal((9, 7, 7, 3)).astype("float32"), rng.integers(0, 3, 9)
    grads = []
    for parts in (1, 3):
        model = deep("float32")
        model.freeze("conv2d_1", "residual_1")
        with tc.backend(backend):
            model.train_step(x, y, LOSSES[0], tc.SGD(model.parameters(), lr=0.0), accumulate=parts)
        grads.append(model.store.grads.copy())
    np.testing.assert_allclose(*grads, atol=1e-6)


def test_a_loss_of_ones_own_is_a_mean_over_rows(rng):
    def squares(logits, y, sample_weight=None):
        w = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
        apart = logits[:, 0] - y
        return float((w * apart**2).sum() / w.sum()), (2 * w * apart / w.sum())[:, None]

    x, y, found = rng.standard_normal((7, 4)), rng.standard_normal(7), []
    for parts, weight in ((1, None), (3, None), (1, np.arange(7)), (3, np.arange(7))):
        model = tc.Sequential(tc.Dense(1)).build((4,), dtype="float64")
        model.train_step(x, y, squares, tc.SGD(model.parameters(), lr=0.1), weight, accumulate=parts)
        found.append(model.store.values.copy())
    np.testing.assert_allclose(found[0], found[1], atol=1e-14)
    np.testing.assert_allclose(found[2], found[3], atol=1e-14)


def test_batch_norm_sees_the_parts_one_after_the_other(rng):
    model, twin = (tc.Sequential(tc.BatchNorm(), tc.Dense(1)).build((3,), dtype="float64") for _ in range(2))
    x, y = rng.standard_normal((8, 3)), rng.integers(0, 2, 8)
    step(model, x, y, accumulate=2)
    for part in (x[:4], x[4:]):
        twin.forward(part, training=True)
    assert np.array_equal(model.store.buffers, twin.store.buffers)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_batch_that_cannot_be_taken_in_parts_is_refused_without_a_trace(backend, rng):
    model = tc.Sequential(tc.Dense(4), tc.BatchNorm(), tc.ReLU(), tc.Dense(1)).build((3,))
    x, y = rng.standard_normal((8, 3)).astype("float32"), rng.integers(0, 2, 8)
    with tc.backend(backend):
        step(model, x, y, accumulate=2)
        before = model.get_state()
        for says, labels, how in (
            (r"got labels of shape \(9,\) for 8 rows", np.zeros(9), {"accumulate": 2}),
            (r"got labels of shape \(\)", 1, {"accumulate": 2}),
            (r"got sample_weight of shape \(9,\)", y, {"accumulate": 2, "sample_weight": np.ones(9)}),
            ("accumulate=9 cuts a batch of 8", y, {"accumulate": 9}),
            ("accumulate is 0", y, {"accumulate": 0}),
            ("sum to 0", y, {"accumulate": 2, "sample_weight": np.zeros(8)}),
            ("labels must lie", y + 5 * (np.arange(8) == 7), {"accumulate": 2}),
        ):
            with pytest.raises(ValueError, match=says):
                step(model, x, labels, **how)
            assert all(np.array_equal(array, before[name]) for name, array in model.get_state().items())
        with pytest.raises(tc.DivergenceError, match="input x holds NaN"):
            step(model, np.concatenate([x[:7], x[:1] * np.nan]), y, accumulate=2)
        assert all(np.array_equal(array, before[name]) for name, array in model.get_state().items())
