"""Grad-CAM over 100 pictures of 128 x 128, beside a plain forward and backward pass over them.

    python benchmarks/gradcam.py [NETWORK ...] [--rounds 9]      small, resnet and vgg if left out

Two peers: the layers forward and back one by one in eval mode, which is what `forward` and `backward` do; and the plans that
`train_step` runs, forward and back without the update, which is the fastest way there is. Figures are Grad-CAM's time over the
peer's, so below 1 Grad-CAM is faster. Interleaved; medians of ratios with quartiles.
"""

import argparse

import numpy as np
from machine import as_text, finish, spread
from side_by_side import in_turn

from bcdetect.config import Config
from bcdetect.explain.methods import METHODS
from bcdetect.explain.network import Network, directions
from bcdetect.models import picture_cnn
from tinycnn import ops

ROWS, SIDE = 100, 128


def sides(name: str):
    """Grad-CAM, and the two peers."""
    model = picture_cnn(Config(model=name), (SIDE, SIDE, 1), 2)
    x = np.random.default_rng(0).standard_normal((ROWS, SIDE, SIDE, 1)).astype(np.float32)
    classes = np.ones(ROWS, int)
    seed, network, peer = directions(1, classes), Network(model), Network(model).model
    layer = network.last_spatial_layer()

    def one_by_one():
        peer.forward(x)
        peer.backward(seed)

    def planned():
        with ops.backend("numba"):
            plan = model._plans(ops.trains_on).training_plan(model, ROWS)
            plan.forward(x, 0, 0, 0, lambda layer: model._stream(layer, 0))
            plan.backward(seed)

    return lambda: METHODS["gradcam"].raw(network, x, classes, layer), one_by_one, planned


def main() -> None:
    """Time Grad-CAM and both peers for each network, in turn."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=["small", "resnet", "vgg"], metavar="NETWORK")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    results = {}
    for name in options.names:
        seconds = in_turn(*sides(name), rounds=options.rounds)
        found = {peer: spread(seconds[:, 0] / seconds[:, k]) for k, peer in ((1, "layer by layer"), (2, "in plans"))}
        results[name] = {"gradcam_over_peer": found, "milliseconds": 1e3 * float(np.median(seconds[:, 0]))}
        told = ", ".join(f"{as_text(ratio)} of it {peer}" for peer, ratio in found.items())
        print(f"{name:8} Grad-CAM of {ROWS}: {results[name]['milliseconds']:.0f} ms; forward and backward: {told}", flush=True)
    finish("gradcam", results)


if __name__ == "__main__":
    main()
