"""ResNet-18 and VGG16 at 224 x 224, forward and whole training steps, beside PyTorch, interleaved.

    python benchmarks/large_networks.py [resnet18] [vgg16] [ROUNDS]      needs torch (the extra "bench")

Three input channels, 1,000 classes, softmax cross-entropy; SGD with momentum. Both sides start from the same weights and must
agree on the logits in eval mode and on three losses without dropout. PyTorch runs in its better layout. VGG16 is the plain one,
without batch norm, with its two dense layers of 4,096 units: its weights alone take 0.5 GB, and a step some four times that on
each side. Writes large_networks.json.
"""

import sys

import numpy as np
from machine import as_text, finish, spread
from side_by_side import fastest, in_turn
from torch_twin import torch_twin

import tinycnn as tc

SIZE, CLASSES, LR, ROUNDS, AGREEING = 224, 1000, 1e-4, 7, 3
BATCHES = {"resnet18": 16, "vgg16": 8}


def resnet18(dropout: float) -> tc.Sequential:
    """Source: He et al. 2016, table 1; there is no dropout in it."""
    layers = [tc.Conv2D(64, 7, stride=2, padding=3, bias=False), tc.BatchNorm(), tc.ReLU(), tc.MaxPool2D(3, 2, 1)]
    for stage, width in enumerate((64, 128, 256, 512)):
        for block in range(2):
            stride = 2 if stage and not block else 1
            body = [tc.Conv2D(width, 3, stride=stride, padding=1, bias=False), tc.BatchNorm(), tc.ReLU()]
            body += [tc.Conv2D(width, 3, padding=1, bias=False), tc.BatchNorm()]
            shortcut = tc.Sequential(tc.Conv2D(width, 1, stride=2, padding=0, bias=False), tc.BatchNorm()) if stride > 1 else None
            layers += [tc.Residual(*body, shortcut=shortcut), tc.ReLU()]
    return tc.Sequential(*layers, tc.GlobalAvgPool(), tc.Dense(CLASSES)).build((SIZE, SIZE, 3), seed=0)


def vgg16(dropout: float) -> tc.Sequential:
    """Source: Simonyan & Zisserman 2015, table 1, column D."""
    layers = []
    for width, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            layers += [tc.Conv2D(width, 3, padding=1), tc.ReLU()]
        layers.append(tc.MaxPool2D(2))
    layers.append(tc.Flatten())
    for _ in range(2):
        layers += [tc.Dense(4096, initialiser=tc.init.he), tc.ReLU(), tc.Dropout(dropout)]
    return tc.Sequential(*layers, tc.Dense(CLASSES)).build((SIZE, SIZE, 3), seed=0)


NETWORKS = {"resnet18": resnet18, "vgg16": vgg16}


def data(batch: int):
    """Random pictures and classes."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((batch, SIZE, SIZE, 3)).astype(np.float32), rng.integers(0, CLASSES, batch)


def our_sides(model: tc.Sequential, batch: int):
    """A prediction and a training step."""
    (x, y), loss = data(batch), tc.SoftmaxCrossEntropy()
    sgd = tc.SGD(model.parameters(), lr=LR, momentum=0.9)
    return lambda: model.predict(x), lambda: model.train_step(x, y, loss, sgd)


def torch_sides(model: tc.Sequential, batch: int, channels_last: bool):
    """The same in PyTorch, from the weights of `model`."""
    import torch

    order = torch.channels_last if channels_last else torch.contiguous_format
    x, y = data(batch)
    network = torch_twin(model).to(memory_format=order)
    tx, ty = torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).contiguous(memory_format=order), torch.from_numpy(y)
    sgd, loss = torch.optim.SGD(network.parameters(), lr=LR, momentum=0.9), torch.nn.CrossEntropyLoss()

    def forward():
        network.eval()
        with torch.inference_mode():
            return network(tx).numpy()

    def step():
        network.train()
        sgd.zero_grad()
        value = loss(network(tx), ty)
        value.backward()
        sgd.step()
        return value.item()

    return forward, step


def agree(name: str) -> None:
    """Both sides' logits in eval mode and first losses; a small batch, since it is the numbers that count."""
    model = NETWORKS[name](0.0)
    theirs = torch_sides(model, 2, channels_last=True)
    mine = our_sides(model, 2)
    expected = theirs[0]()
    np.testing.assert_allclose(mine[0](), expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max(), err_msg=name)
    losses = np.array([[float(mine[1]()), theirs[1]()] for _ in range(AGREEING)])
    np.testing.assert_allclose(losses[:, 0], losses[:, 1], rtol=2e-3, err_msg=name)


def main() -> None:
    """Check that both sides agree, then time forward passes and training steps in turn."""
    asked = [word for word in sys.argv[1:] if word in NETWORKS] or list(NETWORKS)
    rounds = next((int(word) for word in sys.argv[1:] if word not in NETWORKS), ROUNDS)
    results = {}
    for name in asked:
        agree(name)
        model, batch = NETWORKS[name](0.5), BATCHES[name]
        sides = our_sides(model, batch)
        both = {way: torch_sides(model, batch, way == "channels-last") for way in ("channels-last", "contiguous")}
        best = fastest({way: side[1] for way, side in both.items()}, rounds=max(1, rounds // 3))
        theirs = both.pop(best)
        del both  # a network's worth of memory
        results[name] = {"batch": batch, "layout": best}
        for i, what in enumerate(("forward", "step")):
            times = in_turn(sides[i], theirs[i], rounds=rounds)
            ratio = spread(times[:, 1] / times[:, 0])
            mine, other = 1000 * np.median(times, axis=0)
            results[name][what] = {"ratio": ratio, "milliseconds": [mine, other]}
            print(
                f"{name:8} batch {batch:2} {what:7}: tinycnn {mine:8.1f} ms, PyTorch ({best}) {other:8.1f} ms; "
                f"PyTorch's time / tinycnn's {as_text(ratio)}",
                flush=True,
            )
    import torch

    finish("large_networks", {"size": SIZE, "version": torch.__version__, **results})


if __name__ == "__main__":
    main()
