"""A table of somebody's own to train on: read whole, and dealt to the parts of a run, so that what is wrong is known at once."""

from __future__ import annotations

import hashlib

import numpy as np

from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.datasets.manifest import path_columns
from bcdetect.datasets.table import of_table
from bcdetect.errors import InputError
from bcdetect.gate import check_size as check_length
from bcdetect.gate import decode_text
from bcdetect.serve.choices import check_size
from bcdetect.splits import split
from bcdetect.table import parse_table


def own_table(csv: bytes, config: Config) -> tuple[Dataset, dict[str, np.ndarray]]:
    """The bytes of the table `config.data` as a run takes them, and the run's parts.

    Raises InputError for what is no table, or none to learn from: without the column of classes, with a bad row, with one
    class, too few rows of a class for every part to have some. UsageError for one too wide for the network.
    """
    check_length(csv, file=config.data)
    table = parse_table(decode_text(csv, file=config.data), file=config.data)
    if path_columns(table):  # of this machine: whoever uploads a table could name any
        raise InputError("the cells name picture files", file=config.data, hint="Upload a table of measurements")
    digest = hashlib.sha256(csv).hexdigest()
    data = of_table(table, digest, label=config.label, positive=config.positive, group=config.group, drop=config.drop)
    check_size(config, data)
    return data, split(data.y, data.groups, config.validation_size, config.test_size, config.seed, data.class_names)
