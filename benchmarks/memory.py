"""Peak memory of whole processes beside PyTorch's: five training steps at 128 x 128, and one prediction of one image.

    python benchmarks/memory.py        needs torch (the extra "bench"); writes memory.json

Every figure is the largest resident size that the system counted for a fresh process, interpreter and libraries and all. The
network is in reference.py. The kernels' cache is warm; PyTorch runs in whichever layout takes it less.
"""

import subprocess
import sys

import numpy as np
from machine import as_text, finish, spread
from reference import BATCHES, our_network, rows, torch_network

SIZE, STEPS, RUNS = 128, 5, 3
SIDES = ("tinycnn", "torch channels-last", "torch contiguous")


def ours(job: str) -> None:
    """Do a job with tinycnn."""
    import tinycnn as tc

    model = our_network(SIZE, 0.3)
    x, y = rows(SIZE, BATCHES[SIZE] if job == "train" else 1)
    with tc.backend("numba"):
        if job == "predict":
            model.predict(x)
            return
        adam = tc.Adam(model.parameters())
        for _ in range(STEPS):
            model.train_step(x, y, tc.BCEWithLogits(), adam)


def theirs(job: str, channels_last: bool) -> None:
    """Do a job with PyTorch."""
    import torch

    order = torch.channels_last if channels_last else torch.contiguous_format
    network = torch_network(None, 0.3).to(memory_format=order)
    x, y = rows(SIZE, BATCHES[SIZE] if job == "train" else 1)
    tx = torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).contiguous(memory_format=order)
    if job == "predict":
        with torch.inference_mode():
            network.eval()(tx)
        return
    ty, adam = torch.tensor(y, dtype=torch.float32)[:, None], torch.optim.Adam(network.parameters(), fused=True)
    for _ in range(STEPS):
        adam.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(network(tx), ty).backward()
        adam.step()


def child(job: str, side: str) -> None:
    """Do a job in this process, and print the most memory that it ever held, in MiB."""
    import resource

    ours(job) if side == SIDES[0] else theirs(job, side == SIDES[1])
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)


def measured(job: str, side: str) -> float:
    words = [sys.executable, __file__, "--child", job, side]
    return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    results = {}
    for job in ("train", "predict"):
        measured(job, SIDES[0])  # fills the cache
        peaks = np.array([[measured(job, side) for side in SIDES] for _ in range(RUNS)])
        best = int(np.median(peaks[:, 1:], axis=0).argmin()) + 1
        ratio = spread(peaks[:, 0] / peaks[:, best])
        results[job] = {"MiB": {side: spread(peaks[:, i]) for i, side in enumerate(SIDES)}, "ratio": ratio, "peer": SIDES[best]}
        mine, peer = np.median(peaks[:, [0, best]], axis=0)
        print(f"{job:8} tinycnn {mine:4.0f} MiB, {SIDES[best]} {peer:4.0f} MiB; tinycnn's / theirs {as_text(ratio)}", flush=True)
    finish("memory", results)


if __name__ == "__main__":
    child(*sys.argv[2:]) if sys.argv[1:2] == ["--child"] else main()
