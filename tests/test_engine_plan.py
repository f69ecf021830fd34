"""Plans: the same numbers as layer by layer, memory laid out once, and nothing stale when the model changes."""

import copy
import threading
import tracemalloc

import numpy as np
import pytest

import tinycnn as tc
from tinycnn import ops
from tinycnn.plan.pairs import chain, placement

pytest.importorskip("numba", reason="plans need numba")


class Doubled(tc.layers.base.Layer):
    """A layer that no planner knows."""

    def forward(self, x, training, rng=None):
        return 2 * self.check(x)

    def backward(self, grad):
        return 2 * grad


def norm_relu():
    return tc.BatchNorm(), tc.ReLU()


MODELS = {  # every kind of item beside every kind of neighbour
    "reference": lambda: [
        *(tc.Conv2D(16, 3, bias=False), *norm_relu(), tc.Conv2D(16, 3, bias=False), *norm_relu(), tc.MaxPool2D(2)),
        *(tc.Conv2D(32, 3, bias=False), *norm_relu(), tc.Conv2D(32, 3, bias=False), *norm_relu()),
        *(tc.GlobalAvgPool(), tc.Dropout(0.3), tc.Dense(1)),
    ],
    "biases": lambda: [
        tc.Conv2D(16, 3), tc.ReLU(), tc.Conv2D(32, 3), tc.BatchNorm(), tc.AvgPool2D(3, 2, 1), tc.Flatten(), tc.Dense(1),
    ],
    "residual": lambda: [
        tc.Conv2D(16, 3), *norm_relu(),
        tc.Residual(tc.Conv2D(16, 3, bias=False), *norm_relu(), tc.Conv2D(16, 3, bias=False), tc.BatchNorm()), tc.ReLU(),
        tc.Residual(*norm_relu(), tc.Conv2D(24, 3, stride=2), shortcut=tc.Conv2D(24, 1, stride=2)),
        tc.Residual(tc.Conv2D(24, 3), tc.ReLU(), tc.Dropout(0.2)), tc.BatchNorm(), tc.GlobalAvgPool(), tc.Dense(1),
    ],
    "residual first": lambda: [
        tc.Residual(tc.BatchNorm(), tc.Conv2D(3, 3)), tc.ReLU(), tc.ReLU(), tc.Flatten(), tc.BatchNorm(), tc.Dense(1),
    ],
    "odd sizes": lambda: [
        tc.Conv2D(5, (3, 2), stride=(2, 1), dilation=(1, 2)), *norm_relu(), tc.MaxPool2D(3, 2, 1), tc.Conv2D(10, 3, groups=5),
        tc.ReLU(), tc.Conv2D(10, 3, groups=10), *norm_relu(), tc.Dropout(0), tc.Flatten(), tc.Dense(7), *norm_relu(), tc.Dense(1),
    ],
    "foreign": lambda: [
        Doubled(), tc.Conv2D(16, 3), Doubled(), *norm_relu(), tc.Branches(tc.Conv2D(4, 3), tc.Conv2D(4, 3, dilation=2)),
        tc.Conv2D(8, 3, groups=4), tc.Sigmoid(), tc.Sequential(tc.MaxPool2D(2), tc.Sequential(tc.BatchNorm())), tc.Flatten(),
        tc.Dense(1),
    ],
    "signals": lambda: [
        tc.Reshape((169, 3)), tc.Conv1D(16, 3), *norm_relu(), tc.MaxPool1D(2), tc.Conv1D(16, 5, stride=2, groups=16),
        *norm_relu(), tc.AvgPool1D(3, padding=1), tc.Conv1D(32, 3, dilation=2), tc.ReLU(), tc.GlobalMaxPool(), tc.Dense(1),
    ],
    "volumes": lambda: [
        tc.Reshape((13, 13, 3, 1)), tc.Conv3D(16, 3), *norm_relu(), tc.MaxPool3D((2, 2, 1)), tc.Conv3D(16, 3, groups=16),
        *norm_relu(), tc.AvgPool3D(2, padding="same"), tc.Conv3D(8, (1, 3, 1)), tc.ReLU(), tc.GlobalAvgPool(), tc.Dense(1),
    ],
    "on their own": lambda: [
        tc.Pad(((1, 0), (0, 2))), tc.Conv2D(16, 3, stride=2), tc.BatchNorm(), tc.GELU(), tc.SqueezeExcite(4),
        tc.ConvTranspose2D(16, 3, stride=2), *norm_relu(), tc.GroupNorm(4), tc.Dropout(0.2, channels=True), tc.Upsample(2),
        tc.Residual(tc.LayerNorm(), tc.Conv2D(16, 1), tc.SiLU()), tc.LeakyReLU(0.1), tc.GlobalMaxPool(), tc.Dense(8), tc.ELU(),
        tc.Dense(8), tc.Tanh(), tc.Dense(8), tc.Softplus(), tc.Dense(1),
    ],
    "transposed first": lambda: [tc.ConvTranspose2D(5, (3, 4), padding="valid"), *norm_relu(), tc.Flatten(), tc.Dense(1)],
    "dense": lambda: [
        tc.Flatten(), tc.Dense(40), *norm_relu(), tc.Dropout(0.5), tc.Dense(17, bias=False), tc.ReLU(), tc.Dense(1),
    ],
    "checkpoints": lambda: [
        tc.Checkpoint(tc.Conv2D(16, 3), *norm_relu(), tc.Dropout(0.2)), tc.Conv2D(16, 3),
        tc.Checkpoint(*norm_relu(), tc.Conv2D(8, 3)),
        tc.Checkpoint(tc.Residual(tc.Conv2D(8, 3), tc.BatchNorm()), tc.Checkpoint(tc.MaxPool2D(2), Doubled())), tc.Flatten(),
        tc.Dense(1),
    ],
    "pools": lambda: [
        tc.MaxPool2D(2), tc.BatchNorm(), tc.AvgPool2D(2, padding="same"), tc.Conv2D(16, 1), tc.MaxPool2D(2), tc.Flatten(),
        tc.Dense(1),
    ],
}  # fmt: skip


