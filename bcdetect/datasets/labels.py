"""The words people use for classes, as class names and numbers: of two, index 1 is the positive one."""

from collections.abc import Sequence

import numpy as np

from bcdetect.errors import InputError

MAX_CLASSES = 50

NO_LABEL = {"", "?", "na", "n/a", "nan", "null", "unknown"}
_DIAGNOSES = {"m": "malignant", "b": "benign", "malignant": "malignant", "benign": "benign", "normal": "normal"}
ORDERS = (
    ("benign", "malignant"),
    ("normal", "malignant"),
    ("normal", "benign", "malignant"),
    ("normal", "abnormal"),
    ("negative", "positive"),
    ("no", "yes"),
    ("false", "true"),
    ("0", "1"),
)


def encode_labels(
    labels: Sequence[str], positive: str | None = None, *, file: str = "", where: str = ""
) -> tuple[tuple[str, ...], np.ndarray]:
    """Turn N labels into class names and indices y (N,) int64; of two classes, index 1 is the positive one.

    M and B are malignant and benign. Of two classes with a malignant one, that is the positive; other pairs are
    recognised by their words, or need `positive`; three and more are sorted.
    Raises InputError when there are not 2 to 50 classes, or the positive one is unknown.
    """
    found = set(labels)
    folded = {text.casefold() for text in found}

    def refuse(what: str, hint: str = "") -> None:
        raise InputError(what, file=file, where=where, hint=hint)

    if {"m", "b"} <= folded and (strange := sorted(text for text in found if text.casefold() not in _DIAGNOSES)):
        refuse(f"the label {strange[0]!r} is not one of M and B", "Correct it, or leave the row out")
    names = {text: _DIAGNOSES[text.casefold()] if folded <= _DIAGNOSES.keys() else text for text in found}
    classes = {name.casefold(): name for name in sorted(set(names.values()))}
    if garbled := sorted(text for text in found if not text.isprintable()):
        refuse(f"the label {garbled[0]!r} holds characters that cannot be shown", "Correct it")
    if len(classes) < len(set(names.values())):
        refuse(f"classes differ only in upper and lower case: {listed(sorted(found))}", "Write each one way")
    if len(classes) < 2:
        refuse(f"only one class: {listed(classes.values())}", "Learning needs rows of at least two classes")
    if len(classes) > MAX_CLASSES:
        refuse(f"{len(classes)} classes; the limit is {MAX_CLASSES}", "Is this a measurement? Pass --label COLUMN")
    known = next((order for order in ORDERS if set(order) == classes.keys()), None)
    order = list(known or classes)
    if positive is not None:
        key = positive.strip().casefold()
        key = key if key in classes else _DIAGNOSES.get(key, key)
        if len(classes) > 2:
            refuse(f"a positive class needs two classes; here are {len(classes)}", "Leave out --positive")
        if key not in classes:
            refuse(f"no class {positive!r}; the classes are {listed(classes.values())}", "Pass one to --positive")
        if "malignant" in classes and key != "malignant":
            refuse("where there is a malignant class, it is the positive one", "Leave out --positive")
        order = sorted(classes, key=lambda name: name == key)
    elif len(classes) == 2 and known is None:
        refuse(f"which of {listed(classes.values())} is the positive class?", "Pass --positive NAME")
    class_names = tuple(classes[key] for key in order)
    index = {text: class_names.index(name) for text, name in names.items()}
    return class_names, np.array([index[text] for text in labels], np.int64)


def encode_as(labels: Sequence[str], class_names: Sequence[str], *, file: str = "", where: str = "") -> np.ndarray:
    """Turn N labels into a model's class numbers (N,) int64, by name and whatever their case; M and B are malignant and benign.

    Raises InputError for a label that the model has no class for.
    """
    number = {name.casefold(): k for k, name in enumerate(class_names)}
    number |= {text: number[name] for text, name in _DIAGNOSES.items() if name in number and text not in number}
    if strange := sorted({text for text in labels if text.casefold() not in number}):
        what = f"the model knows no class {strange[0]!r}; it knows {listed(class_names)}"
        raise InputError(what, file=file, where=where, hint="Name the classes alike, or leave these rows out")
    return np.array([number[text.casefold()] for text in labels], np.int64)


def listed(names, most: int = 40) -> str:
    """Names for a message, at most so many."""
    names = list(map(repr, names))
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
