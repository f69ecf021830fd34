"""Every public optimizer, loss, schedule and initialiser keeps its contract; the lists here are asserted complete."""

import importlib
import inspect
import math
import re
from pathlib import Path

import numpy as np
import pytest

import tinycnn as tc

ROOT = Path(__file__).parents[1]
OPTIMIZERS = {  # with settings that leave none of their paths out
    "SGD": [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}],
    "Adagrad": [{}],
    "Adadelta": [{"lr": 10.0}],
    "RMSprop": [{}, {"momentum": 0.5}, {"momentum": 0.5, "centered": True}],
    "Adam": [{}],
    "AdamW": [{}],
}
CASES = [(name, how) for name, hows in OPTIMIZERS.items() for how in hows]
EVERY_OPTIMIZER = pytest.mark.parametrize(("name", "how"), CASES, ids=[f"{name} {how}" for name, how in CASES])
LOSSES = {"BCEWithLogits": 1, "SoftmaxCrossEntropy": 3, "FocalLoss": 3, "MSE": 3}  # with a number of outputs
SCHEDULES = {
    "StepDecay": lambda: tc.StepDecay(0.1, every=2),
    "CosineWarmup": lambda: tc.CosineWarmup(0.1, total=6, warmup=2),
    "OneCycle": lambda: tc.OneCycle(0.1, total=6),
    "ReduceOnPlateau": lambda: tc.ReduceOnPlateau(0.1, patience=0),
}
INITIALISERS = {"he", "glorot", "lecun", "orthogonal", "zeros", "ones", "constant"}


def public(of):
    """Names of all public classes of a kind, and of those that only its module has."""
    found = {name for name in tc.__all__ if inspect.isclass(getattr(tc, name)) and issubclass(getattr(tc, name), of)}
    module = importlib.import_module(of.__module__)
    hidden = {name for name, kind in vars(module).items() if inspect.isclass(kind) and issubclass(kind, of)}
    assert hidden == found, f"not public: {hidden ^ found}"
    return found - {of.__name__}


def test_the_lists_are_complete():
    assert set(OPTIMIZERS) == public(tc.Optimizer)
    assert set(LOSSES) == public(tc.Loss)
    own = {name for name, kind in vars(tc.schedules).items() if inspect.isclass(kind) and kind.__module__ == "tinycnn.schedules"}
    assert set(SCHEDULES) == own and own <= set(tc.__all__)
    found = {name for name, kind in vars(tc.init).items() if getattr(kind, "__module__", "") == "tinycnn.init"}
    assert INITIALISERS == {name for name in found if not name.startswith("_")}


# Against PyTorch


