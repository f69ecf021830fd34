"""Ordinary picture files: upright, and never clipped to white.

format and declared size checked -> decoded -> upright -> grey or RGB, 8 or 16 bits
"""

from __future__ import annotations

import io
import sys
from contextlib import contextmanager

import numpy as np

from bcdetect.depth import FEWEST, MAX_PIXELS, grey_if_grey, limits, spread
from bcdetect.errors import InputError

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "PPM")  # PPM is PGM too
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".pgm", ".ppm")
PHOTOMETRIC, MIN_IS_WHITE = 262, 0  # a TIFF tag
# Pillow keeps the high byte of a colour of 16 bits; read again in the other byte order, it keeps the low one.
_OTHER_BYTE = {"RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B", "RGBA;16B": "RGBA;16L", "RGBA;16L": "RGBA;16B"}
_NATIVE = "L" if sys.byteorder == "little" else "B"


def open_pictures(data: bytes, file: str) -> Raster:
    """The pages of a file. Raises InputError."""
    return Raster(data, file)


class Raster:
    """A file that Pillow reads: `count` pages, a picture each."""

    def __init__(self, data: bytes, file: str):
        self._data, self._file, self.nbytes = data, file, len(data)
        with self._image() as image:
            self.count = getattr(image, "n_frames", 1)

    def read(self, number: int) -> np.ndarray:
        """Page `number`, from 1. Shape: (H, W, 1) or (H, W, 3), uint8 or uint16. Raises InputError."""
        from PIL import ImageOps

        with self._image(number) as image:
            _check(image, self._file)
            other = _other_byte(image)
            if other is None:
                image.load()
                return _array(image, ImageOps.exif_transpose(image), self._file)
            image.load()
            high = np.asarray(ImageOps.exif_transpose(image))
        with self._image(number) as image:
            image.tile = other
            image.load()
            low = np.asarray(ImageOps.exif_transpose(image))
        return _deep_colours(high.astype(np.uint16) << 8 | low)

    @contextmanager
    def _image(self, number: int = 1):
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(io.BytesIO(self._data), formats=FORMATS) as image:
                if number > 1:
                    image.seek(number - 1)
                yield image
        except UnidentifiedImageError:
            what = "not a picture that can be read"
            if self._data[:512].isascii() and all(byte >= 32 or byte in b"\t\r\n\f" for byte in self._data[:512]):
                what += " (it holds text)"
            hint = f"The formats are {', '.join(FORMATS[:-1])}, PGM, PPM, DICOM and NIfTI"
            raise InputError(what, file=self._file, hint=hint) from None
        except Image.DecompressionBombError:
            what = f"declares more than the limit of {MAX_PIXELS:,} pixels"
            raise InputError(what, file=self._file, hint="Scale it down") from None
        # Pillow's ways to fail on a file.
        except (OSError, SyntaxError, ValueError, EOFError, MemoryError, OverflowError, TypeError, KeyError, IndexError) as error:
            reason = str(error).splitlines()[0] if str(error) else "it ends early"
            raise InputError(f"damaged: {reason}", file=self._file, hint="Export it again") from None


def _check(image, file: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(
            f"declares {width} x {height} pixels; the limit is {MAX_PIXELS:,} in all", file=file, hint="Scale it down"
        )
    if min(width, height) < FEWEST:
        raise InputError(f"{width} x {height} pixels show nothing", file=file, hint="Remove it, or pass the whole picture")


def _array(opened, image, file: str) -> np.ndarray:
    """`image` is `opened` upright, and may have lost the file's tags."""
    from PIL import Image

    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image)
        if not np.isfinite(values).all():
            raise InputError("holds values that are not finite", file=file, hint="Export it again")
        deep = spread(values, *limits(values))[:, :, None]
        white_is_zero = getattr(opened, "tag_v2", {}).get(PHOTOMETRIC, 1) == MIN_IS_WHITE
        return np.invert(deep) if white_is_zero else deep
    if image.mode in ("1", "L") and "transparency" not in image.info:
        return np.asarray(image.convert("L"))[:, :, None]
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    return grey_if_grey(np.asarray(image.convert("RGB")))


def _other_byte(image) -> list | None:
    """The tiles to read for the low bytes of a colour picture of 16 bits; None for any other."""
    tiles = []
    for codec, box, offset, arguments in image.tile:
        mode, *rest = arguments if isinstance(arguments, tuple) else (arguments,)
        other = _OTHER_BYTE.get(str(mode).replace("16N", "16" + _NATIVE))
        if other is None:
            return None
        tiles.append((codec, box, offset, (other, *rest) if isinstance(arguments, tuple) else other))
    return tiles or None


def _deep_colours(colours: np.ndarray) -> np.ndarray:
    """Of 16 bits, spread together so that hues stay; transparent parts are black. Shape: (H, W, 3 or 4) -> (H, W, 1 or 3)."""
    if colours.shape[2] == 4:
        opaque = colours[:, :, 3:] / 65535
        colours = np.rint(colours[:, :, :3] * opaque).astype(np.uint16)
    return grey_if_grey(spread(colours, *limits(colours)))
