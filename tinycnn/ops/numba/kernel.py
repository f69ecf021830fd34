"""How the fast kernels are compiled, given their arguments, and run.

    kernel      a function of (task, worker, arguments) that does one share of a job: compiled to a C function, cached on disk
    step        a kernel with its arguments, cut into tasks
    program     steps in a row, run by one call: all of a training step's forward pass, say

Tasks are handed to workers as these become free, so a slow core holds up nothing; what a task computes never depends on who runs
it, or beside what. All arguments are 64-bit integers: sizes, strides, and the addresses of arrays. That keeps compilations few
and short: one loop over threads serves every kernel.
"""

from __future__ import annotations

import os
import threading
from collections import namedtuple

import numba
import numpy as np
from llvmlite import ir
from numba import cfunc, njit, prange, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

from tinycnn.ops.numba import cache
from tinycnn.ops.numba.vectors import BYTE, INT, instruction

TASKS = 64  # a job is cut into at most
ALIGNMENT = 64  # bytes: a register's load that crosses cache lines costs two
OPTIONS = {"error_model": "numpy", "nogil": True}  # not `fastmath`: a NaN must stay a NaN

_one_at_a_time = threading.Lock()  # Numba's default thread pool aborts the process when two threads enter it at once
kernels: list[Kernel] = []  # all there are
compilations: list[str] = []  # names of what was compiled by this process, not loaded from the cache


class Kernel:
    """A compiled C function; `fields` names its arguments, in order. Made by `kernel`."""

    def __init__(self, function, fields: str):
        self.function, self.arguments = function, namedtuple(function.__name__, fields)
        self._compiled = None

    def address(self) -> int:
        """Where the machine code lies; compiled, or loaded, at first use."""
        if self._compiled is None:
            record = from_dtype(np.dtype([(name, np.int64) for name in self.arguments._fields]))
            signature = types.void(types.int64, types.int64, types.CPointer(record))
            self._compiled = compiled(self.function.__name__, lambda **kw: cfunc(signature, **OPTIONS, **kw)(self.function))
        return self._compiled.address

    def __call__(self, tasks: int, /, **values) -> Step:
        """A step: this kernel with its arguments, as ints or arrays."""
        return Step(self, tasks, self.arguments(**values))


def kernel(fields: str):
    """Make a `Kernel` of a function (task, worker, p); it begins with `p = carray(p, 1)[0]` to see `p.field`."""

    def declare(function) -> Kernel:
        kernels.append(Kernel(function, fields))
        return kernels[-1]

    return declare


def helper(function):
    """Compile a function that kernels call; it becomes part of them."""
    return njit(**OPTIONS)(function)


class Step:
    """One kernel at work on given arrays, in `tasks` shares."""

    def __init__(self, kernel: Kernel, tasks: int, arguments):
        self.kernel, self.tasks, self.arguments = kernel, tasks, arguments