def test_golden_updates(monkeypatch):
    """60 random runs, each of 5 steps, in PyTorch's numbers; benchmarks/random_updates.py made them, and compares hundreds."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from random_updates import apart, case, ours

    used = set()
    with np.load(ROOT / "tests" / "golden" / "updates.npz", allow_pickle=False) as golden:
        numbers = [int(name.removeprefix("case_")) for name in golden if name.startswith("case_")]
        for number in numbers:
            drawn = case(number)
            used |= {drawn["optimizer"][0], drawn["loss"][0]}
            assert apart(ours(drawn), golden[f"case_{number}"]) < 1e-9, drawn["optimizer"]
    assert len(numbers) == 60 and used == set(OPTIMIZERS) | set(LOSSES)


def test_plateau_is_pytorchs():
    with np.load(ROOT / "tests" / "golden" / "plateau.npz", allow_pickle=False) as golden:
        for mode in ("min", "max"):
            schedule = tc.ReduceOnPlateau(0.1, factor=0.5, patience=2, threshold=0.01, cooldown=2, floor=0.004, mode=mode)
            found = [schedule.observe(value) for value in golden[f"{mode}_values"]]
            np.testing.assert_allclose(found, golden[f"{mode}_rates"], rtol=1e-12)
            assert len(set(found)) > 3


# Optimizers


def model_with(value=1.0, grad=0.0, dtype="float64"):
    """A conv, a norm and a dense layer with every value and every gradient the same."""
    model = tc.Sequential(tc.Conv2D(2, 1), tc.BatchNorm(), tc.GlobalAvgPool(), tc.Dense(1)).build((2, 2, 1), dtype=dtype)
    model.built().values[...], model.built().grads[...] = value, grad
    return model


def make(name, how, model, **more):
    return getattr(tc, name)(model.parameters(), **{"lr": 0.01, **how, **more})


@EVERY_OPTIMIZER
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_the_loss_falls(name, how, backend, rng):
    x = rng.standard_normal((40, 5)).astype("float32")
    y = (x[:, 0] > x[:, 1]).astype(int)
    model = tc.Sequential(tc.Dense(8), tc.ReLU(), tc.Dense(1)).build((5,), seed=1)
    optimizer = make(name, how, model, clip_norm=5.0)
    with tc.backend(backend):
        values = [model.train_step(x, y, tc.BCEWithLogits(), optimizer) for _ in range(60)]
    assert values[-1] < 0.9 * values[0]


@EVERY_OPTIMIZER
def test_the_twin_does_what_the_readable_form_does(name, how, rng):
    grads, found = rng.standard_normal((4, 12)).astype("float32"), []
    for backend in ("numpy", "numba"):
        model = model_with(dtype="float32")
        optimizer = make(name, how, model, weight_decay=0.1, clip_norm=1.0)
        with tc.backend(backend):
            for grad in grads:
                model.built().grads[...] = grad[: model.built().grads.size]
                optimizer.step()
        found.append(model.built().values)
    np.testing.assert_allclose(found[0], found[1], rtol=2e-5)


@EVERY_OPTIMIZER
def test_frozen_parameters_stand_still_and_others_move_at_their_own_rate(name, how):
    model, twin = model_with(grad=0.5), model_with(grad=0.5)
    model.freeze("conv2d_1")
    model.scale_lr(0.5, "dense_1")
    make(name, how, model, weight_decay=0.0).step()
    make(name, how, twin, weight_decay=0.0).step()
    mine, full = ({p.name: p.value - 1 for p in m.parameters()} for m in (model, twin))
    assert not mine["conv2d_1.weight"].any() and full["conv2d_1.weight"].all()
    np.testing.assert_allclose(mine["dense_1.weight"], full["dense_1.weight"] / 2, rtol=1e-12)


@EVERY_OPTIMIZER
def test_a_state_resumes_bit_for_bit(name, how, rng, tmp_path):
    grads = rng.standard_normal((6, 11))

    def walk(model, optimizer, steps):
        for grad in steps:
            model.built().grads[...] = grad[: model.built().grads.size]
            optimizer.step()

    model = model_with()
    optimizer = make(name, how, model, weight_decay=0.1)
    walk(model, optimizer, grads[:3])
    np.savez(tmp_path / "state.npz", **optimizer.get_state())
    again = model_with()
    again.set_state(model.get_state())
    resumed = make(name, how, again, weight_decay=0.1)
    with np.load(tmp_path / "state.npz", allow_pickle=False) as state:
        resumed.set_state(dict(state))
    walk(model, optimizer, grads[3:])
    walk(again, resumed, grads[3:])
    assert np.array_equal(again.built().values, model.built().values)


@EVERY_OPTIMIZER
def test_arguments_have_the_same_names_and_are_checked(name, how):
    kind = getattr(tc, name)
    names = list(inspect.signature(kind).parameters)
    assert names[:2] == ["parameters", "lr"] and names[-2:] == ["weight_decay", "clip_norm"]
    for bad in ({"lr": -1}, {"lr": math.nan}, {"weight_decay": -1}, {"clip_norm": 0}):
        with pytest.raises(ValueError, match=re.escape(f"{name}: {next(iter(bad))}=")):
            make(name, how, model_with(), **bad)
    for share in {"momentum", "rho", "alpha"} & set(names):
        with pytest.raises(ValueError, match=f"{name}: {share}=1"):
            kind(model_with().parameters(), lr=0.1, **{share: 1})
    if "eps" in names:
        with pytest.raises(ValueError, match=f"{name}: eps=-1"):
            kind(model_with().parameters(), lr=0.1, eps=-1)


def test_nesterov_by_hand():
    """Velocities 1 and 1.5; the steps look one ahead: 1 + 0.5 * 1, and 1 + 0.5 * 1.5."""
    model = model_with(grad=1.0)
    optimizer = tc.SGD(model.parameters(), lr=0.1, momentum=0.5, nesterov=True)
    seen = []
    for _ in range(2):
        optimizer.step()
        seen.append(float(model.built().values[0]))
    assert seen == pytest.approx([1 - 0.15, 1 - 0.15 - 0.175])
    with pytest.raises(ValueError, match="SGD: nesterov looks ahead along the momentum"):
        tc.SGD(model.parameters(), lr=0.1, nesterov=True)


def test_first_steps_by_hand():
    """Adagrad: lr * g / |g|. RMSprop: lr * g / (sqrt(0.1) * |g|). Adadelta: sqrt(eps) / sqrt(0.1 * g^2 + eps) * g."""
    for name, how, step in (
        ("Adagrad", {"lr": 0.5, "eps": 0}, 0.5),
        ("RMSprop", {"lr": 0.5, "alpha": 0.9, "eps": 0}, 0.5 / math.sqrt(0.1)),
        ("RMSprop", {"lr": 0.5, "alpha": 0.9, "eps": 0, "centered": True}, 0.5 * 2 / math.sqrt(0.1 * 4 - 0.04)),
        ("Adadelta", {"lr": 1.0, "rho": 0.9, "eps": 0.01}, 0.1 / math.sqrt(0.1 * 4 + 0.01) * 2),
    ):
        model = model_with(grad=2.0)
        make(name, how, model).step()
        assert model.built().values == pytest.approx(np.full(len(model.built().values), 1 - step)), name


# Losses


@pytest.mark.parametrize(("name", "outputs"), LOSSES.items())
def test_a_loss_weighs_rows_and_never_broadcasts(name, outputs, rng):
    loss, z = getattr(tc, name)(), rng.standard_normal((4, outputs))
    y = loss.example_labels(rng, z.shape)
    value, grad = loss(z, y, [2, 0, 1, 1])
    rows = [0, 0, 2, 3]
    assert value == pytest.approx(loss(z[rows], y[rows])[0]) and not grad[1].any() and grad.shape == z.shape
    assert loss.total_weight(z, y, [2, 0, 1, 1]) == 4 and loss.total_weight(z, y) == 4
    for bad in (y[:-1], y[None], y[..., None, None], np.ones((4, 7)), 1.0):
        with pytest.raises(ValueError, match=f"{name}: got labels of shape"):
            loss(z, bad)
    with pytest.raises(ValueError, match=f"{name}: the weights sum to 0"):
        loss(z, y, [0, 0, 0, 0])
    with pytest.raises(ValueError, match=f"{name}: sample_weight has shape"):
        loss(z, y, np.ones((4, 1)))


def test_class_weights_count_in_the_total():
    loss = tc.SoftmaxCrossEntropy(class_weight=[1, 3])
    assert loss.total_weight(np.zeros((3, 2)), [0, 1, 1]) == 7
    assert loss.total_weight(np.zeros((3, 2)), [0, 1, 1], [2, 1, 0]) == 5


def test_mse_by_hand():
    """Rows' means of squares 1/2 * (1 + 9) and 1/2 * (0 + 4), then their mean."""
    z, y = np.array([[1.0, 5.0], [2.0, 2.0]]), np.array([[0.0, 2.0], [2.0, 4.0]])
    value, grad = tc.MSE()(z, y)
    assert value == pytest.approx((5 + 2) / 2) and grad == pytest.approx(np.array([[0.5, 1.5], [0, -1]]))
    one = np.array([[1.0], [3.0]])
    for labels in ([0, 1], [[0], [1]]):
        assert tc.MSE()(one, labels)[0] == pytest.approx((1 + 4) / 2)


