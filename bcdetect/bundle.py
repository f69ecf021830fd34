"""A classifier as one sealed file: networks, preprocessing, class names, threshold, the run's card, and a self-test.

The container is `tinycnn.bundle`'s: arrays and JSON under one SHA-256, never pickle. The self-test is a few made-up rows (the
training part's mean, moved at random by its deviation, or pictures of noise: no patient's values travel with a model) and the
probabilities that the classifier gave for them, run again on every load with the readable NumPy ops.
"""

from __future__ import annotations

import os

import numpy as np

import tinycnn as tc
from bcdetect.classifier import Classifier
from bcdetect.errors import ModelFileError, OutputError
from bcdetect.preprocessing import PictureScaler, Standardiser
from bcdetect.views import VIEWS
from tinycnn import bundle

SELF_TEST_ROWS = 4
TOLERANCE = 1e-4  # relative; other machines round differently, a damaged or misread model is off by far more
HINT = "Pass a model.npz that 'python -m bcdetect train' wrote"


def save_classifier(path: str | os.PathLike, classifier: Classifier) -> None:
    """Write the classifier, whole or not at all. Raises OutputError."""
    packed = [bundle.pack(model) for model in classifier.models]
    x = _self_test_rows(classifier)
    arrays = {
        **{f"models/{k}/{name}": array for k, (weights, _) in enumerate(packed) for name, array in weights.items()},
        **{f"preprocessing/{name}": array for name, array in classifier.preprocessing.state().items()},
        "self_test/x": x,
        "self_test/probabilities": classifier.predict_proba(x),
    }
    meta = {
        "models": [description for _, description in packed],
        "views": classifier.views,
        "pictures": classifier.takes_pictures,
        "feature_names": list(classifier.feature_names),
        "class_names": list(classifier.class_names),
        "threshold": classifier.threshold,
        "card": classifier.card,
    }
    try:
        bundle.write_arrays(path, arrays, {"bcdetect": meta})
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror or error}", file=os.fspath(path)) from error


def load_classifier(path: str | os.PathLike) -> tuple[Classifier, str]:
    """The classifier and its file's SHA-256. Raises ModelFileError for anything but a whole, unaltered file of ours."""
    file = os.fspath(path)
    try:
        arrays, meta, digest = bundle.read_arrays(path)
        if "bcdetect" not in meta:
            raise bundle.BundleError("a tinycnn model without the preprocessing that a classifier needs")
        classifier = _unpack(arrays, meta["bcdetect"])
        _self_test(classifier, arrays)
    except FileNotFoundError:
        raise ModelFileError("no such file", file=file, hint=HINT) from None
    except OSError as error:
        raise ModelFileError(f"cannot be read: {error.strerror or error}", file=file, hint=HINT) from None
    except bundle.BundleError as error:
        raise ModelFileError(str(error).rstrip("."), file=file, hint=HINT) from None
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelFileError(f"its parts do not fit together: {error}", file=file, hint=HINT) from None
    return classifier, digest


def _unpack(arrays: dict[str, np.ndarray], meta: dict) -> Classifier:
    def below(prefix):
        return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

    models = [bundle.unpack(below(f"models/{k}/"), description) for k, description in enumerate(meta["models"])]
    features, classes = tuple(map(str, meta["feature_names"])), tuple(map(str, meta["class_names"]))
    preprocessing = (PictureScaler if meta["pictures"] else Standardiser)(**below("preprocessing/"))
    if meta["pictures"]:
        takes, numbers = (*map(int, preprocessing.size), len(preprocessing.mean)), models[0].input_shape[-1]
    else:
        takes, numbers = (len(features), 1, 1), len(features)
    scale = preprocessing.mean, preprocessing.std
    if any(a.shape != (numbers,) or not np.isfinite(a).all() for a in scale) or not (preprocessing.std > 0).all():
        raise ValueError("the preprocessing is not one finite number a feature")
    gives = {(len(classes),)} - {(1,)} | ({(1,)} if len(classes) == 2 else set())
    if any(model.input_shape != takes or model.output_shape not in gives for model in models):
        raise ValueError("the network does not take these features, or does not give these classes")
    if not 0 <= float(meta["threshold"]) <= 1:
        raise ValueError("the threshold is not a probability")
    views = meta["views"] if meta["pictures"] else "none"
    if views not in VIEWS:
        raise ValueError(f"it averages over {views!r}, which is not known here")
    return Classifier(models, preprocessing, features, classes, float(meta["threshold"]), dict(meta["card"]), views)


def _self_test(classifier: Classifier, arrays: dict[str, np.ndarray]) -> None:
    if not len(arrays["self_test/x"]):
        raise bundle.BundleError("its self-test is an empty batch")
    with tc.backend("numpy"):
        now = classifier.predict_proba(arrays["self_test/x"])
    if not np.allclose(now, arrays["self_test/probabilities"], rtol=TOLERANCE, atol=1e-7):
        raise bundle.BundleError("it does not give the answers here that it gave when it was made")


def _self_test_rows(classifier: Classifier) -> np.ndarray:
    rng, preprocessing = np.random.default_rng(0), classifier.preprocessing
    if classifier.takes_pictures:
        return rng.integers(0, 256, (SELF_TEST_ROWS, *classifier.input_shape), np.uint8)
    return preprocessing.mean + rng.standard_normal((SELF_TEST_ROWS, len(preprocessing.mean))) * preprocessing.std
