"""DICOM files: each frame as its tags say that it is to be seen. What names a patient leaves here by `peek` alone.

    header -> Rows x Columns x Frames within limits -> one frame decoded -> `windowing` -> 8 or 16 bits

Messages never quote the file's own text. Without a window, pictures above 8 bits are spread by the percentiles of all frames.
"""

from __future__ import annotations

import io
import zlib
from typing import BinaryIO

import numpy as np

from bcdetect import windowing
from bcdetect.codestream import declared_size
from bcdetect.depth import FEWEST, MAX_PIXELS, SAMPLED, grey_if_grey, limits, to_white
from bcdetect.errors import InputError, UsageError, require

SUFFIXES = (".dcm", ".dicom", ".ima")
MAX_FRAMES = 10_000
MAX_SAMPLES = 2**31  # pixels of all frames; tomosynthesis has up to 10^9
MAX_INFLATED = 2**30  # bytes of a file that is deflated as a whole
DEFLATED = "1.2.840.10008.1.2.1.99"
EXTENDED = "1.2.840.10008.1.2.4.51"  # its one decoder for more than 8 bits is under the GPL, so that no extra of ours brings it
PURPOSE = "reading DICOM"
_FIRST_ELEMENTS = {2: (0, 1, 2, 16), 8: (0, 1, 5, 8, 22)}  # by group: how files without a preamble begin
_BARE = tuple(bytes((group, 0, element, 0)) for group, elements in _FIRST_ELEMENTS.items() for element in elements)


def begins(head: bytes) -> bool:
    """Whether a file of these first bytes is DICOM."""
    return head[128:132] == b"DICM" or (head[:4] in _BARE and len(head) > 64)


def peek(stream: BinaryIO, file: str) -> tuple[int, str | None]:
    """The number of frames and the PatientID (None where it is empty), from the header. Raises InputError."""
    tags = _header(stream, file, stop_before_pixels=True)
    try:
        patient = str(tags.get("PatientID") or "").strip() or None
    except Exception:  # a tag that cannot be read is as good as none
        patient = None
    return _Shape(tags, file).frames, patient


def open_pictures(data: bytes, file: str) -> Dicom:
    """The frames of a file, its header checked. Raises InputError; UsageError where an extra is missing."""
    return Dicom(data, file)