@pytest.mark.parametrize(
    ("z", "y", "says"),
    [
        (np.zeros((3, 2)), np.zeros(3), "MSE: got labels of shape (3,); it needs (3, 2)"),
        (np.zeros((3, 2)), np.zeros((3, 1)), "MSE: got labels of shape (3, 1); it needs (3, 2)"),
        (np.zeros((3, 1)), np.zeros((1, 3)), "it needs (3, 1) or (3,)"),
        (np.zeros((3, 0)), np.zeros((3, 0)), "at least one a row"),
        (np.zeros((3, 1)), [0, 1, np.nan], "labels must be finite"),
        (np.zeros(3), np.zeros(3), "it needs (N, K)"),
    ],
)
def test_mse_refuses_what_does_not_fit(z, y, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        tc.MSE()(z, y)


# Schedules


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_gives_finite_rates_to_an_optimizer(name):
    model = model_with(grad=1.0)
    schedule = SCHEDULES[name]()
    optimizer = tc.SGD(model.parameters(), lr=schedule)
    for step in range(6):
        optimizer.step()
        assert optimizer.lr == schedule(step) and 0 <= optimizer.lr <= 0.1
    assert np.isfinite(model.built().values).all()


def test_a_plateau_by_hand():
    """Better by 10 % or it does not count; one look is waited for, one is skipped after a reduction."""
    schedule = tc.ReduceOnPlateau(0.8, factor=0.5, patience=1, threshold=0.1, cooldown=1, floor=0.15)
    rates = [schedule.observe(value) for value in (1.0, 0.95, 0.95, math.nan, 0.95, 0.95, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5)]
    assert rates == pytest.approx([0.8, 0.8, 0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.15, 0.15, 0.15, 0.15][: len(rates)])
    assert schedule(0) == schedule(10**6) == rates[-1]


def test_a_plateau_resumes_through_the_optimizers_state(tmp_path):
    def run(model, optimizer, schedule, values):
        for value in values:
            optimizer.step()
            schedule.observe(value)

    model, schedule = model_with(grad=0.1), tc.ReduceOnPlateau(0.1, patience=1)
    optimizer = tc.Adam(model.parameters(), lr=schedule)
    run(model, optimizer, schedule, [1.0, 2.0])
    np.savez(tmp_path / "state.npz", **optimizer.get_state())
    twin, again = model_with(grad=0.1), tc.ReduceOnPlateau(0.1, patience=1)
    twin.set_state(model.get_state())
    resumed = tc.Adam(twin.parameters(), lr=again)
    with np.load(tmp_path / "state.npz", allow_pickle=False) as state:
        resumed.set_state(dict(state))
    run(model, optimizer, schedule, [2.0, 2.0, 2.0])
    run(twin, resumed, again, [2.0, 2.0, 2.0])
    assert again.state.tolist() == schedule.state.tolist() and again(0) == pytest.approx(0.01 * 0.1)
    assert np.array_equal(twin.built().values, model.built().values)
    fixed = tc.Adam(twin.parameters(), lr=0.1)
    with pytest.raises(ValueError, match=r"unknown \['schedule'\]"):
        fixed.set_state(optimizer.get_state())


@pytest.mark.parametrize(
    "how",
    [{"factor": 1}, {"patience": -1}, {"patience": 1.5}, {"threshold": 1}, {"floor": 0.2}, {"mode": "least"}, {"lr": 0}],
)
def test_a_plateau_that_makes_no_sense_is_refused(how):
    with pytest.raises(ValueError, match=next(iter(how))):
        tc.ReduceOnPlateau(**{"lr": 0.1, **how})


# The range test


def trained(rng, **how):
    model = tc.Sequential(tc.Dense(8), tc.BatchNorm(), tc.ReLU(), tc.Dropout(0.2), tc.Dense(2)).build((4,), seed=3)
    x = rng.standard_normal((3, 16, 4)).astype("float32")
    batches = [(some, (some[:, 0] > 0).astype(int)) for some in x]
    optimizer = tc.Adam(model.parameters(), lr=0.01, **how)
    for x, y in batches:
        model.train_step(x, y, tc.SoftmaxCrossEntropy(), optimizer)
    return model, batches, optimizer


def test_the_range_test_finds_where_the_loss_blows_up_and_leaves_no_trace(rng):
    model, batches, optimizer = trained(rng)
    loss = tc.SoftmaxCrossEntropy()
    state, before = optimizer.get_state(), model.get_state()
    store = model.built()
    arrays = [store.grads.copy(), store.good.copy()]
    rates, losses = tc.lr_range_test(model, batches, loss, tc.SGD(model.parameters(), lr=0.1), 1e-4, 1e5, steps=80)
    assert 3 < len(rates) == len(losses) < 80 and rates[0] == pytest.approx(1e-4) and np.isfinite(losses).all()
    assert losses[:3].mean() < 2 < losses.max()
    rates, losses = tc.lr_range_test(model, batches, loss, optimizer, 1e-4, 1e-1, steps=7)
    assert rates == pytest.approx(1e-4 * 10 ** (np.arange(7) / 2)) and len(losses) == 7
    assert all(np.array_equal(array, model.get_state()[name]) for name, array in before.items())
    assert all(np.array_equal(array, optimizer.get_state()[name]) for name, array in state.items())
    assert np.array_equal(store.grads, arrays[0]) and np.array_equal(store.good, arrays[1])
    assert (optimizer.schedule, optimizer.lr, model.steps) == (None, 0.01, 3)


def test_the_range_test_goes_on_from_the_same_numbers(rng):
    found = []
    for tested in (False, True):
        model, batches, optimizer = trained(np.random.default_rng(4))
        if tested:
            tc.lr_range_test(model, iter(batches), tc.SoftmaxCrossEntropy(), optimizer, steps=50)
        found.append([model.train_step(x, y, tc.SoftmaxCrossEntropy(), optimizer) for x, y in batches])
    assert found[0] == found[1]


def test_the_range_test_refuses_what_makes_no_sense(rng):
    model, batches, optimizer = trained(rng)
    for how, says in (({"low": 0}, "low=0"), ({"low": 2.0}, "low=2.0"), ({"steps": 1}, "steps=1"), ({"stop": 1}, "stop=1")):
        with pytest.raises(ValueError, match=says):
            tc.lr_range_test(model, batches, tc.SoftmaxCrossEntropy(), optimizer, **how)
    with pytest.raises(ValueError, match="got no batch"):
        tc.lr_range_test(model, [], tc.SoftmaxCrossEntropy(), optimizer)


# Initialisers


@pytest.mark.parametrize("shape", [(64, 32), (32, 64), (3, 3, 8, 16), (1, 1, 4, 40)])
def test_orthogonal_columns_or_rows(shape, rng):
    weight = tc.init.orthogonal(rng, shape, gain=2.0)
    assert weight.shape == shape
    matrix = weight.reshape(-1, shape[-1]) / 2
    product = matrix.T @ matrix if len(matrix) >= shape[-1] else matrix @ matrix.T
    np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-12)


def test_orthogonal_is_drawn_evenly(rng):
    """Without the signs the first entry would never be positive (Householder's convention), or always."""
    first = [tc.init.orthogonal(rng, (4, 4))[0, 0] for _ in range(200)]
    assert 0.3 < np.mean(np.array(first) > 0) < 0.7


def test_lecun_and_constant(rng):
    weight = tc.init.lecun(rng, (3, 3, 50, 200))
    assert weight.std() == pytest.approx(math.sqrt(1 / 450), rel=0.02) and abs(weight.mean()) < 1e-3
    layer = tc.Dense(3, initialiser=tc.init.constant(0.25)).build((2,))
    assert (layer.params["weight"] == 0.25).all() and not layer.params["bias"].any()
    with pytest.raises(ValueError, match="constant: value=nan"):
        tc.init.constant(math.nan)
