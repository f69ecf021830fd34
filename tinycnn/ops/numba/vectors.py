"""Vector registers: how many floats one holds on this machine, and arithmetic on them as LLVM instructions.

Everything hot is built from these few: the register tile (`tile`), the passes over channels (`passes`), Winograd's transforms.
"""

from __future__ import annotations

import inspect
import os

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

FLOAT, DOUBLE, INT, LANE, BYTE = ir.FloatType(), ir.DoubleType(), ir.IntType(64), ir.IntType(32), ir.IntType(8)

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
LANES = ir.VectorType(LANE, VECTOR)


class Vectors:
    """Arithmetic on registers of `VECTOR` floats, through one LLVM builder. Addresses are integers, offsets are in bytes."""

    kind = ir.VectorType(FLOAT, VECTOR)

    def __init__(self, builder):
        self.builder = builder
        self.add, self.sub, self.mul = builder.fadd, builder.fsub, builder.fmul

    def constant(self, value: float):
        """The same number in every lane."""
        return ir.Constant(self.kind, [float(value)] * VECTOR)

    def fma(self, x, y, z):
        """x * y + z: fused where the hardware does it; elsewhere `llvm.fma` would call a library for every float."""
        if not FUSED:
            return self.add(self.mul(x, y), z)
        name = f"llvm.fma.v{VECTOR}f32"
        function = cgutils.get_or_insert_function(self.builder.module, ir.FunctionType(self.kind, [self.kind] * 3), name)
        return self.builder.call(function, [x, y, z])

    def times(self, x, k: float, y):
        """x * k + y for a number k."""
        return self.fma(x, self.constant(k), y)

    def rectified(self, x):
        """max(x, 0); a NaN stays one."""
        return self.builder.select(self.builder.fcmp_unordered(">", x, self.constant(0)), x, self.constant(0))

    def where_positive(self, x, y):
        """y where x > 0, else 0."""
        return self.builder.select(self.builder.fcmp_ordered(">", x, self.constant(0)), y, self.constant(0))

    def within(self, x, low, high):
        """x, or what of low and high it is beyond; low for a NaN."""
        x = self.builder.select(self.builder.fcmp_ordered(">", x, low), x, low)
        return self.builder.select(self.builder.fcmp_ordered("<", x, high), x, high)

    def whole(self, x):
        """x without what is behind the point, as integers."""
        return self.builder.fptosi(x, LANES)

    def gather(self, base, indices):
        """The floats that lie so many floats behind an address."""
        b, result = self.builder, ir.Constant(self.kind, ir.Undefined)
        for lane in map(LANE, range(VECTOR)):
            place = self.address(base, b.shl(b.sext(b.extract_element(indices, lane), INT), INT(2)))
            result = b.insert_element(result, b.load(b.inttoptr(place, FLOAT.as_pointer()), align=1), lane)
        return result

    def address(self, base, *offsets):
        """base + offsets, as integers."""
        for offset in offsets:
            base = self.builder.add(base, offset if isinstance(offset, ir.Value) else INT(offset))
        return base

    def load(self, address, kind=None):
        """A register from memory, aligned or not."""
        return self.builder.load(self._pointer(address, kind or self.kind), align=1)

    def store(self, value, address) -> None:
        """A register to memory."""
        self.builder.store(value, self._pointer(address, value.type), align=1)

    def spread(self, address):
        """The float at an address in every lane."""
        return self.splat(self.builder.load(self.builder.inttoptr(address, FLOAT.as_pointer()), align=1), self.kind)

    def splat(self, scalar, kind):
        """A scalar in every lane."""
        undefined = ir.Constant(kind, ir.Undefined)
        first = self.builder.insert_element(undefined, scalar, LANE(0))
        return self.builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(LANE, VECTOR), [0] * VECTOR))

    def _pointer(self, address, kind):
        return self.builder.inttoptr(address, kind.as_pointer())


class MaskedVectors(Vectors):
    """The same for the last channels, which fill a register in part: the lanes from `count` on are neither read nor written."""

    def __init__(self, builder, count):
        super().__init__(builder)
        limit = self.splat(builder.trunc(count, LANE), LANES)
        self.mask = builder.icmp_signed("<", ir.Constant(LANES, list(range(VECTOR))), limit)

    def load(self, address, kind=None):
        """See `Vectors.load`; idle lanes are 0."""
        kind = kind or self.kind
        arguments = [self._pointer(address, kind), LANE(1), self.mask, ir.Constant(kind, [0] * VECTOR)]
        return self._call("load", kind, kind, arguments)

    def store(self, value, address) -> None:
        """See `Vectors.store`."""
        self._call("store", value.type, ir.VoidType(), [value, self._pointer(address, value.type), LANE(1), self.mask])

    def _call(self, verb, kind, returns, arguments):
        element = {FLOAT: "f32", DOUBLE: "f64", BYTE: "i8"}[kind.element]
        name = f"llvm.masked.{verb}.v{VECTOR}{element}.p0"
        signature = ir.FunctionType(returns, [argument.type for argument in arguments])
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, signature, name), arguments)


def instruction(names: str, emit):
    """A function for Numba code made of LLVM instructions: emit(builder, *arguments). All arguments are integers."""

    def typed(typing, *args):
        def codegen(context, builder, signature, args):
            emit(builder, *args)
            return context.get_dummy_value()

        return types.void(*[types.intp] * len(args)), codegen

    # Numba asks for the number of arguments, which is known only now.
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    typed.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in ("typing", *names.split())])
    return intrinsic(typed)
