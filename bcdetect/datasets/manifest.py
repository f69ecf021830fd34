"""A manifest: a CSV file that names pictures, their labels and patients, and maybe the part that each belongs to.

    path,label[,patient_id][,split][,mask]      or several path columns, such as t1,t2,dce: the sequences of one exam

Paths are relative to the manifest; `path#3` is the third frame, slice or page of a file of several. Each sequence becomes a
channel; an empty cell is a sequence that was not taken. A mask is a picture of its picture's size, white where the lesion is.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bcdetect.columns import match_columns, normalise
from bcdetect.datasets import Dataset, Needs, numbered
from bcdetect.datasets.decoding import Row, decode
from bcdetect.datasets.folder import OFFICIAL
from bcdetect.datasets.labels import NO_LABEL
from bcdetect.datasets.references import Volumes
from bcdetect.datasets.table import is_identifier
from bcdetect.errors import InputError
from bcdetect.pictures import names_picture
from bcdetect.table import Table

MASK, SPLIT = "mask", "split"


def path_columns(table: Table) -> list[str]:
    """The columns whose cells name picture files; none where this is a table of measurements."""
    found = []
    for at, name in enumerate(table.columns):
        cells = [row[at] for row in table.rows if at < len(row) and row[at]]
        named = normalise(name) == "path"
        if normalise(name) != MASK and cells and (named or all(map(names_picture, cells))):
            found.append(name)
    return found


def load_manifest(
    table: Table,
    size: int,
    label: str | None = None,
    positive: str | None = None,
    group: str | None = None,
    skip_bad: bool = False,
    on_picture=None,
    needs: Needs | None = None,
) -> Dataset:
    """The pictures that a manifest names, at the network's size. Raises InputError."""
    paths = path_columns(table) if needs is None else columns_for(table, needs.columns)
    label = _column(table, label or "label", "label")
    patients = _patients(table, group, label)
    split = next((name for name in table.columns if normalise(name) == SPLIT), None)
    rows = _rows(table, paths, label, patients, split)

    def cells(name):
        return np.array([row[table.columns.index(name)] for row in table.rows])

    labels = cells(label)
    where = f"column {label!r}"
    numbered(labels.tolist(), positive, needs, file=table.file, where=where)  # said before everything is decoded
    volumes, firsts = Volumes(), [next(filter(None, row.files)) for row in rows]
    groups, what, note = (cells(patients), patients, None) if patients else volumes.groups(firsts)
    parts = np.array([OFFICIAL[text.casefold()] for text in cells(split)]) if split else None
    _refuse_torn(table, groups, parts, patients)
    decoded = decode(rows, size, skip_bad, on_picture, source=table.file)
    kept = decoded.kept
    warning = None if patients else volumes.warning([firsts[i] for i in kept])
    class_names, y = numbered(labels[kept].tolist(), positive, needs, file=table.file, where=where)
    provenance = {
        "source": "manifest",
        "file": Path(table.file).name,
        "sha256": decoded.sha256,
        "rows": len(y),
        "label": label,
        "group": what,
        "sequences": list(needs.columns) if needs else paths if len(paths) > 1 else [],
        "bad": decoded.bad,
        **({"masks": sum(bool(rows[i].masks) for i in kept)} if decoded.masks is not None else {}),
        **({"note": note} if note else {}),
        **({"warning": warning} if warning else {}),
    }
    return Dataset(
        Path(table.file).stem,
        decoded.x,
        y,
        class_names,
        (),
        None if groups is None else groups[kept],
        provenance,
        names=np.array([rows[i].name for i in kept]),
        parts=None if parts is None else parts[kept],
        missing=decoded.missing if decoded.missing.any() else None,
        masks=decoded.masks,
        facts=decoded.facts,
    )


