"""Training: nothing leaks into what is learned, the best epoch is the one kept, and a seed is a promise."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trained import SMALL, clouds, process, small_run

import tinycnn as tc
from bcdetect import metrics
from bcdetect.batches import batches
from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.errors import InputError, TrainingError
from bcdetect.models import tabular_cnn
from bcdetect.preprocessing import Standardiser
from bcdetect.recipe import class_weights, make_loss
from bcdetect.training import Trainer, Watch, to_csv, train_classifier
from tinycnn.bundle import read_arrays

FAST = replace(SMALL, epochs=2)


def same_state(one, other):
    return all(np.array_equal(one[name], other[name]) for name in one)


def test_only_the_training_part_is_fitted_to():
    run = small_run()
    train, validation, test = run.parts.values()
    expected = run.data.x[train]
    np.testing.assert_allclose(run.classifier.preprocessing.mean, expected.mean(axis=0))
    np.testing.assert_allclose(run.classifier.preprocessing.std, expected.std(axis=0))
    before, _ = train_classifier(run.data, train, validation, FAST)
    x, y = run.data.x.copy(), run.data.y.copy()
    x[test], y[test] = x[test] * 3 + 1, 1 - y[test]
    after, _ = train_classifier(replace(run.data, x=x, y=y), train, validation, FAST)
    assert same_state(before.models[0].get_state(), after.models[0].get_state())
    x[validation] *= 2
    after, _ = train_classifier(replace(run.data, x=x, y=y), train, validation, FAST)
    np.testing.assert_array_equal(after.preprocessing.mean, before.preprocessing.mean)
    np.testing.assert_array_equal(after.preprocessing.std, before.preprocessing.std)


def fitted_to(x):
    return Standardiser.fit(replace(clouds((1, 1)), x=x), np.arange(len(x)))


@pytest.mark.parametrize("constant", [0.0, 0.1, -1e6 / 3])  # the mean of 0.1s is not 0.1, and their deviation not 0
def test_a_constant_feature_says_nothing_and_breaks_nothing(constant):
    fitted = fitted_to(np.column_stack([np.linspace(0, 1, 357), np.full(357, constant)]))
    z = fitted.scaled(np.array([[0.5, constant], [0.5, constant + 1]]))
    np.testing.assert_allclose(z[:, 1], [0, 1], atol=1e-6)


def test_values_far_beyond_the_training_part_are_marked():
    fitted = fitted_to(np.array([[0.0, 1.0], [2.0, 3.0]]))
    x = np.array([[1.0, 2.0], [np.nan, 2.0], [np.inf, 1e20], [-1e12, 2.0], [1e6, 2.0], [1e308, -1e308]])
    assert fitted.beyond(x).tolist() == [[False, False], [True, False], [True, True], [True, False], [False, False], [True, True]]


@pytest.mark.parametrize("row", range(0, 90, 6))
@pytest.mark.parametrize("value", [1e45, -1e300])
def test_a_value_that_would_drown_the_others_is_refused_wherever_it_stands(row, value):
    data = clouds((50, 40))
    x = data.x.copy()
    x[row, 2] = value
    train, validation = np.arange(0, 90, 2), np.arange(1, 90, 6)  # some rows are in neither: they are the test part
    if row in train and value == 1e45:
        return  # an outlier among the rows that the scale is learned from only makes the feature useless
    with pytest.raises(InputError, match=rf"clouds\.csv: row {row + 1}, column 'f2'"):
        train_classifier(replace(data, x=x), train, validation, FAST)


class Arrays:
    """Rows that are preprocessed already."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.y)

    def inputs(self, chosen):
        return self.x[chosen]

    def chunks(self):
        return [np.arange(len(self))]


