"""Maps of evidence: worked by hand, against another implementation, and what each method promises."""

import copy
from pathlib import Path

import numpy as np
import pytest

import tinycnn as tc
from bcdetect.explain.method import Raw
from bcdetect.explain.methods import METHODS
from bcdetect.explain.network import Network, directions
from bcdetect.explain.resize import resize

GOLDEN = Path(__file__).with_name("golden") / "cams.npz"
CAMS = ("gradcam", "gradcam++", "hirescam", "layercam", "eigencam", "scorecam")


def two_channels():
    """A 1 x 1 convolution that gives the picture and its negative, halved; then the mean of each channel and one logit."""
    model = tc.Sequential(tc.Conv2D(2, 1), tc.ReLU(), tc.GlobalAvgPool(), tc.Dense(1)).build((2, 2, 1), dtype=np.float64)
    state = model.get_state()
    state["conv2d_1.weight"] = np.array([1.0, -0.5]).reshape(1, 1, 1, 2)
    state["conv2d_1.bias"] = np.zeros(2)
    state["dense_1.weight"] = np.array([[4.0], [-8.0]])
    state["dense_1.bias"] = np.array([0.25])
    model.set_state(state)
    return Network(model), np.array([[3.0, -2.0], [0.0, 1.0]]).reshape(1, 2, 2, 1)


def raw(name, network, x, number, layer=None):
    classes = np.full(len(x), number)
    return METHODS[name].raw(network, x, classes, layer or network.last_spatial_layer())


def test_a_network_worked_by_hand():
    # The channels are A1 = [[3, 0], [0, 1]] and A2 = [[0, 1], [0, 0]]; the logit 4 mean(A1) - 8 mean(A2) + 1/4 = 4 - 2 + 1/4,
    # so that its gradient is 1 at every place of A1 where it is not cut, and -2 at every place of A2.
    network, x = two_channels()
    assert network.scores(x, np.array([1])) == pytest.approx([2.25])
    assert network.scores(x, np.array([0])) == pytest.approx([-2.25])
    expected = np.array([[[3.0, -2.0], [0.0, 1.0]]])
    assert raw("gradcam", network, x, 1).evidence == pytest.approx(expected)
    assert raw("gradcam", network, x, 0).evidence == pytest.approx(-expected)
    assert raw("hirescam", network, x, 1).evidence == pytest.approx(expected)
    assert raw("layercam", network, x, 1).evidence == pytest.approx(np.maximum(expected, 0))
    # Grad-CAM++: channel 1 has alpha = 1 / (2 + 4 * 1) at each of 4 places, so w = 4 / 6; channel 2's gradients are negative.
    assert raw("gradcam++", network, x, 1).evidence == pytest.approx(np.array([[[2.0, 0], [0, 2 / 3]]]))


def test_integrated_gradients_and_occlusion_of_a_linear_network(rng):
    model = tc.Sequential(tc.Flatten(), tc.Dense(1)).build((5, 1, 1), seed=1, dtype=np.float64)
    x = rng.standard_normal((3, 5, 1, 1))
    expected = (x[:, :, 0, 0] * model.get_state()["dense_1.weight"][:, 0])[:, :, None]
    for name in ("integrated", "occlusion"):  # both give weight times value exactly
        found = METHODS[name].raw(Network(model), x, np.ones(3, int), None)
        assert found.evidence == pytest.approx(expected, abs=1e-6)


def test_cams_agree_with_another_implementation():
    with np.load(GOLDEN, allow_pickle=False) as file:
        golden = dict(file)
    layers = tc.Conv2D(6, 3), tc.ReLU(), tc.MaxPool2D(2), tc.Conv2D(8, 3), tc.ReLU(), tc.GlobalAvgPool(), tc.Dense(3)
    model = tc.Sequential(*layers).build((12, 10, 2), dtype=np.float64)
    names = {"conv2d_1": "first", "conv2d_2": "second", "dense_1": "head"}
    model.set_state({f"{ours}.{p}": golden[f"{theirs}.{p}"] for ours, theirs in names.items() for p in ("weight", "bias")})
    network, x = Network(model), golden["x"]
    assert model.predict(x) == pytest.approx(golden["logits"])
    compared = 0
    for where, layer in (("last", "relu_2"), ("first", "relu_1")):
        for name in ("gradcam", "gradcam++", "hirescam", "layercam"):
            for number in range(3):
                found = raw(name, network, x, number, layer).evidence
                expected = golden[f"{where}.{name}.{number}"]
                assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max(), (where, name)
                compared += 1
    assert compared == 24


def picture_network(seed=0, dtype=np.float32, outputs=1):
    model = tc.Sequential(
        tc.Conv2D(6, 3, bias=False), tc.BatchNorm(), tc.ReLU(), tc.MaxPool2D(2),
        tc.Residual(tc.Conv2D(6, 3, bias=False), tc.BatchNorm(), tc.ReLU(), tc.Conv2D(6, 3)), tc.ReLU(),
        tc.GlobalAvgPool(), tc.Dropout(0.5), tc.Dense(outputs),
    )  # fmt: skip
    return model.build((14, 14, 2), seed=seed, dtype=dtype)


