"""Every kind of layer, loss and optimizer in random configurations beside PyTorch, in float64: do they agree to 1e-9?

    python benchmarks/random_configurations.py [--each N] [--seed S] [--only KIND ...] [--kernels] [--golden FILE]

Needs torch (the extra "bench"); takes some ten seconds. `--kernels` runs the layers on the fast kernels, in float32, to 5e-3.

Drawn are ranks, kernels, strides, paddings, dilations, groups, odd and even sizes, batches of one and more, training and eval.
Compared are the output, the gradient of the input, those of all parameters, and a batch norm's running statistics; a loss's value
and gradient; parameters after ten updates. An error is |ours - theirs| over the largest number of theirs, or over 1 if that is
smaller. `--golden` writes small configurations of every kind for tests/test_engine_configurations.py, which needs no torch.

    python benchmarks/random_configurations.py --golden tests/golden/configurations.npz

Exits with 1 where an error is larger, naming the configuration.
"""

import argparse
import inspect
import json
import sys
import zlib
from functools import partial

import numpy as np
import torch
from random_layers import DRAWN, Twin
from random_training import LOSSES, OPTIMIZERS, draw_labels

import tinycnn as tc

TOLERANCE = {False: 1e-9, True: 5e-3}  # in float64, and of the kernels in float32
EACH, SEED = 60, 20240815
MANY = {"Conv1D": 3, "Conv2D": 3, "Conv3D": 2, "ConvTranspose2D": 3}  # times as many: they have the most arguments
KEPT, SMALLEST = 3, 3  # golden configurations a kind, and those of the first 20 that are too small to show anything
STEPS = 10  # of an optimizer


class Compared:
    """One configuration: what describes it, its arrays by name, and pairs (ours, theirs) to agree."""

    def __init__(self, kind, config, arrays, pairs):
        self.kind, self.config, self.arrays = kind, config, arrays
        self.pairs = {name: (np.asarray(ours), np.asarray(theirs)) for name, (ours, theirs) in pairs.items()}

    def errors(self):
        """The largest error of each pair, by name."""
        return {name: error(*pair) for name, pair in self.pairs.items()}

    def golden(self):
        """What goes in, and what PyTorch says comes out: arrays by name."""
        return {"given": self.arrays, "wanted": {name: theirs for name, (_, theirs) in self.pairs.items()}}

    def floats(self):
        """How many numbers it takes to store."""
        return sum(np.size(array) for arrays in self.golden().values() for array in arrays.values())


def error(ours, theirs):
    """The largest difference over the largest number of theirs, or over 1; infinite for other shapes and for NaN."""
    if ours.shape != theirs.shape:
        return np.inf
    worst = np.abs(ours - theirs).max(initial=0) / max(1.0, np.abs(theirs).max(initial=0))
    return np.inf if np.isnan(worst) else float(worst)


def layer_of(kind, rng, kernels):
    """A layer as it was drawn, forward and backward on both sides. Draws anew what the layer itself refuses."""
    dtype = "float32" if kernels else "float64"
    while True:
        layer, shape = DRAWN[kind](rng)
        seed, training = int(rng.integers(2**32)), bool(rng.random() < 0.7)
        try:
            layer.build(shape[1:], seed=seed, dtype=dtype)
            for parameter in layer.parameters():
                parameter.value[...] = 0.7 * rng.standard_normal(parameter.value.shape)
            layer.built().buffers[...] = rng.uniform(0.5, 2, layer.built().buffers.shape)
            x = (2 * rng.standard_normal(shape)).astype(dtype)
            twin, state = Twin(layer, training), state_of(layer)
            y = layer.forward(x, training, np.random.default_rng(seed))
        except ValueError:  # a kernel larger than its input, one value a channel
            continue
        break
    grad = rng.standard_normal(y.shape).astype(dtype)
    grad_input = layer.backward(grad)
    their_x = torch.tensor(x.astype(float), requires_grad=True)
    their_y = twin.forward(layer, their_x)
    their_y.backward(torch.tensor(grad.astype(float)))
    pairs = {"output": (y, their_y.detach()), "grad.input": (grad_input, their_x.grad)}
    for parameter in layer.parameters():
        pairs[f"grad.{parameter.name}"] = parameter.grad.copy(), twin.values[parameter.name].grad
    pairs |= {f"buffer.{name}": (buffers_of(layer)[name], theirs) for name, theirs in twin.buffers.items()}
    config = {"kind": kind, "layer": layer.config(), "training": training, "seed": seed}
    return Compared(kind, config, {"x": x, "grad": grad, **state}, pairs)


