"""Transfer learning: a network that starts from the weights of a saved one, of ours or of `tinycnn.save`."""

from __future__ import annotations

import copy
import os

import numpy as np

import tinycnn as tc
from bcdetect.classifier import Classifier
from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.errors import ModelFileError, UsageError
from bcdetect.held_out import made_with
from bcdetect.models import outputs
from tinycnn import bundle

HINT = "Pass a model.npz that 'python -m bcdetect train' wrote, or a model that tinycnn.save wrote"
BODY = "body"  # what --freeze calls all layers that come from the file


def start_from(config: Config, data: Dataset) -> tuple[tc.Sequential, list[str]]:
    """The network of the file `config.init` for pictures like these, and lines that say what was taken over.

    All its layers keep their weights but for the last dense one, which is drawn anew unless the classes are the same, and the
    first convolution where the number of channels differs: its weights are spread evenly, so that a grey picture gives what it
    gave in three equal channels. Layers that `config.freeze` names (by the beginning of their names, or "body" for all that were
    taken over) are not trained; the others from the file at `config.body_lr` of the rate. Raises ModelFileError, UsageError.
    """
    source, classifier = _load(config.init)
    class_names = None if classifier is None else classifier.class_names
    last = list(source.layers)[-1]
    if not isinstance(source.layers[last], tc.Dense) or len(source.input_shape) != 3:
        raise ModelFileError("not a network of pictures that ends in a dense layer", file=config.init, hint=HINT)
    architecture = copy.deepcopy(source.config())
    architecture["layers"][-1]["units"] = outputs(config, len(data.class_names))
    try:
        model = bundle.from_config(architecture).build(data.x.shape[1:], seed=config.seed)
    except ValueError as error:
        raise ModelFileError(f"does not take these pictures: {error}", file=config.init) from None
    same_classes = class_names == data.class_names
    mine, theirs = model.get_state(), source.get_state()
    adapted, fresh = [], False
    for name, array in theirs.items():
        if name.startswith(f"{last}.") and not (same_classes and mine[name].shape == array.shape):
            fresh = True
            continue
        if mine[name].shape != array.shape and array.ndim == 4:
            array, name_and_channels = spread(array, mine[name].shape[2]), (name, array.shape[2], mine[name].shape[2])
            adapted.append("{} from {} to {} channels".format(*name_and_channels))
        if mine[name].shape != array.shape:
            raise ModelFileError(f"{name} has shape {array.shape}; {mine[name].shape} is wanted", file=config.init)
        mine[name] = array
    model.set_state(mine)
    body = [name for name in model.layers if name != last]
    model.scale_lr(config.body_lr, *body)
    frozen = _frozen(config.freeze, body)
    if frozen:
        model.freeze(*frozen)
    lines = [f"started from {os.path.basename(config.init)}: {len(body)} layers taken over, at {config.body_lr:g} of the rate"]
    lines += [f"{last} is new"] if fresh else []
    lines += adapted + ([f"frozen: {', '.join(frozen)}"] if frozen else [])
    if classifier is not None and made_with(classifier, data):
        lines.append(
            f"warning: {os.path.basename(config.init)} was trained on this very data: it may have seen rows of the test part, "
            "which makes the numbers too good"
        )
    return model, lines


def spread(weight: np.ndarray, channels: int) -> np.ndarray:
    """A first convolution's weights for another number of channels: equal ones add up to what they were.

    Shape: (KH, KW, C, OC) -> (KH, KW, channels, OC).
    """
    return np.repeat(weight.sum(axis=2, keepdims=True) / np.float32(channels), channels, axis=2)


def _load(path: str) -> tuple[tc.Sequential, Classifier | None]:
    """The first network of the file, and the classifier that it is part of, if it is."""
    from bcdetect.bundle import load_classifier

    try:
        arrays, meta, _ = bundle.read_arrays(path)
        if "bcdetect" not in meta:
            return bundle.unpack(arrays, meta["model"]), None
    except FileNotFoundError:
        raise ModelFileError("no such file", file=path, hint=HINT) from None
    except (OSError, bundle.BundleError, KeyError) as error:
        raise ModelFileError(f"cannot be read: {error}", file=path, hint=HINT) from None
    classifier, _ = load_classifier(path)
    return classifier.models[0], classifier


def _frozen(prefixes: tuple[str, ...], body: list[str]) -> list[str]:
    found = []
    for prefix in prefixes:
        named = body if prefix == BODY else [name for name in body if name.startswith(prefix)]
        if not named:
            raise UsageError(f"--freeze {prefix!r}: no layer's name begins so", hint=f"There are {', '.join(body)}, or {BODY!r}")
        found += [name for name in named if name not in found]
    return found