def build(name, rng, dtype=np.float32, size=13):
    """A model whose batch norms are not at their starting point."""
    model = tc.Sequential(*MODELS[name]()).build((size, size, 3), seed=2, dtype=dtype)
    for parameter in model.parameters():
        if parameter.name.endswith(("gamma", "beta", "bias")):
            parameter.value[...] += 0.3 * rng.standard_normal(parameter.value.shape)
    return model


def data(rng, rows=10, size=13):
    return rng.standard_normal((rows, size, size, 3)).astype("float32"), rng.integers(0, 2, rows)


def one_step(model, x, y, lr=0.0):
    return model.train_step(x, y, tc.BCEWithLogits(), tc.SGD(model.parameters(), lr=lr))


@pytest.mark.parametrize("frozen", [False, True], ids=["", "frozen"])
@pytest.mark.parametrize("name", MODELS)
def test_a_plan_gives_what_the_layers_give(name, frozen):
    found = {}
    for backend in ("numpy", "numba"):
        rng = np.random.default_rng(5)
        model = build(name, rng)
        x, y = data(rng)
        if frozen:
            model.freeze(
                *[layer for layer in model.layers if layer.startswith("batchnorm")][:1] or ["conv2d_1"][: name != "dense"]
            )
        with tc.backend(backend):
            value = one_step(model, x, y)
            state = model.store.grads.copy(), model.store.buffers.copy()
            found[backend] = (np.array([value]), *state, model.predict(x), model.predict(x[:3]))
    for mine, theirs in zip(found["numba"], found["numpy"], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=3e-4 * max(abs(theirs).max(), 0.1))


