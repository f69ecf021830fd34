"""A folder of pictures with one sub-folder a class; or with train, val and test folders that have these."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from bcdetect.datasets import Dataset, Needs, numbered
from bcdetect.datasets.decoding import Row, decode
from bcdetect.datasets.references import Volumes, picture_files, without_masks
from bcdetect.errors import InputError

OFFICIAL = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation", "test": "test"}
LAYOUT = "Put the pictures into one sub-folder a class, such as benign/ and malignant/, or pass a manifest CSV"


def load_folder(
    path: str | os.PathLike,
    size: int,
    positive: str | None = None,
    skip_bad: bool = False,
    on_picture=None,
    needs: Needs | None = None,
) -> Dataset:
    """The pictures below a folder, at the network's size; each frame or slice of a DICOM or NIfTI file is one.

    `x_mask.png` beside `x.png` (or `x_mask_1.png` and so on, united) is its mask. Rows of one PatientID, or of one volume, are
    one group; plain pictures know of no patients, and a manifest has room for them. Raises InputError.
    """
    file = os.fspath(path)
    official = _official(file)
    volumes = Volumes()
    rows, labels, parts, stray = _listed(file, official or {"": ""}, volumes)
    if not rows:
        raise InputError("holds no pictures in sub-folders", file=file, hint=LAYOUT)
    numbered(labels, positive, needs, file=file)  # said before everything is decoded
    groups = volumes.groups([row.files[0] for row in rows])[0]
    if official and groups is not None:
        _refuse_torn(groups, np.array(parts), rows, file)
    decoded = decode(rows, size, skip_bad, on_picture, source=file)
    kept = decoded.kept
    good = [rows[i].files[0] for i in kept]
    groups, what, note = volumes.groups(good)
    warning = volumes.warning(good)
    class_names, y = numbered([labels[i] for i in kept], positive, needs, file=file)
    notes = [note] * (note is not None) + [f"{stray} mask files stand beside no picture and are left out"] * (stray > 0)
    provenance = {
        "source": "folder",
        "file": Path(file).resolve().name,
        "sha256": decoded.sha256,
        "rows": len(y),
        "group": what,
        "bad": decoded.bad,
        **({"masks": sum(bool(rows[i].masks) for i in kept)} if decoded.masks is not None else {}),
        **({"note": "; ".join(notes)} if notes else {}),
        **({"warning": warning} if warning else {}),
    }
    return Dataset(
        Path(file).resolve().name,
        decoded.x,
        y,
        class_names,
        (),
        groups,
        provenance,
        names=np.array([rows[i].name for i in kept]),
        parts=np.array(parts)[kept] if official else None,
        masks=decoded.masks,
        facts=decoded.facts,
    )


def _official(file: str) -> dict[str, str]:
    """The part that each folder of a split is, by the folder's name; nothing where there is no split.

    Raises InputError for a split that is not whole, or has other folders beside it.
    """
    top = _folders(file)
    found = {name: OFFICIAL[name.lower()] for name in top if name.lower() in OFFICIAL}
    if found and set(found) != set(top):
        others = ", ".join(repr(name) for name in top if name not in found)
        raise InputError(f"has folders of a split beside others: {others}", file=file, hint="Leave only the split's")
    if found and set(found.values()) != {"train", "validation", "test"}:
        what = f"of a split's three folders only {', '.join(found)} are there"
        raise InputError(what, file=file, hint="There must be train, val and test")
    return found


def _listed(file: str, within: dict[str, str], volumes: Volumes) -> tuple[list[Row], list[str], list[str], int]:
    """Every picture below these folders, its class and its part, one a row; and how many masks stand beside no picture."""
    rows, labels, parts, stray = [], [], [], 0
    for folder, part in within.items():
        for name in _folders(os.path.join(file, folder)):
            pictures, alone = without_masks(picture_files(os.path.join(file, folder, name)))
            stray += len(alone)
            for picture, masks in pictures.items():
                found = [Row((each,), masks, os.path.relpath(each, file)) for each in volumes.references(picture)]
                rows += found
                labels += [name] * len(found)
                parts += [part] * len(found)
    return rows, labels, parts, stray


def _refuse_torn(groups: np.ndarray, parts: np.ndarray, rows: list[Row], file: str) -> None:
    """Name two files of one patient in two parts, and not the patient."""
    first: dict[str, int] = {}
    for row, group in enumerate(groups.tolist()):
        if parts[first.setdefault(group, row)] != parts[row]:
            what = f"{rows[first[group]].name} and {rows[row].name} are of one patient and in two parts"
            hint = "All pictures of a patient belong to one part; move them, or pass one folder a class for a split by patient"
            raise InputError(what, file=file, hint=hint)


def _folders(path: str) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(path) if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file=path, hint="Check the path") from None
