"""Ordinary picture files: upright, and never clipped to white.

format and declared size checked -> decoded -> upright -> grey or RGB, 8 or 16 bits
"""

from __future__ import annotations

import io
import re
import struct
import sys
from contextlib import contextmanager, suppress

import numpy as np

from bcdetect.depth import FEWEST, MAX_PIXELS, grey_if_grey, limits, spread
from bcdetect.errors import InputError

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "PPM")  # PPM is PGM too
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".pgm", ".ppm")
MAX_PAGES = 10_000
FAILURES = (OSError, SyntaxError, ValueError, EOFError, MemoryError, OverflowError, TypeError, KeyError, IndexError,
            struct.error)  # Pillow's ways to fail on a file  # fmt: skip
BITS, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339  # TIFF tags
MIN_IS_WHITE, SIGNED = 0, 2
# Pillow keeps the high byte of a colour of 16 bits; read again in the other byte order, it keeps the low one.
_OTHER_BYTE = {"RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B", "RGBA;16B": "RGBA;16L", "RGBA;16L": "RGBA;16B"}
_STARTS = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF"}
_PAIRS = np.array([[256, 256, 256, 0], [1, 1, 1, 0], [0, 0, 0, 256], [0, 0, 0, 1]], np.uint16)  # bytes of grey and of alpha
_NATIVE = "L" if sys.byteorder == "little" else "B"


def open_pictures(data: bytes, file: str) -> Raster:
    """The pages of a file. Raises InputError."""
    return Raster(data, file)


class Raster:
    """A file that Pillow reads: `count` pages, a picture each."""

    def __init__(self, data: bytes, file: str):
        self._data, self._file, self.nbytes = data, file, len(data)
        with self._image() as image:
            self.count = _pages(image, file)

    def read(self, number: int) -> np.ndarray:
        """Page `number`, from 1. Shape: (H, W, 1) or (H, W, 3), uint8 or uint16. Raises InputError."""
        from PIL import ImageOps

        with self._image(number) as image:
            _check(image, self._file)
            modes = [_raw_mode(tile) for tile in image.tile]
            deep = image.mode not in ("I", "F") and not image.mode.startswith("I;") and any("16" in mode for mode in modes)
            if not deep:
                image.load()
                return _array(image, ImageOps.exif_transpose(image), self._file)
        if set(modes) == {"LA;16B"}:
            return _deep_colours(self._as_modes(number, ["RGBA"] * len(modes)).astype(np.uint16) @ _PAIRS)
        if not set(modes) <= _OTHER_BYTE.keys():
            what = "colours of 16 bits in a layout that is not read"
            raise InputError(what, file=self._file, hint="Save it as PNG, or with 8 bits a colour")
        high = self._as_modes(number, modes).astype(np.uint16)
        return _deep_colours(high << 8 | self._as_modes(number, [_OTHER_BYTE[mode] for mode in modes]))

    def _as_modes(self, number: int, modes: list[str]) -> np.ndarray:
        """The bytes that Pillow keeps when it takes the tiles for ones of these raw modes. Shape: (H, W, channels) uint8."""
        from PIL import ImageOps

        with self._image(number) as image:
            image.tile = [_with_raw_mode(tile, mode) for tile, mode in zip(image.tile, modes, strict=True)]
            image.load()
            return np.asarray(ImageOps.exif_transpose(image))

    @contextmanager
    def _image(self, number: int = 1):
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(io.BytesIO(self._data), formats=FORMATS) as image:
                if number > 1:
                    image.seek(number - 1)
                yield image
        except UnidentifiedImageError:
            kind = next((name for start, name in _STARTS.items() if self._data.startswith(start)), None)
            if kind is not None:
                what = f"damaged, or a kind of {kind} that is not read"
                raise InputError(what, file=self._file, hint="Save it as an ordinary PNG") from None
            what = "not a picture that can be read"
            if self._data[:512].isascii() and all(byte >= 32 or byte in b"\t\r\n\f" for byte in self._data[:512]):
                what += " (it holds text)"
            hint = f"Save it as {', '.join(FORMATS[:-1])}, PGM, PPM, DICOM or NIfTI"
            raise InputError(what, file=self._file, hint=hint) from None
        except Image.DecompressionBombError as error:
            pixels = re.search("[0-9]+", str(error))
            what = f"declares {int(pixels[0]):,} pixels; the limit is {MAX_PIXELS:,}" if pixels else "declares too many pixels"
            raise InputError(what, file=self._file, hint="Scale it down") from None
        except FAILURES as error:
            reason = str(error).splitlines()[0] if str(error) else "it ends early"
            raise InputError(f"damaged: {reason}", file=self._file, hint="Export it again") from None


