"""What tests of explanations share: networks whose evidence is known, pictures for them, and the command."""

import csv
import json

import numpy as np
from PIL import Image

import tinycnn as tc
from bcdetect.classifier import Classifier
from bcdetect.cli import main
from bcdetect.config import Config
from bcdetect.models import picture_cnn
from bcdetect.preprocessing import PictureScaler

SIDE = 16


def classifier(channels=1, sequences=(), classes=("benign", "malignant")):
    """An untrained network."""
    model = picture_cnn(Config.for_pictures().with_values({"width": 4}), (SIDE, SIDE, channels), len(classes))
    scaler = PictureScaler(np.full(channels, 0.4), np.full(channels, 0.2), np.array([SIDE, SIDE]))
    return Classifier([model], scaler, (), classes, card={"data": {"sequences": list(sequences)}})


def bright():
    """A classifier that takes white for malignant: its evidence is the picture itself, less its mean of half white."""
    model = tc.Sequential(tc.Conv2D(1, 1), tc.ReLU(), tc.GlobalAvgPool(), tc.Dense(1)).build((SIDE, SIDE, 1), seed=0)
    values = {"weight": [[1.0]], "bias": [0.0]}
    conv, dense = model.layers["conv2d_1"], model.layers["dense_1"]
    conv.params["weight"][...], conv.params["bias"][...] = 1.0, 0.0
    dense.params["weight"][...], dense.params["bias"][...] = values["weight"], values["bias"]
    scaler = PictureScaler(np.array([0.5]), np.array([0.5]), np.array([SIDE, SIDE]))
    return Classifier([model], scaler, (), ("benign", "malignant"))


def picture(path, spot=None, level=255):
    """Black, with a white spot of 4 x 4 pixels whose upper left corner is `spot`."""
    plane = np.zeros((SIDE, SIDE), np.uint8)
    if spot is not None:
        plane[spot[0] : spot[0] + 4, spot[1] : spot[1] + 4] = level
    path.parent.mkdir(exist_ok=True, parents=True)
    Image.fromarray(plane).save(path)
    return str(path)


def run(*words):
    return main(["explain", *map(str, words)])


def read(path):
    return json.loads(path.read_text())


def table(path):
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def left(place):
    return sorted(path.name for path in place.iterdir())
