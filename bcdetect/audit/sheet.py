"""The found pairs side by side in one picture, for a person to judge."""

from __future__ import annotations

import io
import os

import numpy as np

from bcdetect.audit.checks import Audit
from bcdetect.audit.text import records
from bcdetect.datasets import Dataset
from bcdetect.errors import OutputError, UsageError
from tinycnn.files import write_bytes

MOST = 12  # pairs
SIDE, BETWEEN, GAP, LINE = 168, 3, 16, 14  # pixels
ACROSS = 3  # pairs in a row


def save_sheet(audit: Audit, path: str | os.PathLike) -> None:
    """Write some pairs as a PNG file, whole or not at all. Raises OutputError, and UsageError for a table."""
    from PIL import Image, ImageDraw

    if not audit.data.pictures:
        raise UsageError("--sheet shows pictures; this data is a table")
    pairs = _spread(audit.pairs)
    described = records(audit)
    rows = max(1, -(-len(pairs) // ACROSS))
    width, height = 2 * SIDE + BETWEEN + GAP, SIDE + 3 * LINE + GAP
    sheet = Image.new("RGB", (ACROSS * width + GAP, rows * height + GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for place, number in enumerate(pairs):
        pair, words = audit.pairs[number], described[number]
        left, top = GAP + place % ACROSS * width, GAP + place // ACROSS * height
        for k, row in enumerate((pair.a, pair.b)):
            sheet.paste(_shown(audit.data, row), (left + k * (SIDE + BETWEEN), top))
        draw.text((left, top + SIDE), f"{words['kind']} {words['similarity']:.3f}", fill="black")
        for k, letter in enumerate("ab"):
            text = f"{words[f'name_{letter}']} ({words[f'part_{letter}']}, {words[f'label_{letter}']})"
            draw.text((left, top + SIDE + (k + 1) * LINE), _fitting(text), fill="black")
    if not pairs:
        draw.text((GAP, GAP), "no pairs were found", fill="black")
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG")
    try:
        write_bytes(path, buffer.getvalue())
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror or error}", file=os.fspath(path)) from error


def _spread(pairs: list) -> list[int]:
    """Numbers of the pairs to show: the first ones, and the least similar, which most need a look."""
    if len(pairs) <= MOST:
        return list(range(len(pairs)))
    least = sorted(range(len(pairs)), key=lambda i: pairs[i].similarity)[: MOST // 2]
    first = [i for i in range(len(pairs)) if i not in least][: MOST - len(least)]
    return first + least[::-1]


def _shown(data: Dataset, row: int):
    from PIL import Image

    x = data.x[row].astype(np.float64) * (255 / np.iinfo(data.x.dtype).max)
    x = x if x.shape[-1] == 3 and data.missing is None else x.mean(axis=-1, keepdims=True)
    plane = np.rint(np.broadcast_to(x, (*x.shape[:2], 3))).astype(np.uint8)
    scale = SIDE / max(plane.shape[:2])
    size = max(1, int(plane.shape[1] * scale)), max(1, int(plane.shape[0] * scale))
    return Image.fromarray(plane).resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BILINEAR)


def _fitting(text: str, most: int = 54) -> str:
    text = text.encode("ascii", "replace").decode()  # what Pillow's own letters can show
    return text if len(text) <= most else "..." + text[3 - most :]
