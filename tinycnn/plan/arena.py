"""Memory laid out before it exists: buffers have places in one block, and a place is used again when its buffer is given back.

The steps of a plan run in the order in which they were planned, so whatever was given back when a buffer was taken is free then.
"""

from __future__ import annotations

from math import prod

import numpy as np

from tinycnn.ops.numba.kernel import ALIGNMENT, aligned


class Buffer:
    """A place in the arena that stands for an array of some shape and type."""

    def __init__(self, shape: tuple[int, ...], dtype, offset: int):
        self.shape, self.dtype, self.offset = tuple(shape), np.dtype(dtype), offset

    def reshaped(self, *shape: int) -> Buffer:
        """The same place, seen in another shape."""
        return Buffer(shape, self.dtype, self.offset)

    def bytes(self) -> int:
        """What it takes, in whole cache lines."""
        return -(-prod(self.shape) * self.dtype.itemsize // ALIGNMENT) * ALIGNMENT


class Arena:
    """First fit over one block; `size` is the most that was ever in use."""

    def __init__(self):
        self.size = 0
        self.free: list[tuple[int, int]] = []  # (from, to) in bytes, in order, never touching
        self.block: np.ndarray | None = None

    def take(self, shape: tuple[int, ...], dtype=np.float32) -> Buffer:
        """A buffer of this shape and type."""
        buffer = Buffer(shape, dtype, 0)
        wanted = buffer.bytes()
        for i, (start, end) in enumerate(self.free):
            if end - start >= wanted or (end == self.size and i == len(self.free) - 1):
                break
        else:
            i, (start, end) = len(self.free), (self.size, self.size)
        self.free[i : i + 1] = [(start + wanted, end)] if end > start + wanted else []
        self.size = max(self.size, start + wanted)
        buffer.offset = start
        return buffer

    def give(self, buffer: Buffer) -> None:
        """Take a buffer back."""
        start, end = buffer.offset, buffer.offset + buffer.bytes()
        rest = []
        for other in self.free:
            if other[1] == start:
                start = other[0]
            elif other[0] == end:
                end = other[1]
            else:
                rest.append(other)
        self.free = sorted([*rest, (start, end)])

    def lay_out(self, block: np.ndarray | None = None) -> None:
        """Make the memory, or take a block that is large enough. What nobody writes to is never really there."""
        self.block = block if block is not None and block.nbytes >= self.size else aligned(self.size // 4)

    def address(self, buffer: Buffer) -> int:
        """Where a buffer lies, once the memory is there."""
        return self.block.ctypes.data + buffer.offset

    def array(self, buffer: Buffer) -> np.ndarray:
        """A buffer as an array."""
        start = buffer.offset
        count = prod(buffer.shape) * buffer.dtype.itemsize
        return self.block.view(np.uint8)[start : start + count].view(buffer.dtype).reshape(buffer.shape)
