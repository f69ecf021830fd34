"""Pictures that are in memory: each file an input, each of its slices one, or all of them one exam. The disk is not touched."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import numpy as np

from bcdetect.classifier import Classifier
from bcdetect.columns import match_columns
from bcdetect.datasets.decoding import Row, at_size
from bcdetect.errors import InputError
from bcdetect.inputs import Input, Source, picture_input
from bcdetect.pictures import Pictures, count_pictures, only_picture, open_bytes
from bcdetect.quiet import quiet

MOST = 256  # pictures at once

File = tuple[str, bytes]  # what people call it, and what it holds


def open_uploads(classifier: Classifier, files: Sequence[File] | Mapping[str, File], most: int = MOST) -> Source:
    """The same inputs, to the bit, as `inputs.open_pictures` gives for these files on disk.

    For a model of single pictures `files` are any number of them; one that holds several gives an input each, named `name#3`.
    For a model of sequences they are one exam, by sequence; a sequence that is not there counts as not taken. A file that
    cannot be used is an input with a `problem`. Raises InputError where the files are not of the model's kind, a sequence is
    not the model's, there are none, or more than `most` pictures.
    """
    if not classifier.takes_pictures:
        raise InputError("the model takes a table, and these are pictures", hint="Pass a CSV file")
    if not files:
        raise InputError("no pictures", hint="Pass at least one file")
    if classifier.sequences:
        return _exam(classifier, files)
    if isinstance(files, Mapping):
        raise InputError("the model takes single pictures, and these are sequences of one exam", hint="Pass one picture a file")
    return _singles(classifier, files, most)


def _singles(classifier: Classifier, files: Sequence[File], most: int) -> Source:
    counts: list[int] = []
    for name, data in files:
        found = _attempted(count_pictures, data, name)
        counts.append(1 if isinstance(found, InputError) else found)  # reading it says what is wrong
        if sum(counts) > most:
            raise InputError(f"more than {most:,} pictures at once", file=name, hint="Pass fewer files, or fewer slices")

    def read(wanted: Collection[int] | None = None) -> Iterator[Input]:
        before = 0
        for (name, data), count in zip(files, counts, strict=True):
            numbers = [n for n in range(1, count + 1) if wanted is None or before + n in wanted]
            if numbers:
                pictures = _attempted(open_bytes, data, name)  # one file at a time: volumes are large
                for number in numbers:
                    row = _row([name if count == 1 else f"{name}#{number}"])
                    found = pictures
                    if not isinstance(pictures, InputError):
                        found = _attempted(_nth, pictures, number if count > 1 else None, name, classifier.input_shape[0])
                    yield picture_input(classifier, row, found, before + number)
            before += count

    return Source(sum(counts), read)


def _nth(pictures: Pictures, number: int | None, name: str, size: int) -> np.ndarray:
    return at_size([only_picture(pictures, name) if number is None else pictures.read(number)], size)


def _exam(classifier: Classifier, files: Sequence[File] | Mapping[str, File]) -> Source:
    sequences = classifier.sequences
    hint = f"The model's sequences are {', '.join(sequences)}"
    if not isinstance(files, Mapping):
        raise InputError(f"the model takes {len(sequences)} sequences of one exam; which file is which?", hint=hint)
    mapping, _ = match_columns(sequences, list(files))
    if strange := [name for name in files if name not in mapping.values()]:
        raise InputError(f"the model knows no sequence {', '.join(map(repr, strange))}", hint=hint)
    taken = [files[mapping[name]] if name in mapping else None for name in sequences]
    row = _row([None if file is None else file[0] for file in taken])

    def read(wanted: Collection[int] | None = None) -> Iterator[Input]:
        if wanted is None or 1 in wanted:
            yield picture_input(classifier, row, _attempted(_channels, taken, classifier.input_shape[0]), 1)

    return Source(1, read)


def _channels(taken: Sequence[File | None], size: int) -> np.ndarray:
    return at_size([None if file is None else only_picture(open_bytes(file[1], file[0]), file[0]) for file in taken], size)


def _row(files: Sequence[str | None]) -> Row:
    return Row(tuple(files), name=" ".join(filter(None, files)))


def _attempted(function: Callable, *arguments):
    """What it gives, or the InputError that it raises."""
    try:
        with quiet():
            return function(*arguments)
    except InputError as error:
        return error
