"""What happens when numbers stop being numbers: training stops, says where it began, and keeps the last good weights."""

from __future__ import annotations

import numpy as np

from tinycnn.layers.base import walk


class DivergenceError(ArithmeticError):
    """A loss or gradient became NaN or infinite. `step` counts from 1; `layer` is where it first appeared."""

    def __init__(self, step: int, layer: str, what: str):
        self.step, self.layer = step, layer
        cure = "look at the data" if layer == "input" else "try a lower learning rate, or clip_norm"
        super().__init__(f"training diverged at step {step}: {what}. The last good weights are kept; {cure}")


def divergence(model, x: np.ndarray, logits: np.ndarray, buffers: np.ndarray, stage: str) -> DivergenceError:
    """Find where the step first met a number that is not finite, put the last good state back, and return the error.

    `buffers` are those from before the step; `stage` is "loss" or "gradient".
    """
    store = model.built()
    if not np.isfinite(x).all():
        place, what = "input", "the input x holds NaN or inf"
    elif stage == "gradient":
        place = _first_bad_gradient(model)
        what = f"the gradient of {place} is the first that is not finite"
    elif not np.isfinite(logits).all():
        place = _first_bad_output(model, x, buffers)
        what = f"the output of {place} is the first that is not finite"
    elif not np.isfinite(store.buffers).all():
        # An infinite variance makes BatchNorm's output 0: the loss stays finite, and nothing is learned ever after.
        place = _first_bad_buffer(model)
        what = f"the running statistics of {place} are not finite"
    else:
        place, what = "loss", "the loss is not finite though every layer's output is; look at the labels and weights"
    if place != "input" and stage == "loss" and store.good is not None:
        for span in store.trained():  # nothing else moved
            store.values[span] = store.good[span]
    store.buffers[...] = buffers
    return DivergenceError(model.steps + 1, place, what)


def keep_good(model, spans: list[slice] | None = None) -> None:
    """Remember the present weights, or these stretches of them: they gave a finite loss, or the user set them."""
    store = model.built()
    if store.good is None:
        store.good = store.values.copy()
    else:
        for span in [slice(None)] if spans is None else spans:
            np.copyto(store.good[span], store.values[span])


def _first_bad_output(model, x: np.ndarray, buffers: np.ndarray) -> str:
    """Run the step once more, with the same random numbers, and look at every layer's output."""
    model.store.buffers[...] = buffers
    with np.errstate(all="ignore"), model.capture() as taps:
        model.forward(x, training=True)
    bad = (name for name, tap in taps.items() if not np.isfinite(tap.output).all())
    return next(bad, list(model.layers)[-1])  # no layer inside: then it is the sum that a last block makes of them


def _first_bad_buffer(model) -> str:
    return next(path for path, layer in walk(model) for array in layer.buffers.values() if not np.isfinite(array).all())


def _first_bad_gradient(model) -> str:
    """Backward runs from the last layer to the first, so the last bad parameter is the first that was met."""
    bad = [p.name.rpartition(".")[0] for p in model.parameters() if p.trainable and not np.isfinite(p.grad).all()]
    return bad[-1]
