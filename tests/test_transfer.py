"""Transfer learning: what is taken over, what is new, what is left as it is, and how fast the rest moves."""

from dataclasses import replace

import numpy as np
import pytest

import tinycnn as tc
from bcdetect.bundle import save_classifier
from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.errors import ModelFileError, UsageError
from bcdetect.training import train_classifier
from bcdetect.transfer import spread, start_from

CONFIG = replace(Config.for_pictures(), width=4, epochs=2, image_size=12, lr=1e-2, batch_size=8, dropout=0.0)
TRAIN, VALIDATION = np.arange(0, 24), np.arange(24, 32)


def squares(channels=1, classes=("benign", "malignant"), size=12, seed=3) -> Dataset:
    """Pictures whose brightness tells the class."""
    rng = np.random.default_rng(seed)
    y = np.arange(32) % len(classes)
    x = rng.integers(0, 80, (32, size, size, channels), np.uint8) + (40 * y[:, None, None, None]).astype(np.uint8)
    return Dataset("squares", x, y, classes, (), None, {"source": "made", "file": "squares", "sha256": "0"})


@pytest.fixture
def saved(tmp_path):
    """A trained classifier in its file."""
    classifier, _ = train_classifier(squares(), TRAIN, VALIDATION, CONFIG)
    classifier.card = {"settings": {}}
    save_classifier(tmp_path / "model.npz", classifier)
    return str(tmp_path / "model.npz"), classifier.models[0]


def test_the_same_classes_take_over_everything(saved):
    path, source = saved
    model, lines = start_from(replace(CONFIG, init=path), squares(seed=4))
    assert all(np.array_equal(array, source.get_state()[name]) for name, array in model.get_state().items())
    assert lines == [f"started from model.npz: {len(model.layers) - 1} layers taken over, at 0.1 of the rate"]


def test_other_classes_get_a_new_last_layer_and_other_sizes_are_no_matter(saved):
    path, source = saved
    model, lines = start_from(replace(CONFIG, init=path, seed=9), squares(classes=("normal", "benign", "malignant"), size=20))
    assert model.output_shape == (3,) and model.input_shape == (20, 20, 1) and lines[1] == "dense_1 is new"
    mine, theirs = model.get_state(), source.get_state()
    assert all(np.array_equal(mine[name], theirs[name]) for name in theirs if not name.startswith("dense_1"))


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_a_grey_picture_gives_what_it_gave_in_equal_channels(channels, rng):
    weight = rng.standard_normal((3, 3, 3, 4)).astype("float32")
    grey = rng.standard_normal((2, 6, 6, 1)).astype("float32")
    window = tc.Conv2D(4, 3, bias=False).build((6, 6, 3))
    window.params["weight"] = weight
    other = tc.Conv2D(4, 3, bias=False).build((6, 6, channels))
    other.params["weight"] = spread(weight, channels)
    expected = window.forward(np.repeat(grey, 3, axis=-1), training=False)
    np.testing.assert_allclose(other.forward(np.repeat(grey, channels, axis=-1), training=False), expected, atol=1e-5)


def test_colour_pictures_start_from_a_network_of_grey_ones(saved):
    path, _ = saved
    model, lines = start_from(replace(CONFIG, init=path), squares(channels=3))
    assert model.input_shape == (12, 12, 3) and "conv2d_1.weight from 1 to 3 channels" in lines


def test_what_is_frozen_stays_and_the_body_moves_slower_than_the_head(saved):
    path, source = saved
    before = source.get_state()
    data = squares(seed=5)

    def moved(**settings):
        config = replace(CONFIG, init=path, epochs=1, weight_decay=0.0, optimizer="sgd", schedule="constant", **settings)
        classifier, _ = train_classifier(data, TRAIN, VALIDATION, config)
        after = classifier.models[0].get_state()
        return {name: float(abs(after[name] - before[name]).max()) for name in before}

    slow, fast = moved(body_lr=0.01), moved(body_lr=1.0)
    assert 0 < slow["conv2d_1.weight"] < 0.1 * fast["conv2d_1.weight"]
    frozen = moved(freeze=("conv2d_1", "batchnorm_1"))
    assert frozen["conv2d_1.weight"] == frozen["batchnorm_1.running_mean"] == 0 < frozen["conv2d_2.weight"]
    body = moved(freeze=("body",))
    assert max(value for name, value in body.items() if not name.startswith("dense")) == 0 < body["dense_1.weight"]


def test_a_model_of_the_engine_alone_serves_too(tmp_path):
    layers = tc.Conv2D(4, 3), tc.ReLU(), tc.GlobalAvgPool(), tc.Dense(10)
    tc.save(tmp_path / "plain.npz", tc.Sequential(*layers).build((8, 8, 3), seed=1))
    model, lines = start_from(replace(CONFIG, init=str(tmp_path / "plain.npz")), squares())
    assert model.output_shape == (1,) and "dense_1 is new" in lines


def test_what_cannot_serve_is_said_in_one_line(tmp_path, saved):
    def refused(words, error, data=None, **settings):
        with pytest.raises(error, match=words):
            train_classifier(data or squares(), TRAIN, VALIDATION, replace(CONFIG, **settings))

    path, _ = saved
    refused("no such file", ModelFileError, init=str(tmp_path / "none.npz"))
    (tmp_path / "text.npz").write_text("no")
    refused("cannot be read", ModelFileError, init=str(tmp_path / "text.npz"))
    tc.save(tmp_path / "flat.npz", tc.Sequential(tc.Dense(2)).build((4,)))
    refused("not a network of pictures", ModelFileError, init=str(tmp_path / "flat.npz"))
    refused("--freeze 'conv9': no layer's name begins so. There are conv2d_1", UsageError, init=path, freeze=("conv9",))
    from trained import clouds

    refused("init starts a network of pictures", UsageError, data=clouds((20, 20)), init=path)
