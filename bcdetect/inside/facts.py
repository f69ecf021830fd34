"""What there is to say of a whole step: what it is, what it takes and gives, and how its numbers are spread for this input."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from bcdetect.inside.looks import thumbnail
from bcdetect.inside.rules import Rule, spot
from bcdetect.inside.wiring import INPUT, Step
from tinycnn.layers.base import Shape

Field = tuple[Shape, Shape] | None  # as Layer.receptive_field has it


def receptive_fields(steps: Mapping[str, Step], shape: Shape) -> dict[str, Field]:
    """Of each step the receptive field, over an input of `shape`; of None, the whole input is seen."""
    one = (1,) * (len(shape) - 1)
    fields: dict[str, Field] = {INPUT: (one, one)}
    for name, step in steps.items():
        if step.layer is not None:
            fields[name] = step.layer.receptive_field(fields[step.entry])
    return fields


def facts(step: Step, rule: Rule, output: np.ndarray, gradient: np.ndarray, source: np.ndarray, field: Field) -> dict:
    """Everything about a step but its numbers one by one; `source` is what its first source gives. Shapes without a batch.

    `parameters` counts its own, not those of layers inside. `telling` is the number whose value times gradient is largest:
    to a first order what moves the class's logit most, and so a good one to begin with. `thumbnail` is of the outputs.
    """
    at = np.unravel_index(np.abs(output.astype(np.float64) * gradient).argmax(), output.shape)
    return {
        "name": step.name,
        "kind": step.kind,
        "block": step.name.rpartition(".")[0],
        "arguments": rule.arguments(step),
        "text": rule.text,
        "equation": rule.equation,
        "sources": list(step.sources),
        "input_shape": list(source.shape),
        "output_shape": list(output.shape),
        "parameters": 0 if step.layer is None else sum(prod(array.shape) for array in step.layer.params.values()),
        "receptive_field": None if field is None else [int(n) for n in field[0]],
        "output": {
            "lowest": output.min(),
            "mean": output.mean(dtype=np.float64),
            "highest": output.max(),
            "zeros": (output == 0).mean(),
        },
        "gradient": {"largest": np.abs(gradient).max()},
        "telling": spot(at),
        "thumbnail": thumbnail(output, at),
    }