def _check(image, file: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(
            f"declares {width} x {height} pixels; the limit is {MAX_PIXELS:,} in all", file=file, hint="Scale it down"
        )
    if min(width, height) < FEWEST:
        raise InputError(f"{width} x {height} pixels show nothing", file=file, hint="Pass the whole picture")


def _pages(image, file: str) -> int:
    """How many there are; a chain of them is followed no further than the limit."""
    if image.format == "TIFF":
        count = 1
        with suppress(EOFError):
            while count <= MAX_PAGES:
                image.seek(count)
                count += 1
    else:
        count = getattr(image, "n_frames", 1)
    if count > MAX_PAGES:
        raise InputError(f"holds more than {MAX_PAGES:,} pictures", file=file, hint="Save them in several files")
    if image.format == "PNG" and count > 1:  # its n-th frame takes the decoding of all before it
        raise InputError(f"an animation of {count} frames", file=file, hint="Save the frame that counts by itself")
    return count


def _array(opened, image, file: str) -> np.ndarray:
    """`image` is `opened` upright, and may have lost the file's tags."""
    from PIL import Image

    tags = getattr(opened, "tag_v2", {})
    signed = tags.get(SAMPLE_FORMAT, (1,))[0] == SIGNED
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image)
        if tags and image.mode == "I" and not signed and tags.get(BITS, (0,))[0] == 32:
            values = values.view(np.uint32)  # Pillow keeps these bits as signed numbers
        if not np.isfinite(values).all():
            raise InputError("holds values that are not finite", file=file, hint="Export it again")
        deep = spread(values, *limits(values))[:, :, None]
        return np.invert(deep) if tags.get(PHOTOMETRIC) == MIN_IS_WHITE else deep
    if image.mode in ("1", "L") and "transparency" not in image.info:
        grey = np.asarray(image.convert("L"))[:, :, None]
        return grey ^ np.uint8(128) if signed and image.mode == "L" else grey  # -128 is black, and not a middle grey
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    return grey_if_grey(np.asarray(image.convert("RGB")))


def _raw_mode(tile) -> str:
    """How a tile's bytes lie; of a PPM file, the bits of its largest value."""
    codec, _, _, arguments = tile
    if codec.startswith("ppm"):
        return "16" if arguments[-1] > 255 else "8"
    mode = str(arguments[0] if isinstance(arguments, tuple) else arguments)
    return mode.replace("16N", "16" + _NATIVE)


def _with_raw_mode(tile, mode: str) -> tuple:
    codec, box, offset, arguments = tile
    return codec, box, offset, (mode, *arguments[1:]) if isinstance(arguments, tuple) else mode


def _deep_colours(colours: np.ndarray) -> np.ndarray:
    """Of 16 bits, spread together so that hues stay; transparent parts are black. Shape: (H, W, 3 or 4) -> (H, W, 1 or 3)."""
    if colours.shape[2] == 4:
        opaque = colours[:, :, 3:] / 65535
        colours = np.rint(colours[:, :, :3] * opaque).astype(np.uint16)
    return grey_if_grey(spread(colours, *limits(colours)))
