"""The register tile: a small block of a matrix product, every sum in a vector register. The fast kernels are loops around it.

    C[i, j] = sum over ko, ki of A[ko * a_ko + ki * a_ki + i * a_i] * B[ko * b_ko + ki * b_ki + j]

for i < rows and j < vectors * VECTOR. The three operands are addresses, all strides are counted in floats and known only at run
time, so that one compilation serves all layer shapes. Why two loops over k: the window of a convolution is KH runs of KW * C
contiguous floats. Each sum runs over k in order, whatever stands beside it; that is what makes a row's bits its own.

Numba's own loops never keep such a block in registers, so the tile is written as LLVM vector instructions: rows * vectors
accumulators, and for each k one load a vector of B, one scalar of A a row spread over a vector, and a fused multiply-add for each
pair. `rows * vectors + vectors + 1` registers must fit the machine.
"""

from __future__ import annotations

import os

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

FLOAT, INT, LANE, BYTES = ir.FloatType(), ir.IntType(64), ir.IntType(32), ir.IntType(8).as_pointer()


ARM = llvm.get_process_triple().startswith(("aarch64", "arm64"))


def _host() -> tuple[int, bool]:
    """Floats a vector register of the host, and whether it multiplies and adds in one instruction."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 16, True
    return (8, bool(features.get("fma"))) if features.get("avx") else (4, ARM)


def _width(widest: int) -> int:
    """TINYCNN_VECTOR if it is set, for trying a narrower machine's code here; else the widest. Raises ValueError."""
    text = os.environ.get("TINYCNN_VECTOR", "")
    if text and text not in [str(width) for width in (4, 8, 16) if width <= widest]:
        raise ValueError(f"TINYCNN_VECTOR is {text!r}; on this machine it can be a power of two from 4 to {widest}")
    return int(text or widest)


WIDEST, FUSED = _host()
VECTOR = _width(WIDEST)
REGISTERS = 32 if VECTOR == 16 or ARM else 16  # of a machine whose widest vector this is
FORCED = VECTOR != WIDEST  # then nothing is cached on disk: the cache's key does not see the environment
# Rows that fit the registers with two vectors and with one (found by measuring: more spill, fewer starve the multipliers).
WIDE_ROWS, NARROW_ROWS = (14, 28) if REGISTERS == 32 else (6, 12)
# Rows of the weight gradient's tile, whose operand A is read along its contiguous axis.
GRADIENT_ROWS = 12 if REGISTERS == 32 else 6


def make_tile(rows: int, vectors: int):
    """The tile as a function for Numba code: tile(a, b, c, ko, a_ko, b_ko, ki, a_i, a_ki, b_ki, c_i, accumulate).

    `a`, `b`, `c` are addresses; with `accumulate` not 0 the product is added to C instead of replacing it.
    """
    vector = ir.VectorType(FLOAT, VECTOR)
    grid = [(i, j) for i in range(rows) for j in range(vectors)]

    @intrinsic
    def tile(typing, a, b, c, ko, a_ko, b_ko, ki, a_i, a_ki, b_ki, c_i, accumulate):
        def codegen(context, builder, signature, args):
            *args, accumulate = args
            a, b, c = (builder.inttoptr(address, BYTES) for address in args[:3])
            ko, ki = args[3], args[6]
            a_ko, b_ko, a_i, a_ki, b_ki, c_i = (builder.shl(args[n], INT(2)) for n in (4, 5, 7, 8, 9, 10))  # in bytes
            sums = {at: cgutils.alloca_once(builder, vector) for at in grid}  # LLVM turns these into registers
            multiply_add = _multiply_add(builder, vector)

            def vector_at(base, offset):
                return builder.bitcast(builder.gep(base, [offset]), vector.as_pointer())

            def c_at(i, j):
                return vector_at(c, builder.add(builder.mul(c_i, INT(i)), INT(4 * VECTOR * j)))

            with builder.if_else(builder.icmp_signed("!=", accumulate, INT(0))) as (add, replace):
                with add:
                    for i, j in grid:
                        builder.store(builder.load(c_at(i, j), align=4), sums[i, j])
                with replace:
                    for at in grid:
                        builder.store(ir.Constant(vector, [0.0] * VECTOR), sums[at])
            # Offsets as odd multiples of the stride times 1, 2, 4, 8, which x86 addresses fold; `rows` separate ones would spill.
            odd = {n: builder.mul(a_i, INT(n)) for n in range(1, rows, 2)}
            with cgutils.for_range(builder, ko) as outer:
                a_row = builder.gep(a, [builder.mul(outer.index, a_ko)])
                b_row = builder.gep(b, [builder.mul(outer.index, b_ko)])
                with cgutils.for_range(builder, ki) as inner:
                    a_here = builder.gep(a_row, [builder.mul(inner.index, a_ki)])
                    b_here = builder.gep(b_row, [builder.mul(inner.index, b_ki)])
                    right = [builder.load(vector_at(b_here, INT(4 * VECTOR * j)), align=4) for j in range(vectors)]
                    for i in range(rows):
                        left = _spread(builder, _row(builder, a_here, odd, i), vector)
                        for j in range(vectors):
                            builder.store(multiply_add(left, right[j], builder.load(sums[i, j])), sums[i, j])
            for i, j in grid:
                builder.store(builder.load(sums[i, j]), c_at(i, j), align=4)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 12), codegen

    return tile


def _multiply_add(builder, vector):
    """x * y + z: fused where the hardware does it; elsewhere `llvm.fma` would call a library for every float."""
    if not FUSED:
        return lambda x, y, z: builder.fadd(builder.fmul(x, y), z)
    name = f"llvm.fma.v{VECTOR}f32"
    fma = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), name)
    return lambda x, y, z: builder.call(fma, [x, y, z])


def _row(builder, base, odd, i):
    """The address of row i of A."""
    if i == 0:
        return base
    shift = (i & -i).bit_length() - 1
    return builder.gep(base, [builder.shl(odd[i >> shift], INT(shift))])


def _spread(builder, address, vector):
    """The float at an address in every lane."""
    scalar = builder.load(builder.bitcast(address, FLOAT.as_pointer()), align=4)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, LANE(0))
    return builder.shuffle_vector(
        first, ir.Constant(vector, ir.Undefined), ir.Constant(ir.VectorType(LANE, VECTOR), [0] * VECTOR)
    )


wide_tile = make_tile(WIDE_ROWS, 2)
narrow_tile = make_tile(NARROW_ROWS, 1)
short_tile = make_tile(WIDE_ROWS, 1)
gradient_tile = make_tile(GRADIENT_ROWS, 2)
narrow_gradient_tile = make_tile(2 * GRADIENT_ROWS, 1)
