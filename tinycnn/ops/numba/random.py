"""Random numbers for dropout and noise: those that NumPy's generator gives for the same key and counter, drawn inside a step.

Philox is counter-based: block number i of four 64-bit numbers is a hash of (i, key), so that any part can be drawn by anyone.
Source: Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3 (SC11), Philox4x64-10; what a model's counter holds is
told in `tinycnn.streams.step_generator`.
"""

from __future__ import annotations

from math import prod

import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.extending import intrinsic

from tinycnn.ops.numba.elementwise import FLOATS
from tinycnn.ops.numba.kernel import Step, floats_at, helper, kernel, tasks_for
from tinycnn.ops.numba.vectors import INT
from tinycnn.ops.numpy.retouch import NOISE_MEAN

ROUNDS = 10
MULTIPLIERS = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
WEYL = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)
A_BLOCK = 8  # float32 numbers that a block of four 64-bit ones gives
LOW, HALF, SKIPPED = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(8)
SHORT, QUARTER = np.uint64(0xFFFF), np.uint64(16)
UNIT = np.float32(2**-24)


def draw_step(result, state, stream: int) -> Step:
    """Fill an array (N, ...) with numbers in [0, 1).

    `state` holds, as uint64, the seed's two halves, the number of the step, and that of the first row in the step's batch.
    """
    floats, row = prod(result.shape), prod(result.shape[1:])
    tasks = tasks_for(-(-floats // FLOATS))
    return draw(tasks, tasks=tasks, result=result, state=state, stream=stream, floats=floats, row=row)


def noise_step(x, deviation, keys, y) -> Step:
    """y (N, ...) = x plus noise, see `ops.numpy.retouch.add_noise`; deviation (N,) is over that of `_sum`, keys (N, 2) uint64."""
    batch, floats = len(x), prod(x.shape[1:])
    tasks = tasks_for(-(-batch * floats // FLOATS))
    return noise(tasks, tasks=tasks, x=x, deviation=deviation, keys=keys, y=y, batch=batch, floats=floats)


@intrinsic
def _product(typing, a, b):
    """The lower and the upper half of the product of two 64-bit numbers."""
    pair = types.UniTuple(types.uint64, 2)

    def codegen(context, builder, signature, args):
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(arg, wide) for arg in args))
        halves = (product, builder.lshr(product, ir.Constant(wide, 64)))
        return context.make_tuple(builder, pair, [builder.trunc(half, INT) for half in halves])

    return pair(types.uint64, types.uint64), codegen


@helper
def _block(number, stream, step, key0, key1):
    """Four 64-bit numbers."""
    a, b, c, d = number, np.uint64(0), stream, step
    for _ in range(ROUNDS):
        low0, high0 = _product(MULTIPLIERS[0], a)
        low1, high1 = _product(MULTIPLIERS[1], c)
        a, b, c, d = high1 ^ b ^ key0, low1, high0 ^ d ^ key1, low0
        key0, key1 = key0 + WEYL[0], key1 + WEYL[1]
    return a, b, c, d


@helper
def _float(bits):
    """The upper 24 of 32 bits, as a number in [0, 1)."""
    return np.float32(np.int32(bits >> SKIPPED)) * UNIT


@kernel("tasks result state stream floats row")
def draw(task, worker, p):
    """A share of the blocks. A 64-bit number gives two floats, the lower half first, each of its upper 24 bits."""
    p = carray(p, 1)[0]
    state = carray(floats_at(p.state), 8).view(np.uint64)
    result = carray(floats_at(p.result), p.floats)
    skipped = np.int64(state[3]) * p.row
    first = skipped // A_BLOCK
    blocks = (skipped + p.floats + A_BLOCK - 1) // A_BLOCK - first
    for block in range(first + task * blocks // p.tasks, first + (task + 1) * blocks // p.tasks):
        numbers = _block(np.uint64(block + 1), np.uint64(p.stream), state[2], state[0], state[1])
        at = block * A_BLOCK - skipped
        if at >= 0 and at + A_BLOCK <= p.floats:
            for i in range(4):
                result[at + 2 * i] = _float(numbers[i] & LOW)
                result[at + 2 * i + 1] = _float(numbers[i] >> HALF)
        else:
            for i in range(max(0, -at), min(A_BLOCK, p.floats - at)):
                number = numbers[i // 2]
                result[at + i] = _float(number >> HALF if i % 2 else number & LOW)


@helper
def _sum(bits):
    """The four 16-bit numbers of a 64-bit one in all, less their mean."""
    total = (bits & SHORT) + ((bits >> QUARTER) & SHORT) + ((bits >> HALF) & SHORT) + (bits >> (HALF + QUARTER))
    return np.float32(np.int32(total) - np.int32(NOISE_MEAN))


@kernel("tasks x deviation keys y batch floats")
def noise(task, worker, p):
    """A share of the blocks of four numbers."""
    p = carray(p, 1)[0]
    floats, blocks = p.floats, (p.floats + 3) // 4
    x, y = carray(floats_at(p.x), p.batch * floats), carray(floats_at(p.y), p.batch * floats)
    keys, deviation = carray(floats_at(p.keys), 4 * p.batch).view(np.uint64), carray(floats_at(p.deviation), p.batch)
    for at in range(task * p.batch * blocks // p.tasks, (task + 1) * p.batch * blocks // p.tasks):
        n, block = at // blocks, at % blocks
        numbers = _block(np.uint64(block + 1), np.uint64(0), np.uint64(0), keys[2 * n], keys[2 * n + 1])
        start = n * floats + 4 * block
        for i in range(min(4, floats - 4 * block)):
            y[start + i] = x[start + i] + deviation[n] * _sum(numbers[i])