@pytest.mark.parametrize("name", MODELS)
def test_the_loss_falls(name, rng):
    model, (x, y) = build(name, rng), data(rng, 24)
    adam = tc.Adam(model.parameters(), lr=1e-2)
    with tc.backend("numba"):
        values = [model.train_step(x, y, tc.BCEWithLogits(), adam) for _ in range(30)]
    assert np.mean(values[-5:]) < 0.9 * values[0]


def test_a_second_step_allocates_nothing_that_grows_with_the_batch(rng):
    def peak(rows):
        model, (x, y) = build("reference", rng, size=32), data(rng, rows, 32)
        adam, loss = tc.Adam(model.parameters()), tc.BCEWithLogits()
        with tc.backend("numba"):
            for _ in range(2):
                model.train_step(x, y, loss, adam)
            tracemalloc.start()
            model.train_step(x, y, loss, adam)
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return most

    row = 32 * 32 * 3 * 4  # bytes of the input alone
    assert peak(40) - peak(8) < row


def test_a_step_calls_no_numpy_form_and_so_no_blas(rng, monkeypatch):
    """BLAS keeps its threads spinning after a product, on the cores that the kernels want."""
    from tinycnn.ops import numpy as reference
    from tinycnn.ops.numba import twins

    took = []

    def noted(name, function):
        return lambda *args: took.append(name) or function(*args)

    products = ("conv", "conv_backward", "dense", "dense_backward", "batch_statistics", "normalise_backward", "adam_step")
    for name in products:
        for module in (reference,) if name == "adam_step" else (reference, ops, twins):
            monkeypatch.setattr(module, name, noted(name, getattr(module, name)))
    model, (x, y) = build("reference", rng), data(rng)
    adam = tc.Adam(model.parameters())
    with tc.backend("numba"):
        model.train_step(x, y, tc.BCEWithLogits(), adam)
        model.predict(x)
    assert not took
    with tc.backend("numpy"):
        model.predict(x)
    assert "conv" in took, "the NumPy road is watched"


def test_memory_is_used_again(rng):
    from tinycnn.plan.training import TrainingPlan

    model = build("reference", rng, size=32)
    plan = TrainingPlan(model, 8)
    kept = 8 * 4 * sum(layer.activations() for layer in model.layers.values() if isinstance(layer, tc.Conv2D))
    assert plan.arena.size < 2.2 * kept  # the convolutions' outputs, and two gradients of the largest at a time


def test_batches_of_all_sizes_share_one_block(rng):
    model = build("reference", rng)
    with tc.backend("numba"):
        for rows, plans in ((8, 1), (5, 2), (12, 1), (8, 2), (12, 2)):  # a larger batch needs a larger block
            one_step(model, *data(rng, rows), lr=0.1)
            blocks = {id(plan.arena.block) for plan in model._runner.training}
            assert len(model._runner.training) == plans and len(blocks) == 1


def test_a_plan_follows_the_model(rng):
    model, (x, y) = build("reference", rng), data(rng)
    with tc.backend("numba"):
        first = model.predict(x)
        model.layers["dense_1"].params["bias"][...] += 1
        np.testing.assert_allclose(model.predict(x), first + 1, atol=1e-5)
        one_step(model, x, y, lr=0.1)
        after = model.predict(x)
        assert not np.allclose(after, first + 1, atol=1e-3)
        model.layers["batchnorm_1"].buffers["running_var"][...] *= 4
        assert not np.allclose(model.predict(x), after, atol=1e-3)
        before = model.layers["batchnorm_2"].buffers["running_mean"].copy()
        model.freeze("batchnorm_2")
        one_step(model, x, y)
        assert np.array_equal(before, model.layers["batchnorm_2"].buffers["running_mean"])
        model.unfreeze("batchnorm_2")
        one_step(model, x, y)
        assert not np.array_equal(before, model.layers["batchnorm_2"].buffers["running_mean"])
        model.build((9, 9, 3), seed=0)
        assert model.predict(x[:, :9, :9]).shape == (10, 1)


