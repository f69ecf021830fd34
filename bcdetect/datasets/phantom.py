"""Synthetic breast-MRI phantoms: made-up examinations with known lesions, for trying things out where no patient data may be had.

They look like MRI and teach nothing about it: no result on them says anything about patients.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from bcdetect import NOTICE, __version__
from bcdetect.datasets.phantom_anatomy import Anatomy
from bcdetect.datasets.phantom_lesion import Lesion
from bcdetect.datasets.phantom_signal import EARLY, TIMES, Scanner
from bcdetect.errors import OutputError, UsageError

CLASSES = ("normal", "benign", "malignant")
SEQUENCES = ("t1", "t2", "dce")


class Phantoms(NamedTuple):
    """N slices: pictures (N, S, S, 3) uint16 of t1, t2 and dce; labels (N,) and patients (N,) of str; masks (N, S, S) bool."""

    pictures: np.ndarray
    labels: np.ndarray
    patients: np.ndarray
    masks: np.ndarray


@dataclass(frozen=True)
class Exam:
    """One patient: K slices (K, S, S, 3), the contrast series (K, S, S, T) and masks (K, S, S) of its lesion, if any."""

    patient: str
    label: str
    pictures: np.ndarray
    series: np.ndarray
    masks: np.ndarray
    absent: str | None  # the sequence that was not taken


def make_phantoms(patients: int = 60, slices: int = 4, size: int = 96, seed: int = 0) -> Phantoms:
    """Phantoms as arrays; the same seed gives the same ones. Raises UsageError.

    A third of the patients is normal, a third has a benign and a third a malignant lesion.
    """
    made = list(exams(patients, slices, size, seed))
    return Phantoms(
        np.concatenate([exam.pictures for exam in made]),
        np.repeat([exam.label for exam in made], slices),
        np.repeat([exam.patient for exam in made], slices),
        np.concatenate([exam.masks for exam in made]),
    )


def exams(patients: int, slices: int, size: int, seed: int, missing: float = 0.0) -> Iterator[Exam]:
    """The patients one after the other. Raises UsageError, before the first, for values out of range."""
    for name, value, least, most in (
        ("patients", patients, 3, 9999),
        ("slices", slices, 1, 32),
        ("size", size, 32, 512),
        ("seed", seed, 0, 2**63 - 1),
        ("missing", missing, 0, 1),
    ):
        if not least <= value <= most:
            raise UsageError(f"{name} is {value}; it must be from {least} to {most:,}")
    return _exams(patients, slices, size, seed, missing)


def _exams(patients, slices, size, seed, missing):
    rng = np.random.default_rng([seed, 0])
    labels = rng.permutation(np.arange(patients) % len(CLASSES))
    left_out = np.full(patients, -1)
    chosen = rng.permutation(patients)[: round(missing * patients)]
    left_out[chosen] = rng.integers(0, len(SEQUENCES), len(chosen))
    for patient in range(patients):
        absent = None if left_out[patient] < 0 else SEQUENCES[left_out[patient]]
        yield _exam(patient + 1, CLASSES[labels[patient]], slices, size, seed, absent)


def _exam(patient: int, label: str, slices: int, size: int, seed: int, absent: str | None) -> Exam:
    body, of_lesion, values, of_scanner = (np.random.default_rng([seed, patient, part]) for part in range(1, 5))
    anatomy = Anatomy(body, size)
    lesion = Lesion(of_lesion, anatomy, label == "malignant")
    scanner = Scanner(of_scanner, values, label == "malignant")
    pictures, series, masks = [], [], []
    for z in lesion.depths(slices):  # of the normal too: as if there were one
        share, uptake = lesion.at(z) if label != "normal" else np.zeros((2, size, size))
        tissue = anatomy.at(z)
        picture, curve = scanner.image(tissue, share, uptake, anatomy.u, anatomy.v, z)
        pictures.append(picture)
        series.append(curve)
        masks.append(share > 0.5)
    return Exam(f"{patient:03}", label, np.array(pictures), np.array(series), np.array(masks), absent)


def write_phantoms(
    folder: Path,
    patients: int = 60,
    slices: int = 4,
    size: int = 96,
    seed: int = 0,
    missing: float = 0.0,
    series: bool = False,
    on_patient: Callable[[int], None] | None = None,
) -> int:
    """Write `manifest.csv`, the pictures below `pictures/` and README.txt into an existing folder (see `output.new_folder`).

    `missing` is the share of patients who lack one sequence, `series` writes the contrast series too. Returns the number of
    slices. Same arguments, same bytes. Raises UsageError and OutputError.
    """
    columns = [*SEQUENCES, "mask", "label", "patient_id"]
    lines, times = [columns], [["patient_id", "slice", "minutes", "picture"]]
    made = exams(patients, slices, size, seed, missing)
    try:
        (folder / "pictures").mkdir()
        for number, exam in enumerate(made, 1):
            for k in range(slices):
                stem = f"pictures/synthetic-{exam.patient}-{k + 1}"
                row = []
                for c, name in enumerate(SEQUENCES):
                    row.append("" if name == exam.absent else f"{stem}-{name}.png")
                    if row[-1]:
                        _save(folder / row[-1], exam.pictures[k, :, :, c])
                row.append(f"{stem}-mask.png")
                _save(folder / row[-1], exam.masks[k].astype(np.uint8) * 255)
                lines.append([*row, exam.label, exam.patient])
                for t, minutes in enumerate(TIMES if series and exam.absent != "dce" else ()):
                    times.append([exam.patient, str(k + 1), f"{minutes:g}", f"{stem}-time{t}.png"])
                    _save(folder / times[-1][-1], exam.series[k, :, :, t])
            if on_patient is not None:
                on_patient(number)
        _write(folder / "manifest.csv", "".join(",".join(line) + "\n" for line in lines))
        if series:
            _write(folder / "timepoints.csv", "".join(",".join(line) + "\n" for line in times))
        words = f"--patients {patients} --slices {slices} --size {size} --seed {seed} --missing {missing:g}"
        _write(folder / "README.txt", README.format(words=words + " --series" * series, minutes=TIMES[EARLY]))
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror or error}", file=os.fspath(folder)) from error
    return len(lines) - 1


README = f"""SYNTHETIC breast-MRI phantoms: made by a computer program, of nobody.
They look like MRI and teach nothing about it: no result on them says anything about patients. {NOTICE}

