"""The kernel of warps: an image a task."""

from __future__ import annotations

from numba import carray

from tinycnn.ops.numba.kernel import Step, floats_at, kernel


def warp_step(x, maps, y) -> Step:
    """y (N, H, W, C) from x (N, H, W, C) and maps (N, 2, 3)."""
    batch, height, width, channels = y.shape
    return warp_image(batch, x=x, maps=maps, y=y, height=height, width=width, channels=channels)


@kernel("x maps y height width channels")
def warp_image(task, worker, p):
    """An image."""
    p = carray(p, 1)[0]
    height, width, channels = p.height, p.width, p.channels
    floats = height * width * channels
    x, y = carray(floats_at(p.x + 4 * task * floats), floats), carray(floats_at(p.y + 4 * task * floats), floats)
    m = carray(floats_at(p.maps + 24 * task), 6)
    for i in range(height):
        for j in range(width):
            h, w = m[0] * i + m[1] * j + m[2], m[3] * i + m[4] * j + m[5]
            to = (i * width + j) * channels
            for c in range(channels):
                y[to + c] = 0
            if not (h > -1 and h < height and w > -1 and w < width):
                continue
            top, left = int(h + 1) - 1, int(w + 1) - 1  # both above -1: cut off towards 0 is downwards
            down, right = h - top, w - left
            for tap in range(4):
                row, column = top + tap // 2, left + tap % 2
                if 0 <= row < height and 0 <= column < width:
                    share = (down if tap // 2 else 1 - down) * (right if tap % 2 else 1 - right)
                    source = (row * width + column) * channels
                    for c in range(channels):
                        y[to + c] += share * x[source + c]