def test_a_copy_has_memory_of_its_own(rng):
    model, (x, y) = build("reference", rng), data(rng)
    with tc.backend("numba"):
        one_step(model, x, y)
        twin = copy.deepcopy(model)
        expected = model.predict(x)
        one_step(twin, x, y, lr=1.0)
        assert np.array_equal(model.predict(x), expected) and not np.array_equal(twin.predict(x), expected)


def test_capture_sees_a_training_step(rng):
    model, (x, y) = build("reference", rng), data(rng)
    with tc.backend("numba"), model.capture("conv2d_2", "batchnorm_1") as taps:
        one_step(model, x, y)
    assert taps["conv2d_2"].output.shape == taps["batchnorm_1"].grad.shape == (10, 13, 13, 16)


def test_a_layer_that_somebody_wrote_anew_is_run_as_it_is(rng):
    class Loud(tc.Conv2D):
        def forward(self, x, training, rng=None):
            return super().forward(x, training, rng) + 100

    model = tc.Sequential(Loud(16, 3), tc.ReLU()).build((5, 5, 16), seed=0)
    assert [item.kind for item in chain(model)] == ["foreign", "relu"]
    with tc.backend("numba"):
        assert (model.predict(np.zeros((2, 5, 5, 16), "float32")) == 100).all()


def test_a_method_that_somebody_wrote_anew_is_used(rng):
    class Noisy(tc.Dropout):
        def infer(self, x):
            return x + 1

    class Reversal(tc.Sequential):
        def backward(self, grad):
            return -super().backward(grad)

    model = tc.Sequential(tc.Conv2D(16, 3), Noisy(0.5), Reversal(tc.ReLU()), tc.Conv2D(16, 3)).build((5, 5, 16), seed=0)
    model.layers["conv2d_1"].forward = model.layers["conv2d_1"].forward
    assert [item.kind for item in chain(model)] == ["foreign", "foreign", "foreign", "conv"]


@pytest.mark.parametrize("method", ["forward", "backward"])
def test_a_layer_of_ones_own_must_keep_to_its_shape(method, rng):
    class Odd(Doubled):
        def forward(self, x, training, rng=None):
            y = super().forward(x, training, rng)
            return y[..., :1] if method == "forward" else y

        def backward(self, grad):
            return super().backward(grad)[..., :1]

    model = tc.Sequential(tc.Conv2D(16, 3), Odd(), tc.GlobalAvgPool(), tc.Dense(1)).build((5, 5, 16), seed=0)
    with tc.backend("numba"), pytest.raises(ValueError, match=f"odd_1: {method} gave shape"):
        one_step(model, np.ones((2, 5, 5, 16), "float32"), [0, 1])


def test_a_plan_follows_rates_that_change(rng):
    x, y = data(rng)
    for name, setting, value in (("dropout_1", "rate", 0.0), ("batchnorm_1", "momentum", 1.0), ("batchnorm_1", "eps", 1.0)):
        found = []
        for backend in ("numba", "numpy"):
            model = build("reference", np.random.default_rng(0))
            with tc.backend(backend):
                one_step(model, x, y)
                model.predict(x)
                setattr(model.layers[name], setting, value)
                found.append((one_step(model, x, y), model.predict(x)))
        np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-4, err_msg=setting)
        np.testing.assert_allclose(found[0][1], found[1][1], atol=1e-4, err_msg=setting)


def test_a_plan_follows_a_dropout_that_takes_to_whole_channels(rng):
    x, y = data(rng)
    found = []
    for backend in ("numba", "numpy"):
        model = tc.Sequential(tc.Conv2D(16, 3), tc.Dropout(0.5), tc.Flatten(), tc.Dense(1)).build((13, 13, 3), seed=1)
        dropout = model.layers["dropout_1"]
        with tc.backend(backend):
            found.append([])
            for dropout.channels in (False, True, False):
                found[-1].append(one_step(model, x, y))
    np.testing.assert_allclose(*found, rtol=1e-4)
    assert len(set(found[0])) == 3