Made by bcdetect {__version__}: python -m bcdetect data phantom {{words}}

manifest.csv   one row a slice; an empty cell is a sequence that was not taken. All slices of a patient have one class:
               normal (no lesion), benign (oval, smooth, slow enhancement) or malignant (spiculated, with a bright rim, fast
               enhancement and washout).
pictures/      synthetic-PATIENT-SLICE-SEQUENCE.png, 16 bits: t1, t2 (fat suppressed), and dce: the signal {{minutes:g}}
               minutes after contrast agent minus the one before it, nothing below 0.
               synthetic-PATIENT-SLICE-mask.png: the lesion is white.
timepoints.csv with --series: the signal (T1, fat suppressed) at each time, in minutes after the injection; 0 is before it.
"""


def phantom_png(label: str, sequence: str, size: int = 96, seed: int = 0) -> bytes:
    """One sequence of a made-up exam of this class as a PNG file; the same seed gives the sequences of the same exam."""
    exam = next(exam for exam in exams(len(CLASSES), 1, size, seed) if exam.label == label)
    stream = io.BytesIO()
    _save(stream, exam.pictures[0, :, :, SEQUENCES.index(sequence)])
    return stream.getvalue()


def _save(place: Path | BinaryIO, picture: np.ndarray) -> None:
    from PIL import Image, PngImagePlugin

    said = PngImagePlugin.PngInfo()
    said.add_text("Description", "SYNTHETIC phantom, no patient")
    Image.fromarray(picture).save(place, "PNG", pnginfo=said)


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode())  # the same bytes on every system; the folder as a whole appears at the end
