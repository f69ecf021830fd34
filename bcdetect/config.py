"""Every setting of a run, in one frozen place; saved as JSON beside the result."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace

from bcdetect.calibration import KINDS
from bcdetect.errors import UsageError
from bcdetect.operating import RULES
from bcdetect.views import VIEWS

CHOICES = {
    "head": ("sigmoid", "softmax"),
    "balance": ("none", "weights", "oversample"),
    "optimizer": ("adamw", "adam", "sgd", "nesterov", "rmsprop", "adagrad", "adadelta"),
    "schedule": ("cosine", "onecycle", "step", "constant"),
    "monitor": ("validation_loss", "validation_auc", "last"),
    "loss": ("cross_entropy", "focal"),
    "tta": VIEWS,
    "bad": ("stop", "skip"),
    "pooling": ("none", "max", "average"),
    "model": ("small", "resnet", "dilated", "vgg", "mobile"),
    "calibration": ("none", *KINDS),
    "operating": RULES,
}
RANGES = {
    "epochs": (1, 1_000_000),
    "batch_size": (2, 1_000_000),
    "kernel_size": (1, 10_000),
    "units": (0, 65_536),
    "image_size": (8, 4096),
    "width": (1, 1024),
    "depth": (0, 8),
    "warmup": (0, 1_000_000),
    "patience": (1, 1_000_000),
    "ensemble": (1, 100),
    "seed": (0, 2**63 - 1),
}
STRENGTHS = {  # of augmentation: the largest that leaves something to see
    "flip": 1.0,
    "vertical_flip": 1.0,
    "rotate": 180.0,
    "shift": 0.5,
    "scale": 0.5,
    "shear": 0.5,
    "elastic": 0.1,
    "intensity": 1.0,
    "gamma": 2.0,
    "noise": 2.0,
    "blur": 10.0,
    "cutout": 0.9,
}
PICTURES = {  # where the defaults for pictures differ from those for tables
    "kernel_size": 3,
    "weight_decay": 0.05,
    "batch_size": 64,
    "flip": 0.5,
    "rotate": 10.0,
    "shift": 0.08,
    "scale": 0.1,
    "intensity": 0.2,
}


@dataclass(frozen=True)
class Config:
    """The settings of a run; the defaults are the recipe for the Wisconsin data, `for_pictures` has those for pictures.

    The recipe was found on the training and validation parts of the default split (benchmarks/wisconsin_recipe.py prints it).

    Sizes are shares of all rows; rates are per step; `data` None means the built-in Wisconsin table.
    """

    data: str | None = None
    label: str | None = None
    positive: str | None = None
    group: str | None = None
    drop: tuple[str, ...] = ()

    validation_size: float = 0.2
    test_size: float = 0.2
    seed: int = 0

    filters: tuple[int, ...] = (16,)  # tables: one convolution block for each entry
    kernel_size: int = 5
    pooling: str = "average"  # tables
    units: int = 16  # tables: of the hidden dense layer; 0 leaves it out
    bad: str = "stop"  # pictures that cannot be read, rows with a bad cell: "skip" leaves them out and lists them
    image_size: int = 64  # pixels a side that pictures of files are brought to
    model: str = "small"  # pictures: the network
    width: int = 16  # pictures: channels of the first stage, twice as many in each that follows
    depth: int = 0  # pictures: stages; 0 follows the picture's size
    dropout: float = 0.3
    head: str = "sigmoid"

    epochs: int = 100
    batch_size: int = 32
    optimizer: str = "adamw"
    lr: float = 1e-3
    weight_decay: float = 0.3
    clip_norm: float = 5.0
    schedule: str = "cosine"
    warmup: int = 5  # epochs
    monitor: str = "validation_loss"  # what chooses the epoch; "last" keeps the last one's weights
    patience: int = 30  # epochs without a better one
    balance: str = "none"
    loss: str = "cross_entropy"
    focal_gamma: float = 2.0
    label_smoothing: float = 0.0
    ema: float = 0.0  # decay of the weights' moving average, which then is what is judged and kept; 0 leaves it out
    mixup: float = 0.0  # both parameters of the Beta distribution of shares; 0 leaves it out
    ensemble: int = 1  # networks, from the seeds seed, seed + 1, ...; their probabilities are averaged
    tta: str = "none"  # pictures: what the answer is averaged over: "flip" mirror images too, "shift" shifted ones as well

    calibration: str = "temperature"  # of the probabilities, fitted on the validation part
    operating: str = "half"  # two classes: the rule for the threshold, chosen on the validation part; "half" is 0.5
    target_sensitivity: float = 0.95  # of operating "sensitivity"
    cost_ratio: float = 10.0  # of operating "cost": how many false alarms a missed positive row costs
    error_rate: float = 0.05  # of the prediction sets: how often the true class may be outside; what is uncertain is referred

    init: str | None = None  # pictures: a saved model whose weights to start from
    freeze: tuple[str, ...] = ()  # beginnings of names of its layers to leave as they are, or "body"
    body_lr: float = 0.1  # share of the rate at which its other layers are trained

    flip: float = 0.0  # probability; these are for pictures, see `augment`
    vertical_flip: float = 0.0  # probability
    rotate: float = 0.0  # degrees
    shift: float = 0.0  # share of the side
    scale: float = 0.0
    shear: float = 0.0
    elastic: float = 0.0  # share of the side
    intensity: float = 0.0
    gamma: float = 0.0  # power of 2
    noise: float = 0.0  # standard deviations
    blur: float = 0.0  # pixels
    cutout: float = 0.0  # share of the side

    def __post_init__(self):
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise UsageError(f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(choices)}")
        for name, (least, most) in RANGES.items():
            if not least <= getattr(self, name) <= most:
                raise UsageError(f"{name} is {getattr(self, name)}; it must be from {least} to {most:,}")
        for name in ("lr", "clip_norm", "body_lr", "cost_ratio"):
            if not 0 < getattr(self, name) < float("inf"):
                raise UsageError(f"{name} is {getattr(self, name)}; it must be above 0")
        for name in ("weight_decay", "focal_gamma", "mixup"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise UsageError(f"{name} is {getattr(self, name)}; it must be at least 0")
        for name in ("dropout", "label_smoothing", "ema"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}; it must be at least 0 and below 1")
        if not 0 < self.target_sensitivity <= 1:
            raise UsageError(f"target_sensitivity is {self.target_sensitivity}; it must be above 0 and at most 1")
        if not 0 < self.error_rate < 1:
            raise UsageError(f"error_rate is {self.error_rate}; it must be above 0 and below 1")
        if not (0 < self.validation_size and 0 < self.test_size and self.validation_size + self.test_size < 1):
            raise UsageError("validation_size and test_size must be above 0 and leave something to train on")
        for name, most in STRENGTHS.items():
            if not 0 <= getattr(self, name) <= most:
                raise UsageError(f"{name} is {getattr(self, name)}; it must be from 0 to {most:g}")
        if self.freeze and self.init is None:
            raise UsageError(
                "freeze leaves layers of a saved model as they are, and init names none", hint="Pass --init MODEL too"
            )
        if len(self.filters) > 64 or not all(1 <= n <= 4096 for n in self.filters):
            raise UsageError(f"filters is {self.filters}; it must be at most 64 numbers from 1 to 4,096")

    @classmethod
    def for_pictures(cls) -> Config:
        """The defaults for pictures."""
        return cls(**PICTURES)

    def with_settings(self, assignments: list[str]) -> Config:
        """The same with `key=value` texts applied, each read as the setting's own type. Raises UsageError."""
        return self.with_values(self.settings(assignments))

    @staticmethod
    def settings(assignments: list[str]) -> dict[str, str]:
        """`key=value` texts as names and texts. Raises UsageError."""
        return dict(_parse(text) for text in assignments)

    def with_values(self, values: dict) -> Config:
        """The same with these values, checked against each setting's type. Raises UsageError."""
        known = {field.name: field for field in fields(self)}
        for name in values:
            if name not in known:
                from difflib import get_close_matches

                close = get_close_matches(name, known, n=1)
                hint = f"Did you mean {close[0]}" if close else f"There are {', '.join(known)}"
                raise UsageError(f"there is no setting {name!r}", hint=hint)
        return replace(self, **{name: _convert(name, value, known[name].type) for name, value in values.items()})

    def to_json(self) -> str:
        """All settings as JSON, as `from_json` and `--config` read them."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, file: str = "") -> Config:
        """The settings of a JSON object; those it leaves out have their defaults. Raises UsageError."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"not JSON: {error}", file=file, hint="Pass a config.json that a run wrote") from None
        if not isinstance(values, dict):
            raise UsageError("not a JSON object of settings", file=file, hint="Pass a config.json that a run wrote")
        return cls().with_values(values)


def _parse(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set {text!r} has no '='", hint="Write --set name=value, such as --set epochs=30")
    return name.strip(), value.strip()


def _convert(name: str, value, kind: str):
    """`value`, a text or what JSON gave, as the setting's annotated type."""
    optional, kind = "| None" in kind, kind.removesuffix(" | None")
    if optional and value in (None, ""):
        return None
    try:
        if kind.startswith("tuple"):
            parts = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else list(value)
            return tuple(_scalar(part, kind[6:].partition(",")[0]) for part in parts)
        return _scalar(value, kind)
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"{name} is {value!r}; it must be {_spoken(kind)}") from None


def _scalar(value, kind: str):
    if isinstance(value, bool) or value is None:
        raise ValueError
    if kind == "int":
        if isinstance(value, float) and value != int(value):
            raise ValueError
        return int(value)
    if kind == "float":
        return float(value)
    if not isinstance(value, str):
        raise ValueError
    return value


def _spoken(kind: str) -> str:
    if kind.startswith("tuple"):
        return f"a list such as a,b of {_spoken(kind[6:].partition(',')[0])} each"
    return {"int": "a whole number", "float": "a number", "str": "a text"}[kind]
