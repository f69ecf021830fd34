"""Write cams.npz, what tests/test_explain_methods.py expects of class activation maps: `python tests/golden/make_cams.py`.

The maps are those of the package grad-cam over PyTorch (`pip install --no-deps grad-cam ttach opencv-python-headless tqdm`), by
its classes' `get_cam_image`: before ReLU and scaling. It needs torchvision for helpers that are not used here, so that an empty
stand-in serves. All arrays are in our layout: x (N, H, W, C), weight (KH, KW, C, OC), maps (N, h, w).
"""

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import nn

NOT_USED = {
    "torchvision": (),
    "torchvision.transforms": ("Compose", "Normalize", "ToTensor"),
    "torchvision.transforms.functional": ("resize",),
}
for module, names in NOT_USED.items():
    sys.modules[module] = ModuleType(module)
    for name in names:
        setattr(sys.modules[module], name, None)

import pytorch_grad_cam as cam  # noqa: E402
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget  # noqa: E402

METHODS = {
    "gradcam": cam.GradCAM,
    "gradcam++": cam.GradCAMPlusPlus,
    "hirescam": cam.HiResCAM,
    "layercam": cam.LayerCAM,
}


def main() -> None:
    torch.manual_seed(20261125)
    first, second = nn.Conv2d(2, 6, 3, padding=1), nn.Conv2d(6, 8, 3, padding=1)
    head = nn.Linear(8, 3)
    head.weight.data *= 20_000  # the package adds 1e-6 to Grad-CAM++'s denominator, which small gradients would feel
    body = nn.Sequential(first, nn.ReLU(), nn.MaxPool2d(2), second, nn.ReLU())
    model = nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head).double().eval()
    x = torch.randn(4, 2, 12, 10, dtype=torch.float64)
    out = {"x": x.movedim(1, -1).numpy(), "logits": model(x).detach().numpy()}
    for name, layer in (("first", first), ("second", second)):
        out[f"{name}.weight"] = layer.weight.detach().permute(2, 3, 1, 0).numpy()
        out[f"{name}.bias"] = layer.bias.detach().numpy()
    out["head.weight"], out["head.bias"] = head.weight.detach().T.numpy(), head.bias.detach().numpy()
    for where, layer in (("last", model[4]), ("first", model[1])):
        for name, kind in METHODS.items():
            for number in range(3):
                with kind(model, [layer]) as method:
                    targets = [ClassifierOutputTarget(number)] * len(x)
                    method(x, targets)  # fills what the layer gave and its gradients
                    outputs = method.activations_and_grads.activations[-1].numpy()
                    grads = method.activations_and_grads.gradients[-1].numpy()
                    maps = method.get_cam_image(x, layer, targets, outputs, grads, False)
                out[f"{where}.{name}.{number}"] = np.asarray(maps, np.float64)
    path = Path(__file__).with_name("cams.npz")
    np.savez_compressed(path, versions=f"torch {torch.__version__}, grad-cam 1.5.7", **out)
    print(f"{path}: {len(out)} arrays, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
