"""Which pictures there are below a folder: files, the slices of volumes, the masks beside them, and whose they are."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bcdetect.errors import InputError
from bcdetect.pictures import SUFFIXES, begins_as_dicom, peek, split_reference
from bcdetect.raster import SUFFIXES as PLAIN

MASK = re.compile(r"(.+)_mask(_[0-9]+)?", re.IGNORECASE)  # `benign (1)_mask.png` outlines a lesion of `benign (1).png`
PATIENT, VOLUME = "PatientID of the DICOM files", "the file that slices come from"


def picture_files(folder: str | os.PathLike) -> list[str]:
    """All picture files below a folder, sorted by name; hidden ones are passed over.

    A file without a suffix, or with one of digits, as scanners name theirs, is one where it begins as DICOM.
    """
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.startswith(".") or name.upper() == "DICOMDIR":  # an index of other files
                continue
            suffix = os.path.splitext(name)[1]
            unnamed = not suffix or suffix[1:].isdigit()
            if name.lower().endswith(SUFFIXES) or (unnamed and begins_as_dicom(os.path.join(place, name))):
                found.append(os.path.join(place, name))
    return found


def without_masks(files: Sequence[str]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Each picture with the masks beside it, and the masks that stand beside none."""
    masks: dict[str, list[str]] = {}
    pictures = []
    for file in files:
        of = MASK.fullmatch(_stem(file))
        if of:
            masks.setdefault(of[1], []).append(file)
        else:
            pictures.append(file)
    stems = set(map(_stem, pictures))
    alone = [file for stem, files in masks.items() if stem not in stems for file in files]
    return {file: tuple(masks.get(_stem(file), ())) for file in pictures}, alone


def _stem(file: str) -> str:
    lower = file.lower()
    return file[: -len(next((s for s in sorted(SUFFIXES, key=len, reverse=True) if lower.endswith(s)), ""))] or file


@dataclass
class Volumes:
    """What the headers of files said: how many pictures each holds, and whose they are. A plain picture file is not asked.

    A file whose header cannot be read counts as one picture; decoding says what is wrong with it.
    """

    counts: dict[str, int] = field(default_factory=dict)
    patients: dict[str, str] = field(default_factory=dict)

    def references(self, file: str) -> list[str]:
        """`path`, or `path#1`, `path#2` ... for a file of several. Raises InputError never."""
        count = self._count(file)
        return [file] if count == 1 else [f"{file}#{n}" for n in range(1, count + 1)]

    def _count(self, file: str) -> int:
        if file not in self.counts:
            self.counts[file], patient = _asked(file)
            if patient is not None:
                self.patients[file] = patient
        return self.counts[file]

    def groups(self, references: Sequence[str]) -> tuple[np.ndarray | None, str | None, str | None]:
        """Which rows belong together, what that is, and a note. Shape: (N,) of str such as `patient 3`, never the PatientID.

        A row without a PatientID belongs to its file. None where no file names a patient or holds several of the pictures.
        """
        files = [split_reference(reference)[0] for reference in references]
        for file in files:
            self._count(file)
        patients, note = self.patients, None
        if len({patients.get(file) for file in files}) == 1 and len(set(files)) > 1 and patients:
            patients, note = {}, "all files have one PatientID: it is taken to name nobody"
        several = len(set(files)) < len(files)
        if not any(file in patients for file in files) and not several:
            return None, None, note
        keys = [("patient", patients[file]) if file in patients else ("file", file) for file in files]
        number = {key: place for place, key in enumerate(dict.fromkeys(keys), 1)}
        named = [PATIENT] * any(kind == "patient" for kind, _ in keys) + [VOLUME] * any(kind == "file" for kind, _ in keys)
        return np.array([f"{key[0]} {number[key]}" for key in keys]), ", else ".join(named), note

    def warning(self, references: Sequence[str]) -> str | None:
        """That some files name a patient and others do not, and how many; None where all do, or none does."""
        files = dict.fromkeys(split_reference(reference)[0] for reference in references)
        for file in files:
            self._count(file)
        named = sum(file in self.patients for file in files)
        if named in (0, len(files)):
            return None
        counts = f"{named} of {len(files)} files name a patient and {len(files) - named} do not"
        risk = "each of these is taken for a patient of its own, so that one patient may be in two parts"
        return f"{counts}: {risk}; a manifest with a column patient_id names all"


def _asked(file: str) -> tuple[int, str | None]:
    """How many pictures a file holds, and its PatientID, if it has one."""
    if file.lower().endswith(PLAIN):
        return 1, None
    try:
        return peek(file)
    except InputError:  # said with the file's name when it is decoded, as `Volumes` counts on
        return 1, None
