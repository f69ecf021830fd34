"""The size that a compressed frame declares of itself, read before a decoder makes room for it.

Sources: ITU-T T.81 B.2.2 (JPEG's frame header), T.87 C.2.2 (JPEG-LS has the same), T.800 A.5.1 (JPEG 2000's SIZ).
"""

from __future__ import annotations

import struct

_FRAME_HEADERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC} | {0xF7}  # less tables, an extension and conditioning; with JPEG-LS
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length


def declared_size(data: bytes | None) -> tuple[int, int] | None:
    """(width, height) of a JPEG, JPEG-LS or JPEG 2000 codestream; None for anything else."""
    if data is None or data[:1] != b"\xff":
        at = -1 if data is None else data[:128].find(b"\xff\x4f\xff\x51")  # JPEG 2000 inside a JP2 box
        return None if at < 0 else _siz(data, at)
    if data[:4] == b"\xff\x4f\xff\x51":
        return _siz(data, 0)
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _ALONE:
            at += 2
        elif marker in _FRAME_HEADERS:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return None


def _siz(data: bytes, at: int) -> tuple[int, int] | None:
    if len(data) < at + 24:
        return None
    right, bottom, left, top = struct.unpack_from(">IIII", data, at + 8)
    return right - left, bottom - top
