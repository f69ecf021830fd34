"""The convolution kernels, forward and both gradients, beside PyTorch's, interleaved.

    python benchmarks/kernels.py        needs torch (the extra "bench"); writes kernels.json

Both sides must agree before they are timed. GFLOP/s count 2 operations a multiply-add of the plain convolution.
"""

import numpy as np
import torch
from machine import finish, spread
from side_by_side import in_turn

import tinycnn as tc
from tinycnn import ops

ROUNDS = 9
SHAPES = [(64, 64, 16), (32, 56, 32), (32, 32, 32), (32, 28, 64), (32, 16, 64), (32, 14, 128), (32, 8, 128), (64, 7, 64)]


def layout(array: np.ndarray) -> torch.Tensor:
    """(N, H, W, C) as PyTorch's (N, C, H, W) in channels-last order, or (KH, KW, C, OC) as (OC, C, KH, KW)."""
    axes = (3, 2, 0, 1) if array.shape[0] == 3 else (0, 3, 1, 2)
    return torch.from_numpy(array.transpose(axes).copy()).contiguous(memory_format=torch.channels_last)


def main() -> None:
    rng, results = np.random.default_rng(0), {}
    print(f"{'batch x size x channels':24} {'':16} {'tinycnn':>8} {'PyTorch':>8}  GFLOP/s   PyTorch's time / tinycnn's")
    for batch, size, channels in SHAPES:
        x = rng.standard_normal((batch, size, size, channels)).astype(np.float32)
        weight = rng.standard_normal((3, 3, channels, channels)).astype(np.float32)
        grad = rng.standard_normal(x.shape).astype(np.float32)
        window = ops.place_window((size, size), (3, 3), (1, 1), (1, 1), "same")
        tx, tw, tg = layout(x), layout(weight), layout(grad)

        def gradients(mask, tx=tx, tw=tw, tg=tg):
            args = (None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1)
            return torch.ops.aten.convolution_backward(tg, tx, tw, *args, mask)

        with tc.backend("numba"), torch.no_grad():
            pairs = {
                "forward": (
                    lambda x=x, w=weight, window=window: ops.conv(x, w, None, window, 1),
                    lambda tx=tx, tw=tw: torch.nn.functional.conv2d(tx, tw, padding=1),
                ),
                "both gradients": (
                    lambda g=grad, x=x, w=weight, window=window: ops.conv_backward(g, x, w, window, 1, True, False),
                    lambda: gradients([True, True, False]),
                ),
                "weight gradient": (
                    lambda g=grad, x=x, w=weight, window=window: ops.conv_backward(g, x, w, window, 1, False, False),
                    lambda: gradients([False, True, False]),
                ),
            }
            theirs = pairs["forward"][1]().numpy().transpose(0, 2, 3, 1)
            np.testing.assert_allclose(pairs["forward"][0](), theirs, atol=1e-4 * abs(theirs).max())
            ours, theirs = pairs["both gradients"][0](), pairs["both gradients"][1]()
            np.testing.assert_allclose(ours[0], theirs[0].numpy().transpose(0, 2, 3, 1), atol=1e-4 * abs(ours[0]).max())
            np.testing.assert_allclose(ours[1], theirs[1].numpy().transpose(2, 3, 1, 0), atol=1e-4 * abs(ours[1]).max())
            for name, (mine, peer) in pairs.items():
                times = in_turn(mine, peer, ROUNDS)
                flops = 2 * batch * size**2 * channels**2 * 9 * (2 if name == "both gradients" else 1)
                rate = flops / np.median(times, axis=0) / 1e9
                ratio = spread(times[:, 1] / times[:, 0])
                key = f"{batch} x {size}x{size} x {channels}"
                results.setdefault(key, {})[name] = {"gflops": rate.tolist(), "ratio": ratio}
                quartiles = f"{ratio['lower_quartile']:.2f}-{ratio['upper_quartile']:.2f}"
                print(
                    f"{key:24} {name:16} {rate[0]:8.0f} {rate[1]:8.0f}            {ratio['median']:.2f} ({quartiles})", flush=True
                )
    finish("kernels", {"torch": torch.__version__, "shapes": results})


if __name__ == "__main__":
    main()
