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

from numba.core import cgutils

from tinycnn.ops.numba.vectors import INT, REGISTERS, VECTOR, Vectors, instruction

# Rows that fit the registers with two vectors and with one (found by measuring: more spill, fewer starve the multipliers).
WIDE_ROWS, NARROW_ROWS = (14, 14) if REGISTERS == 32 else (6, 12)
EVEN_ROWS, NARROW_EVEN_ROWS = (8 if REGISTERS == 32 else 4), 8
# Rows of the weight gradient's tile, whose operand A is read along its contiguous axis.
GRADIENT_ROWS = 12 if REGISTERS == 32 else 6
FEW_ROWS = 4  # the same where a window has few floats: a first layer's, over one channel or three


def make_tile(rows: int, vectors: int):
    """The tile as a function for Numba code: tile(a, b, c, ko, a_ko, b_ko, ki, a_i, a_ki, b_ki, c_i, accumulate).

    `a`, `b`, `c` are addresses; with `accumulate` not 0 the product is added to C instead of replacing it.
    """
    grid = [(i, j) for i in range(rows) for j in range(vectors)]

    def emit(builder, a, b, c, ko, a_ko, b_ko, ki, a_i, a_ki, b_ki, c_i, accumulate):
        a_ko, b_ko, a_i, a_ki, b_ki, c_i = (builder.shl(step, INT(2)) for step in (a_ko, b_ko, a_i, a_ki, b_ki, c_i))  # in bytes
        v = Vectors(builder)
        sums = {at: cgutils.alloca_once(builder, v.kind) for at in grid}  # LLVM turns these into registers

        def c_at(i, j):
            return v.address(c, builder.mul(c_i, INT(i)), 4 * VECTOR * j)

        with builder.if_else(builder.icmp_signed("!=", accumulate, INT(0))) as (add, replace):
            with add:
                for at in grid:
                    builder.store(v.load(c_at(*at)), sums[at])
            with replace:
                for at in grid:
                    builder.store(v.constant(0), sums[at])
        # Offsets as odd multiples of the stride times 1, 2, 4, 8, which x86 addresses fold; `rows` separate ones would spill.
        odd = {n: builder.mul(a_i, INT(n)) for n in range(1, rows, 2)}
        with cgutils.for_range(builder, ko) as outer:
            a_row = v.address(a, builder.mul(outer.index, a_ko))
            b_row = v.address(b, builder.mul(outer.index, b_ko))
            with cgutils.for_range(builder, ki) as inner:
                a_here = v.address(a_row, builder.mul(inner.index, a_ki))
                b_here = v.address(b_row, builder.mul(inner.index, b_ki))
                right = [v.load(v.address(b_here, 4 * VECTOR * j)) for j in range(vectors)]
                for i in range(rows):
                    left = v.spread(_row(v, a_here, odd, i))
                    for j in range(vectors):
                        builder.store(v.fma(left, right[j], builder.load(sums[i, j])), sums[i, j])
        for at in grid:
            v.store(builder.load(sums[at]), c_at(*at))

    return instruction("a b c ko a_ko b_ko ki a_i a_ki b_ki c_i accumulate", emit)


def _row(v, base, odd, i):
    """The address of row i of A."""
    if i == 0:
        return base
    shift = (i & -i).bit_length() - 1
    return v.address(base, v.builder.shl(odd[i >> shift], INT(shift)))


wide_tile = make_tile(WIDE_ROWS, 2)
narrow_tile = make_tile(NARROW_ROWS, 1)
gradient_tile = make_tile(GRADIENT_ROWS, 2)
narrow_gradient_tile = make_tile(2 * GRADIENT_ROWS, 1)
even_tile = make_tile(EVEN_ROWS, 2)
narrow_even_tile = make_tile(NARROW_EVEN_ROWS, 1)
few_tile = make_tile(FEW_ROWS, 1)
