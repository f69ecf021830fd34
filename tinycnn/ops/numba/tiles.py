"""How tiles cover any number of rows: a matrix product with a panel, some `rows` at a time."""

from __future__ import annotations

from tinycnn.ops.numba.kernel import helper
from tinycnn.ops.numba.tile import (
    EVEN_ROWS,
    NARROW_EVEN_ROWS,
    NARROW_ROWS,
    WIDE_ROWS,
    even_tile,
    narrow_even_tile,
    narrow_tile,
    wide_tile,
)
from tinycnn.ops.numba.vectors import VECTOR

PANEL = 2 * VECTOR  # columns that a tile takes at once
MOST_ROWS = max(WIDE_ROWS, NARROW_ROWS)  # of a tile: so many there must be room for, where a last tile is not full


def covered(rows: int, wide: bool) -> int:
    """The rows that the tiles for so many rows have together."""
    total = 0
    while total < rows:
        total += _tile_height(rows - total, wide)
    return total


def _tile_height(left, wide):
    """The rows of the next tile, with so many left: of a high one and two low ones, whichever leaves fewer idle."""
    high, low = (WIDE_ROWS, EVEN_ROWS) if wide else (NARROW_ROWS, NARROW_EVEN_ROWS)
    return high if left > 2 * low or low < left <= high else low


tile_height = helper(_tile_height)  # for kernels


@helper
def multiply(rows, columns, a, b, c, ko, a_ko, b_ko, ki, a_i, c_i):
    """The tile of so many rows and columns, as `tile.make_tile` says; a row of the panel B holds `columns` floats."""
    high = rows == WIDE_ROWS or rows == NARROW_ROWS
    if columns == PANEL and high:
        wide_tile(a, b, c, ko, a_ko, b_ko, ki, a_i, 1, columns, c_i, 0)
    elif columns == PANEL:
        even_tile(a, b, c, ko, a_ko, b_ko, ki, a_i, 1, columns, c_i, 0)
    elif high:
        narrow_tile(a, b, c, ko, a_ko, b_ko, ki, a_i, 1, columns, c_i, 0)
    else:
        narrow_even_tile(a, b, c, ko, a_ko, b_ko, ki, a_i, 1, columns, c_i, 0)
