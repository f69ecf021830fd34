"""No layer is forgotten: every list that goes through all layers holds every one."""

import gc
import inspect

from test_engine_configurations import KINDS as COMPARED
from test_engine_layers import LAYERS

import tinycnn as tc
from tinycnn import bundle
from tinycnn.__main__ import examples

# What several layers share, and no layer itself.
BASES = {"Windowed", "Conv", "ConvTranspose", "Pool", "MaxPool", "AvgPool", "GlobalPool"}
CONTAINERS = {"Sequential", "Residual", "Branches", "Checkpoint"}  # a file describes them in words of their own


def written():
    """Every layer that the package defines, public or not."""
    found, todo = set(), [tc.Layer]
    while todo:
        for kind in todo.pop().__subclasses__():
            todo.append(kind)
            if kind.__module__.startswith("tinycnn."):
                found.add(kind.__name__)
    return found - BASES


def public():
    kinds = {name for name in tc.__all__ if inspect.isclass(getattr(tc, name)) and issubclass(getattr(tc, name), tc.Layer)}
    return kinds - {"Layer"}


def lists():
    """The kinds that each list goes through, by what the list is for."""
    return {
        "tinycnn.__all__": public(),
        "tinycnn.layers.__all__, with the blocks": set(tc.layers.__all__) - {"Layer", "walk"} | CONTAINERS | {"SqueezeExcite"},
        "model files": set(bundle.KINDS) | CONTAINERS,
        "gradient tests": {type(subject).__name__ for subject, _ in examples() if isinstance(subject, tc.Layer)},
        "contract tests": {type(examples()[index][0]).__name__ for index, _ in LAYERS},
        "PyTorch's numbers": set(COMPARED) & public(),
    }


def forgotten():
    """The layers that a list lacks, by list."""
    return {name: written() - kinds for name, kinds in lists().items() if written() - kinds}


def test_every_list_holds_every_layer():
    assert len(written()) >= 34
    assert forgotten() == {}
    assert all(kinds <= written() for kinds in lists().values())


def test_a_layer_that_is_in_no_list_is_found_out():
    kind = type("Newcomer", (tc.ReLU,), {"__module__": "tinycnn.layers.newcomer"})
    try:
        assert forgotten() == {name: {"Newcomer"} for name in lists()}
    finally:
        del kind
        gc.collect()
    assert forgotten() == {}