def test_a_loss_may_keep_its_logits(rng):
    class Keeping(tc.BCEWithLogits):
        def __call__(self, logits, y, sample_weight=None):
            self.logits, self.then = logits, logits.copy()
            return super().__call__(logits, y, sample_weight)

    model, (x, y), loss = build("reference", rng), data(rng), Keeping()
    with tc.backend("numba"):
        model.train_step(x, y, loss, tc.SGD(model.parameters(), lr=0.1))
    assert np.array_equal(loss.logits, loss.then)


def test_backward_wants_a_forward_of_its_own(rng):
    model, (x, y) = build("reference", rng), data(rng)
    with tc.backend("numba"):
        model.forward(x)
        one_step(model, x, y)
        with pytest.raises(ValueError, match="no forward to go back through"):
            model.backward(np.ones((10, 1), "float32"))
        model.backward(model.forward(x))


def test_predicting_is_the_same_while_somebody_captures(rng):
    model, (x, _) = build("reference", rng), data(rng)
    with tc.backend("numba"):
        expected = model.predict(x)
        with model.capture():
            assert np.array_equal(model.predict(x), expected)


def test_one_value_a_channel_is_refused(rng):
    model = tc.Sequential(tc.Flatten(), tc.Dense(4), tc.BatchNorm(), tc.Dense(1)).build((2, 2, 1), seed=0)
    with tc.backend("numba"), pytest.raises(ValueError, match=r"batchnorm_1: .* one value a channel"):
        one_step(model, np.ones((1, 2, 2, 1), "float32"), [1])


def test_a_diverging_step_is_found_and_undone(rng):
    model, (x, y) = build("reference", rng), data(rng)
    with tc.backend("numba"):
        one_step(model, x, y, lr=0.1)
        before = model.get_state()
        with pytest.raises(tc.DivergenceError, match="the input x holds NaN"):
            one_step(model, np.where(x > 2, np.nan, x).astype("float32"), y)
    assert all(np.array_equal(array, before[name]) for name, array in model.get_state().items())


def test_threads_may_train_and_predict_at_once(rng):
    """Two threads, models of their own, and one shared for predicting: the same bits as one after the other."""
    x, y = data(rng, 16, 24)
    shared = build("residual", np.random.default_rng(1), size=24)

    def work(seed, results):
        with tc.backend("numba"):
            model = build("reference", np.random.default_rng(seed), size=24)
            adam = tc.Adam(model.parameters())
            for _ in range(6):
                model.train_step(x, y, tc.BCEWithLogits(), adam)
                results[seed].append(shared.predict(x[: 4 + seed]))
            results[seed].append(model.store.values.copy())

    alone, together = [[], [], []], [[], [], []]
    for seed in range(3):
        work(seed, alone)
    threads = [threading.Thread(target=work, args=(seed, together)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for mine, theirs in zip(together, alone, strict=True):
        assert len(mine) == len(theirs) == 7
        assert all(map(np.array_equal, mine, theirs))


def test_the_table_says_what_is_computed_together(monkeypatch):
    monkeypatch.delenv("TINYCNN_WINOGRAD", raising=False)
    model = tc.Sequential(*MODELS["residual"](), tc.Dense(1)).build((13, 13, 3), seed=0)
    names = {id(layer): name for name, layer in model.layers.items()}
    places = {names[key]: place for key, place in placement(model).items() if key in names}
    assert places["conv2d_1"] == "direct" and places["batchnorm_1"] == "with conv2d_1" and places["relu_1"] == "with batchnorm_1"
    assert places["relu_2"] == "with residual_1"
    assert "winograd" in model.summary() and "with batchnorm_1" in model.summary()
    monkeypatch.setenv("TINYCNN_WINOGRAD", "0")
    assert "winograd" not in model.summary()