def buffers_of(layer):
    """Copies of the buffers of a layer and of all inside it, by path."""
    return {
        f"{path}.{key}".lstrip("."): array.copy() for path, inner in tc.layers.walk(layer) for key, array in inner.buffers.items()
    }


def state_of(layer):
    """Every parameter and buffer by path, as it is now."""
    return {f"state.{p.name}": p.value.copy() for p in layer.parameters()} | {
        f"state.{name}": array for name, array in buffers_of(layer).items()
    }


def loss_of(kind, rng):
    """A loss's value and gradient on both sides."""
    draw, theirs = LOSSES[kind]
    how, logits = draw(rng)
    rows = int(rng.integers(1, 9))
    z, y = 3 * rng.standard_normal((rows, logits)), draw_labels(kind, rng, rows, logits)
    weight = rng.uniform(0.1, 3, rows) if rng.random() < 0.5 else np.ones(rows)
    value, grad = getattr(tc, kind)(**how)(z, y, weight)
    their_z = torch.tensor(z, requires_grad=True)
    losses, weights = theirs(their_z, torch.tensor(y), **how)
    weights = weights * torch.tensor(weight)
    their_value = (losses * weights).sum() / weights.sum()
    their_value.backward()
    pairs = {"output": (value, their_value.detach()), "grad.input": (grad, their_z.grad)}
    return Compared(kind, {"kind": kind, "arguments": how}, {"z": z, "y": y, "weight": weight}, pairs)


class Holder(tc.Layer):
    """Two decaying weights and a bias, for an optimizer to move."""

    def setup(self, shape):
        """The shape stays."""
        for name, size, decays in (("weight", (3, 2), True), ("kernel", (2, 2, 3), True), ("bias", (3,), False)):
            self.declare(name, size, tc.init.he if decays else tc.init.zeros, decays)
        return shape


def optimizer_of(kind, rng):
    """Some steps on given gradients on both sides, with weight decay (on weights alone) and clipping, or without."""
    draw, theirs = OPTIMIZERS[kind]
    how, decay = draw(rng), float(rng.uniform(0, 0.2)) if rng.random() < 0.6 else 0.0
    clip = float(rng.uniform(0.5, 5)) if rng.random() < 0.5 else None
    layer = Holder().build((1,), seed=int(rng.integers(2**32)), dtype="float64")
    state = state_of(layer)
    parameters = layer.parameters()
    values = {p.name: torch.tensor(p.value, requires_grad=True) for p in parameters}
    groups = [
        {"params": [values[p.name] for p in parameters if p.decays is decays], "weight_decay": decay if decays else 0.0}
        for decays in (True, False)
    ]
    ours, other = getattr(tc, kind)(parameters, weight_decay=decay, clip_norm=clip, **how), theirs(groups, **how)
    grads = {p.name: rng.standard_normal((STEPS, *p.value.shape)) for p in parameters}
    for step in range(STEPS):
        for p in parameters:
            p.grad[...] = grads[p.name][step]
            values[p.name].grad = torch.tensor(grads[p.name][step])
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(list(values.values()), clip)
        ours.step()
        other.step()
    pairs = {f"update.{p.name}": (p.value.copy(), values[p.name].detach()) for p in parameters}
    config = {"kind": kind, "arguments": {**how, "weight_decay": decay, "clip_norm": clip}}
    return Compared(kind, config, {**state, **{f"grads.{name}": array for name, array in grads.items()}}, pairs)


COLUMNS = ("output", "grad.input", "grad", "buffer", "update")  # by the beginnings of the pairs' names


