"""Settings: what is saved can be read again, and a slip of the pen is refused before anything is trained."""

import json
from dataclasses import fields, replace

import pytest

from bcdetect.config import Config
from bcdetect.errors import UsageError

# For every setting: a text as --set gives it, and the value it means.
SETTINGS = {
    "data": ("a b.csv", "a b.csv"),
    "label": ("none", "none"),  # a column, or a class, may be called so
    "positive": ("None", "None"),
    "group": ("patient", "patient"),
    "drop": ("id, note", ("id", "note")),
    "validation_size": ("0.25", 0.25),
    "test_size": (".1", 0.1),
    "seed": ("7", 7),
    "filters": ("8,16", (8, 16)),
    "kernel_size": ("3", 3),
    "pooling": ("max", "max"),
    "units": ("0", 0),
    "dropout": ("0", 0.0),
    "head": ("softmax", "softmax"),
    "epochs": ("30", 30),
    "batch_size": ("2", 2),
    "optimizer": ("sgd", "sgd"),
    "lr": ("1e-2", 0.01),
    "weight_decay": ("0", 0.0),
    "clip_norm": ("1", 1.0),
    "schedule": ("step", "step"),
    "warmup": ("0", 0),
    "patience": ("1", 1),
    "balance": ("weights", "weights"),
    "monitor": ("last", "last"),
    "loss": ("focal", "focal"),
    "focal_gamma": ("1.5", 1.5),
    "label_smoothing": ("0.1", 0.1),
    "ema": ("0.99", 0.99),
    "mixup": ("0.2", 0.2),
    "ensemble": ("3", 3),
    "tta": ("flip", "flip"),
    "init": ("old/model.npz", "old/model.npz"),
    "freeze": ("conv2d_1, residual", ("conv2d_1", "residual")),
    "body_lr": ("0.5", 0.5),
    "calibration": ("platt", "platt"),
    "operating": ("cost", "cost"),
    "target_sensitivity": ("1", 1.0),
    "cost_ratio": ("20", 20.0),
    "error_rate": ("0.1", 0.1),
    "image_size": ("28", 28),
    "bad": ("skip", "skip"),
    "model": ("resnet", "resnet"),
    "width": ("8", 8),
    "depth": ("3", 3),
    "flip": ("1", 1.0),
    "vertical_flip": ("0.1", 0.1),
    "rotate": ("5", 5.0),
    "shift": ("0.1", 0.1),
    "scale": ("0.1", 0.1),
    "shear": ("0.1", 0.1),
    "elastic": ("0.1", 0.1),
    "intensity": ("0.1", 0.1),
    "gamma": ("0.1", 0.1),
    "noise": ("0.1", 0.1),
    "blur": ("0.1", 0.1),
    "cutout": ("0.1", 0.1),
}


def test_the_table_above_is_complete():
    assert set(SETTINGS) == {field.name for field in fields(Config)}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_can_be_set_and_has_its_own_type(name):
    text, value = SETTINGS[name]
    plain = Config(init="any.npz") if name == "freeze" else Config()
    config = plain.with_settings([f"{name} = {text}"])
    assert getattr(config, name) == value and type(getattr(config, name)) is type(value)
    assert replace(config, **{name: getattr(plain, name)}) == plain


def test_settings_come_back_from_json_as_they_were():
    config = Config().with_settings([f"{name}={text}" for name, (text, _) in SETTINGS.items()])
    again = Config.from_json(config.to_json())
    assert again == config and again.filters == (8, 16)
    assert Config.from_json("{}") == Config() == Config.from_json(Config().to_json())


def test_an_empty_text_is_no_value_where_there_may_be_none():
    assert Config(label="kind").with_settings(["label="]).label is None


def test_an_unknown_setting_gets_a_hint():
    with pytest.raises(UsageError) as caught:
        Config().with_settings(["epoch=3"])
    assert "no setting 'epoch'" in caught.value.what and "epochs" in caught.value.hint
    with pytest.raises(UsageError, match="batch_size"):
        Config.from_json('{"xyz": 1}')


@pytest.mark.parametrize(
    "setting",
    [
        "epochs=0", "epochs=2.5", "epochs=many", "epochs=nan", "epochs=inf", "epochs=1e999", "epochs=99999999999999999999",
        "epochs=", "epochs", "batch_size=1", "seed=-1", f"seed={2**128}", "units=-1", "units=100000000000", "kernel_size=0",
        "kernel_size=10000000000", "filters=0", "filters=8,x", "filters=1e9", "filters=100000000000", "lr=0", "lr=-1", "lr=nan",
        "lr=inf", "lr=True", "clip_norm=0", "weight_decay=-1", "weight_decay=nan", "weight_decay=inf", "dropout=1", "dropout=-.1",
        "dropout=nan", "validation_size=0", "validation_size=nan", "test_size=0", "test_size=.8", "head=tanh", "balance=",
        "optimizer=Adam", "patience=0", "warmup=-1", "calibration=beta", "operating=best", "target_sensitivity=0", "cost_ratio=0",
        "target_sensitivity=1.1", "target_sensitivity=nan", "error_rate=0", "error_rate=1", "error_rate=nan", "cost_ratio=inf",
    ],
)  # fmt: skip
def test_a_setting_out_of_its_range_is_refused_and_named(setting):
    with pytest.raises(UsageError, match=setting.partition("=")[0]) as caught:
        Config().with_settings([setting])
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "text",
    [
        '{"epochs": true}', '{"epochs": null}', '{"epochs": 1e999}', '{"epochs": NaN}', '{"epochs": [3]}', '{"lr": false}',
        '{"lr": 1' + "0" * 400 + "}", '{"lr": "fast"}', '{"filters": 16}', '{"filters": [true]}', '{"filters": [1.5]}',
        '{"label": 5}', '{"drop": [1]}', '{"head": {}}', '{"pooling": ["max"]}',
    ],
)  # fmt: skip
def test_a_wrong_type_in_json_is_refused(text):
    name = next(iter(json.loads(text)))
    with pytest.raises(UsageError, match=name):
        Config.from_json(text)


@pytest.mark.parametrize("text", ["", "[]", "3", "{", "[" * 100_000, '"epochs"'])
def test_what_is_no_object_of_settings_is_refused(text):
    with pytest.raises(UsageError, match=r"my\.json: not "):
        Config.from_json(text, file="my.json")
