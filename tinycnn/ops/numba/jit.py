"""How the twins are compiled and run, and how they see a window."""

from __future__ import annotations

import os
import threading
import warnings
from typing import NamedTuple

import numba
import numpy as np

from tinycnn.ops.numba.tile import FORCED
from tinycnn.ops.shapes import Window

RANK = 3  # every loop nest is written once, for volumes; an image is a volume of depth 1, a signal one of height 1 as well

_one_at_a_time = threading.Lock()  # Numba's default thread pool aborts the process when two threads enter it at once


def jit(function):
    """Compile with Numba, cached on disk where a cache folder can be written and in memory elsewhere.

    Not `fastmath`: a NaN must stay a NaN. `nogil`: a data loader may work meanwhile.
    """
    return _compile(function, nogil=True)


def parallel_jit(function):
    """The same for a function with a `prange`; call it through `run`."""
    return _compile(function, nogil=True, parallel=True)


def run(kernel, *arguments) -> None:
    """Call a `parallel_jit` function: one at a time in a process, on TINYCNN_NUM_THREADS threads where that is set."""
    with _one_at_a_time:
        count = os.environ.get("TINYCNN_NUM_THREADS", "")
        if count:
            numba.set_num_threads(_thread_count(count))
        kernel(*arguments)


def _thread_count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise ValueError(f"TINYCNN_NUM_THREADS is {text!r}; it must be a whole number of at least 1")
    return min(int(text), numba.config.NUMBA_NUM_THREADS)


def _compile(function, **options):
    options["error_model"] = "numpy"
    if FORCED:
        return numba.njit(**options)(function)
    before = numba.config.CACHE_DIR
    try:
        numba.config.CACHE_DIR = before or _cache_folder()
        return numba.njit(cache=True, **options)(function)
    except (RuntimeError, OSError) as error:
        warnings.warn(f"tinycnn compiles its kernels anew in every process: {error}", RuntimeWarning, stacklevel=3)
        return numba.njit(**options)(function)
    finally:
        numba.config.CACHE_DIR = before


def _cache_folder() -> str:
    """The user's own: what is compiled beside the source outlives an uninstalled package, and shadows the next one."""
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = os.path.join(root, "tinycnn", f"numba-{numba.__version__}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return folder


class Lifted(NamedTuple):
    """A window over three axes, and the output's size."""

    kernel: tuple[int, int, int]
    stride: tuple[int, int, int]
    dilation: tuple[int, int, int]
    before: tuple[int, int, int]
    output: tuple[int, int, int]


def lift_conv(size: tuple[int, ...], window: Window) -> tuple[tuple[int, int, int], Lifted]:
    """The input's size and the window over three axes, the last of which is a real one wherever there is any.

    Axes of size 1 under a kernel of 1 go to the front: a table row (30, 1) is a line of 30 pixels, not 30 lines of one.
    """
    output = window.output_size(size)
    axes = list(zip(size, window.kernel, window.stride, window.dilation, (low for low, _ in window.padding), output, strict=True))
    real = [axis for axis in axes if not (axis[0] == axis[1] == axis[5] == 1 and axis[4] == 0)]
    axes = [(1, 1, 1, 1, 0, 1)] * (RANK - len(real)) + real
    size, *rest = (tuple(values) for values in zip(*axes, strict=True))
    return size, Lifted(*rest)


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
