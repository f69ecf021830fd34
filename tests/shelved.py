"""What tests of the server share: a folder with a run, a lone file, a model of pictures, one of three classes."""

import functools
import json
from pathlib import Path

import numpy as np
from starlette.testclient import TestClient
from trained import SMALL, clouds, small_run

from bcdetect.bundle import save_classifier
from bcdetect.classifier import Classifier
from bcdetect.config import Config
from bcdetect.models import picture_cnn
from bcdetect.preprocessing import PictureScaler
from bcdetect.report import write_report
from bcdetect.run import Run, execute, summary
from bcdetect.serve.app import create_app
from bcdetect.serve.settings import Settings
from bcdetect.splits import split


def asking(folder: Path, **settings) -> TestClient:
    """A client of a server of these models, to be entered."""
    return TestClient(create_app(Settings(models=folder, **settings)), base_url="http://127.0.0.1:8000")


def write_run(folder: Path, run: Run | None = None) -> Path:
    """A run's folder without its figures, which take longer than all else."""
    run = run or small_run()
    folder.mkdir()
    (folder / "config.json").write_text(run.config.to_json())
    (folder / "metrics.json").write_text(json.dumps(summary(run)))
    save_classifier(folder / "model.npz", run.classifier)
    write_report(folder)
    return folder


@functools.cache
def three_classes() -> Run:
    data = clouds()
    return execute(SMALL, data, split(data.y, None, 0.2, 0.2, 0, data.class_names))


def picture_classifier() -> Classifier:
    model = picture_cnn(Config.for_pictures().with_values({"width": 4}), (16, 16, 1), 2)
    scaler = PictureScaler(np.full(1, 0.4), np.full(1, 0.2), np.array([16, 16]))
    return Classifier([model], scaler, (), ("benign", "malignant"))


def fill(folder: Path) -> Path:
    """`run`, `three`, `lone`, `pictures`, and `broken`, which is no model."""
    write_run(folder / "run")
    write_run(folder / "three", three_classes())
    save_classifier(folder / "lone.npz", small_run().classifier)
    save_classifier(folder / "pictures.npz", picture_classifier())
    (folder / "broken.npz").write_bytes(b"PK no model")
    return folder
