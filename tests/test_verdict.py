"""The one-line verdict on learning curves: each rule by a curve that a person would call so."""

import numpy as np
import pytest

from bcdetect.verdict import verdict

HALF = (0.5, 0.5)


def curves(loss, validation):
    return {"loss": list(loss), "validation_loss": list(validation)}


def test_a_loss_that_rises_again_while_training_goes_on_is_over_fitting():
    down = np.linspace(0.6, 0.05, 40)
    found = verdict(curves(down, [*np.linspace(0.6, 0.3, 15), *np.linspace(0.31, 0.5, 25)]), 15, HALF)
    assert found.kind == "over-fitting"
    assert "rose from 0.300 in epoch 15 to 0.500 while the training loss fell; the weights of epoch 15" in found.reason


def test_a_loss_that_still_falls_at_the_end_is_under_fitting():
    found = verdict(curves(np.linspace(0.7, 0.4, 20), np.linspace(0.7, 0.4, 20)), 20, HALF)
    assert found.kind == "under-fitting" and "still fell" in found.reason and "when training ended" in found.reason


def test_a_loss_that_never_left_the_class_shares_is_under_fitting():
    flat = np.full(30, 0.65)
    found = verdict(curves(flat, flat), 30, HALF)
    assert found.kind == "under-fitting" and "0.650, is hardly below the class shares' own, 0.693" in found.reason
    above = verdict(curves(flat * 2, flat * 2), 30, HALF)
    assert above.kind == "under-fitting" and "1.300, is not below the class shares' own, 0.693" in above.reason
    assert verdict(curves(flat * 0.3, flat * 0.3), 30, HALF).kind == "neither"
    assert verdict(curves(flat * 0.3, flat * 0.3), 30, (0.95, 0.05)).kind == "under-fitting"


def test_a_curve_that_levels_out_is_neither():
    loss = 0.1 + 0.5 * np.exp(-np.arange(60) / 6)
    assert verdict(curves(loss, loss), 60, HALF).kind == "neither"


def test_a_training_loss_that_rises_too_is_no_over_fitting():
    both = [*np.linspace(0.6, 0.2, 20), *np.linspace(0.2, 0.3, 20)]
    assert verdict(curves(both, both), 20, HALF).kind == "neither"


@pytest.mark.parametrize("epochs", [1, 4])
def test_a_few_epochs_have_no_shape(epochs):
    found = verdict(curves([0.5] * epochs, [0.5] * epochs), 1, HALF)
    assert found.kind == "too short to tell" and f"{epochs} epoch" in found.reason
