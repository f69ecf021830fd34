"""What the tests of the API share: a client over a folder with a small model of tables and a tiny one of pictures."""

import contextlib
import os

import numpy as np
import pytest
from trained import small_run

from bcdetect.bundle import save_classifier
from bcdetect.classifier import Classifier
from bcdetect.config import Config
from bcdetect.models import picture_cnn
from bcdetect.preprocessing import PictureScaler


def save_models(folder) -> None:
    """`small`, of the Wisconsin features, and `grey`, of pictures and untrained; `grey` is the newer one."""
    save_classifier(folder / "small.npz", small_run().classifier)
    model = picture_cnn(Config.for_pictures().with_values({"width": 4}), (16, 16, 1), 2)
    scaler = PictureScaler(np.full(1, 0.4), np.full(1, 0.2), np.array([16, 16]))
    save_classifier(folder / "grey.npz", Classifier([model], scaler, (), ("benign", "malignant")))
    os.utime(folder / "small.npz", (1, 1))


@contextlib.contextmanager
def client_of(folder, **settings):
    """A client of an app over these models."""
    pytest.importorskip("fastapi", reason="fastapi is not installed (it is part of the extra 'web')")
    from starlette.testclient import TestClient

    from bcdetect.serve.app import create_app
    from bcdetect.serve.settings import Settings

    with TestClient(create_app(Settings(models=folder, **settings)), base_url="http://127.0.0.1:8000") as client:
        yield client
