"""Winograd's convolution F(4x4, 3x3): 3x3 windows at stride 1 with a quarter of the multiplications.

An output patch of 4x4 pixels sees 6x6 of the input. In one dimension, with the matrices below, and in two by applying each to
the columns and then the rows:

    y = A^T [(G w) * (B^T x)]        forward: multiplied element by element, so that over channels it is 36 matrix products
    grad_w = G^T [(A grad_y) * (B^T x)]

The input gradient is forward with the kernel turned. The price are the transforms, worth it from some 16 channels on, and a
rounding error about ten times that of the direct sum (see benchmarks/kernels.py).
Source: Lavin & Gray 2015, section 4.3 (arXiv:1509.09308); the gradients follow by transposing.

        [ 4  0 -5  0 1 0]         [ 1/4    0    0 ]
        [ 0 -4 -4  1 1 0]         [-1/6 -1/6 -1/6 ]           [1 1  1 1  1 0]
  B^T = [ 0  4 -4 -1 1 0]     G = [-1/6  1/6 -1/6 ]     A^T = [0 1 -1 2 -2 0]
        [ 0 -2 -1  2 1 0]         [1/24 1/12  1/6 ]           [0 1  1 4  4 0]
        [ 0  2 -1 -2 1 0]         [1/24 -1/12 1/6 ]           [0 1 -1 8 -8 1]
        [ 0  4  0 -5 0 1]         [  0     0    1 ]
"""

from __future__ import annotations

from tinycnn.ops.numba.vectors import INT, Vectors, instruction
from tinycnn.ops.roads import PATCH

REACH, PRODUCTS = 6, 36  # pixels of what a patch sees an axis, and numbers of a transformed patch


def input_transform(v, d):
    """B^T d: six to six."""
    even, odd = v.times(d[2], -4, d[4]), v.times(d[1], -4, d[3])
    near, far = v.sub(d[4], d[2]), v.sub(d[3], d[1])
    first = v.times(d[0], 4, v.times(d[2], -5, d[4]))
    last = v.times(d[1], 4, v.times(d[3], -5, d[5]))
    return [first, v.add(even, odd), v.sub(even, odd), v.times(far, 2, near), v.times(far, -2, near), last]


def output_transform(v, m):
    """A^T m: six to four."""
    p, q, r, s = v.add(m[1], m[2]), v.sub(m[1], m[2]), v.add(m[3], m[4]), v.sub(m[3], m[4])
    return [v.add(m[0], v.add(p, r)), v.times(s, 2, q), v.times(r, 4, p), v.add(m[5], v.times(s, 8, q))]


def gradient_transform(v, y):
    """A y: four to six."""
    even, odd = v.add(y[0], y[2]), v.add(y[1], y[3])
    far_even, far_odd = v.times(y[2], 4, y[0]), v.mul(v.times(y[3], 4, y[1]), v.constant(2))
    return [y[0], v.add(even, odd), v.sub(even, odd), v.add(far_even, far_odd), v.sub(far_even, far_odd), y[3]]


def weight_transform(v, w):
    """G w: three to six."""
    ends = v.add(w[0], w[2])
    far = v.mul(v.times(w[2], 4, w[0]), v.constant(1 / 24))
    minus = v.mul(ends, v.constant(-1 / 6))
    return [
        v.mul(w[0], v.constant(1 / 4)), v.times(w[1], -1 / 6, minus), v.times(w[1], 1 / 6, minus), v.times(w[1], 1 / 12, far),
        v.times(w[1], -1 / 12, far), w[2],
    ]  # fmt: skip


def weight_gradient_transform(v, m):
    """G^T m: six to three."""
    p, q, r, s = v.add(m[1], m[2]), v.sub(m[2], m[1]), v.add(m[3], m[4]), v.sub(m[3], m[4])
    first = v.times(m[0], 1 / 4, v.times(p, -1 / 6, v.mul(r, v.constant(1 / 24))))
    return [first, v.times(q, 1 / 6, v.mul(s, v.constant(1 / 12))), v.times(v.sub(r, p), 1 / 6, m[5])]


def make_transform(one_dimension, n_in: int, n_out: int):
    """A transform in two dimensions of VECTOR channels: transform(source, s_i, s_j, target, t_i, t_j), steps in floats."""

    def emit(builder, source, s_i, s_j, target, t_i, t_j):
        v = Vectors(builder)

        def at(base, step_i, step_j, i, j):
            return v.address(base, builder.mul(step_i, INT(4 * i)), builder.mul(step_j, INT(4 * j)))

        columns = [one_dimension(v, [v.load(at(source, s_i, s_j, i, j)) for i in range(n_in)]) for j in range(n_in)]
        for i in range(n_out):
            for j, value in enumerate(one_dimension(v, [columns[j][i] for j in range(n_in)])):
                v.store(value, at(target, t_i, t_j, i, j))

    return instruction("source s_i s_j target t_i t_j", emit)


to_input = make_transform(input_transform, REACH, REACH)
to_output = make_transform(output_transform, REACH, PATCH)
to_gradient = make_transform(gradient_transform, PATCH, REACH)
to_weight = make_transform(weight_transform, 3, REACH)
to_weight_gradient = make_transform(weight_gradient_transform, REACH, 3)