def noisy_fit(config, seed=0):
    """Train where the validation part's labels are turned round, so that learning makes it worse; every epoch's state."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((60, 6, 1, 1)).astype(np.float32)
    y = (x[:, 0, 0, 0] > 0).astype(int)
    model, states = tabular_cnn(config, 6, 2), []
    trainer = Trainer(model, Arrays(x[:40], y[:40]), Arrays(x[40:], 1 - y[40:]), config)
    trainer.run(Watch(on_epoch=lambda row, left: states.append(model.get_state())))
    return model, trainer.history, states


def test_early_stopping_brings_back_a_copy_of_the_best_weights():
    model, history, states = noisy_fit(replace(SMALL, epochs=50, patience=4, schedule="constant"))
    losses = history.columns["validation_loss"]
    assert history.best_epoch == int(np.argmin(losses)) + 1
    assert len(losses) == history.best_epoch + 4 < 50
    assert same_state(states[history.best_epoch - 1], model.get_state())
    assert not same_state(states[-1], model.get_state())


def test_nothing_is_left_after_an_epoch_that_ends_the_training_early():
    rng, left = np.random.default_rng(0), []
    x, y = rng.standard_normal((60, 6, 1, 1)).astype(np.float32), np.arange(60) % 2
    config = replace(SMALL, epochs=50, patience=2, schedule="constant")
    trainer = Trainer(tabular_cnn(config, 6, 2), Arrays(x[:40], y[:40]), Arrays(x[40:], 1 - y[40:]), config)
    trainer.run(Watch(on_epoch=lambda row, seconds: left.append(seconds)))
    assert len(left) < 50 and all(seconds > 0 for seconds in left[:-1]) and left[-1] == 0


def test_the_history_reads_back_from_its_csv():
    _, history, _ = noisy_fit(replace(SMALL, epochs=3))
    header, *rows = to_csv([history]).splitlines()
    assert header == "epoch,loss,lr,validation_loss,validation_auc"
    np.testing.assert_array_equal(np.array([row.split(",") for row in rows], float)[:, 3], history.columns["validation_loss"])


def test_class_weights_make_every_class_weigh_the_same():
    y = np.array([0] * 6 + [1] * 3 + [2])
    weights = class_weights(y, 3)
    np.testing.assert_allclose(weights * np.bincount(y), [10 / 3] * 3)
    for head in ("sigmoid", "softmax"):
        config = replace(SMALL, balance="weights", head=head)
        model = tabular_cnn(config, 4, 2)
        z = np.zeros((4, model.output_shape[0]), np.float32)
        _, grad = make_loss(config, z.shape[1], np.array([0, 0, 0, 1]))(z, np.array([0, 0, 0, 1]))
        assert abs(grad[:, -1]).tolist()[3] == pytest.approx(3 * abs(grad[0, -1]), rel=1e-5)
        _, plain = make_loss(replace(config, balance="none"), z.shape[1], np.array([0, 0, 0, 1]))(z, np.array([0, 0, 0, 1]))
        assert abs(plain[3, -1]) == pytest.approx(abs(plain[0, -1]))


def test_the_validation_loss_that_chooses_the_epoch_is_unweighted():
    data = clouds((40, 12), features=3)
    classifier, (history,) = train_classifier(
        data, np.r_[0:30, 40:49], np.r_[30:40, 49:52], replace(SMALL, epochs=1, balance="weights")
    )
    rows = np.r_[30:40, 49:52]
    p = classifier.predict_proba(data.x[rows])[np.arange(13), data.y[rows]]
    assert history.columns["validation_loss"][0] == pytest.approx(-np.log(p).mean(), rel=1e-5)


@pytest.mark.parametrize("balance", ["none", "oversample"])
def test_over_sampling_balances_the_training_part_alone(balance, monkeypatch):
    data, seen, judged = clouds((40, 12), features=3), [], []
    step, predict = tc.Sequential.train_step, tc.Sequential.predict
    monkeypatch.setattr(tc.Sequential, "train_step", lambda self, x, y, *a: seen.append((x, y)) or step(self, x, y, *a))
    monkeypatch.setattr(tc.Sequential, "predict", lambda self, x: judged.append(len(x)) or predict(self, x))
    train, validation = np.r_[0:30, 40:49], np.r_[30:40, 49:52]
    classifier, _ = train_classifier(data, train, validation, replace(SMALL, epochs=1, balance=balance))
    counts = np.bincount(np.concatenate([y for _, y in seen])).tolist()
    assert counts == ([30, 30] if balance == "oversample" else [30, 9])
    assert judged == [13]
    drawn = {x.tobytes() for batch, _ in seen for x in batch}
    assert drawn == {x.tobytes() for x in classifier.preprocessing.transform(data.x[train])}


@pytest.mark.parametrize("head", ["sigmoid", "softmax"])
@pytest.mark.parametrize("balance", ["none", "weights", "oversample"])
def test_both_heads_learn(head, balance):
    run = small_run()
    train, validation, test = run.parts.values()
    config = replace(SMALL, head=head, balance=balance)
    classifier, (history,) = train_classifier(run.data, train, validation, config)
    p = classifier.predict_proba(run.data.x[test])
    assert p.shape == (len(test), 2) and metrics.roc_auc_score(run.data.y[test], p[:, 1]) > 0.97
    assert classifier.models[0].output_shape == ((1,) if head == "sigmoid" else (2,))
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    assert history.columns["loss"][-1] < history.columns["loss"][0]


@pytest.mark.parametrize("optimizer, lr", [("adam", 1e-2), ("adamw", 1e-2), ("sgd", 0.05)])
@pytest.mark.parametrize("schedule", ["cosine", "step", "constant"])
def test_three_classes_are_learned_by_every_optimizer(optimizer, lr, schedule):
    data = clouds((40, 50, 30), apart=4)
    rows = np.random.default_rng(0).permutation(120)
    plain = {"filters": (8,), "units": 0, "dropout": 0.1, "weight_decay": 0.0, "batch_size": 8}
    config = replace(SMALL, epochs=15, optimizer=optimizer, lr=lr, schedule=schedule, **plain)
    classifier, (history,) = train_classifier(data, rows[:60], rows[60:90], config)
    p = classifier.predict_proba(data.x[rows[90:]])
    assert p.shape == (30, 3) and (classifier.decide(p) == data.y[rows[90:]]).mean() > 0.8
    rates = history.columns["lr"]
    assert (rates[-1] == rates[0] == lr) if schedule == "constant" else (rates[-1] < lr / 5 and max(rates) <= lr * 1.0001)


@given(st.integers(1, 300), st.integers(2, 64))
def test_batches_cover_every_row_once_and_none_has_one_row(count, size):
    parts = [list(range(count))[batch] for batch in batches(count, size)]
    assert [row for part in parts for row in part] == list(range(count))
    assert all(1 < len(part) <= size + 1 for part in parts) or count == 1


def test_a_training_part_that_leaves_one_row_over_trains():
    data = clouds((30, 30), features=2)
    rows = np.random.default_rng(0).permutation(60)
    classifier, (history,) = train_classifier(data, rows[:33], rows[33:], replace(SMALL, epochs=1, batch_size=32))
    assert np.isfinite(history.columns["loss"]).all() and classifier.models[0].steps == 1, "one batch of 33"
    assert np.isfinite(classifier.predict_proba(data.x)).all()


def test_divergence_is_an_error_of_its_own():
    run = small_run()
    with pytest.raises(TrainingError, match="diverged at step") as caught:
        train_classifier(run.data, run.parts["train"], run.parts["validation"], replace(SMALL, lr=1e30))
    assert caught.value.exit_code == 6 and "lr" in caught.value.hint


def test_one_feature_and_every_pooling_train():
    data = clouds((30, 30), features=2)
    rows = np.random.default_rng(0).permutation(60)
    one = Dataset(data.name, data.x[:, :1], data.y, data.class_names, ("f0",), None, data.provenance)
    for pooling in ("none", "max", "average"):
        for dataset in (one, data):
            config = replace(SMALL, epochs=1, pooling=pooling, filters=(4, 4), units=0)
            classifier, _ = train_classifier(dataset, rows[:40], rows[40:], config)
            assert np.isfinite(classifier.predict_proba(dataset.x)).all()


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    run = small_run()
    parts = run.parts["train"], run.parts["validation"]
    one, again, other = (train_classifier(run.data, *parts, replace(Config(), epochs=2, seed=s))[0] for s in (3, 3, 4))
    assert same_state(one.models[0].get_state(), again.models[0].get_state())
    assert not same_state(one.models[0].get_state(), other.models[0].get_state())


def test_the_weights_are_the_same_bits_in_every_process_and_on_one_and_two_threads(tmp_path):
    digests = []
    for threads in ("1", "2"):
        names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "TINYCNN_NUM_THREADS")
        done = process(
            "train", "--epochs", "3", "--out", tmp_path / threads, "--quiet", env=dict.fromkeys(names, threads), undrawn=True
        )
        assert done.returncode == 0, done.stderr
        arrays, _, _ = read_arrays(tmp_path / threads / "model.npz")
        digests.append(digest({name: a for name, a in arrays.items() if name.startswith("models/0/")}))
    run = small_run()
    here, _ = train_classifier(run.data, run.parts["train"], run.parts["validation"], Config(epochs=3))
    digests.append(digest({f"models/0/{name}": array for name, array in here.models[0].get_state().items()}))
    assert len(set(digests)) == 1 and len(here.models[0].get_state()) > 4


def digest(arrays):
    return hashlib.sha256(b"".join(name.encode() + arrays[name].tobytes() for name in sorted(arrays))).hexdigest()
