"""`python -m tinycnn gradcheck`, `python -m tinycnn summary MODEL` and `python -m tinycnn warmup`."""

from __future__ import annotations

import argparse
import sys
import time

import tinycnn as tc


def examples() -> list[tuple[object, tuple[int, ...]]]:
    """Every layer, container and loss with a shape to check it on: what the table and the tests run through."""
    bn = tc.BatchNorm
    return [
        (tc.Conv2D(4, 3), (2, 7, 6, 3)),
        (tc.Conv2D(6, (3, 2), stride=(2, 1), padding=1, dilation=(1, 2), groups=3), (2, 8, 7, 6)),
        (tc.Conv2D(3, (3, 1), padding="valid", bias=False), (3, 9, 1, 1)),
        (tc.Conv2D(4, 3, groups=4), (2, 5, 6, 4)),
        (tc.Conv1D(4, 3, stride=2, groups=2), (2, 9, 4)),
        (tc.Conv1D(5, 4, dilation=2, padding=3, groups=5), (2, 10, 5)),
        (tc.Conv3D(4, (3, 2, 3), stride=(1, 2, 1), padding=1), (2, 4, 5, 4, 2)),
        (tc.Conv3D(3, 3, groups=3, bias=False), (2, 3, 4, 3, 3)),
        (tc.ConvTranspose2D(4, 3, stride=2), (2, 4, 5, 3)),
        (tc.ConvTranspose2D(2, (2, 4), stride=(3, 2), padding=(0, 1), bias=False), (2, 4, 3, 3)),
        (tc.MaxPool1D(3, stride=2, padding=1), (2, 9, 3)),
        (tc.MaxPool2D(3, stride=2, padding=1), (2, 7, 8, 3)),
        (tc.MaxPool3D(2, padding="same"), (2, 3, 4, 5, 2)),
        (tc.AvgPool1D(2), (2, 8, 3)),
        (tc.AvgPool2D(3, stride=2, padding=1), (2, 7, 8, 3)),
        (tc.AvgPool2D(2, padding="same", count_padding=True), (2, 5, 5, 2)),
        (tc.AvgPool3D((2, 3, 1), padding=(1, 1, 0)), (2, 4, 5, 2, 2)),
        (tc.GlobalAvgPool(), (2, 4, 5, 3)),
        (tc.GlobalMaxPool(), (2, 4, 5, 3)),
        (tc.GlobalMaxPool(), (2, 3, 2, 2, 2)),
        (tc.BatchNorm(), (4, 3, 3, 5)),
        (tc.LayerNorm(), (3, 3, 2, 5)),
        (tc.GroupNorm(3, eps=1e-3), (2, 3, 4, 6)),
        (tc.Dropout(0.4), (3, 20)),
        (tc.Dropout(0.5, channels=True), (3, 3, 2, 8)),
        (tc.Dense(4), (5, 6)),
        (tc.Dense(1, bias=False), (5, 6)),
        (tc.Flatten(), (2, 3, 4, 2)),
        (tc.Reshape((4, -1)), (2, 3, 4, 2)),
        (tc.Pad(((1, 0), (0, 2))), (2, 3, 4, 2)),
        (tc.Pad(1), (2, 3, 2)),
        (tc.Upsample((2, 3)), (2, 3, 2, 2)),
        (tc.Upsample(2), (2, 2, 3, 2, 2)),
        (tc.ReLU(), (4, 9)),
        (tc.LeakyReLU(0.2), (4, 9)),
        (tc.ELU(), (4, 9)),
        (tc.GELU(), (4, 9)),
        (tc.SiLU(), (4, 9)),
        (tc.Tanh(), (4, 9)),
        (tc.Softplus(), (4, 9)),
        (tc.Sigmoid(), (4, 9)),
        (tc.Softmax(), (4, 5)),
        (tc.Residual(tc.Conv2D(3, 3, bias=False), bn(), tc.ReLU(), tc.Conv2D(3, 3)), (2, 6, 6, 3)),
        (tc.Residual(tc.Conv2D(4, 3, stride=2), shortcut=tc.Conv2D(4, 1, stride=2)), (2, 6, 6, 3)),
        (tc.Branches(tc.Conv2D(2, 3), tc.Sequential(tc.Conv2D(3, 3, dilation=2), tc.ReLU())), (2, 6, 6, 2)),
        (tc.Branches(tc.Conv2D(2, 3), tc.Conv2D(2, 1), merge="add"), (2, 5, 5, 2)),
        (tc.Checkpoint(tc.Conv2D(3, 3), bn(), tc.ReLU(), tc.Dropout(0.3), tc.Residual(tc.Conv2D(3, 3), bn())), (3, 5, 5, 2)),
        (tc.SqueezeExcite(2), (2, 4, 3, 6)),
        (tc.SqueezeExcite(units=3), (2, 5, 2)),
        (tc.Sequential(tc.Conv2D(4, 3), bn(), tc.ReLU(), tc.Flatten(), tc.Dropout(0.3), tc.Dense(1)), (4, 6, 6, 1)),
        (tc.BCEWithLogits(pos_weight=1.7, label_smoothing=0.1), (7, 1)),
        (tc.SoftmaxCrossEntropy(class_weight=[1, 2, 0.5], label_smoothing=0.1), (7, 3)),
        (tc.FocalLoss(alpha=0.3, label_smoothing=0.1), (7, 1)),
        (tc.FocalLoss(gamma=0.5, alpha=[1, 2, 0.5], label_smoothing=0.1), (7, 3)),
        (tc.MSE(), (7, 1)),
        (tc.MSE(), (7, 3)),
    ]


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tinycnn", description=tc.__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("gradcheck", help="prove every layer's and loss's gradient by numbers")
    check.add_argument("--elementwise", action="store_true", help="compare every entry, not one random direction")
    commands.add_parser("summary", help="print the table of a saved model").add_argument("model")
    commands.add_parser("warmup", help="compile the fast kernels now, so that no training run has to")
    options = parser.parse_args(arguments)
    if options.command == "warmup":
        return _warmup()
    return _gradcheck(options.elementwise) if options.command == "gradcheck" else _summary(options.model)


def _gradcheck(elementwise: bool) -> int:
    failures = 0
    for subject, shape in examples():
        try:
            print(tc.gradcheck(subject, shape, elementwise=elementwise))
        except tc.GradientError as error:
            print(error)
            failures += 1
    print(f"{len(examples()) - failures} of {len(examples())} passed")
    return 1 if failures else 0


def _warmup() -> int:
    start = time.perf_counter()
    try:
        kernels, compiled = tc.ops.warmup()
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    seconds = time.perf_counter() - start
    print(f"{kernels} kernels are ready after {seconds:.1f} s: {compiled} compiled, {kernels - compiled} loaded from the cache")
    return 0


def _summary(path: str) -> int:
    try:
        print(tc.load(path).summary())
    except (tc.BundleError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        print(f"error: {path}: {reason}", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
