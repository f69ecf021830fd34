"""Peak resident memory of a whole process that trains the reference network, or predicts one image, beside PyTorch's.

    python benchmarks/memory.py [SIZE]        needs torch (the extra "bench"), Linux or macOS; writes memory.json

Every figure is from a fresh process, all sides in turn, with our kernels compiled before; PyTorch counts in its smaller layout.
What a process holds once its imports are done stands beside it. First one process with both sides checks that they agree.
"""

import json
import subprocess
import sys
from importlib import import_module

import numpy as np
from machine import as_text, finish, spread
from reference import our_network, rows, torch_network
from train_step import our_step, torch_step

import tinycnn as tc

SIZE, BATCH, STEPS, RUNS = 128, 32, 5, 3
SIDES = ("ours", "channels-last", "contiguous")


def peak() -> float:
    """MiB that this process has held at most. The count starts at the parent's, which therefore imports nothing large."""
    import resource

    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def imported(side: str) -> float:
    """MiB once the side's imports are done."""
    import_module("tinycnn.plan.runner" if side == "ours" else "torch")
    return peak()


def train(side: str, size: int) -> list[float]:
    """Train; MiB after the imports and at the end."""
    before, own = imported(side), side == "ours"
    step = our_step(size, BATCH, 0.3) if own else torch_step(size, BATCH, 0.3, side == "channels-last", None)
    for _ in range(STEPS):
        step()
    return [before, peak()]


def predict(side: str, size: int) -> list[float]:
    """Predict one image; MiB after the imports and at the end."""
    before, x = imported(side), rows(size, 1)[0]
    if side == "ours":
        with tc.backend("numba"):
            our_network(size, 0.3).predict(x)
        return [before, peak()]
    import torch

    order = torch.channels_last if side == "channels-last" else torch.contiguous_format
    network = torch_network(None, 0.3).eval().to(memory_format=order)
    with torch.inference_mode():
        network(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).contiguous(memory_format=order)).numpy()
    return [before, peak()]


def agree(side: str, size: int) -> None:
    """Both sides' first loss, and their logit for one image; also compiles our kernels."""
    import torch

    model, x = our_network(size, 0.0), rows(size, 1)[0]
    loss = our_step(size, BATCH, 0.0)()
    for last in (True, False):
        np.testing.assert_allclose(torch_step(size, BATCH, 0.0, last, model)(), loss, rtol=1e-4)
    with tc.backend("numba"), torch.inference_mode():
        logit = torch_network(model, 0.0).eval()(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()))
        np.testing.assert_allclose(model.predict(x), logit.numpy(), rtol=1e-3, atol=1e-6)


TASKS = {"train": train, "predict": predict, "agree": agree}


def child(task: str, side: str, size: int) -> list[float] | None:
    """What a task says in a process of its own."""
    words = [sys.executable, __file__, "--child", task, side, str(size)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def main() -> None:
    """Measure every task and side in fresh processes, in turn; with --child be such a process."""
    if sys.argv[1:2] == ["--child"]:
        task, side, size = sys.argv[2:]
        print(json.dumps(TASKS[task](side, int(size))))
        return
    size = int(sys.argv[1]) if sys.argv[1:] else SIZE
    child("agree", "ours", size)
    results = {}
    for task in ("train", "predict"):
        child(task, "ours", size)  # the throw-away run: every kernel is on disk after it
        mib = np.array([[child(task, side, size) for side in SIDES] for _ in range(RUNS)])  # (runs, sides, before and peak)
        middle = np.median(mib, axis=0)
        best = 1 + middle[1:, 1].argmin()
        ratio = spread(mib[:, 0, 1] / mib[:, best, 1])
        results[task] = {"mib": dict(zip(SIDES, middle[:, 1].tolist(), strict=True)), "ratio": ratio, "layout": SIDES[best]}
        results[task]["mib_after_imports"] = dict(zip(SIDES, middle[:, 0].tolist(), strict=True))
        print(
            f"{task:8} {size} x {size}: tinycnn {middle[0, 1]:.0f} MiB (imports {middle[0, 0]:.0f}), PyTorch ({SIDES[best]}) "
            f"{middle[best, 1]:.0f} MiB (imports {middle[best, 0]:.0f}); tinycnn's memory / PyTorch's {as_text(ratio)}",
            flush=True,
        )
    finish("memory", {"size": size, "batch": BATCH, "steps": STEPS, **results})


if __name__ == "__main__":
    main()
