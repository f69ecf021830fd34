"""Random training runs beside PyTorch's, in float64: every optimizer and every loss, with all their settings, to 1e-9.

    python benchmarks/random_updates.py [COUNT]      needs torch (the extra "golden"); writes random_updates.json
    python benchmarks/random_updates.py --golden     writes tests/golden/updates.npz: the cases that the suite runs without torch

A case is a network of two dense layers and a few steps on batches of its own: the losses and the weights at the end must agree.
Drawn are the optimizer and its settings (momentum, Nesterov, centring, betas, weight decay, clipping), a rate that falls, a
layer's own rate, frozen layers, the loss and its settings (class weights, smoothing, weights of rows), and all sizes.
"""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
from machine import finish

import tinycnn as tc

COUNT, GOLDEN, STEPS, LIMIT = 600, 60, 5, 1e-9
OPTIMIZERS = ("SGD", "Adagrad", "Adadelta", "RMSprop", "Adam", "AdamW")
LOSSES = ("BCEWithLogits", "SoftmaxCrossEntropy", "FocalLoss", "MSE")


def case(number: int) -> dict:
    """The settings and arrays of a case; the kinds of optimizer and loss go round, all else is drawn."""
    rng = np.random.default_rng([8, number])
    optimizer, loss = OPTIMIZERS[number % len(OPTIMIZERS)], LOSSES[number // len(OPTIMIZERS) % len(LOSSES)]
    several = loss in ("SoftmaxCrossEntropy", "MSE") or (loss == "FocalLoss" and bool(rng.integers(2)))
    outputs = int(rng.integers(2, 5)) if several else 1
    rows, inputs, units = (int(n) for n in rng.integers((2, 1, 2), (9, 6, 6)))
    y = rng.standard_normal((STEPS, rows, outputs)) if loss == "MSE" else rng.integers(0, max(2, outputs), (STEPS, rows))
    return {
        "optimizer": (optimizer, _optimizer_settings(optimizer, rng)),
        "loss": (loss, _loss_settings(loss, outputs, rng)),
        "decay_every": int(rng.integers(1, 4)),
        "lr_scale": float(rng.uniform(0.1, 2)),
        "frozen": [None, "dense_1", "dense_2"][int(rng.choice(3, p=[0.7, 0.15, 0.15]))],
        "x": rng.standard_normal((STEPS, rows, inputs)),
        "y": y,
        "sample_weight": rng.uniform(0.1, 2, (STEPS, rows)) if rng.integers(2) else None,
        "weights": [rng.standard_normal(shape) for shape in ((inputs, units), (units,), (units, outputs), (outputs,))],
    }


def _optimizer_settings(kind, rng) -> dict:
    some = lambda low, high: float(rng.uniform(low, high))  # noqa: E731
    own = {
        "SGD": lambda: {"lr": some(0.01, 0.3), "momentum": some(0.1, 0.95) * rng.integers(2)},
        "Adagrad": lambda: {"lr": some(0.01, 0.3), "eps": 10 ** some(-10, -4)},
        "Adadelta": lambda: {"lr": some(0.3, 1.5), "rho": some(0.5, 0.99), "eps": 10 ** some(-6, -3)},
        "RMSprop": lambda: {
            **{"lr": some(1e-3, 0.05), "alpha": some(0.5, 0.999), "eps": 10 ** some(-8, -4)},
            **{"momentum": some(0.1, 0.95) * rng.integers(2), "centered": bool(rng.integers(2))},
        },
    }
    adam = lambda: {"lr": some(1e-3, 0.05), "betas": (some(0.5, 0.95), some(0.8, 0.9995)), "eps": 10 ** some(-8, -4)}  # noqa: E731
    settings = own.get(kind, adam)()
    if settings.get("momentum") and kind == "SGD":
        settings["nesterov"] = bool(rng.integers(2))
    settings["weight_decay"] = some(0.001, 0.3) * int(rng.integers(2))
    settings["clip_norm"] = some(0.1, 3) if rng.integers(2) else None
    return settings


def _loss_settings(kind, outputs, rng) -> dict:
    if kind == "MSE":
        return {}
    settings = {"label_smoothing": float(rng.uniform(0, 0.4)) if rng.integers(2) else 0.0}
    each = rng.uniform(0.2, 3, outputs).tolist()
    if kind == "BCEWithLogits":
        settings["pos_weight"] = each[0]
    elif kind == "SoftmaxCrossEntropy":
        settings["class_weight"] = each if rng.integers(2) else None
    else:
        settings["gamma"] = float(rng.choice([0.0, 0.5, 1.0, 2.0, 3.3]))
        settings["alpha"] = None if rng.integers(2) else each if outputs > 1 else float(rng.uniform(0.1, 0.9))
    return settings


def ours(drawn: dict) -> np.ndarray:
    """The losses of all steps and the weights at the end, in one row."""
    x, weights = drawn["x"], drawn["weights"]
    layers = tc.Dense(weights[0].shape[1]), tc.ReLU(), tc.Dense(weights[2].shape[1])
    model = tc.Sequential(*layers).build(x.shape[2:], dtype="float64")
    for parameter, array in zip(model.parameters(), weights, strict=True):
        parameter.value[...] = array
    if drawn["frozen"]:
        model.freeze(drawn["frozen"])
    model.scale_lr(drawn["lr_scale"], "dense_1")
    kind, settings = drawn["optimizer"]
    schedule = tc.StepDecay(settings["lr"], drawn["decay_every"], 0.5)
    optimizer = getattr(tc, kind)(model.parameters(), **{**settings, "lr": schedule})
    kind, settings = drawn["loss"]
    loss, w = getattr(tc, kind)(**settings), drawn["sample_weight"]
    with tc.backend("numpy"):
        steps = range(STEPS)
        losses = [model.train_step(x[s], drawn["y"][s], loss, optimizer, None if w is None else w[s]) for s in steps]
    return np.concatenate([losses, *(parameter.value.ravel() for parameter in model.parameters())])


def theirs(drawn: dict) -> np.ndarray:
    """The same by PyTorch."""
    import torch

    x, w = torch.tensor(drawn["x"]), drawn["sample_weight"]
    weights = [torch.tensor(array, requires_grad=True) for array in drawn["weights"]]
    frozen = {"dense_1": (0, 1), "dense_2": (2, 3), None: ()}[drawn["frozen"]]
    trained = [weight for i, weight in enumerate(weights) if i not in frozen]
    kind, settings = drawn["optimizer"]
    settings = dict(settings)
    lr, decay, clip = (settings.pop(name) for name in ("lr", "weight_decay", "clip_norm"))
    groups = [
        {"params": [weight], "weight_decay": decay * (i % 2 == 0), "lr": lr * (drawn["lr_scale"] if i < 2 else 1)}
        for i, weight in enumerate(weights)
        if i not in frozen
    ]
    optimizer = getattr(torch.optim, kind)(groups, lr=lr, **settings)
    rates, losses = [group["lr"] for group in groups], []
    for s in range(STEPS):
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * 0.5 ** (s // drawn["decay_every"])
        optimizer.zero_grad()
        z = torch.relu(x[s] @ weights[0] + weights[1]) @ weights[2] + weights[3]
        each, share = _torch_loss(z, torch.tensor(drawn["y"][s]), *drawn["loss"])
        share = share if w is None else share * torch.tensor(w[s])
        value = (each * share).sum() / share.sum()
        value.backward()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(trained, clip)
        optimizer.step()
        losses.append(value.item())
    return np.concatenate([losses, *(weight.detach().numpy().ravel() for weight in weights)])


def _torch_loss(z, y, kind, settings):
    """Each row's loss and weight."""
    import torch
    from torch.nn import functional

    s, ones = settings.get("label_smoothing", 0.0), torch.ones(len(z), dtype=torch.float64)
    if kind == "MSE":
        return functional.mse_loss(z, y, reduction="none").mean(dim=1), ones
    if kind == "BCEWithLogits":
        soft, positive = y.double() * (1 - s) + s / 2, torch.tensor(settings["pos_weight"], dtype=torch.float64)
        return functional.binary_cross_entropy_with_logits(z[:, 0], soft, pos_weight=positive, reduction="none"), ones
    if kind == "SoftmaxCrossEntropy":
        weight = settings["class_weight"]
        share = ones if weight is None else torch.tensor(weight, dtype=torch.float64)[y]
        return functional.cross_entropy(z, y, label_smoothing=s, reduction="none"), share
    gamma, alpha = settings["gamma"], settings["alpha"]
    if z.shape[1] == 1:
        z = torch.cat([torch.zeros_like(z), z], dim=1)
        alpha = None if alpha is None else [1 - alpha, alpha]
    log_p = torch.log_softmax(z, dim=1)
    target = functional.one_hot(y, z.shape[1]).double() * (1 - s) + s / z.shape[1]
    factor = torch.ones(z.shape[1], dtype=torch.float64) if alpha is None else torch.tensor(alpha, dtype=torch.float64)
    return -(factor * target * (1 - log_p.exp()) ** gamma * log_p).sum(dim=1), ones


def apart(mine: np.ndarray, other: np.ndarray) -> float:
    """The largest difference, relative to numbers above 1."""
    return float((np.abs(mine - other) / np.maximum(1, np.abs(other))).max())


def write_golden() -> None:
    """Write PyTorch's losses and weights of the first cases, which the suite compares with."""
    import torch

    path = Path(__file__).parents[1] / "tests" / "golden" / "updates.npz"
    rows = {f"case_{number}": theirs(case(number)) for number in range(GOLDEN)}
    np.savez_compressed(path, versions=f"torch {torch.__version__}, numpy {np.__version__}", **rows)
    print(f"{path}: {len(rows)} cases, {path.stat().st_size} bytes")


def main() -> None:
    """Compare so many cases and print the worst; with --golden write those of the suite."""
    if sys.argv[1:] == ["--golden"]:
        write_golden()
        return
    count = int(sys.argv[1]) if sys.argv[1:] else COUNT
    worst, wrong, kinds = 0.0, [], Counter()
    for number in range(count):
        drawn = case(number)
        error = apart(ours(drawn), theirs(drawn))
        worst = max(worst, error)
        kinds[drawn["optimizer"][0], drawn["loss"][0]] += 1
        if not error <= LIMIT:
            wrong.append(number)
            print(f"case {number}: {error:.1e} apart: {drawn['optimizer']}, {drawn['loss']}, frozen {drawn['frozen']}")
    print(f"{count - len(wrong)} of {count} runs of {STEPS} steps agree to {LIMIT:g}; the largest difference is {worst:.1e}")
    print(f"{len(kinds)} pairs of optimizer and loss, each at least {min(kinds.values())} times")
    finish("random_updates", {"runs": count, "steps": STEPS, "limit": LIMIT, "largest": worst, "wrong": wrong})
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