class Lent:
    """In a step's arguments: memory for one worker, `floats` long; the worker's own part starts at worker * floats."""

    def __init__(self, floats: int):
        self.floats = -(-floats // 16) * 16


class Program:
    """Steps in a row over fixed memory. `place` gives the address of whatever stands for an array in their arguments."""

    def __init__(self, steps: list[Step], place=None, small: bool = False):
        self.steps = steps
        threads = 1 if small else most_threads()
        lent = max((a.floats for step in steps for a in step.arguments if isinstance(a, Lent)), default=0)
        self.scratch = aligned(threads * lent)
        self.tables = []
        rows = []
        for step in steps:
            values = [self._value(value, place) for value in step.arguments]
            self.tables.append(np.array(values, np.int64))
            rows.append((step.kernel.address(), address(self.tables[-1]), step.tasks))
        self.rows = np.array(rows, np.int64).reshape(-1, 3)
        self.counters = np.zeros((len(rows), 8), np.int64)  # one cache line each
        self.threads = threads

    def _value(self, value, place):
        if isinstance(value, Lent):
            return address(self.scratch)
        if isinstance(value, np.ndarray):
            return address(value)
        return place(value) if place and not isinstance(value, (int, np.integer)) else value

    def run(self) -> None:
        """All steps, one after the other."""
        launcher = _launcher()
        if self.threads == 1:
            launcher(self.rows, self.counters, 1)
            return
        with _one_at_a_time:
            self.counters[:] = 0
            launcher(self.rows, self.counters, threads())


def run(*steps: Step) -> None:
    """Run steps once."""
    Program(list(steps)).run()


def tasks_for(blocks: int) -> int:
    """Into how many tasks so many blocks are cut: never by the number of threads, since a task's sums are part of the result."""
    return max(1, min(TASKS, blocks))


def threads() -> int:
    """How many threads run a program: TINYCNN_NUM_THREADS where that is set, else all that Numba has. Raises ValueError."""
    text = os.environ.get("TINYCNN_NUM_THREADS", "")
    if not text:
        return numba.get_num_threads()
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise ValueError(f"TINYCNN_NUM_THREADS is {text!r}; it must be a whole number of at least 1")
    return min(int(text), numba.config.NUMBA_NUM_THREADS)


def most_threads() -> int:
    """The threads that memory is lent for."""
    threads()  # a wrong setting is said before anything is compiled
    return numba.config.NUMBA_NUM_THREADS


def address(array: np.ndarray) -> int:
    """Where an array's numbers begin."""
    return array.__array_interface__["data"][0]


def aligned(floats: int) -> np.ndarray:
    """An uninitialised float32 array that starts at a cache line."""
    spare = ALIGNMENT // 4
    array = np.empty(floats + spare, np.float32)
    start = -array.ctypes.data % ALIGNMENT // 4
    return array[start : start + floats]


def compiled(name: str, compile_it):
    """What `compile_it(cache=...)` gives, from the checked cache where that can be used; counts real compilations."""
    folder, before = cache.folder(), numba.config.CACHE_DIR
    if folder is not None:
        with _one_at_a_time:
            try:
                numba.config.CACHE_DIR = folder
                result = compile_it(cache=True)
                misses = sum(result.stats.cache_misses.values()) if hasattr(result, "stats") else not result.cache_hits
            except (OSError, RuntimeError):  # a full disk, or the folder went: Numba raises when it cannot write
                folder = None
            finally:
                numba.config.CACHE_DIR = before
    if folder is None:
        result, misses = compile_it(cache=False), 1
    if misses:
        compilations.append(name)
        cache.seal()
    return result


def compile_all() -> int:
    """Compile every kernel there is, or load it; returns how many."""
    for each in kernels:
        each.address()
    _launcher()
    return count()


def count() -> int:
    """How many there are, with the loop that hands them out."""
    return len(kernels) + 1


_LAUNCHERS: list = []


def _launcher():
    """The one loop over threads, compiled at first use."""
    if not _LAUNCHERS:
        signature = types.void(types.int64[:, ::1], types.int64[:, ::1], types.int64)
        _LAUNCHERS.append(compiled("launch", lambda **kw: njit(signature, parallel=True, **OPTIONS, **kw)(_launch)))
    return _LAUNCHERS[0]


def _launch(steps, counters, threads):
    """Run rows (function, arguments, tasks) of `steps`; a step's counter says which task is next."""
    for s in range(len(steps)):
        function, arguments, tasks = steps[s, 0], steps[s, 1], steps[s, 2]
        if threads == 1 or tasks == 1:
            for task in range(tasks):
                _call(function, task, 0, arguments)
        else:
            counter = counters.ctypes.data + s * counters.strides[0]
            for worker in prange(threads):
                task = _next(counter)
                while task < tasks:
                    _call(function, task, worker, arguments)
                    task = _next(counter)


@intrinsic
def _call(typing, function, task, worker, arguments):
    """Call the C function at an address."""

    def codegen(context, builder, signature, args):
        kind = ir.FunctionType(ir.VoidType(), [INT] * 3)
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), codegen


@intrinsic
def _next(typing, counter):
    """The number at an address, which is one more afterwards: no two threads get the same."""

    def codegen(context, builder, signature, args):
        return builder.atomic_rmw("add", builder.inttoptr(args[0], INT.as_pointer()), INT(1), "monotonic")

    return types.int64(types.int64), codegen


def _copy(builder, target, source, floats):
    target, source = (builder.inttoptr(place, BYTE.as_pointer()) for place in (target, source))
    cgutils.raw_memcpy(builder, target, source, builder.shl(floats, INT(2)), 1)


def _zero(builder, target, floats):
    cgutils.memset(builder, builder.inttoptr(target, BYTE.as_pointer()), builder.shl(floats, INT(2)), 0)


copy = instruction("target source floats", _copy)  # from one address to another
zero = instruction("target floats", _zero)  # floats at an address become 0


@intrinsic
def floats_at(typing, address):
    """The address as a pointer to floats, for `carray`."""

    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], context.get_value_type(types.CPointer(types.float32)))

    return types.CPointer(types.float32)(types.intp), codegen


@intrinsic
def doubles_at(typing, address):
    """The address as a pointer to float64, for `carray`."""

    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], context.get_value_type(types.CPointer(types.float64)))

    return types.CPointer(types.float64)(types.intp), codegen
