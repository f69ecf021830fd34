"""How long a start takes: tinycnn's own share of the import, and one whole `predict` process.

    python benchmarks/startup.py        writes startup.json

Every figure is from fresh processes, interleaved with a process that only imports NumPy.
"""

import contextlib
import io
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import finish, spread

from bcdetect.cli import main as bcdetect
from bcdetect.datasets.wisconsin import wisconsin_path

RUNS = 25
IMPORT = "import numpy, time; t = time.perf_counter(); import tinycnn; print(time.perf_counter() - t)"


def seconds(words: list[str]) -> tuple[float, str]:
    """Wall time of one process, from launch to end, and what it printed."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
    return time.perf_counter() - start, done.stdout


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.redirect_stdout(io.StringIO()):
            bcdetect(["train", "--epochs", "2", "--quiet", "--out", f"{folder}/run"])
        lines = wisconsin_path().read_text().splitlines()
        table = Path(folder) / "rows.csv"
        table.write_text("\n".join(lines[:6]) + "\n")
        times = {"tinycnn after numpy": [], "process: import numpy": [], "process: predict": []}
        for run in range(RUNS + 1):
            measured = [
                float(seconds(["-c", IMPORT])[1]),
                seconds(["-c", "import numpy"])[0],
                seconds(["-m", "bcdetect", "predict", f"{folder}/run/model.npz", str(table)])[0],
            ]
            if run:  # the first warms the disk's cache
                for values, value in zip(times.values(), measured, strict=True):
                    values.append(value)
    results = {name: spread(values) for name, values in times.items()}
    for name, r in results.items():
        quartiles = f"{1000 * r['lower_quartile']:.0f}-{1000 * r['upper_quartile']:.0f}"
        print(f"{name:24} {1000 * r['median']:6.0f} ms (quartiles {quartiles}, {r['runs']} runs)")
    finish("startup", results)


if __name__ == "__main__":
    main()
