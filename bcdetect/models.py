"""The networks, as functions of the settings: each a flat list of layers.

For pictures the number of stages follows from the size unless `depth` says it: each halves the picture, to some 4 to 7 pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import tinycnn as tc
from bcdetect.config import Config
from bcdetect.datasets import Dataset


def outputs(config: Config, classes: int) -> int:
    """The number of logits: one for two classes with the sigmoid head, else one a class."""
    return 1 if classes == 2 and config.head == "sigmoid" else classes


def build(config: Config, data: Dataset) -> tc.Sequential:
    """The network of the settings for such data, its weights drawn from the seed."""
    if data.pictures:
        return picture_cnn(config, data.x.shape[1:], len(data.class_names))
    return tabular_cnn(config, len(data.feature_names), len(data.class_names))


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


def picture_cnn(config: Config, shape: tuple[int, int, int], classes: int) -> tc.Sequential:
    """The network that `model` names for pictures (H, W, C), built from the seed; global average, dropout, and the head."""
    widths = [config.width * 2**stage for stage in range(stages(config, shape))]
    body = NETWORKS[config.model](widths, config.kernel_size)
    head = [tc.GlobalAvgPool(), tc.Dropout(config.dropout), tc.Dense(outputs(config, classes))]
    return tc.Sequential(*body, *head).build(shape, seed=config.seed)


def stages(config: Config, shape: tuple[int, int, int]) -> int:
    """How many stages a network for pictures (H, W, C) has."""
    return config.depth or max(1, round(math.log2(min(shape[:2]) / 6)) + 1)


def small(widths: list[int], kernel: int) -> list[tc.Layer]:
    """Two convolutions a stage, pooling by two between stages."""
    layers: list[tc.Layer] = []
    for stage, width in enumerate(widths):
        layers += [tc.MaxPool2D(2)] if stage else []
        layers += [*_conv(width, kernel), *_conv(width, kernel)]
    return layers


def vgg(widths: list[int], kernel: int) -> list[tc.Layer]:
    """Two convolutions in each of the first two stages, three in the others. Source: Simonyan & Zisserman 2015."""
    layers: list[tc.Layer] = []
    for stage, width in enumerate(widths):
        layers += [tc.MaxPool2D(2)] if stage else []
        for _ in range(2 if stage < 2 else 3):
            layers += _conv(width, kernel)
    return layers


def resnet(widths: list[int], kernel: int) -> list[tc.Layer]:
    """Two residual blocks a stage behind one convolution, as ResNet-18 for small images. Source: He et al. 2016."""
    layers = _conv(widths[0], kernel)
    for stage, width in enumerate(widths):
        for block in range(2):
            stride = 2 if stage and not block else 1
            body = [*_conv(width, kernel, stride=stride), *_conv(width, kernel)[:-1]]
            changes = stride > 1
            shortcut = tc.Sequential(tc.Conv2D(width, 1, stride=2, bias=False), tc.BatchNorm()) if changes else None
            layers += [tc.Residual(*body, shortcut=shortcut), tc.ReLU()]
    return layers


def dilated(widths: list[int], kernel: int) -> list[tc.Layer]:
    """Three scales at once: residual blocks of convolutions dilated by 1, 2 and 4. Source: Yu & Koltun 2016."""
    layers: list[tc.Layer] = []
    for stage, width in enumerate(widths):
        layers += [tc.MaxPool2D(2)] if stage else []
        layers += _conv(width, kernel)
        paths = [tc.Conv2D(width, kernel, dilation=dilation, bias=False) for dilation in (1, 2, 4)]
        merged = [tc.Branches(*paths), tc.BatchNorm(), tc.ReLU(), tc.Conv2D(width, 1, bias=False), tc.BatchNorm()]
        layers += [tc.Residual(*merged), tc.ReLU()]
    return layers


def mobile(widths: list[int], kernel: int) -> list[tc.Layer]:
    """Each convolution in two: one a channel, then one a pixel. Source: Howard et al. 2017 (arXiv:1704.04861)."""
    layers, before = _conv(widths[0], kernel), widths[0]
    for stage, width in enumerate(widths):
        for block in range(2):
            stride = 2 if stage and not block else 1
            layers += [*_conv(before, kernel, stride=stride, groups=before), *_conv(width, 1)]
            before = width
    return layers


def _conv(filters: int, kernel: int, **options) -> list[tc.Layer]:
    return [tc.Conv2D(filters, kernel, bias=False, **options), tc.BatchNorm(), tc.ReLU()]


NETWORKS: dict[str, Callable[[list[int], int], list[tc.Layer]]] = {
    "small": small,
    "resnet": resnet,
    "dilated": dilated,
    "vgg": vgg,
    "mobile": mobile,
}
