"""The convolution kernels, direct and Winograd's, beside PyTorch's and beside what the machine can do at most.

    python benchmarks/kernels.py [BATCHxSIZExCHANNELS ...]        needs torch (the extra "bench"); writes kernels.json

Forward and both gradients of 3x3 convolutions, the three sides in turn. GFLOP/s count 2 operations a multiply-add of the plain
convolution, on Winograd's road too, which does fewer. All must agree with NumPy's float64 form before they are timed; the largest
error, over the largest value, stands in the table.
"""

import sys

import numpy as np
import torch
from machine import as_text, finish, spread
from peak import fma_peak
from side_by_side import in_turn

from tinycnn import ops
from tinycnn.ops import numpy as reference
from tinycnn.ops.numba.convolution import Convolution
from tinycnn.ops.numba.kernel import Program, compilations, threads
from tinycnn.ops.numba.lift import lift
from tinycnn.ops.numba.lines import End, Source
from tinycnn.ops.numba.twins import memory

ROUNDS = 9
SHAPES = ("32x64x16", "32x64x32", "32x56x32", "32x28x64", "32x14x128", "16x56x128", "64x7x128")
WAYS = ("forward", "input gradient", "weight gradient")
SIDES = ("direct", "winograd", "PyTorch")
AT_ONCE = 2  # images whose windows in float64 are held at once


def ours(road: str, x: np.ndarray, weight: np.ndarray, grad: np.ndarray, window: ops.Window) -> list:
    """A function for each way; it returns its result, (N, H, W, C) or (KH, KW, C, OC)."""
    size, (channels, outputs) = x.shape[1:3], weight.shape[2:]
    c = Convolution(road, lift(size, window), channels, outputs, 1)
    source, behind = Source(x[:, None]), Source(grad[:, None])  # as volumes of depth 1
    results = [memory(array.shape) for array in (grad, x, weight)]
    programs = [
        Program(c.forward(source, weight, results[0][:, None], End(), memory)),
        Program(c.input_gradient(behind, weight, results[1][:, None], End(), memory)),
        Program(c.weight_gradient(source, behind, results[2], memory)),
    ]

    def side(program, result):
        def run():
            program.run()
            return result

        return run

    return [side(*pair) for pair in zip(programs, results, strict=True)]


def theirs(x: np.ndarray, weight: np.ndarray, grad: np.ndarray) -> list:
    """The same in PyTorch, channels-last."""

    def layout(array, axes):
        return torch.from_numpy(array.transpose(axes).copy()).contiguous(memory_format=torch.channels_last)

    tx, tw, tg = layout(x, (0, 3, 1, 2)), layout(weight, (3, 2, 0, 1)), layout(grad, (0, 3, 1, 2))

    def gradients(*mask):
        args = (None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1)
        return torch.ops.aten.convolution_backward(tg, tx, tw, *args, mask)

    return [
        lambda: torch.nn.functional.conv2d(tx, tw, padding=1).numpy().transpose(0, 2, 3, 1),
        lambda: gradients(True, False, False)[0].numpy().transpose(0, 2, 3, 1),
        lambda: gradients(False, True, False)[1].numpy().transpose(2, 3, 1, 0),
    ]


def exact(x: np.ndarray, weight: np.ndarray, grad: np.ndarray, window: ops.Window) -> list[np.ndarray]:
    """All three in float64."""
    x, weight, grad = (array.astype(np.float64) for array in (x, weight, grad))
    y, grad_input, grad_weight = np.empty_like(grad), np.empty_like(x), np.zeros_like(weight)
    for start in range(0, len(x), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        y[part] = reference.conv(x[part], weight, None, window, 1)
        grad_input[part], of_part, _ = reference.conv_backward(grad[part], x[part], weight, window, 1, True, False)
        grad_weight += of_part
    return [y, grad_input, grad_weight]


def main() -> None:
    """Check every shape against NumPy, then time the three sides in turn."""
    rng, results = np.random.default_rng(0), {}
    peak = fma_peak()
    print(f"multiply-adds in registers, {threads()} threads: {peak:.0f} GFLOP/s")
    print(f"{'':11} {'':15} {'GFLOP/s':^30}  {'speed (quartiles)':^34}  error")
    print(f"{'shape':11} {'':15} direct of peak Winograd PyTorch   Winograd/direct   direct/PyTorch    direct  Winograd PyTorch")
    for shape in sys.argv[1:] or SHAPES:
        batch, size, channels = map(int, shape.split("x"))
        x, grad = (rng.standard_normal((batch, size, size, channels), np.float32) for _ in range(2))
        weight = rng.standard_normal((3, 3, channels, channels), np.float32)
        window = ops.place_window((size, size), (3, 3), (1, 1), (1, 1), "same")
        sides = [ours(road, x, weight, grad, window) for road in ("direct", "winograd")] + [theirs(x, weight, grad)]
        results[shape] = {}
        for way, truth, *runs in zip(WAYS, exact(x, weight, grad, window), *sides, strict=True):
            with torch.no_grad():
                errors = [float(abs(run() - truth).max() / abs(truth).max()) for run in runs]
                assert max(errors) < 1e-4, (shape, way, errors)
                times = in_turn(*runs, rounds=ROUNDS)
            rates = 2 * batch * size**2 * channels**2 * 9 / np.median(times, axis=0) / 1e9
            to_direct, to_peer = spread(times[:, 0] / times[:, 1]), spread(times[:, 2] / times[:, 0])
            results[shape][way] = {
                "gflops": dict(zip(SIDES, rates.tolist(), strict=True)),
                "errors": dict(zip(SIDES, errors, strict=True)),
                "direct_of_peak": rates[0] / peak,
                "winograd_over_direct": to_direct,
                "direct_over_torch": to_peer,
            }
            print(
                f"{shape:11} {way:15} {rates[0]:6.0f} {100 * rates[0] / peak:5.0f} % {rates[1]:8.0f} {rates[2]:7.0f}  "
                f"{as_text(to_direct):17} {as_text(to_peer):17} " + " ".join(f"{error:8.0e}" for error in errors),
                flush=True,
            )
    print(f"{len(compilations)} kernels compiled by this process")
    finish("kernels", {"torch": torch.__version__, "fma_peak_gflops": peak, "shapes": results, "compiled": compilations})


if __name__ == "__main__":
    main()
