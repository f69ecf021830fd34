"""What a saved model is asked about: the rows of a table, or pictures; each ready for the classifier, or the reason why not."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from bcdetect.classifier import Classifier
from bcdetect.columns import match_columns
from bcdetect.datasets.decoding import Picture, Row, pictures_of, problem_of
from bcdetect.datasets.manifest import columns_for, row_of
from bcdetect.datasets.references import Volumes, picture_files, without_masks
from bcdetect.errors import InputError
from bcdetect.pictures import SUFFIXES, split_reference
from bcdetect.preprocessing import as_channels
from bcdetect.table import Cells, Table, described, numbers_and_cells, read_table

BEYOND = "the value is beyond what the model can take"


@dataclass(frozen=True)
class Input:
    """One row: `x`, (F,) of a table or a picture (H, W, C), as `Classifier.predict_proba` takes it, or its `problem`.

    `row` counts the table's rows, or the pictures, from 1, `line` the table's lines; `name` is a picture's file, or the files of
    an exam's sequences, of which `missing` (C,) says which were not taken (None where the model takes no sequences); `files`
    are those files one by one. `source` is the place it comes from, as `open_all` was given it. `cells` are a bad row's bad
    cells, each as the table's column and a reason; the column is "" where the row has too few or too many cells. `hint` is what
    to do about a picture's problem, where that is known.
    """

    row: int
    line: int
    name: str = ""
    x: np.ndarray | None = None
    missing: np.ndarray | None = None
    problem: str | None = None
    files: tuple[str, ...] = ()
    source: str = ""
    cells: Cells = ()
    hint: str = ""


@dataclass(frozen=True)
class Source:
    """`count` inputs of one place; `read` gives them in order, all of them or those of some rows (from 1). Nothing is kept.

    `columns` says of a table which of its columns is which of the model's features: {feature: column}.
    """

    count: int
    read: Callable[[Collection[int] | None], Iterator[Input]]
    columns: dict[str, str] = field(default_factory=dict)


def open_source(classifier: Classifier, path: str | os.PathLike) -> Source:
    """A CSV table, or for a model of pictures whatever `open_pictures` takes. Raises InputError."""
    if classifier.takes_pictures:
        return open_pictures(classifier, path)
    return open_table(classifier, read_table(path))


def open_pictures(classifier: Classifier, path: str | os.PathLike) -> Source:
    """A picture, `path#3`, every slice of a volume, every picture below a folder, or every row of a manifest.

    Raises InputError when there is none, or the model takes sequences and these are single pictures.
    """
    rows, lines = _rows(classifier, os.fspath(path))

    def read(wanted: Collection[int] | None = None) -> Iterator[Input]:
        chosen = [i for i in range(len(rows)) if wanted is None or i + 1 in wanted]
        pictures = pictures_of([rows[i] for i in chosen if any(rows[i].files)], classifier.input_shape[0])
        for i in chosen:
            if any(rows[i].files):
                found = next(pictures)
                found = found.picture if isinstance(found, Picture) else found
                yield picture_input(classifier, rows[i], found, i + 1, lines[i])
            else:
                yield Input(i + 1, lines[i], problem="no path")

    return Source(len(rows), read)


def picture_input(classifier: Classifier, row: Row, found: np.ndarray | InputError, number: int, line: int = 0) -> Input:
    """Input `number` for what `decoding.at_size` made of a row's files, (S, S, C), or why they cannot be used."""
    files = tuple(filter(None, row.files))
    if isinstance(found, InputError):
        return Input(number, line, row.name, problem=problem_of(row, found), files=files, hint=found.hint)
    if classifier.sequences:
        return Input(number, line, row.name, found, np.array([file is None for file in row.files]), files=files)
    return Input(number, line, row.name, as_channels(found, classifier.input_shape[-1]), files=files)


def _rows(classifier: Classifier, path: str) -> tuple[list[Row], list[int]]:
    """What to read, and the manifest's line of each (0 where there is none)."""
    if path.lower().endswith(".csv"):
        return _manifest_rows(classifier, read_table(path))
    if sequences := classifier.sequences:
        hint = f"Pass a manifest CSV with the columns {', '.join(sequences)}"
        raise InputError(f"the model takes {len(sequences)} sequences of one exam, and this is no manifest", file=path, hint=hint)
    files = list(without_masks(picture_files(path))[0]) if os.path.isdir(path) else [path]
    if not files:
        raise InputError("holds no pictures", file=path, hint=f"Their names end in {', '.join(SUFFIXES)}")
    volumes = Volumes()
    references = [each for file in files for each in ([file] if split_reference(file)[1] else volumes.references(file))]
    return [Row((each,), name=each) for each in references], [0] * len(references)


