"""The settings of learning do what they say: losses, mixing, averaging, the choice of the epoch, several networks at once."""

from dataclasses import replace

import numpy as np
import pytest
from test_transfer import CONFIG, TRAIN, VALIDATION, squares
from trained import SMALL, clouds

import tinycnn as tc
from bcdetect.bundle import load_classifier, save_classifier
from bcdetect.config import CHOICES, Config
from bcdetect.recipe import OPTIMIZERS, Mixup, described, make_loss
from bcdetect.training import train_classifier
from bcdetect.views import views


def test_mixing_two_rows_mixes_what_is_asked_of_them(rng):
    mixup = Mixup(0.5, 6, np.random.default_rng(1))
    x, y = rng.standard_normal((6, 4, 4, 1)).astype("float32"), np.array([0, 1, 1, 0, 1, 0])
    mixed, share = mixup.inputs(x), mixup.share
    np.testing.assert_allclose(mixed, share * x + (1 - share) * x[mixup.order], atol=1e-6)
    logits = rng.standard_normal((6, 1))
    value, grad = mixup.loss(tc.BCEWithLogits())(logits, y)
    soft = share * y + (1 - share) * y[mixup.order]  # for cross-entropy the same as labels that are mixed themselves
    expected, slope = tc.BCEWithLogits()(logits, soft)
    assert value == pytest.approx(expected) and 0 < share < 1 and sorted(mixup.order) == list(range(6))
    np.testing.assert_allclose(grad, slope, atol=1e-12)


def test_focal_loss_weighs_the_rare_class_as_the_weights_say():
    y = np.array([0, 0, 0, 1])
    config = replace(CONFIG, loss="focal", balance="weights")
    _, grad = make_loss(config, 1, y)(np.zeros((4, 1)), y)
    assert abs(grad[3, 0]) == pytest.approx(3 * abs(grad[0, 0]))
    _, grad = make_loss(config, 3, np.array([0, 0, 1, 2]))(np.zeros((3, 3)), np.array([0, 1, 2]))
    assert abs(grad[1, 1]) == pytest.approx(2 * abs(grad[0, 0]))


@pytest.mark.parametrize(
    "settings",
    [
        {"loss": "focal"},
        {"label_smoothing": 0.1},
        {"mixup": 0.2},
        {"ema": 0.9},
        {"schedule": "onecycle"},
        {"loss": "focal", "head": "softmax", "balance": "weights"},
    ],
)
def test_each_of_them_learns(settings):
    data = clouds((60, 60), apart=4)
    rows = np.random.default_rng(0).permutation(120)
    config = replace(SMALL, epochs=25, batch_size=8, patience=30, units=0, dropout=0.1, weight_decay=0.0, **settings)
    classifier, _ = train_classifier(data, rows[:60], rows[60:90], config)
    p = classifier.predict_proba(data.x[rows[90:]])
    assert (classifier.decide(p) == data.y[rows[90:]]).mean() > 0.85


@pytest.mark.parametrize("name", CHOICES["optimizer"])
def test_every_optimizer_of_the_settings_learns(name):
    lr = {"sgd": 0.1, "nesterov": 0.1, "adagrad": 0.1, "adadelta": 10.0}.get(name, 0.01)
    data = clouds((60, 60), apart=4)
    rows = np.random.default_rng(0).permutation(120)
    config = replace(SMALL, epochs=25, batch_size=8, units=0, weight_decay=0.0, optimizer=name, lr=lr)
    classifier, _ = train_classifier(data, rows[:60], rows[60:90], config)
    p = classifier.predict_proba(data.x[rows[90:]])
    assert (classifier.decide(p) == data.y[rows[90:]]).mean() > 0.85


def test_every_optimizer_of_the_engine_is_a_choice():
    assert set(OPTIMIZERS) == set(CHOICES["optimizer"])
    assert {kind for kind, _ in OPTIMIZERS.values()} == {
        getattr(tc, name) for name in tc.__all__ if _is_optimizer(getattr(tc, name))
    }


def _is_optimizer(kind):
    return isinstance(kind, type) and issubclass(kind, tc.Optimizer) and kind is not tc.Optimizer


