"""The Wisconsin diagnostic data: 569 fine-needle aspirates, 30 measurements of cell nuclei, benign or malignant.

Source: Street, Wolberg & Mangasarian 1993, "Nuclear feature extraction for breast tumor diagnosis".
"""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from bcdetect.datasets import Dataset
from bcdetect.datasets.table import load_table
from bcdetect.errors import InputError
from bcdetect.gate import read_bytes

SHA256 = "7953e1656c8fb5c04bd073eab1fda68096fa885a24c4f340cf94601df2fc6b56"


def wisconsin_path() -> Path:
    """Return where the table is: in the installed package `bcdetect.data`, or in a checkout's `data/` folder."""
    from importlib.resources import files

    try:
        return Path(str(files("bcdetect.data") / "wisconsin.csv"))
    except ModuleNotFoundError:  # a checkout that was not installed
        return Path(__file__).parents[2] / "data" / "wisconsin.csv"


def load_wisconsin(**options) -> Dataset:
    """Load the built-in table; `options` are those of `load_table`.

    Shape: x (569, 30), y (569,): benign = 0, malignant = 1. Raises InputError when the file is not the one that
    shipped.
    """
    path = wisconsin_path()
    if sha256(read_bytes(path)).hexdigest() != SHA256:
        raise InputError("the built-in data was altered", file=str(path), hint="Install bcdetect again")
    dataset = load_table(path, **options)
    return replace(dataset, name="wisconsin", provenance=dataset.provenance | {"source": "wisconsin"})
