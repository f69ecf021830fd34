"""Write schedules.npz, PyTorch's rates that tests/test_engine_training.py expects: `python tests/golden/make_schedules.py`."""

from pathlib import Path

import numpy as np
import torch

ARGUMENTS = {  # lr, total, warmup, start, end
    "default": (0.01, 100, 0.3, 25.0, 1e4),
    "short": (0.5, 3, 0.3, 25.0, 1e4),  # the peak would be before step 0
    "own": (2e-3, 37, 0.45, 10.0, 100.0),  # the peak between two steps
}


def main() -> None:
    out = {}
    for name, (lr, total, warmup, start, end) in ARGUMENTS.items():
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr, momentum=0.9)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, lr, total_steps=total, pct_start=warmup, div_factor=start, final_div_factor=end
        )
        rates = []
        for step in range(total):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if step + 1 < total:
                schedule.step()
        out[f"{name}_arguments"], out[f"{name}_rates"] = np.array(ARGUMENTS[name], np.float64), np.array(rates, np.float64)
    path = Path(__file__).with_name("schedules.npz")
    np.savez_compressed(path, versions=f"torch {torch.__version__}, numpy {np.__version__}", **out)
    print(f"{path}: {len(out)} arrays, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
