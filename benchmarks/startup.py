"""How long a start takes: tinycnn's own share of the import, and one whole `predict` process, with its memory.

    python benchmarks/startup.py        writes startup.json; install the packages first, so that their bytecode is cached

Every figure is from fresh processes, interleaved with one that only imports NumPy and, where it is installed, one that predicts
as many rows with as small a network in PyTorch.
"""

import contextlib
import io
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from machine import finish, spread

from bcdetect.cli import main as bcdetect
from bcdetect.datasets.wisconsin import wisconsin_path

RUNS = 25
PEER = """
import torch
from torch import nn
conv = nn.Conv2d(1, 16, (5, 1), padding="same"), nn.BatchNorm2d(16), nn.ReLU(), nn.AvgPool2d((2, 1))
net = nn.Sequential(*conv, nn.Flatten(), nn.Linear(240, 16), nn.ReLU(), nn.Linear(16, 1)).eval()
with torch.inference_mode():
    print(net(torch.zeros(5, 1, 30, 1)).sigmoid().ravel().tolist())
"""
IMPORT = "import numpy, time; t = time.perf_counter(); import tinycnn; print(time.perf_counter() - t)"


def seconds(words: list[str]) -> tuple[float, str]:
    """Wall time of one process, from launch to end, and what it printed."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
    return time.perf_counter() - start, done.stdout


def peak(words: list[str]) -> float:
    """The most memory that one process held, in MiB; where the system counts it."""
    code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    return float(seconds(["-c", code, sys.executable, *words])[1])


def main() -> None:
    """Train a small model, then time imports and whole processes in turn."""
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.redirect_stdout(io.StringIO()):
            bcdetect(["train", "--epochs", "2", "--quiet", "--out", f"{folder}/run"])
        lines = wisconsin_path().read_text().splitlines()
        table = Path(folder) / "rows.csv"
        table.write_text("\n".join(lines[:6]) + "\n")
        processes = {
            "process: import numpy": ["-c", "import numpy"],
            "process: predict": ["-m", "bcdetect", "predict", f"{folder}/run/model.npz", str(table)],
        }
        if find_spec("torch"):
            processes["process: predict, PyTorch"] = ["-c", PEER]
        times = {"tinycnn after numpy": [], **{name: [] for name in processes}}
        for run in range(RUNS + 1):
            measured = [float(seconds(["-c", IMPORT])[1]), *(seconds(words)[0] for words in processes.values())]
            if run:  # the first warms the disk's cache
                for values, value in zip(times.values(), measured, strict=True):
                    values.append(value)
        memory = {name: peak(words) for name, words in processes.items()} if sys.platform.startswith("linux") else {}
    results = {name: spread(values) for name, values in times.items()}
    for name, r in results.items():
        quartiles = f"{1000 * r['lower_quartile']:.0f}-{1000 * r['upper_quartile']:.0f}"
        print(f"{name:26} {1000 * r['median']:6.0f} ms (quartiles {quartiles}, {r['runs']} runs)")
    for name, value in memory.items():
        print(f"{name:26} {value:6.0f} MiB at most")
    finish("startup", {**results, "peak_MiB": memory})


if __name__ == "__main__":
    main()
