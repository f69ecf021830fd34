"""Where the data comes from: every source returns the same small `Dataset`."""

import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bcdetect.errors import InputError
from bcdetect.places import FETCHED

__all__ = ["Dataset", "Needs", "holds_pictures", "load_dataset"]

AT_ONCE = 4 * 2**20  # numbers


@dataclass(frozen=True, eq=False)
class Dataset:
    """N labelled rows: of measurements, or pictures. Of two classes, index 1 is always the positive one.

    Shape: x (N, F) float64, or pictures (N, H, W, C) uint8 or uint16 (`feature_names` is empty); y (N,) int64, indices into
    `class_names`; groups (N,) of str, or None: rows of one group (a patient) must stay together. `names` (N,) are
    the files' of pictures, which rows of the file these are where some of a table were left out, or None. For pictures `parts`
    (N,) are the part that whoever made the data gave each, or None, and `missing` (N, C) which sequences of an exam were not
    taken, or None; `masks` (N, H, W) bool, where the lesion is (all False in a row without one), or None;
    `facts` the "bytes", "height" and "width" (N,) float64 of each row's first file as it lay on the disk, or None. `provenance`
    is ready for JSON.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    groups: np.ndarray | None
    provenance: dict
    names: np.ndarray | None = None
    parts: np.ndarray | None = None
    missing: np.ndarray | None = None
    masks: np.ndarray | None = None
    facts: dict[str, np.ndarray] | None = None

    @property
    def pictures(self) -> bool:
        """Whether the rows are pictures."""
        return self.x.ndim == 4

    @property
    def positive(self) -> str | None:
        """The name of the positive class; None when there are more than two."""
        return self.class_names[1] if len(self.class_names) == 2 else None

    def described(self) -> str:
        """Such as `569 rows, 30 features` or `780 pictures of 28 x 28 pixels, 1 channel`."""
        if not self.pictures:
            return f"{len(self.y)} rows, {len(self.feature_names)} features"
        height, width, channels = self.x.shape[1:]
        return f"{len(self.y)} pictures of {height} x {width} pixels, {channels} channel{'s' * (channels > 1)}"

    def inputs(self) -> tuple[np.ndarray, ...]:
        """What preprocessing and classifier take: (x,), or (x, missing) where sequences are missing."""
        return (self.x,) if self.missing is None else (self.x, self.missing)

    def rows_at_once(self) -> int:
        """So many rows that as floats they take tens of megabytes at most, and no more than 256."""
        return max(1, min(256, AT_ONCE // max(1, self.x[:1].size)))

    def chunks(self, rows: np.ndarray) -> Iterator["Dataset"]:
        """The chosen rows, a few at a time: pictures may be more than memory holds."""
        size = self.rows_at_once()
        for start in range(0, len(rows), size):
            yield self.subset(rows[start : start + size])

    def subset(self, index: np.ndarray) -> "Dataset":
        """Return the rows chosen by an integer or boolean array; the class names stay, even of a class left empty."""
        optional = {name: getattr(self, name) for name in ("groups", "names", "parts", "missing", "masks")}
        chosen = {name: None if array is None else array[index] for name, array in optional.items()}
        if self.facts is not None:
            chosen["facts"] = {name: array[index] for name, array in self.facts.items()}
        return replace(self, x=self.x[index], y=self.y[index], **chosen)


@dataclass(frozen=True)
class Needs:
    """What a saved model takes: pictures or rows of a table, its classes, and its columns or sequences, in its own order."""

    pictures: bool
    class_names: tuple[str, ...]
    columns: tuple[str, ...]


def numbered(
    labels: Sequence[str], positive: str | None, needs: Needs | None, *, file: str = "", where: str = ""
) -> tuple[tuple[str, ...], np.ndarray]:
    """Class names and numbers of N labels: those of the model that the data is read for, else its own. Raises InputError.

    An accent may be a letter of its own, as in the names of folders that come from a Mac: it makes no other class.
    """
    from bcdetect.datasets.labels import encode_as, encode_labels

    labels = [unicodedata.normalize("NFC", text) for text in labels]
    positive = positive and unicodedata.normalize("NFC", positive)
    if needs is None:
        return encode_labels(labels, positive, file=file, where=where)
    return needs.class_names, encode_as(labels, needs.class_names, file=file, where=where)


def holds_pictures(data: str | None) -> bool:
    """Whether `data`, as `load_dataset` takes it, is pictures; a file that cannot be read is said when it is loaded."""
    if data is None or data == "wisconsin":
        return False
    if data in FETCHED or os.path.isdir(data) or data.lower().endswith(".npz"):
        return True
    from bcdetect.datasets.manifest import path_columns
    from bcdetect.table import read_table

    try:
        return bool(path_columns(read_table(data)))
    except InputError:
        return False


def load_dataset(
    data: str | None = None,
    label: str | None = None,
    positive: str | None = None,
    group: str | None = None,
    drop: Sequence[str] = (),
    size: int = 64,
    skip_bad: bool = False,
    on_picture: Callable[[int], None] | None = None,
    needs: Needs | None = None,
) -> Dataset:
    """Load what `data` is: the built-in table (None or "wisconsin"), a CSV file of measurements, or pictures.

    A name of `places.FETCHED` is the file that was fetched. With `needs` only what a saved model takes is read, in its order.
    Pictures come from a folder, from a manifest (a CSV file that names picture files), or from a MedMNIST `.npz`; those of files
    are brought to size x size pixels. See the files here for each. Raises InputError.
    """
    if data is None or data == "wisconsin":
        from bcdetect.datasets.wisconsin import load_wisconsin

        return load_wisconsin(label=label, positive=positive, group=group, drop=drop, needs=needs)
    if data in FETCHED:
        from bcdetect.fetch import path_of

        data = path_of(data)
    if os.path.isdir(data):
        from bcdetect.datasets.folder import load_folder

        return load_folder(data, size, positive, skip_bad, on_picture, needs)
    if data.lower().endswith(".npz"):
        from bcdetect.datasets.medmnist import load_medmnist

        return load_medmnist(data, positive, needs)
    from bcdetect.datasets.manifest import load_manifest, path_columns
    from bcdetect.datasets.table import load_table
    from bcdetect.pictures import names_picture
    from bcdetect.table import read_table

    if names_picture(data) and os.path.isfile(data):
        hint = "Pass a folder of pictures with one sub-folder a class, or a manifest CSV that names pictures and their labels"
        raise InputError("one picture is nothing to learn from", file=data, hint=hint)
    table = read_table(data)
    if needs.pictures if needs else path_columns(table):
        return load_manifest(table, size, label, positive, group, skip_bad, on_picture, needs)
    return load_table(data, label, positive, group, drop, needs, skip_bad)
