"""Passes: what is done to every pixel alone, channel by channel, in one go over memory.

    a pass reads rows of `channels` floats from a few streams, computes with them and with one number a channel, and writes rows
    and sums over the rows

A stream is an address and the number of elements from one row to the next. A register's worth of channels is taken at a time, so
that the channels' constants and sums stay in registers while the rows go by; what is left over at the end is masked. Sums are
in float32 within a call (callers pass a few hundred rows, still in cache) and are added to float64 in memory.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils

from tinycnn.ops.numba.vectors import BYTE, DOUBLE, INT, VECTOR, MaskedVectors, Vectors, instruction

BYTES, DOUBLES = ir.VectorType(BYTE, VECTOR), ir.VectorType(DOUBLE, VECTOR)
SIZES = {"f": 4, "b": 1}  # of a stream's elements: floats, bytes


def make_pass(body, inputs: str = "f", outputs: str = "f", constants: int = 0, sums: int = 0, scalars: int = 0, numbers: int = 0):
    """A pass as a function for Numba code; all its arguments are integers.

        a_pass(rows, channels,
               address and step of each input, of each output,       a letter each in `inputs` and `outputs`: float or byte
               address of each constant, one float a channel,
               address of each sum, one float64 a channel, added to,
               address of the `scalars` floats, if there are any,
               the `numbers`)

    `body(v, *streams, *constants, *scalars, *numbers)` returns the outputs, then what is added to the sums.
    """
    streams = len(inputs) + len(outputs)
    arity = 2 + 2 * streams + constants + sums + (scalars > 0) + numbers

    def emit(builder, *args):
        (rows, channels), places, rest = (
            args[:2],
            list(zip(args[2::2], args[3::2], strict=False))[:streams],
            args[2 + 2 * streams :],
        )
        held, totals, rest = rest[:constants], rest[constants : constants + sums], rest[constants + sums :]
        everywhere = Vectors(builder)
        known = [everywhere.spread(everywhere.address(rest[0], 4 * i)) for i in range(scalars)] + list(rest[scalars > 0 :])

        def columns(v, first):
            """All rows of one register's worth of channels."""
            values = [v.load(v.address(base, builder.shl(first, INT(2)))) for base in held] + known
            running = [cgutils.alloca_once(builder, v.kind) for _ in totals]
            for total in running:
                builder.store(v.constant(0), total)
            with cgutils.for_range(builder, rows) as row:

                def place(i, letter):
                    base, step = places[i]
                    return v.address(base, builder.mul(builder.add(first, builder.mul(row.index, step)), INT(SIZES[letter])))

                read = [v.load(place(i, letter), BYTES if letter == "b" else None) for i, letter in enumerate(inputs)]
                results = body(v, *read, *values)
                results = results if isinstance(results, (list, tuple)) else [results]
                for i, letter in enumerate(outputs):
                    v.store(results[i], place(len(inputs) + i, letter))
                for total, value in zip(running, results[len(outputs) :], strict=True):
                    builder.store(v.add(builder.load(total), value), total)
            for base, total in zip(totals, running, strict=True):
                at = v.address(base, builder.shl(first, INT(3)))
                v.store(builder.fadd(v.load(at, DOUBLES), builder.fpext(builder.load(total), DOUBLES)), at)

        whole = builder.sdiv(channels, INT(VECTOR))
        with cgutils.for_range(builder, whole) as block:
            columns(everywhere, builder.mul(block.index, INT(VECTOR)))
        done = builder.mul(whole, INT(VECTOR))
        left = builder.sub(channels, done)
        with builder.if_then(builder.icmp_signed(">", left, INT(0))):
            columns(MaskedVectors(builder, left), done)

    return instruction(" ".join(f"a{i}" for i in range(arity)), emit)


def _normalised(v, x, scale, shift):
    return v.fma(x, scale, shift)


def _masked(v, grad, x, scale, shift):
    """The gradient through relu(scale * x + shift), as seen by the normalised value."""
    return v.where_positive(_normalised(v, x, scale, shift), grad)


def _gradient(v, grad, x, by_grad, by_x, rest):
    """The gradient through batch norm, which is linear in the gradient and the input, channel by channel; see `norm`."""
    return v.fma(grad, by_grad, v.fma(x, by_x, rest))


def _deviations(v, x, pivot):
    apart = v.sub(x, pivot)
    return apart, v.mul(apart, apart)


def _product_sums(v, grad, x, mean):
    return grad, v.mul(grad, v.sub(x, mean))


copy_rows = make_pass(lambda v, x: x)
rectify = make_pass(lambda v, x: v.rectified(x))
add_constant = make_pass(lambda v, x, bias: v.add(x, bias), constants=1)
add_constant_rectify = make_pass(lambda v, x, bias: v.rectified(v.add(x, bias)), constants=1)
normalise_rows = make_pass(_normalised, constants=2)
normalise_rectify = make_pass(lambda v, *a: v.rectified(_normalised(v, *a)), constants=2)
add_rows = make_pass(lambda v, x, y: v.add(x, y), "ff")
add_rectify = make_pass(lambda v, x, y: v.rectified(v.add(x, y)), "ff")
where_positive = make_pass(lambda v, grad, y: v.where_positive(y, grad), "ff")
multiply_add = make_pass(lambda v, x, y, weight: v.fma(x, weight, y), "ff", constants=1)
scale_rows = make_pass(lambda v, x, factor: v.mul(x, factor), scalars=1)
add_scaled = make_pass(lambda v, x, y, factor: v.fma(x, factor, y), "ff", scalars=1)