@pytest.mark.parametrize("name", METHODS)
def test_a_row_alone_and_among_others_and_the_model_left_as_it_was(name, rng):
    model = picture_network()
    x = rng.standard_normal((6, 14, 14, 2)).astype(np.float32)
    optimizer = tc.Adam(model.parameters(), lr=1e-3)
    model.train_step(x, np.array([0, 1, 0, 1, 1, 0]), tc.BCEWithLogits(), optimizer)
    model.forward(x, training=True)
    before = copy.deepcopy(model)
    kept = {path: layer.__dict__.get("x") for path, layer in tc.layers.base.walk(model)}
    network = Network(model)
    classes = np.array([1, 0, 1, 1, 0, 0])
    layer = network.last_spatial_layer()
    together = METHODS[name].raw(network, x, classes, layer)
    for row in range(len(x)):
        alone = METHODS[name].raw(network, x[row : row + 1], classes[row : row + 1], layer)
        assert np.array_equal(alone.evidence[0], together.evidence[row])
    assert np.isfinite(together.evidence).all() and np.abs(together.evidence).max() > 0
    assert together.evidence.shape == ((6, 7, 7) if METHODS[name].needs_layer else (6, 14, 14))
    for mine, theirs in zip(model.parameters(), before.parameters(), strict=True):
        assert np.array_equal(mine.value, theirs.value) and np.array_equal(mine.grad, theirs.grad)
    assert all(layer.__dict__.get("x") is kept[path] for path, layer in tc.layers.base.walk(model))
    assert model.steps == before.steps


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.knows_class])
def test_the_two_classes_of_one_logit(name, rng):
    network, x = Network(picture_network()), rng.standard_normal((4, 14, 14, 2)).astype(np.float32)
    malignant, benign = (raw(name, network, x, number).evidence for number in (1, 0))
    if not METHODS[name].signed:
        assert malignant == pytest.approx(benign)
    elif name in ("gradcam", "hirescam", "integrated", "occlusion"):
        assert malignant == pytest.approx(-benign, rel=1e-4, abs=1e-6)
    else:
        assert np.abs(malignant - benign).max() > 1e-6


@pytest.mark.parametrize("outputs", [1, 3])
def test_integrated_gradients_add_up_to_the_score(outputs, rng):
    network = Network(picture_network(dtype=np.float64, outputs=outputs))
    x, classes = rng.standard_normal((3, 14, 14, 2)), np.array([0, 1, 1])
    found = METHODS["integrated"].raw(network, x, classes, "")
    promised = network.scores(x, classes) - network.scores(np.zeros_like(x), classes)
    assert found.evidence.sum(axis=(1, 2)) == pytest.approx(promised, rel=0.05, abs=0.01)
    assert found.channels.sum(axis=1) == pytest.approx(found.evidence.sum(axis=(1, 2)), abs=1e-6)
    missed = np.abs(found.channels.sum(axis=1) - promised) / np.abs(promised)
    assert found.gap == pytest.approx(missed)


def test_the_fast_road_gives_what_layers_give_one_by_one(rng):
    model = picture_network()
    x, classes = rng.standard_normal((5, 14, 14, 2)).astype(np.float32), np.array([1, 0, 1, 0, 1])
    seed = directions(1, classes)
    for layer in Network(model).spatial_layers():
        output, gradient = Network(model).outputs_and_gradients(x, classes, layer)
        with tc.backend("numpy"), model.capture(layer) as taps:
            model.forward(x)
            model.backward(seed)
        assert output == pytest.approx(taps[layer].output, rel=1e-4, abs=1e-5)
        assert gradient == pytest.approx(taps[layer].grad, rel=1e-4, abs=1e-6)


def test_layers_that_cannot_serve_are_named_with_those_that_can():
    network = Network(picture_network())
    valid = ", ".join(network.spatial_layers())
    for name, why in (
        ("relu_9", "there is no layer 'relu_9'"),
        ("dense_1", "gives 1 numbers without a place"),
        ("globalavgpool_1", "gives 6 numbers without a place"),
        ("residual_1.body", "cannot be looked at"),
    ):
        with pytest.raises(Exception, match=why) as error:
            network.check_layer(name)
        assert valid in str(error.value)
    assert network.last_spatial_layer() == "relu_2"


def test_grad_cam_plus_plus_of_negative_outputs_stays_finite_and_gives_no_evidence_for_them():
    g = np.ones((1, 3, 3, 1))
    for value in (-1.0, -2 / 9 - 1e-5, -0.1):
        found = METHODS["gradcam++"].evidence(np.full((1, 3, 3, 1), value), g)
        assert (found <= 0).all() and np.abs(found).max() < 10


def test_the_completeness_error_of_a_mean_is_that_of_the_mean():
    over, under = (Raw(np.zeros((1, 2, 2)), np.array([[missed]]), np.array([1.0])) for missed in (1.5, 0.5))
    assert over.gap == pytest.approx([0.5]) and under.gap == pytest.approx([0.5])
    mean = Raw(over.evidence, (over.channels + under.channels) / 2, (over.promised + under.promised) / 2)
    assert mean.gap == pytest.approx([0])


def test_volumes_need_no_change(rng):
    maps = resize(rng.standard_normal((2, 3, 4, 5)), (6, 8, 10))
    assert maps.shape == (2, 6, 8, 10)
    a, g = rng.standard_normal((2, 2, 3, 4, 5, 6))
    for name in ("gradcam", "gradcam++", "hirescam", "layercam", "eigencam"):
        assert METHODS[name].evidence(a, g).shape == (2, 3, 4, 5)


def test_resize_is_linear_between_middles():
    assert resize(np.array([[0.0, 1.0]]), (4,)).tolist() == [[0, 0.25, 0.75, 1]]
    assert resize(np.array([[7.0]]), (3,)).tolist() == [[7, 7, 7]]
    ramp = resize(np.arange(4.0)[None, :, None] + np.zeros((1, 4, 3)), (8, 3))
    assert ramp[0, :, 1] == pytest.approx([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3])
