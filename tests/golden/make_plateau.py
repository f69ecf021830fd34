"""Write plateau.npz, PyTorch's rates that tests/test_engine_updates.py expects: `python tests/golden/make_plateau.py`."""

from pathlib import Path

import numpy as np
import torch


def main() -> None:
    rng, out = np.random.default_rng(8), {}
    for mode in ("min", "max"):
        values = 1 + 0.3 * rng.standard_normal(40) + (0.02 if mode == "max" else -0.02) * np.arange(40)
        values[7] = np.nan
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, mode, factor=0.5, patience=2, threshold=0.01, cooldown=2, min_lr=0.004
        )
        rates = []
        for value in values:
            schedule.step(value)
            rates.append(optimizer.param_groups[0]["lr"])
        out[f"{mode}_values"], out[f"{mode}_rates"] = values, np.array(rates, np.float64)
    path = Path(__file__).with_name("plateau.npz")
    np.savez_compressed(path, versions=f"torch {torch.__version__}, numpy {np.__version__}", **out)
    print(f"{path}: {len(out)} arrays, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