class Dicom:
    """A DICOM file's `count` frames, decoded one at a time."""

    def __init__(self, data: bytes, file: str):
        self._file, self.nbytes = file, len(data)
        self._tags = _header(io.BytesIO(data), file)
        self._shape = _Shape(self._tags, file)
        self.count = self._shape.frames
        self._limits = None
        self._decoder = _decoder(self._tags, file)

    def read(self, number: int) -> np.ndarray:
        """Frame `number`, from 1. Shape: (H, W, 1) or (H, W, 3), uint8 or uint16. Raises InputError."""
        stored, photometric = self._decoded(number - 1)
        if stored.ndim == 3:
            return grey_if_grey(self._colours(stored))
        try:
            if photometric == "PALETTE COLOR":
                return grey_if_grey(self._palette(stored))
            return self._grey(stored, number - 1)[:, :, None]
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, NotImplementedError, OverflowError):
            what = "its window, rescale or colour tags cannot be used"
            raise InputError(what, file=self._file, hint="Export it again, or as PNG") from None

    def _decoded(self, index: int) -> tuple[np.ndarray, str]:
        """Stored values (H, W) or RGB (H, W, 3), and what they are."""
        size = declared_size(self._encoded(index))
        if size is not None and size != (self._shape.columns, self._shape.rows):
            what = f"declares {self._shape.columns} x {self._shape.rows} pixels, and its compressed picture {size[0]} x {size[1]}"
            raise InputError(what, file=self._file, hint="Export it again")
        try:
            stored, about = self._decoder.as_array(self._tags, index=index)
        except Exception as error:  # the decoders' ways to fail on a damaged file are many, and name tags
            if str(self._tags.file_meta.TransferSyntaxUID) == EXTENDED and self._shape.bits > 8:
                hint = "Install pydicom's decoder for it with: pip install pylibjpeg pylibjpeg-libjpeg"
                raise InputError("compressed as JPEG of 12 bits", file=self._file, hint=hint) from None
            what = f"damaged: its pixels cannot be decoded{_early(error)}"
            raise InputError(what, file=self._file, hint="Export it again") from None
        return stored, str(about["photometric_interpretation"])

    def _encoded(self, index: int) -> bytes | None:
        """A compressed frame's bytes."""
        if not self._tags.file_meta.TransferSyntaxUID.is_encapsulated:
            return None
        from pydicom.encaps import get_frame

        try:
            return get_frame(self._tags.PixelData, index, number_of_frames=self.count)
        except Exception:
            raise InputError(f"damaged: frame {index + 1} is not there", file=self._file, hint="Export it again") from None

    def _grey(self, stored: np.ndarray, index: int) -> np.ndarray:
        values = self._measured(stored, index)
        shares = self._seen(values, stored, index)
        if self._photometric() == "MONOCHROME1" or self._tag("PresentationLUTShape", index) == "INVERSE":
            shares = 1 - shares
        if (padding := self._padding(stored)) is not None:
            shares[padding] = 0
        return to_white(shares, 255 if self._shape.bits <= 8 else 65535)

    def _measured(self, stored: np.ndarray, index: int) -> np.ndarray:
        table = self._lut("ModalityLUTSequence", index)
        return windowing.modality(stored, table, self._number("RescaleSlope", index), self._number("RescaleIntercept", index))

    def _seen(self, values: np.ndarray, stored: np.ndarray, index: int) -> np.ndarray:
        """Shares of white: by a table, else by the first window, else as it is (8 bits), else by percentiles."""
        if (table := self._lut("VOILUTSequence", index)) is not None:
            return table.look_up(values) / table.most
        center, width = self._number("WindowCenter", index), self._number("WindowWidth", index)
        function = str(self._tag("VOILUTFunction", index) or "LINEAR").upper()
        if windowing.usable(center, width, function):
            shares = windowing.window(values, center, width, function)
            if self.count > 1 or shares.min() < shares.max():
                return shares  # else a window beside all that was measured: no window at all
        elif self._shape.bits <= 8 and not self._shape.signed:
            return stored / (2**self._shape.bits - 1)
        if self._limits is None:
            self._limits = self._spread()
        low, high = self._limits
        return (values - low) / (high - low if high > low else 1)

    def _spread(self) -> tuple[float, float]:
        """Percentiles of all frames together, without the padding."""
        sample = []
        for index in range(self.count):
            stored = self._decoded(index)[0]
            values, padding = self._measured(stored, index), self._padding(stored)
            values = values.ravel() if padding is None else values[~padding]
            sample.append(values[:: -(-values.size * self.count // SAMPLED)])
        return limits(np.concatenate(sample))

    def _padding(self, stored: np.ndarray) -> np.ndarray | None:
        value, limit = (self._number(name, 0) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit"))
        return windowing.padded(stored, value, limit)

    def _colours(self, stored: np.ndarray) -> np.ndarray:
        if stored.dtype == np.uint8 and self._shape.bits == 8:
            return stored
        return to_white(stored / (2**self._shape.bits - 1))

    def _palette(self, stored: np.ndarray) -> np.ndarray:
        from pydicom.pixels import apply_color_lut

        colours = apply_color_lut(stored, self._tags)[:, :, :3]
        deep = colours.dtype == np.uint16
        return (colours >> 8).astype(np.uint8) if deep and colours.max() > 255 else colours.astype(np.uint8)

    def _photometric(self) -> str:
        return str(self._tags.get("PhotometricInterpretation", "MONOCHROME2")).strip().upper()

    def _tag(self, name: str, index: int):
        """A tag at the top, or in the frame's or the shared functional groups, where multi-frame files keep theirs."""
        if name in self._tags:
            return self._tags.get(name)
        frames, shared = (self._tags.get(f"{kind}FunctionalGroupsSequence") for kind in ("PerFrame", "Shared"))
        for group in ([frames[index]] if frames and index < len(frames) else []) + list(shared or [])[:1]:
            for kind in ("PixelValueTransformationSequence", "FrameVOILUTSequence"):
                if (items := group.get(kind)) and name in items[0]:
                    return items[0].get(name)
        return None

    def _number(self, name: str, index: int) -> float | None:
        """A tag's number, the first of several; None where there is none."""
        value = self._tag(name, index)
        if value is None or isinstance(value, str | bytes):
            return None
        value = value if np.isscalar(value) or isinstance(value, int | float) else (list(value) or [None])[0]
        return None if value is None else float(value)

    def _lut(self, name: str, index: int) -> windowing.Lut | None:
        """A table, the first of several; None where there is none."""
        items = self._tag(name, index)
        if not items:
            return None
        count, first, bits = (int(n) for n in items[0].LUTDescriptor)
        data = items[0].LUTData
        if isinstance(data, bytes):
            order = "<" if self._tags.file_meta.TransferSyntaxUID.is_little_endian else ">"
            data = np.frombuffer(data, f"{order}u2")
        entries = np.asarray(data, np.int64)[: count or 2**16]
        if not entries.size or not 1 <= bits <= 16:
            raise ValueError
        return windowing.Lut(entries, first, bits)


class _Shape:
    """What a header declares of its pixels, within limits. Raises InputError."""

    def __init__(self, tags, file: str):
        def whole(name: str, default: int | None = None) -> int:
            try:
                value = tags.get(name)
                return int(default if value is None or value == "" else value)
            except Exception:
                raise InputError(f"its header has no readable {name}", file=file, hint="Export it again") from None

        if not len(tags):  # what pydicom makes of a file that ends within its pixels
            raise InputError("damaged: it ends early", file=file, hint="Export it again")
        if "Rows" not in tags or "Columns" not in tags:
            raise InputError(f"holds no picture{_what_it_is(tags)}", file=file, hint="Remove it")
        self.rows, self.columns = whole("Rows"), whole("Columns")
        self.frames = max(1, whole("NumberOfFrames", 1))
        self.bits = whole("BitsStored", whole("BitsAllocated", 8))
        self.signed = whole("PixelRepresentation", 0) == 1
        samples = whole("SamplesPerPixel", 1)
        if (
            self.rows * self.columns > MAX_PIXELS
            or self.frames > MAX_FRAMES
            or self.rows * self.columns * self.frames > MAX_SAMPLES
        ):
            frames = f" in {self.frames:,} frames" if self.frames > 1 else ""
            most = f"the limit is {MAX_PIXELS:,} a frame, {MAX_FRAMES:,} frames and {MAX_SAMPLES:,} pixels in all"
            what = f"declares {self.columns} x {self.rows} pixels{frames}; {most}"
            raise InputError(what, file=file, hint="Scale it down")
        if min(self.rows, self.columns) < FEWEST:
            what = f"{self.columns} x {self.rows} pixels show nothing"
            raise InputError(what, file=file, hint="Pass the whole picture")
        if samples not in (1, 3) or not 1 <= self.bits <= 64:
            what = f"has {samples} samples of {self.bits} bits a pixel; grey and RGB are read"
            raise InputError(what, file=file, hint="Export it again, or as PNG")


def _header(stream: BinaryIO, file: str, stop_before_pixels: bool = False):
    pydicom = require("pydicom", "medical", PURPOSE)
    _refuse_inflating(stream, file)
    try:
        tags = pydicom.dcmread(stream, stop_before_pixels=stop_before_pixels, force=True)
        if "TransferSyntaxUID" not in tags.file_meta:
            implicit, little = tags.original_encoding
            uid = "1.2.840.10008.1.2" + ("" if implicit else ".1" if little else ".2")
            tags.file_meta.TransferSyntaxUID = pydicom.uid.UID(uid)
        return tags
    except Exception as error:
        what = f"damaged: its header cannot be read{_early(error)}"
        raise InputError(what, file=file, hint="Export it again") from None


def _refuse_inflating(stream: BinaryIO, file: str) -> None:
    """A file that is deflated as a whole would be inflated in one go, whatever comes of it: so it is measured first.

    Where that begins is asked of what will inflate it: a file's own word on the length of its first group may be wrong.
    """
    from pydicom import filereader

    inflate, length = zlib.decompressobj(-zlib.MAX_WBITS), 0
    try:
        try:
            filereader.read_preamble(stream, True)
            meta = filereader._read_file_meta_info(stream)
            filereader._read_command_set_elements(stream)
            if meta.get("TransferSyntaxUID") != DEFLATED:
                return
        except Exception:  # reading it will say what is wrong
            return
        while length <= MAX_INFLATED and (chunk := stream.read(2**16)):
            length += len(inflate.decompress(chunk))  # a chunk becomes at most a thousand times as long
    except zlib.error:
        raise InputError("damaged: its deflated part is broken", file=file, hint="Export it again") from None
    finally:
        stream.seek(0)
    if length > MAX_INFLATED:
        raise InputError(f"unpacks to more than the limit of {MAX_INFLATED:,} bytes", file=file, hint="Export it again")


def _decoder(tags, file: str):
    """The decoder of the file's compression. Raises InputError, or UsageError where it needs a package."""
    from pydicom.pixels import get_decoder

    syntax = tags.file_meta.TransferSyntaxUID
    if not any(name in tags for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise InputError("damaged: it ends before its pixels", file=file, hint="Export it again")
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise InputError(f"compressed as {syntax.name}, which is not read", file=file, hint="Export its frames as PNG") from None
    if not decoder.is_available:
        hint = (
            "Install pydicom's decoders with: pip install python-gdcm pylibjpeg pylibjpeg-openjpeg (part of the extra 'medical')"
        )
        raise UsageError(f"{syntax.name} needs a decoder that is not installed", file=file, hint=hint)
    return decoder


def _what_it_is(tags) -> str:
    """Such as ` (it is an Enhanced SR Storage)`: only what the standard itself names."""
    try:
        kind = str(getattr(tags.get("SOPClassUID"), "name", ""))
    except Exception:  # a tag that cannot be read is as good as none
        return ""
    return f" (DICOM of the kind {kind!r})" if kind and not kind[0].isdigit() else ""


def _early(error: Exception) -> str:
    """The one cause that is told apart; the libraries' own words may quote the file."""
    return " (it ends early)" if isinstance(error, EOFError) or "expected" in str(error) else ""
