"""A folder of pictures with one sub-folder a class; or with train, val and test folders that have these."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np

from bcdetect.datasets import Dataset
from bcdetect.datasets.decoding import decode, picture_files
from bcdetect.datasets.labels import encode_labels
from bcdetect.errors import InputError
from bcdetect.pictures import SUFFIXES

OFFICIAL = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation", "test": "test"}
MASK = "_mask"  # files such as `benign (1)_mask.png` are outlines of a lesion, not pictures to learn from
LAYOUT = "Put the pictures into one sub-folder a class, such as benign/ and malignant/, or pass a manifest CSV"


def load_folder(
    path: str | os.PathLike, size: int, positive: str | None = None, skip_bad: bool = False, on_picture=None
) -> Dataset:
    """The pictures below a folder, at the network's size. Without patient numbers: a manifest has room for these.

    Raises InputError.
    """
    file = os.fspath(path)
    top = _folders(file)
    official = {name: OFFICIAL[name.lower()] for name in top if name.lower() in OFFICIAL}
    if official and set(official) != set(top):
        others = ", ".join(repr(name) for name in top if name not in official)
        raise InputError(f"has folders of a split beside others: {others}", file=file, hint="Leave only the split's")
    if official and set(official.values()) != {"train", "validation", "test"}:
        there = ", ".join(official)
        raise InputError(
            f"of a split's three folders only {there} are there", file=file, hint="There must be train, val and test"
        )
    files, labels, parts, masks = [], [], [], 0
    for within, part in official.items() if official else [("", "")]:
        for name in _folders(os.path.join(file, within)):
            found = picture_files(os.path.join(file, within, name), SUFFIXES)
            pictures = [f for f in found if not Path(f).stem.lower().endswith(MASK)]
            masks += len(found) - len(pictures)
            files += pictures
            labels += [name] * len(pictures)
            parts += [part] * len(pictures)
    if not files:
        raise InputError("holds no pictures in sub-folders", file=file, hint=LAYOUT)
    encode_labels(labels, positive, file=file)  # said before everything is decoded
    decoded = decode([[f] for f in files], size, skip_bad, on_picture)
    names = np.array([os.path.relpath(files[i], file) for i in decoded.kept])
    class_names, y = encode_labels([labels[i] for i in decoded.kept], positive, file=file)
    provenance = {
        "source": "folder",
        "file": Path(file).resolve().name,
        "sha256": hashlib.sha256(decoded.x.tobytes()).hexdigest(),
        "rows": len(y),
        "group": None,
        "bad": decoded.bad,
        **({"note": f"{masks} mask files are left out"} if masks else {}),
    }
    of_part = np.array(parts)[decoded.kept] if official else None
    return Dataset(Path(file).resolve().name, decoded.x, y, class_names, (), None, provenance, names, of_part)


def _folders(path: str) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(path) if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file=path, hint="Check the path") from None
