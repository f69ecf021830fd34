"""Where the data comes from: every source returns the same small `Dataset`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

__all__ = ["Dataset", "load_dataset"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """N labelled rows. Of two classes, index 1 is always the positive one.

    Shape: x (N, F) float64; y (N,) int64, indices into `class_names`; groups (N,) of str, or None: rows of one group
    (a patient) must stay together. `provenance` is ready for JSON.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    groups: np.ndarray | None
    provenance: dict

    @property
    def positive(self) -> str | None:
        """The name of the positive class; None when there are more than two."""
        return self.class_names[1] if len(self.class_names) == 2 else None

    def subset(self, index: np.ndarray) -> "Dataset":
        """Return the rows chosen by an integer or boolean array; the class names stay, even of a class left empty."""
        groups = None if self.groups is None else self.groups[index]
        return replace(self, x=self.x[index], y=self.y[index], groups=groups)


def load_dataset(
    data: str | None = None,
    label: str | None = None,
    positive: str | None = None,
    group: str | None = None,
    drop: Sequence[str] = (),
) -> Dataset:
    """Load the built-in data (None or "wisconsin") or the CSV file `data`; see `load_table` for the rest.

    Raises InputError.
    """
    if data is None or data == "wisconsin":
        from bcdetect.datasets.wisconsin import load_wisconsin

        return load_wisconsin(label=label, positive=positive, group=group, drop=drop)
    from bcdetect.datasets.table import load_table

    return load_table(data, label=label, positive=positive, group=group, drop=drop)
