"""The reference network of the benchmarks: ours, and the same with the same weights in PyTorch, in Keras and as an ONNX file.

Four stages of widths 16, 32, 64, 128; each stage twice 3x3 convolution without bias, batch norm, ReLU; 2x2 max-pool after the
first three; global average pool, dropout, Dense(1). One input channel; binary cross-entropy of the logits; Adam.
Each peer is imported where it is used, so that a script needs only its own.
"""

import os

import numpy as np

import tinycnn as tc

WIDTHS = (16, 32, 64, 128)
BATCHES = {28: 64, 64: 32, 128: 32, 224: 16}  # by size


def rows(size: int, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Random images (N, H, W, 1) and labels (N,)."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((batch, size, size, 1)).astype(np.float32), rng.integers(0, 2, batch)


def our_network(size: int, dropout: float) -> tc.Sequential:
    """In tinycnn, built."""
    layers = []
    for stage, width in enumerate(WIDTHS):
        for _ in range(2):
            layers += [tc.Conv2D(width, 3, bias=False), tc.BatchNorm(), tc.ReLU()]
        if stage < 3:
            layers.append(tc.MaxPool2D(2))
    return tc.Sequential(*layers, tc.GlobalAvgPool(), tc.Dropout(dropout), tc.Dense(1)).build((size, size, 1), seed=0)


def torch_network(model: tc.Sequential | None, dropout: float):
    """In PyTorch, for training; without a model, with weights of its own."""
    import torch
    from torch import nn

    layers, channels = [], 1
    for stage, width in enumerate(WIDTHS):
        for _ in range(2):
            layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        if stage < 3:
            layers.append(nn.MaxPool2d(2))
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels, 1))
    if model is not None:
        convs, norms = ([layer for layer in layers if isinstance(layer, kind)] for kind in (nn.Conv2d, nn.BatchNorm2d))
        pairs = [(network[-1].weight, _dense(model)["weight"].T), (network[-1].bias, _dense(model)["bias"])]
        for conv, norm, (weight, *line) in zip(convs, norms, _blocks(model), strict=True):
            theirs = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
            pairs += [(conv.weight, weight.transpose(3, 2, 0, 1)), *zip(theirs, line, strict=True)]
        with torch.no_grad():
            for to, array in pairs:
                to.copy_(torch.from_numpy(array.copy()))
    return network.train()


def keras_network(model: tc.Sequential, dropout: float):
    """In Keras on TensorFlow. Its batch norm's momentum weighs the old statistics, ours (0.1) the new."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    from keras import layers as k

    layers = [keras.Input(model.input_shape)]
    for stage, width in enumerate(WIDTHS):
        for _ in range(2):
            conv = k.Conv2D(width, 3, padding="same", use_bias=False, data_format="channels_last")
            layers += [conv, k.BatchNormalization(momentum=0.9, epsilon=1e-5), k.ReLU()]
        if stage < 3:
            layers.append(k.MaxPooling2D(2))
    network = keras.Sequential([*layers, k.GlobalAveragePooling2D(), k.Dropout(dropout), k.Dense(1)])
    blocks = (array for block in _blocks(model) for array in block)
    network.set_weights([*blocks, _dense(model)["weight"], _dense(model)["bias"]])
    return network


def onnx_file(model: tc.Sequential, size: int, path) -> None:
    """Write the network in eval mode as ONNX, x (N, 1, H, W) -> y (N, 1), with any N."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants = [], []

    def add(kind, *arrays, **attributes):
        names = [f"{kind}_{len(nodes)}_{number}" for number in range(len(arrays))]
        constants.extend(numpy_helper.from_array(np.ascontiguousarray(a), n) for a, n in zip(arrays, names, strict=True))
        source = nodes[-1].output[0] if nodes else "x"
        nodes.append(helper.make_node(kind, [source, *names], [f"{kind}_{len(nodes)}"], **attributes))

    for number, (weight, *line) in enumerate(_blocks(model)):
        add("Conv", weight.transpose(3, 2, 0, 1), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        add("BatchNormalization", *line, epsilon=1e-5)
        add("Relu")
        if number in (1, 3, 5):
            add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    add("GlobalAveragePool")
    add("Flatten")
    add("Gemm", _dense(model)["weight"], _dense(model)["bias"])
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1, size, size])
    y = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, ["N", 1])
    graph = helper.make_graph(nodes, "reference", [x], [y], constants)
    file = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(file)
    onnx.save(file, str(path))


def _blocks(model):
    """Each convolution's weight, and its norm's gamma, beta, running mean and variance: the order of Keras and ONNX, too."""
    for number in range(1, 2 * len(WIDTHS) + 1):
        conv, norm = model.layers[f"conv2d_{number}"], model.layers[f"batchnorm_{number}"]
        arrays = norm.params["gamma"], norm.params["beta"], norm.buffers["running_mean"], norm.buffers["running_var"]
        yield conv.params["weight"], *arrays


def _dense(model):
    return model.layers["dense_1"].params
