"""A model's table: what each layer gives, holds, costs and sees."""

from __future__ import annotations

from tinycnn.layers.base import walk
from tinycnn.ops.backend import runs_on
from tinycnn.plan.pairs import placement


def summary(model) -> str:
    """One line a layer and a total: output shape, parameters, multiply-adds and activation memory a row, receptive field.

    The last column is for the fast kernels, which take float32: which one computes a layer in training, or which neighbour it is
    computed with.
    """
    store = model.built()
    places = placement(model) if store.dtype == "float32" else {}
    field = ((1,) * (len(model.input_shape) - 1), (1,) * (len(model.input_shape) - 1))
    rows = [("layer", "output shape", "parameters", "MACs", "activation", "receptive field", "kernel")]
    total = [0, 0, 0]
    for name, layer in model.layers.items():
        parameters = sum(a.size for _, inner in walk(layer) for a in inner.params.values())
        macs = sum(inner.macs() for _, inner in walk(layer))
        memory = sum(inner.activations() for _, inner in walk(layer)) * store.dtype.itemsize
        field = layer.receptive_field(field)
        total = [t + v for t, v in zip(total, (parameters, macs, memory), strict=True)]
        seen = "all" if field is None else " x ".join(str(int(n)) for n in field[0])
        frozen = " (frozen)" if layer.frozen else ""
        shape = str(layer.output_shape)
        rows.append((name + frozen, shape, f"{parameters:,}", f"{macs:,}", _bytes(memory), seen, places.get(id(layer), "")))
    rows.append(("total", "", f"{total[0]:,}", f"{total[1]:,}", _bytes(total[2]), "", ""))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_line(row, widths) for row in rows]
    head = f"input {model.input_shape}, {store.dtype}, predicts on {runs_on(total[1])}; MACs and activation memory are a row's"
    return "\n".join([head, lines[0], "-" * len(lines[0]), *lines[1:-1], "-" * len(lines[0]), lines[-1]])


def _line(cells, widths) -> str:
    """Words to the left, numbers to the right."""
    sides = [str.ljust, str.ljust, str.rjust, str.rjust, str.rjust, str.rjust, str.ljust]
    return "  ".join(side(cell, width) for side, cell, width in zip(sides, cells, widths, strict=True)).rstrip()


def _bytes(count: int) -> str:
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.1f} KiB" if count < 1024**2 else f"{count / 1024**2:.1f} MiB"
