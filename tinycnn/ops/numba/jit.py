"""How the twins are compiled, and how they see a window."""

import os
import warnings

import numba
import numpy as np

from tinycnn.ops.shapes import Window

RANK = 3  # every loop nest is written once, for volumes; an image is a volume of depth 1, a signal one of height 1 as well


def jit(function):
    """Compile with Numba, cached on disk where a cache folder can be written and in memory elsewhere.

    Not `fastmath`: a NaN must stay a NaN. `nogil`: a data loader may work meanwhile.
    """
    options = {"nogil": True, "error_model": "numpy"}
    before = numba.config.CACHE_DIR
    try:
        numba.config.CACHE_DIR = before or _cache_folder()
        return numba.njit(cache=True, **options)(function)
    except (RuntimeError, OSError) as error:
        warnings.warn(f"tinycnn compiles its kernels anew in every process: {error}", RuntimeWarning, stacklevel=2)
        return numba.njit(**options)(function)
    finally:
        numba.config.CACHE_DIR = before


def _cache_folder() -> str:
    """The user's own: what is compiled beside the source outlives an uninstalled package, and shadows the next one."""
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = os.path.join(root, "tinycnn", f"numba-{numba.__version__}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return folder


def lift(window: Window) -> tuple[tuple[int, int, int], ...]:
    """The window as (kernel, stride, dilation, padding before), three ints each."""
    missing = RANK - len(window.kernel)
    before = tuple(low for low, _ in window.padding)
    return (
        (1,) * missing + window.kernel,
        (1,) * missing + window.stride,
        (1,) * missing + window.dilation,
        (0,) * missing + before,
    )


def lift_shape(shape: tuple[int, ...]) -> tuple[int, int, int, int, int]:
    """(N, ..., C) as (N, D, H, W, C)."""
    return (shape[0], *(1,) * (RANK + 2 - len(shape)), *shape[1:])


def lift_array(x):
    """The array x (N, ..., C) as a contiguous (N, D, H, W, C)."""
    return np.ascontiguousarray(x).reshape(lift_shape(x.shape))


@jit
def tap_at(tap, od, oh, ow, shape, kernel, stride, dilation, before):
    """Where tap number `tap` (row-major in the kernel) of the window at (od, oh, ow) stands in an input (N, D, H, W, C).

    Returns (d, h, w, whether that is inside). A plain function: Numba cannot load a compiled generator from its cache.
    """
    d = od * stride[0] + tap // (kernel[1] * kernel[2]) * dilation[0] - before[0]
    h = oh * stride[1] + tap // kernel[2] % kernel[1] * dilation[1] - before[1]
    w = ow * stride[2] + tap % kernel[2] * dilation[2] - before[2]
    return d, h, w, 0 <= d < shape[1] and 0 <= h < shape[2] and 0 <= w < shape[3]
