"""What a benchmark ran on, and how its results are put down."""

import json
import os
import platform
from pathlib import Path

import numpy as np


def describe() -> dict:
    """Processor, cores, versions, and the two variables that slow NumPy's BLAS where they are set."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        pairs = (line.partition(":") for line in info.read_text().splitlines() if ":" in line)
        told = {key.strip(): value.strip() for key, _, value in pairs}
        cpu = told.get("model name", cpu)
        if "cpu family" in told:  # a cloud's name for it is often the same for several generations, of different speed
            cpu += f" (family {told['cpu family']}, model {told.get('model', '?')})"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    slowing = [name for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE") if name in os.environ]
    return {
        "cpu": cpu,
        "cores": cores,
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "set_and_slowing": slowing,
    }


def spread(values) -> dict[str, float]:
    """Median and quartiles."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return {"median": float(middle), "lower_quartile": float(low), "upper_quartile": float(high), "runs": len(values)}


def as_text(values: dict[str, float]) -> str:
    """A spread as "median (quartiles)"."""
    return f"{values['median']:.2f} ({values['lower_quartile']:.2f}-{values['upper_quartile']:.2f})"


def finish(name: str, results: dict) -> None:
    """Warn about a slowed BLAS, and write NAME.json, with the machine, into the present folder."""
    machine = describe()
    if machine["set_and_slowing"]:
        print(f"warning: {', '.join(machine['set_and_slowing'])} is set and may slow NumPy; unset it for a benchmark")
    path = Path(f"{name}.json")
    path.write_text(json.dumps({"machine": machine, **results}, indent=1) + "\n", encoding="utf-8")
    print(f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}, NumPy {machine['numpy']}; written to {path}")
