"""One picture file as an array: told by its first bytes, under limits, upright, and never clipped to white.

    bytes -> format and declared size checked -> decoded -> upright -> grey or RGB, 8 or 16 bits -> the network's size

Depths above 8 bits hold what a detector counted: they are spread from their own darkest to their brightest pixels, of which the
outermost 0.1 % may be defects.
"""

from __future__ import annotations

import io
import os
import warnings

import numpy as np

from bcdetect.errors import InputError
from bcdetect.gate import read_bytes

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "PPM")  # PPM is PGM too
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".pgm", ".ppm")
MAX_BYTES = 256 * 2**20
MAX_PIXELS = 64 * 2**20  # a mammogram at full resolution has 10 to 30 million
FEWEST = 2  # pixels a side
SPREAD = (0.1, 99.9)  # percentiles of a deep picture that become black and white


def read_picture(path: str | os.PathLike) -> np.ndarray:
    """The picture in a file. Shape: (H, W, 1) or (H, W, 3), uint8 or uint16 (spread over all its range).

    A colour picture whose three channels are the same is grey. Transparent parts are black. Raises InputError.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    file = os.fspath(path)
    data = read_bytes(path, limit=MAX_BYTES)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata, which nothing here relies on
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                _check(image, file)
                image.load()
                return _array(ImageOps.exif_transpose(image), file)
    except UnidentifiedImageError:
        raise InputError(
            "not a picture that can be read", file=file, hint=f"The formats are {', '.join(FORMATS[:-1])}, PGM and PPM"
        ) from None
    except Image.DecompressionBombError:
        raise InputError(f"declares more than the limit of {MAX_PIXELS:,} pixels", file=file, hint="Scale it down") from None
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, OverflowError) as error:  # Pillow's ways to fail on a file
        raise InputError(
            f"damaged: {str(error).splitlines()[0] if str(error) else 'it ends early'}", file=file, hint="Export it again"
        ) from None


def fitted(picture: np.ndarray, size: int) -> np.ndarray:
    """Scaled down or up to fit a square, its shape kept and the rest black. Shape: (H, W, C) -> (size, size, C)."""
    from PIL import Image

    height, width, channels = picture.shape
    if (height, width) == (size, size):
        return picture
    scale = size / max(height, width)
    inner = max(1, round(height * scale)), max(1, round(width * scale))
    result = np.zeros((size, size, channels), picture.dtype)
    top, left = (size - inner[0]) // 2, (size - inner[1]) // 2
    most = np.iinfo(picture.dtype).max
    for c in range(channels):
        plane = Image.fromarray(np.ascontiguousarray(picture[:, :, c], np.float32))
        plane = np.asarray(plane.resize((inner[1], inner[0]), Image.Resampling.BILINEAR))  # averages what it scales down
        result[top : top + inner[0], left : left + inner[1], c] = np.clip(np.rint(plane), 0, most)
    return result


def _check(image, file: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(
            f"declares {width} x {height} pixels; the limit is {MAX_PIXELS:,} in all", file=file, hint="Scale it down"
        )
    if min(width, height) < FEWEST:
        raise InputError(f"{width} x {height} pixels show nothing", file=file, hint="Remove it, or pass the whole picture")
    if (pages := getattr(image, "n_frames", 1)) > 1:
        raise InputError(f"holds {pages} pictures", file=file, hint="Save each in a file of its own")


def _array(image, file: str) -> np.ndarray:
    from PIL import Image

    if image.mode.startswith("I") or image.mode == "F":
        return _deep(np.asarray(image), file)[:, :, None]
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))[:, :, None]
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    colours = np.asarray(image.convert("RGB"))
    grey = (colours[:, :, :1] == colours).all()
    return np.ascontiguousarray(colours[:, :, :1] if grey else colours)


def _deep(values: np.ndarray, file: str) -> np.ndarray:
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise InputError("holds values that are not finite", file=file, hint="Export it again")
    low, high = np.percentile(values, SPREAD)
    if low == high:
        low, high = values.min(), values.max()
    share = np.clip((values - low) / (high - low if high > low else 1), 0, 1)
    return np.rint(65535 * share).astype(np.uint16)
