"""A MedMNIST file: pictures in one `.npz`, with an official split that is kept.

Source: Yang et al. 2023, MedMNIST v2, doi 10.1038/s41597-022-01721-8.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from pathlib import Path

import numpy as np

from bcdetect.datasets import Dataset, Needs, numbered
from bcdetect.errors import InputError
from bcdetect.gate import read_bytes

PARTS = {"train": "train", "validation": "val", "test": "test"}  # ours: theirs
MAX_BYTES = 2 << 30  # of the file, and of what it unpacks to
HINT = "Pass a file of MedMNIST, such as breastmnist.npz"


def load_medmnist(path: str | os.PathLike, positive: str | None = None, needs: Needs | None = None) -> Dataset:
    """The pictures (N, H, W, C) uint8 of all three parts. Of two classes 0 is malignant, as in BreastMNIST: turned round here.

    Three and more classes are named by their numbers. Raises InputError.
    """
    file = os.fspath(path)
    data = read_bytes(path, limit=MAX_BYTES)
    arrays = _arrays(data, file)
    pictures, labels, parts = [], [], []
    for part, theirs in PARTS.items():
        x, y = arrays[f"{theirs}_images"], arrays[f"{theirs}_labels"]
        where = f"{theirs}_images"
        if x.dtype != np.uint8 or x.ndim not in (3, 4) or x.shape[3:] not in ((), (1,), (3,)) or not len(x):
            raise InputError(f"{x.dtype} of shape {x.shape}; it must be (N, H, W) or (N, H, W, 3) uint8", file=file, where=where)
        if y.size != len(x) or y.shape[0] != len(x) or y.dtype.kind not in "iu":
            what = f"{y.dtype} of shape {y.shape}; it must be one whole number for each of {len(x)} pictures"
            raise InputError(what, file=file, where=f"{theirs}_labels", hint="Files of several labels a picture are not for this")
        pictures.append(x.reshape(*x.shape[:3], -1))
        labels += y.ravel().tolist()
        parts += [part] * len(x)
    if len({x.shape[1:] for x in pictures}) > 1:
        raise InputError("the three parts have pictures of different sizes", file=file, hint=HINT)
    binary = set(labels) <= {0, 1}
    words = [("malignant", "benign")[label] for label in labels] if binary else list(map(str, labels))
    class_names, y = numbered(words, positive, needs, file=file)
    provenance = {
        "source": "medmnist",
        "file": Path(path).name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "rows": len(y),
        "group": None,
        "note": "label 0 of the file is malignant, 1 is normal or benign" if binary else "classes are the file's numbers",
    }
    names = np.array([f"{part}/{i}" for part in PARTS for i in range(parts.count(part))])
    return Dataset(Path(path).stem, np.concatenate(pictures), y, class_names, (), None, provenance, names, np.array(parts))


def _arrays(data: bytes, file: str) -> dict[str, np.ndarray]:
    wanted = {f"{theirs}_{kind}" for theirs in PARTS.values() for kind in ("images", "labels")}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
        if missing := sorted(name for name in wanted if f"{name}.npy" not in sizes):
            raise InputError(f"has no {missing[0]}", file=file, hint=HINT)
        if sum(sizes[f"{name}.npy"] for name in wanted) > MAX_BYTES:
            raise InputError(f"unpacks to more than the limit of {MAX_BYTES:,} bytes", file=file, hint=HINT)
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return {name: archive[name] for name in wanted}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, KeyError, NotImplementedError, RuntimeError, MemoryError) as error:
        raise InputError(f"not a readable .npz file: {error}", file=file, hint=HINT) from None
