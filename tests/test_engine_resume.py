"""An optimizer's state: a run that was stopped and taken up again ends with the bits of one that was not."""

import re

import numpy as np
import pytest

import tinycnn as tc

OPTIMIZERS = {
    "sgd": lambda p, lr: tc.SGD(p, lr, momentum=0.9, weight_decay=0.01, clip_norm=0.5),
    "adam": lambda p, lr: tc.Adam(p, lr, weight_decay=0.01),
    "adamw": lambda p, lr: tc.AdamW(p, lr, weight_decay=0.1, clip_norm=0.5),
}


def layers():
    return (
        *(tc.Conv2D(4, 3, bias=False), tc.BatchNorm(), tc.ReLU(), tc.Conv2D(4, 3), tc.ReLU()),
        *(tc.GlobalAvgPool(), tc.Dropout(0.3), tc.Dense(2)),
    )


def batches(rng, count):
    return [(rng.standard_normal((6, 8, 8, 1)).astype("float32"), rng.integers(0, 2, 6)) for _ in range(count)]


def train(model, optimizer, steps):
    return [model.train_step(x, y, tc.SoftmaxCrossEntropy(), optimizer) for x, y in steps]


def same(mine, theirs):
    assert set(mine) == set(theirs)
    for name, array in mine.items():
        np.testing.assert_array_equal(array, theirs[name], err_msg=name)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_resumed_run_ends_with_the_bits_of_an_uninterrupted_one(kind, backend, rng, tmp_path):
    """With a schedule, clipping, dropout and running statistics, through files."""
    make, schedule, steps = OPTIMIZERS[kind], tc.CosineWarmup(0.05, total=8, warmup=2), batches(rng, 8)
    with tc.backend(backend):
        model = tc.Sequential(*layers()).build((8, 8, 1), seed=3)
        optimizer = make(model.parameters(), schedule)
        train(model, optimizer, steps[:4])
        tc.save(tmp_path / "model.npz", model)
        np.savez(tmp_path / "optimizer.npz", **optimizer.get_state())
        straight = train(model, optimizer, steps[4:])

        again = tc.load(tmp_path / "model.npz")
        resumed = make(again.parameters(), schedule)
        with np.load(tmp_path / "optimizer.npz", allow_pickle=False) as state:
            resumed.set_state(dict(state))
        assert (resumed.steps, again.steps) == (4, 4)
        assert train(again, resumed, steps[4:]) == straight
    same(again.get_state(), model.get_state())
    same(resumed.get_state(), optimizer.get_state())
    assert resumed.lr == optimizer.lr


def test_without_the_optimizers_state_it_would_not():
    """So that the test above can fail."""
    rng = np.random.default_rng(1)
    model, steps = tc.Sequential(*layers()).build((8, 8, 1)), batches(rng, 6)
    optimizer = tc.Adam(model.parameters())
    train(model, optimizer, steps[:3])
    twin = tc.Sequential(*layers()).build((8, 8, 1))
    twin.set_state(model.get_state())
    twin.steps = model.steps
    train(model, optimizer, steps[3:])
    train(twin, tc.Adam(twin.parameters()), steps[3:])
    assert not np.array_equal(twin.built().values, model.built().values)


def test_the_state_is_a_copy_by_name(rng):
    model = tc.Sequential(tc.Dense(3), tc.Dense(2)).build((4,))
    optimizer = tc.Adam(model.parameters())
    model.train_step(rng.standard_normal((5, 4)), rng.integers(0, 2, 5), tc.SoftmaxCrossEntropy(), optimizer)
    state = optimizer.get_state()
    names = {f"{slot}.dense_{i}.{key}" for slot in ("first", "second") for i in (1, 2) for key in ("weight", "bias")}
    assert set(state) == names | {"steps"} and state["steps"] == 1
    np.testing.assert_allclose(state["first.dense_1.weight"], 0.1 * model.layers["dense_1"].grads["weight"], rtol=1e-5)
    state["first.dense_1.weight"][...] = 7
    assert not (optimizer.get_state()["first.dense_1.weight"] == 7).any()


def test_an_optimizer_of_some_of_the_parameters_has_their_state_alone():
    model = tc.Sequential(tc.Dense(3), tc.Dense(2)).build((4,))
    head = [p for p in model.parameters() if p.name.startswith("dense_2")]
    assert set(tc.SGD(head, 0.1).get_state()) == {"steps", "velocity.dense_2.weight", "velocity.dense_2.bias"}


BAD = [
    (lambda s: s.pop("steps"), "SGD: the state does not fit: missing ['steps'], unknown []"),
    (lambda s: s.pop("velocity.dense_1.bias"), "missing ['velocity.dense_1.bias']"),
    (lambda s: s.update(first=np.zeros(3)), "unknown ['first']"),
    (lambda s: s.update(steps=-1), "steps is -1"),
    (lambda s: s.update(steps=1.0), "steps is 1.0"),
    (lambda s: s.update(steps=True), "steps is True"),
    (lambda s: s.update(steps=np.array([1])), "steps is array([1])"),
    (
        lambda s: s.update({"velocity.dense_1.weight": np.zeros((2, 4), "float32")}),
        "velocity.dense_1.weight has shape (4, 2) and dtype float32, the state's has (2, 4) and float32",
    ),
    (lambda s: s.update({"velocity.dense_1.bias": np.zeros(2)}), "the state's has (2,) and float64"),
]


@pytest.mark.parametrize(("spoil", "says"), BAD, ids=[says for _, says in BAD])
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(spoil, says, rng):
    model = tc.Sequential(tc.Dense(2)).build((4,))
    optimizer = tc.SGD(model.parameters(), 0.1, momentum=0.9)
    model.train_step(rng.standard_normal((5, 4)), rng.integers(0, 2, 5), tc.SoftmaxCrossEntropy(), optimizer)
    before = optimizer.get_state()
    state = {name: value + 1 for name, value in before.items()}
    spoil(state)
    with pytest.raises(ValueError, match=re.escape(says)):
        optimizer.set_state(state)
    same(optimizer.get_state(), before)
