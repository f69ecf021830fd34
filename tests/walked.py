"""Classifiers of untrained networks with numbers that are no zeros and ones, to walk through."""

from dataclasses import replace

import numpy as np

import tinycnn as tc
from bcdetect.classifier import Classifier
from bcdetect.config import Config
from bcdetect.models import picture_cnn, tabular_cnn
from bcdetect.preprocessing import PictureScaler, Standardiser

NAMES = ("benign", "malignant")
FEATURES = tuple(f"feature {i}" for i in range(30))


def stirred(model, seed=1):
    """The model with biases, norms and running statistics as after some training."""
    rng, state = np.random.default_rng(seed), model.get_state()
    for name, array in state.items():
        if name.endswith("running_var"):
            state[name] = rng.uniform(0.5, 2, array.shape).astype(array.dtype)
        elif not name.endswith("weight"):
            state[name] = array + rng.normal(0, 0.3, array.shape).astype(array.dtype)
    model.set_state(state)
    return model


def of_pictures(*models, names=NAMES, **more):
    """A classifier of pictures of such networks."""
    height, width, channels = models[0].input_shape
    scale = np.linspace(0.3, 0.5, channels), np.linspace(0.2, 0.3, channels)
    return Classifier(list(models), PictureScaler(*scale, (height, width)), (), names, **more)


def picture_model(name, shape=(12, 12, 1), classes=2, seed=0, **settings):
    config = replace(Config.for_pictures(), model=name, width=4, depth=2, seed=seed, **settings)
    return stirred(picture_cnn(config, shape, classes))


def of_table(**settings):
    """A classifier of tables of 30 features; its kernels are (5, 1)."""
    model = stirred(tabular_cnn(replace(Config(), **settings), 30, 2))
    rng = np.random.default_rng(3)
    return Classifier([model], Standardiser(rng.uniform(5, 20, 30), rng.uniform(1, 4, 30)), FEATURES, NAMES)


def picture(rng, shape=(12, 12, 1), dtype=np.uint8):
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def row(rng):
    return rng.uniform(4, 22, 30)


def of_every_kind():
    """A classifier whose network has every kind of layer of the engine."""
    model = tc.Sequential(
        *(tc.Pad(1), tc.Conv2D(4, 3, stride=2, padding=1), tc.LeakyReLU(0.1), tc.GroupNorm(2)),
        *(tc.MaxPool2D(3, stride=2, padding=1), tc.ELU(), tc.Upsample(2), tc.LayerNorm(), tc.GELU()),
        *(tc.ConvTranspose2D(3, 3, stride=2), tc.SiLU(), tc.AvgPool2D(3, 2, padding=1, count_padding=True)),
        tc.Branches(tc.Conv2D(2, 3, dilation=2), tc.Sequential()),
        tc.Branches(tc.Conv2D(5, 1), tc.Conv2D(5, 3, groups=5), merge="add"),
        *(tc.Tanh(), tc.SqueezeExcite(units=2), tc.Residual(tc.Conv2D(5, 1, bias=False), tc.BatchNorm())),
        *(tc.Checkpoint(tc.Conv2D(4, 1), tc.Softplus()), tc.Sequential(tc.Dropout(0.2), tc.Sigmoid())),
        *(tc.Reshape((6, 6, 2, 2)), tc.Conv3D(2, (3, 3, 2)), tc.MaxPool3D((2, 2, 1), padding="same"), tc.AvgPool3D((1, 1, 2))),
        *(tc.Reshape((9, 2)), tc.Conv1D(3, 3, stride=2, padding="valid"), tc.MaxPool1D(2, stride=1), tc.AvgPool1D(2, stride=1)),
        tc.Softmax(),
        tc.Branches(tc.GlobalAvgPool(), tc.GlobalMaxPool(), tc.Flatten()),
        *(tc.Dense(4, bias=False), tc.ReLU(), tc.Dense(3)),
    ).build((8, 8, 2), seed=4)
    return of_pictures(stirred(model), names=("a", "b", "c"))
