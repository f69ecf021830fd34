"""Over- or under-fitting, told from the learning curves in one line with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

FEW = 5  # epochs, below which a curve has no shape
RISE = 0.1  # of the lowest validation loss: what counts as rising again
STEEP = 0.02  # of the validation loss, that the last tenth of the epochs still gained
NOTHING = 0.9  # of the loss of the class shares alone


class Verdict(NamedTuple):
    """`kind` is one of "over-fitting", "under-fitting", "neither" and "too short to tell"; `reason` a sentence."""

    kind: str
    reason: str


def verdict(history: Mapping[str, Sequence[float]], best_epoch: int, class_shares: Sequence[float]) -> Verdict:
    """Judge curves `loss` and `validation_loss`, one number an epoch; `best_epoch` (from 1) is the one whose weights were kept.

    `class_shares` are the classes' shares in the training part: who knows nothing else has their entropy as loss. The rules, in
    order: under FEW epochs nothing is said; under-fitting is a kept loss near that entropy; over-fitting is a last validation
    loss RISE above the lowest one while the training loss fell; under-fitting again is a validation loss that was falling
    steeply (STEEP over the last tenth of the epochs) when training ended. Training losses are measured with dropout on and
    augmented rows, so that they are no lower bound.
    """
    train, validation = (np.asarray(history[name], float) for name in ("loss", "validation_loss"))
    count = len(validation)
    if count < FEW:
        return Verdict("too short to tell", f"{count} epoch{'s' * (count > 1)}: a curve has no shape yet")
    kept, lowest, last = validation[best_epoch - 1], validation.min(), validation[-1]
    shares = np.asarray(class_shares, float)
    nothing = float(-np.sum(shares[shares > 0] * np.log(shares[shares > 0])))
    if kept > NOTHING * nothing:
        where = "hardly" if kept < nothing else "not"
        return Verdict(
            "under-fitting", f"the validation loss kept, {kept:.3f}, is {where} below the class shares' own, {nothing:.3f}"
        )
    low_epoch = int(validation.argmin()) + 1
    if last > (1 + RISE) * lowest and train[-1] < train[low_epoch - 1]:
        told = f"the validation loss rose from {lowest:.3f} in epoch {low_epoch} to {last:.3f} while the training loss fell"
        spared = f"; the weights of epoch {best_epoch} were kept" if best_epoch < count else ""
        return Verdict("over-fitting", told + spared)
    before = validation[-1 - max(1, count // 10)]
    if before - last > STEEP * before and last <= lowest:
        return Verdict("under-fitting", f"the validation loss still fell, from {before:.3f} to {last:.3f}, when training ended")
    return Verdict("neither", f"the validation loss fell to {lowest:.3f} in epoch {low_epoch}, and ended at {last:.3f}")