def test_what_chooses_the_epoch_is_what_was_asked():
    data = clouds((60, 60), apart=1.0)
    rows = np.random.default_rng(0).permutation(120)

    def trained(monitor):
        classifier, (history,) = train_classifier(data, rows[:60], rows[60:], replace(SMALL, epochs=12, monitor=monitor))
        return classifier, history

    _, by_loss = trained("validation_loss")
    _, by_auc = trained("validation_auc")
    last, by_last = trained("last")
    assert by_loss.best_epoch == 1 + int(np.argmin(by_loss.columns["validation_loss"]))
    best = max(by_auc.columns["validation_auc"])
    ties = [i for i, auc in enumerate(by_auc.columns["validation_auc"]) if auc == best]
    assert by_auc.best_epoch == 1 + min(ties, key=lambda i: by_auc.columns["validation_loss"][i])
    assert by_last.best_epoch == 12
    found = last.predict_proba(data.x[rows[60:]])[np.arange(60), data.y[rows[60:]]]
    assert by_last.columns["validation_loss"][-1] == pytest.approx(-np.log(found).mean(), rel=1e-5)


def test_the_moving_average_is_what_is_judged_and_kept():
    data = clouds((60, 60))
    rows = np.random.default_rng(0).permutation(120)
    config = replace(SMALL, epochs=3, monitor="last", ema=0.99)
    averaged, (history,) = train_classifier(data, rows[:60], rows[60:], config)
    plain, _ = train_classifier(data, rows[:60], rows[60:], replace(config, ema=0.0))
    found = averaged.predict_proba(data.x[rows[60:]])
    assert history.columns["validation_loss"][-1] == pytest.approx(
        -np.log(found[np.arange(60), data.y[rows[60:]]]).mean(), rel=1e-5
    )
    assert not np.array_equal(found, plain.predict_proba(data.x[rows[60:]]))


def test_an_ensemble_is_the_mean_of_its_networks_and_one_file(tmp_path):
    data = squares()
    config = replace(CONFIG, ensemble=3, tta="flip", seed=5)
    together, histories = train_classifier(data, TRAIN, VALIDATION, config)
    alone = [train_classifier(data, TRAIN, VALIDATION, replace(config, ensemble=1, seed=5 + k))[0] for k in range(3)]
    p = together.predict_proba(data.x)
    np.testing.assert_allclose(p, np.mean([one.predict_proba(data.x) for one in alone], axis=0), atol=1e-6)
    assert len(histories) == 3 and np.array_equal(together.predict_proba(data.x[:1]), p[:1])
    np.testing.assert_allclose(together.predict_proba(data.x[:, :, ::-1]), p, atol=1e-6)
    save_classifier(tmp_path / "model.npz", together)
    loaded, _ = load_classifier(tmp_path / "model.npz")
    assert len(loaded.models) == 3 and loaded.views == "flip" and np.array_equal(loaded.predict_proba(data.x), p)


def test_views_are_mirrored_and_shifted_by_a_pixel_of_28(rng):
    x = rng.standard_normal((2, 28, 56, 1)).astype(np.float32)
    seen = views(x, "shift")
    assert len(views(x, "none")) == 1 and len(views(x, "flip")) == 2 and len(seen) == 18
    assert np.array_equal(seen[4], x) and np.array_equal(seen[13], x[:, :, ::-1])
    assert np.array_equal(seen[0][:, 1:, 2:], x[:, :-1, :-2]) and np.array_equal(seen[0][:, 0, 2:], x[:, 0, :-2])
    assert np.array_equal(seen[8][:, :-1, :-2], x[:, 1:, 2:])
    data = squares()
    classifier, _ = train_classifier(data, TRAIN, VALIDATION, replace(CONFIG, tta="shift"))
    p = classifier.predict_proba(data.x)
    assert classifier.views == "shift" and np.array_equal(classifier.predict_proba(data.x[3:4]), p[3:4])
    np.testing.assert_allclose(classifier.predict_proba(data.x[:, :, ::-1]), p, atol=1e-6)
    plain = replace(classifier, views="none").predict_proba(data.x)
    assert 1e-4 < np.abs(plain - p).max() < 0.5


def test_how_imbalance_is_met_is_said_with_its_numbers():
    y, names = np.array([0] * 6 + [1] * 2), ("benign", "malignant")
    assert described(Config(), y, names) == ["training rows: benign 6 (75.0 %), malignant 2 (25.0 %)"]
    assert "class weights: benign 0.667, malignant 2.000" in described(Config(balance="weights"), y, names)
    assert "balanced sampler: every epoch draws 6 rows of each class" in described(Config(balance="oversample"), y, names)
    assert "focal loss: gamma 2" in described(Config(loss="focal"), y, names)