def _rows(table: Table, paths: Sequence[str | None], label: str, patients: str | None, split: str | None) -> list[Row]:
    """What each line names. Raises InputError that names the first lines that cannot be used."""
    folder = os.path.dirname(table.file)
    masks = next((name for name in table.columns if normalise(name) == MASK), None)
    rows, seen, problems = [], {}, []
    for index, row in enumerate(table.rows):
        where = f"row {index + 1} (line {table.lines[index]})"
        if problem := table.problem(index):
            problems.append(f"{where}: {problem}")
            continue
        cell = dict(zip(table.columns, row, strict=True))
        named = tuple("" if name is None else cell[name] for name in paths)
        if cell[label].casefold() in NO_LABEL:
            problems.append(f"{where}: no label")
        if patients and not cell[patients]:
            problems.append(f"{where}: no {patients}")
        if split and cell[split].casefold() not in OFFICIAL:
            problems.append(f"{where}: the split {cell[split]!r} is not train, val or test")
        if not any(named):
            problems.append(f"{where}: no path")
        elif named in seen:
            problems.append(f"{where}: the same as row {seen[named] + 1}")
        seen.setdefault(named, index)
        rows.append(row_of(folder, named, cell[masks] if masks else ""))
    if problems:
        more = f"; and {len(problems) - 5:,} more" if len(problems) > 5 else ""
        raise InputError("; ".join(problems[:5]) + more, file=table.file, hint="Correct or remove these rows")
    return rows


def columns_for(table: Table, sequences: Sequence[str]) -> list[str | None]:
    """The column of each of a model's sequences, None for one that was never taken; of a model without any, the one of paths.

    Raises InputError where there is none of them.
    """
    if sequences:
        mapping, _ = match_columns(sequences, table.columns, file=table.file)
        if not mapping:
            what = f"no column of {', '.join(map(repr, sequences))}; the columns are {', '.join(map(repr, table.columns))}"
            raise InputError(what, file=table.file, hint="Name the columns of paths as the model's sequences")
        return [mapping.get(name) for name in sequences]
    columns = path_columns(table)
    if len(columns) != 1:
        what = f"{len(columns)} columns of paths ({', '.join(map(repr, columns))})" if columns else "no column of paths"
        raise InputError(f"{what}; the model takes one picture a row", file=table.file, hint="Name that column 'path'")
    return columns


def row_of(folder: str, named: Sequence[str], mask: str = "") -> Row:
    """The files of one line's cells, relative to the manifest's folder; an empty cell is a sequence that was not taken."""
    files = tuple(_file(folder, cell) if cell else None for cell in named)
    return Row(files, (_file(folder, mask),) if mask else (), " ".join(filter(None, named)))


def _file(folder: str, cell: str) -> str:
    """A cell's file; in a manifest that was written on Windows backslashes part the folders."""
    file = os.path.join(folder, cell)
    if os.sep == "/" and "\\" in cell and not os.path.exists(file):
        return os.path.join(folder, cell.replace("\\", "/"))
    return file


def _patients(table: Table, group: str | None, label: str) -> str | None:
    """The column of patients: as told, else the one identifier there is."""
    if group is not None:
        return _column(table, group, "group")
    found = [name for name in table.columns if is_identifier(name) and name != label]
    patients = [name for name in found if normalise(name).startswith("patient")] or found
    if len(patients) > 1:
        raise InputError(
            f"which of {', '.join(map(repr, patients))} names the patient?", file=table.file, hint="Pass --group COLUMN"
        )
    return patients[0] if patients else None


def _refuse_torn(table: Table, groups, parts, patients: str | None) -> None:
    """`patients` is None where the files' own headers name them: then the row is named, and not the patient."""
    if groups is None or parts is None:
        return
    first: dict[str, int] = {}
    for row, name in enumerate(groups.tolist()):
        before = first.setdefault(name, row)
        if parts[before] != parts[row]:
            who = f"{patients} {name!r}" if patients else f"the patient, or the file, of row {before + 1}"
            raise InputError(
                f"{who} stands in {' and in '.join(sorted((parts[before], parts[row])))}",
                file=table.file,
                where=f"column {SPLIT!r}",
                hint="All pictures of a patient belong to one part; correct the column, or remove it for a split by patient",
            )


def _column(table: Table, name: str, option: str) -> str:
    mapping, missing = match_columns([name], table.columns, file=table.file)
    if missing:
        columns = ", ".join(map(repr, table.columns))
        raise InputError(f"no column {name!r}; the columns are {columns}", file=table.file, hint=f"Pass --{option} COLUMN")
    return mapping[name]
