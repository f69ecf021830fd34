"""Prediction with the reference network beside PyTorch, and beside ONNX Runtime, interleaved: 32 images, and a single one.

    python benchmarks/inference.py [PyTorch] [ONNX] [SIZE ...]     needs the extra "bench"; writes inference.json

All sides have the same weights and running statistics, and must agree on the logits. PyTorch runs in inference mode as the
fastest of both layouts, as it is or traced and frozen; ONNX Runtime with all its optimisations. Only one peer at a time stands
beside ours. A peer that is not installed is left out.
"""

import sys
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from machine import as_text, finish, spread
from reference import BATCHES, onnx_file, our_network, rows, torch_network
from side_by_side import fastest, in_turn

import tinycnn as tc
from tinycnn.ops.numba.kernel import compilations, threads

ROUNDS = 15


def settled_network(size: int) -> tc.Sequential:
    """The network with batch norms as if it had been trained."""
    model, rng = our_network(size, 0.3), np.random.default_rng(1)
    for name, layer in model.layers.items():
        if name.startswith("batchnorm"):
            layer.params["gamma"][...] = rng.uniform(0.5, 1.5, layer.params["gamma"].shape)
            layer.params["beta"][...] = rng.normal(0, 0.3, layer.params["beta"].shape)
            layer.buffers["running_mean"][...] = rng.normal(0, 0.3, layer.params["beta"].shape)
            layer.buffers["running_var"][...] = rng.uniform(0.5, 2, layer.params["gamma"].shape)
    return model


def torch_ways(model: tc.Sequential, x: np.ndarray) -> dict:
    """Every way in which PyTorch may predict, by name."""
    import torch

    ways = {}
    for name, order in {"channels-last": torch.channels_last, "contiguous": torch.contiguous_format}.items():
        network = torch_network(model, 0.3).eval().to(memory_format=order)
        tx = torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).contiguous(memory_format=order)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript is no longer what PyTorch would have one use
            frozen = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(network, tx)))

        def predict(network, tx=tx):
            with torch.inference_mode():
                return network(tx).numpy()

        ways[name] = lambda network=network, predict=predict: predict(network)
        ways[f"{name}, frozen"] = lambda network=frozen, predict=predict: predict(network)
    return ways


def onnx_ways(model: tc.Sequential, x: np.ndarray) -> dict:
    """How ONNX Runtime predicts, by name."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    with tempfile.TemporaryDirectory() as folder:
        onnx_file(model, x.shape[1], Path(folder) / "reference.onnx")
        file = str(Path(folder) / "reference.onnx")
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    nx = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    return {"all optimisations": lambda: session.run(None, {"x": nx})[0]}


PEERS = {"PyTorch": ("torch", torch_ways), "ONNX": ("onnxruntime", onnx_ways)}


def main() -> None:
    """Check that a peer agrees, then time it and ours in turn, at each size and batch."""
    asked = [word for word in sys.argv[1:] if word in PEERS] or [peer for peer in PEERS if find_spec(PEERS[peer][0])]
    sizes = [int(word) for word in sys.argv[1:] if word not in PEERS] or list(BATCHES)
    results = {peer: [] for peer in asked}
    for peer in asked:
        ways = PEERS[peer][1]
        for size, batch in ((size, batch) for size in sizes for batch in (32, 1)):
            model, x = settled_network(size), rows(size, batch)[0]
            logits = model.predict(x)
            sides = ways(model, x)
            for name, predict in sides.items():
                np.testing.assert_allclose(predict(), logits, rtol=1e-3, atol=1e-4 * abs(logits).max(), err_msg=f"{peer}, {name}")
            best = fastest(sides, ROUNDS) if len(sides) > 1 else next(iter(sides))
            times = in_turn(lambda model=model, x=x: model.predict(x), sides[best], rounds=ROUNDS)
            ratio = spread(times[:, 1] / times[:, 0])
            mine, theirs = 1000 * np.median(times, axis=0)
            results[peer].append({"size": size, "batch": batch, "ratio": ratio, "milliseconds": [mine, theirs], "way": best})
            print(
                f"{size:4} x {size:<4} batch {batch:3}: tinycnn {mine:7.2f} ms, {peer} ({best}) {theirs:7.2f} ms; "
                f"{peer}'s time / tinycnn's {as_text(ratio)}",
                flush=True,
            )
    versions = {peer: sys.modules[PEERS[peer][0]].__version__ for peer in asked}
    print(f"{len(compilations)} kernels compiled by this process")
    finish("inference", {"versions": versions, "peers": results, "compiled": compilations})


if __name__ == "__main__":
    with tc.backend("numba"):
        main()