def column_of(name):
    """The column of the table in which a pair's name belongs."""
    return name if name in COLUMNS else name.partition(".")[0]


def missing(base, listed):
    """Public kinds that are not compared here."""
    public = {name for name in tc.__all__ if inspect.isclass(getattr(tc, name)) and issubclass(getattr(tc, name), base)}
    return sorted(public - {base.__name__} - set(listed))


def line(kind, count, cells):
    """A line of the table; None is an empty cell."""
    texts = ["" if cell is None else cell if isinstance(cell, str) else f"{cell:.1e}" for cell in cells]
    return f"{kind:20} {count:>6}  " + "  ".join(f"{text:>11}" for text in texts).rstrip()


def compare(kind, count, seed, kernels):
    """So many configurations of a kind; its line is printed. Returns them, and a line for each error that is too large."""
    rng = np.random.default_rng([seed, zlib.crc32(kind.encode())])  # of its own, so that kinds can be added
    make = partial(layer_of, kernels=kernels) if kind in DRAWN else loss_of if kind in LOSSES else optimizer_of
    with tc.backend("numba" if kernels else "numpy"):
        compared = [make(kind, rng) for _ in range(count)]
    worst, failures = dict.fromkeys(COLUMNS), []
    for case in compared:
        for name, value in case.errors().items():
            worst[column_of(name)] = max(worst[column_of(name)] or 0.0, value)
            if not value <= TOLERANCE[kernels]:
                failures.append(f"{name} is off by {value:.1e}: {case.config}")
    print(line(kind, count, worst.values()))
    return compared, failures


def write_golden(path, cases, about):
    """One flat array of numbers, and a JSON text that says of each configuration what lies where: (start, shape)."""
    told, numbers, start = [], [], 0
    for case in cases:
        told.append({"config": case.config})
        for side, arrays in case.golden().items():
            told[-1][side] = {}
            for name, array in arrays.items():
                told[-1][side][name] = start, np.shape(array)
                numbers.append(np.ravel(array).astype(np.float64))
                start += numbers[-1].size
    text = np.frombuffer(json.dumps(told).encode(), np.uint8)
    np.savez_compressed(path, about=about, cases=text, numbers=np.concatenate(numbers))
    print(f"{path}: {len(cases)} configurations, {start} numbers")


def main() -> int:
    """Compare every kind asked for; 1 where one is off, or a public kind is not compared."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--each", type=int, default=EACH, help="configurations a kind; convolutions take several times as many")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", nargs="+", help="these kinds alone", choices=[*DRAWN, *LOSSES, *OPTIMIZERS], metavar="KIND")
    parser.add_argument("--kernels", action="store_true", help="layers on the fast kernels, in float32, instead")
    parser.add_argument("--golden", help="write small configurations of every kind to this file")
    options = parser.parse_args()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    print(line("kind", "count", ["output", "grad input", "grad params", "buffers", "update"]))
    total, failures, golden = 0, [], []
    for kind in options.only or (list(DRAWN) if options.kernels else [*DRAWN, *LOSSES, *OPTIMIZERS]):
        compared, failed = compare(kind, options.each * MANY.get(kind, 1), options.seed, options.kernels)
        golden += sorted(compared[:20], key=Compared.floats)[SMALLEST : SMALLEST + KEPT]
        total, failures = total + len(compared), failures + failed
    limit = f"{TOLERANCE[options.kernels]:.0e}"
    print(f"{total} configurations, {len(failures)} errors above {limit} (seed {options.seed}, torch {torch.__version__})")
    absent = missing(tc.Layer, DRAWN) + missing(tc.Loss, LOSSES) + missing(tc.Optimizer, OPTIMIZERS)
    if absent and not options.only:
        print(f"not compared, for want of an entry: {', '.join(absent)}")
    print("\n".join(failures[:20]), file=sys.stderr, end="\n" if failures else "")
    if options.golden and not options.kernels and not failures:
        write_golden(options.golden, golden, f"seed {options.seed}, torch {torch.__version__}, numpy {np.__version__}")
    return 1 if failures or (absent and not options.only) else 0


if __name__ == "__main__":
    sys.exit(main())
