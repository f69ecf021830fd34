"""NIfTI volumes: axial slices, seen as a DICOM series is, and scaled by the percentiles of the whole volume.

    header -> declared size within limits -> unpacked up to that size -> canonical orientation -> slices from the feet up

In a slice the patient's front is above and the patient's right on the left.
"""

from __future__ import annotations

import gzip
import io
import math
import zlib
from typing import BinaryIO

import numpy as np

from bcdetect.depth import FEWEST, limits, spread
from bcdetect.errors import InputError, require

SUFFIXES = (".nii", ".nii.gz")
MAX_VOXELS = 2**27  # 512 slices of 512 x 512
MAX_OFFSET = 2**24  # bytes of header extensions
GZIP = b"\x1f\x8b"
HEADER = 540  # bytes of the longer of the two kinds of header
PURPOSE = "reading NIfTI"


def begins(head: bytes) -> bool:
    """Whether a file of these first bytes is NIfTI, or packed with gzip, as nothing else here is."""
    return head[:2] == GZIP or head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in (b"n+2\0", b"ni2\0")


def peek(stream: BinaryIO, file: str) -> tuple[int, None]:
    """The number of axial slices, from the header. Raises InputError."""
    return _Header(_start(stream, HEADER, file), file).slices, None


def open_pictures(data: bytes, file: str) -> Nifti:
    """The slices of a volume. Raises InputError; UsageError where the extra is missing."""
    return Nifti(data, file)


class Nifti:
    """A volume's `count` axial slices."""

    def __init__(self, data: bytes, file: str):
        stream = io.BytesIO(data)
        header = _Header(_start(stream, HEADER, file), file)
        stream.seek(0)
        unpacked = _start(stream, header.end + 1, file)  # one more, so that gzip's check sum is read too where it ends there
        if len(unpacked) < header.end:
            raise InputError("damaged: it ends early", file=file, hint="Export it again")
        volume = np.frombuffer(unpacked, header.dtype, math.prod(header.shape), header.offset)
        volume = volume.reshape(header.shape, order="F")
        self._volume, self._falls = header.canonical(volume), header.falls
        self._limits = limits(self._volume)
        self.count, self.nbytes = self._volume.shape[2], volume.nbytes

    def read(self, number: int) -> np.ndarray:
        """Slice `number`, from 1 at the feet. Shape: (H, W, 1) uint16."""
        plane = self._volume[::-1, ::-1, number - 1].T
        seen = spread(plane, *self._limits)
        return np.ascontiguousarray(np.invert(seen) if self._falls else seen)[:, :, None]


class _Header:
    """What the header declares, within limits. Raises InputError."""

    def __init__(self, head: bytes, file: str):
        def refusal(what: str, hint: str = "Export it again"):
            return InputError(what, file=file, hint=hint)

        kind = _kind(head, require("nibabel", "medical", PURPOSE))
        if kind is None:
            raise refusal("packed with gzip, and not a NIfTI volume inside", "Unpack it and pass what is inside")
        if head[344:347] == b"ni1" or head[4:7] == b"ni2":
            raise refusal("the header of a pair of files (.hdr and .img)", "Save it as one .nii file")
        from nibabel.orientations import io_orientation

        try:
            header = kind(head[: kind.template_dtype.itemsize], check=False)
            shape = tuple(int(n) for n in header.get_data_shape())
            self.dtype, self.offset = header.get_data_dtype(), int(header["vox_offset"])
            slope, orientation = float(header["scl_slope"]), io_orientation(header.get_best_affine())
        except Exception:  # a header of noise fails in many ways
            raise refusal("damaged: its header cannot be read") from None
        self.shape = shape[:3] + (1,) * (3 - len(shape))
        spoken = " x ".join(map(str, self.shape))
        if self.dtype.names or self.dtype.kind not in "iuf":
            raise refusal("holds colours or complex numbers; grey volumes are read", "Export it as one number a voxel")
        if min(shape, default=0) < 1 or np.isnan(orientation).any() or not 0 <= self.offset <= MAX_OFFSET:
            raise refusal("damaged: its header makes no sense")
        if np.prod(self.shape, dtype=np.float64) > MAX_VOXELS:
            raise refusal(f"declares {spoken} voxels; the limit is {MAX_VOXELS:,} in all", "Scale it down")
        if any(n != 1 for n in shape[3:]):
            raise refusal(f"holds {math.prod(shape[3:])} volumes of {spoken}", "Save each volume in a file of its own")
        self.end = self.offset + math.prod(self.shape) * self.dtype.itemsize
        self.falls = math.isfinite(slope) and slope < 0  # what is stored high was measured low
        self._orientation = orientation
        width, height, self.slices = (self.shape[int(axis)] for axis in orientation[:, 0].argsort())
        if min(width, height) < FEWEST:
            raise refusal(f"slices of {width} x {height} pixels show nothing", "Pass the whole volume")

    def canonical(self, volume: np.ndarray) -> np.ndarray:
        """Axes that run to the patient's right, front and head (RAS). Shape: any order of axes -> (X, Y, Z)."""
        from nibabel.orientations import apply_orientation

        return apply_orientation(volume, self._orientation)


def _kind(head: bytes, nibabel):
    if head[344:347] in (b"n+1", b"ni1"):
        return nibabel.Nifti1Header
    return nibabel.Nifti2Header if head[4:7] in (b"n+2", b"ni2") else None


def _start(stream: BinaryIO, count: int, file: str) -> bytes:
    """The first bytes, unpacked: never more than `count`, whatever a gzip file would unpack to."""
    packed = stream.read(2) == GZIP
    stream.seek(0)
    try:
        return gzip.GzipFile(fileobj=stream).read(count) if packed else stream.read(count)
    except (OSError, EOFError, zlib.error):
        raise InputError("damaged: its gzip packing is broken, or it ends early", file=file, hint="Export it again") from None