def _manifest_rows(classifier: Classifier, table: Table) -> tuple[list[Row], list[int]]:
    """Each row's files, its sequences matched by name to the model's; one that has no column counts as not taken."""
    columns = columns_for(table, classifier.sequences)
    at = [None if name is None else table.columns.index(name) for name in columns]
    folder, rows = os.path.dirname(table.file), []
    for cells in table.rows:
        rows.append(row_of(folder, ["" if i is None or i >= len(cells) else cells[i] for i in at]))
    return rows, list(table.lines)


def open_table(classifier: Classifier, table: Table) -> Source:
    """Every row of a table. Raises InputError when a column that the model needs is missing; all missing ones are named."""
    mapping, missing = match_columns(classifier.feature_names, table.columns, file=table.file)
    if missing:
        names = ", ".join(map(repr, missing))
        hint = f"The model needs {len(classifier.feature_names)} columns; their order and other columns do not matter"
        raise InputError(
            f"{len(missing)} column{'s are' if len(missing) > 1 else ' is'} missing: {names}",
            file=table.file,
            where="header",
            hint=hint,
        )
    names = [mapping[name] for name in classifier.feature_names]
    x, bad = numbers_and_cells(table, names)
    beyond = classifier.preprocessing.beyond(x)
    for row in np.flatnonzero(beyond.any(axis=1)):
        bad.setdefault(int(row), tuple((names[at], BEYOND) for at in np.flatnonzero(beyond[row])))

    def read(wanted: Collection[int] | None = None) -> Iterator[Input]:
        for i, line in enumerate(table.lines):
            if wanted is None or i + 1 in wanted:
                if cells := bad.get(i):
                    yield Input(i + 1, line, problem=described(cells), cells=cells)
                else:
                    yield Input(i + 1, line, x=x[i])

    return Source(len(table.rows), read, mapping)


def open_all(classifier: Classifier, paths: Sequence[str]) -> Source:
    """Several places as one source, its rows counted through; one of several that cannot be opened is an input with a problem.

    Raises InputError where there is but one place, and it cannot be opened.
    """
    sources: list[Source] = []
    for path in paths:
        try:
            sources.append(open_source(classifier, path))
        except InputError as error:
            if len(paths) == 1:
                raise
            sources.append(_closed(path, error))
    starts = np.cumsum([0, *(source.count for source in sources)]).tolist()

    def read(wanted: Collection[int] | None = None) -> Iterator[Input]:
        for path, source, start in zip(paths, sources, starts, strict=False):
            for each in source.read(None if wanted is None else {row - start for row in wanted}):
                name = each.name or (f"{path} row {each.row}" if len(paths) > 1 else "")
                yield replace(each, row=start + each.row, name=name, source=path)

    return Source(starts[-1], read)


def _closed(path: str, error: InputError) -> Source:
    """A place that holds one input, which cannot be used."""
    elsewhere = error.file if error.file != path else ""
    problem = ": ".join(filter(None, (elsewhere, error.where, error.what)))

    def read(wanted: Collection[int] | None = None) -> Iterator[Input]:
        if wanted is None or 1 in wanted:
            yield Input(1, 0, path, problem=problem)

    return Source(1, read)


def batches(inputs: Iterable[Input], size: int) -> Iterator[list[Input]]:
    """Inputs in lists, each as soon as it is full: one with a problem alone, good ones at most `size` together, of one depth.

    A row's bits must not depend on the rows around it. Inputs of two depths, or with a problem, may overtake others.
    """
    waiting: dict[np.dtype, list[Input]] = {}
    for each in inputs:
        if each.problem is not None:
            yield [each]
            continue
        batch = waiting.setdefault(each.x.dtype, [])
        batch.append(each)
        if len(batch) == size:
            yield waiting.pop(each.x.dtype)
    yield from waiting.values()


def arrays(batch: list[Input]) -> tuple[np.ndarray, ...]:
    """What the classifier takes of good inputs: (x,), or (x, missing) for a model of sequences. Shape: (N, ...), (N, C)."""
    x = np.stack([each.x for each in batch])
    return (x,) if batch[0].missing is None else (x, np.stack([each.missing for each in batch]))
