"""The networks, as functions of the settings."""

from __future__ import annotations

import tinycnn as tc
from bcdetect.config import Config


def outputs(config: Config, classes: int) -> int:
    """The number of logits: one for two classes with the sigmoid head, else one a class."""
    return 1 if classes == 2 and config.head == "sigmoid" else classes


def tabular_cnn(config: Config, features: int, classes: int) -> tc.Sequential:
    """A small CNN over a table row seen as an image (features, 1, 1), built from the seed.

    A block for each entry of `filters`: convolution along the features, batch norm, ReLU. Then pooling by two, dropout, a
    hidden dense layer, and the head. Shallow on purpose: deep pooling costs accuracy here.
    """
    layers: list[tc.Layer] = []
    for filters in config.filters:
        layers += [tc.Conv2D(filters, (config.kernel_size, 1), bias=False), tc.BatchNorm(), tc.ReLU()]
    if config.pooling != "none" and features >= 2:
        layers.append((tc.MaxPool2D if config.pooling == "max" else tc.AvgPool2D)((2, 1)))
    layers += [tc.Flatten(), tc.Dropout(config.dropout)]
    if config.units:
        layers += [tc.Dense(config.units), tc.ReLU()]
    layers.append(tc.Dense(outputs(config, classes)))
    return tc.Sequential(*layers).build((features, 1, 1), seed=config.seed)
