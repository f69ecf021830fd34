"""What the machine can multiply and add: independent chains of fused multiply-adds in registers, on all threads.

python benchmarks/peak.py        prints it; kernels.py measures against it
"""

import time

import numpy as np
from llvmlite import ir
from numba import carray
from numba.core import cgutils

from tinycnn.ops.numba.kernel import Program, aligned, kernel, threads
from tinycnn.ops.numba.vectors import REGISTERS, VECTOR, Vectors, instruction

CHAINS = 24 if REGISTERS == 32 else 12  # they fit the registers, and are more than any core has under way at once
TIMES, TASKS, RUNS = 1 << 18, 64, 40  # a run is a few hundredths of a second
FLOATS = 4 * VECTOR  # of a task's memory: factor, addend, result, and a cache line between neighbours


def _emit(builder, place, times):
    v = Vectors(builder)
    factor, addend = v.load(place), v.load(v.address(place, 4 * VECTOR))
    chains = [cgutils.alloca_once_value(builder, ir.Constant(v.kind, [1 + n / CHAINS] * VECTOR)) for n in range(CHAINS)]
    with cgutils.for_range(builder, times):
        for chain in chains:
            builder.store(v.fma(builder.load(chain), factor, addend), chain)
    total = v.constant(0)
    for chain in chains:
        total = v.add(total, builder.load(chain))
    v.store(total, v.address(place, 8 * VECTOR))


run_chains = instruction("place times", _emit)


@kernel("place floats times")
def multiply_add(task, worker, p):
    """One task's chains, and their sum so that none is left out."""
    p = carray(p, 1)[0]
    run_chains(p.place + 4 * task * p.floats, p.times)


def fma_peak() -> float:
    """GFLOP/s of float32, two operations a multiply-add: the best of some runs."""
    memory = aligned(TASKS * FLOATS)
    memory[:] = 0.5  # y = y / 2 + 1 / 2 goes to 1
    program = Program([multiply_add(TASKS, place=memory, floats=FLOATS, times=TIMES)])
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        program.run()
        seconds.append(time.perf_counter() - start)
    np.testing.assert_allclose(memory.reshape(TASKS, FLOATS)[:, 2 * VECTOR : 3 * VECTOR], CHAINS)
    return 2 * VECTOR * CHAINS * TIMES * TASKS / min(seconds) / 1e9


if __name__ == "__main__":
    print(f"{fma_peak():.0f} GFLOP/s on {threads()} threads, registers of {VECTOR} floats")