sum_rows = make_pass(lambda v, x: x, outputs="", sums=1)
product_sums = make_pass(lambda v, x, y: v.mul(x, y), "ff", "", sums=1)
deviations = make_pass(_deviations, outputs="", constants=1, sums=2)
norm_sums = make_pass(_product_sums, "ff", "", constants=1, sums=2)
norm_rectify_sums = make_pass(
    lambda v, g, x, mean, *line: _product_sums(v, _masked(v, g, x, *line), x, mean), "ff", "", constants=3, sums=2
)
norm_gradient = make_pass(_gradient, "ff", constants=3)
norm_rectify_gradient = make_pass(
    lambda v, g, x, a, b, c, *line: _gradient(v, _masked(v, g, x, *line), x, a, b, c), "ff", constants=5
)


def _better(v, x, best, winner, tap):
    """Keep the larger; the first NaN wins over all, as in argmax."""
    b = v.builder
    is_nan, was_number = b.fcmp_unordered("uno", x, x), b.fcmp_ordered("ord", best, best)
    wins = b.or_(b.fcmp_ordered(">", x, best), b.and_(is_nan, was_number))
    return b.select(wins, x, best), b.select(wins, v.splat(b.trunc(tap, BYTE), BYTES), winner)


def _won(v, grad, winner, x, tap):
    b = v.builder
    won = b.icmp_signed("==", winner, v.splat(b.trunc(tap, BYTE), BYTES))
    return v.add(x, b.select(won, grad, v.constant(0)))


pool_start = make_pass(lambda v: (v.constant(float("-inf")), ir.Constant(BYTES, [0] * VECTOR)), "", "fb")
pool_tap = make_pass(_better, "ffb", "fb", numbers=1)
pool_back_tap = make_pass(_won, "fbf", "f", numbers=1)


def _kept(v, x, noise, rate, factor):
    keep = v.builder.fcmp_ordered(">=", noise, rate)
    return v.builder.select(keep, v.mul(x, factor), v.constant(0))


drop_rows = make_pass(_kept, "ff", scalars=2)


def _root(v, x):
    name = f"llvm.sqrt.v{VECTOR}f32"
    return v.builder.call(cgutils.get_or_insert_function(v.builder.module, ir.FunctionType(v.kind, [v.kind]), name), [x])


def _mean_square(v, mean, x, keep, rest):
    """A running mean of squares, moved on: keep * mean + rest * x^2."""
    return v.fma(keep, mean, v.mul(v.mul(rest, x), x))


def _sgd(v, value, grad, velocity, momentum, rate):
    velocity = v.fma(momentum, velocity, grad)
    return v.sub(value, v.mul(rate, velocity)), velocity


def _nesterov(v, value, grad, velocity, momentum, rate):
    velocity = v.fma(momentum, velocity, grad)
    return v.sub(value, v.mul(rate, v.fma(momentum, velocity, grad))), velocity


def _adagrad(v, value, grad, total, rate, eps):
    total = v.fma(grad, grad, total)
    return v.sub(value, v.builder.fdiv(v.mul(rate, grad), v.add(_root(v, total), eps))), total


def _adadelta(v, value, grad, square, moved, rho, rest, rate, eps):
    square = _mean_square(v, square, grad, rho, rest)
    step = v.mul(v.builder.fdiv(_root(v, v.add(moved, eps)), _root(v, v.add(square, eps))), grad)
    return v.sub(value, v.mul(rate, step)), square, _mean_square(v, moved, step, rho, rest)


def _rmsprop(v, value, grad, square, velocity, alpha, rest, rate, eps, momentum):
    square = _mean_square(v, square, grad, alpha, rest)
    velocity = v.fma(momentum, velocity, v.builder.fdiv(grad, v.add(_root(v, square), eps)))
    return v.sub(value, v.mul(rate, velocity)), square, velocity


def _adam(v, value, grad, first, second, beta1, rest1, beta2, rest2, rate, root, eps):
    first = v.fma(beta1, first, v.mul(rest1, grad))
    second = _mean_square(v, second, grad, beta2, rest2)
    below = v.fma(_root(v, second), root, eps)
    return v.sub(value, v.builder.fdiv(v.mul(rate, first), below)), first, second


sgd_rows = make_pass(_sgd, "fff", "ff", scalars=2)
nesterov_rows = make_pass(_nesterov, "fff", "ff", scalars=2)
adagrad_rows = make_pass(_adagrad, "fff", "ff", scalars=2)
adadelta_rows = make_pass(_adadelta, "ffff", "fff", scalars=4)
rmsprop_rows = make_pass(_rmsprop, "ffff", "fff", scalars=5)
adam_rows = make_pass(_adam, "ffff", "fff", scalars=7)
