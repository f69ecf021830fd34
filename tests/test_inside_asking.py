"""Asking a walk: what is not there, what the last step says, maps and histograms, and that nothing is changed."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from walked import FEATURES, of_every_kind, of_pictures, of_table, picture, picture_model, row, stirred

import tinycnn as tc
from bcdetect.calibration import Isotonic, Platt, Temperature
from bcdetect.errors import InputError, UsageError
from bcdetect.inside import taking, walk
from bcdetect.judgement import Judgement
from tinycnn.layers import walk as layers_of


@pytest.mark.parametrize(
    ("settings", "calibration"),
    [
        ({}, None),
        ({"head": "softmax"}, Temperature(1.7)),
        ({}, Platt(0.8, -0.3)),
        ({}, Isotonic([-2, 0, 2], [0.1, 0.4, 0.9])),
    ],
)
def test_the_last_step_is_what_the_classifier_predicts(settings, calibration, rng):
    classifier = of_table(**settings)
    classifier.judgement = Judgement(calibration)
    x = row(rng)
    predicted = classifier.predict_proba(x[None])
    told = walk(classifier, x).answer()
    json.dumps(told, allow_nan=False)
    assert list(told["probabilities"].values()) == predicted[0].tolist()
    assert told["class"] == classifier.class_names[int(classifier.decide(predicted)[0])]
    assert told["difference"] <= 1e-6 and (told["calibration"] is None) == (calibration is None)
    logits = [z["value"] for z in told["logits"]]
    if settings:
        powers = np.exp(logits)
        assert told["own"]["malignant"] == pytest.approx(powers[1] / powers.sum(), abs=1e-6)
    else:
        assert told["logits"][0]["of"] == "malignant"
        assert told["own"]["malignant"] == pytest.approx(1 / (1 + np.exp(-logits[0])), abs=1e-6)
    if calibration is None:
        assert told["own"] == pytest.approx(told["probabilities"], abs=1e-6)
    else:
        (z,) = told["calibration"]["log_odds"].values()
        p = told["mean"]["malignant"]
        assert z == pytest.approx(np.log(p / (1 - p)), abs=1e-5)
    if isinstance(calibration, Temperature):
        assert told["probabilities"]["malignant"] == pytest.approx(1 / (1 + np.exp(-z / 1.7)), abs=1e-6)


def test_an_ensemble_over_views_says_what_the_mean_is_of(rng):
    models = [picture_model("small", seed=seed) for seed in range(3)]
    classifier, x = of_pictures(*models, views="shift"), picture(rng)
    told = walk(classifier, x, network=2).answer()
    assert (told["network"], len(told["networks"]), told["views"]) == (2, 3, 18)
    assert "network 3 of 3" in told["text"][0] and "18 views" in told["text"][1]
    alone = [of_pictures(model, views="shift").predict_proba(x[None])[0] for model in models]
    assert [list(each.values()) for each in told["networks"]] == pytest.approx(np.array(alone), abs=1e-6)
    assert list(told["mean"].values()) == pytest.approx(np.mean(alone, axis=0), abs=1e-6)
    plain = of_pictures(models[2]).predict_proba(x[None])[0]
    assert list(told["own"].values()) == pytest.approx(plain, abs=1e-6)
    assert told["difference"] <= 1e-6  # it was compared with the same view's
    assert list(told["probabilities"].values()) == classifier.predict_proba(x[None])[0].tolist()


def test_three_classes_are_explained_for_the_one_that_is_given(rng):
    classifier, x = of_pictures(picture_model("small", classes=3), names=("a", "b", "c")), picture(rng)
    walked = walk(classifier, x)
    told = walked.answer()
    assert walked.class_name == told["class"] == max(told["probabilities"], key=told["probabilities"].get)
    assert [z["of"] for z in told["logits"]] == ["a", "b", "c"] and told["threshold"] is None
    last = list(walked.steps)[-1]
    assert walked.grads[last].tolist() == [float(name == told["class"]) for name in "abc"]
    assert f"logit of {told['class']}" in walked.backward_path(last, None, 0)["text"]


def test_nothing_of_the_classifier_is_changed_and_threads_may_walk_at_once(rng):
    classifier, x = of_every_kind(), picture(rng, (8, 8, 2))
    model = classifier.models[0]
    before, kept = model.get_state(), [(layer, dict(vars(layer))) for _, layer in layers_of(model)]
    first = walk(classifier, x)
    after = model.get_state()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    for layer, attributes in kept:
        assert vars(layer).keys() == attributes.keys()
        changed = {name for name, value in attributes.items() if vars(layer)[name] is not value}
        assert changed <= {"_runner"}  # what predicting keeps where it runs on the kernels
        assert not getattr(layer, "taps", None) and not layer.frozen

    def one(_):
        classifier.predict_proba(x[None])
        return walk(classifier, x)

    with ThreadPoolExecutor(4) as pool:
        for walked in pool.map(one, range(8)):
            assert all(np.array_equal(walked.outputs[name], output) for name, output in first.outputs.items())
            assert all(np.array_equal(walked.grads[name], grad) for name, grad in first.grads.items())


def test_the_whole_way_is_told_in_the_order_data_flows(rng):
    walked = walk(of_pictures(picture_model("resnet")), picture(rng))
    told = walked.as_dict()
    json.dumps(told, allow_nan=False)
    layers = {layer["name"]: layer for layer in told["layers"]}
    assert [layer["number"] for layer in told["layers"]] == list(range(len(layers)))
    for name, layer in layers.items():
        assert layer["text"] and layer["equation"]
        for source in layer["sources"]:
            assert layers[source]["number"] < layer["number"] and name in layers[source]["feeds"]
        assert layer["output_shape"] == list(walked.outputs[name].shape)
        telling = layer["telling"]
        walked.pixel(name, telling["place"], telling["channel"])
    assert layers["conv2d_1"]["arguments"] == "4 filters, 3 x 3, same padding, no bias"
    assert (layers["conv2d_1"]["parameters"], layers["dense_1"]["parameters"]) == (36, 9)
    assert (layers["conv2d_1"]["receptive_field"], layers["dense_1"]["receptive_field"]) == ([3, 3], None)
    assert layers["relu_1"]["output"]["zeros"] == (walked.outputs["relu_1"] == 0).mean()
    strided = "residual_3.body.conv2d_1"
    assert layers[strided]["arguments"] == "8 filters, 3 x 3, same padding, stride 2 x 2, no bias"
    assert layers[strided]["block"] == "residual_3.body" and layers[strided]["input_shape"] == [12, 12, 4]
    assert layers["residual_3"]["sources"] == ["residual_3.body.batchnorm_2", "residual_3.shortcut.batchnorm_1"]


def test_maps_are_short_and_bounded(rng):
    model = stirred(tc.Sequential(tc.Conv2D(70, 3), tc.Flatten(), tc.Dense(1)).build((6, 5, 1)))
    walked = walk(of_pictures(model), picture(rng, (6, 5, 1)))
    told, exact = walked.maps("conv2d_1"), walked.outputs["conv2d_1"]
    assert (told["count"], len(told["maps"]), told["places"]) == (70, 64, [6, 5])
    assert (told["lowest"], told["highest"]) == (exact.min(), exact.max())
    for each in told["maps"]:
        values = np.array(each["values"])
        assert values == pytest.approx(exact[..., each["channel"]], rel=5e-5)
        assert each["lowest"] == exact[..., each["channel"]].min()
        assert all(len(f"{value:.12g}".strip("-").replace(".", "").lstrip("0").split("e")[0]) <= 5 for value in values.ravel())
    rest = walked.maps("conv2d_1", first=64)
    assert [each["channel"] for each in rest["maps"]] == list(range(64, 70))
    assert len(walked.maps("conv2d_1", most=3)["maps"]) == 3
    flat = walked.maps("flatten_1")
    assert (flat["places"], flat["count"], len(flat["vector"]), flat["maps"]) == ([], 2100, 1024, [])
    assert walked.gradients("dense_1")["vector"] == [1]
    slopes = np.array([each["values"] for each in walked.gradients("conv2d_1")["maps"]])
    assert np.moveaxis(slopes, 0, -1) == pytest.approx(walked.grads["conv2d_1"][..., :64], rel=5e-5)


def test_maps_of_a_table_name_their_rows(rng):
    walked = walk(of_table(), row(rng))
    assert walked.maps("conv2d_1")["rows"] == list(FEATURES)
    assert walked.maps("avgpool2d_1")["rows"] == []


def test_a_norm_is_counted_before_and_after(rng):
    walked = walk(of_pictures(picture_model("small")), picture(rng))
    told = walked.norm("batchnorm_1")
    before, after = walked.outputs["conv2d_1"], walked.outputs["batchnorm_1"]
    assert told["count"] == len(told["channels"]) == 4
    for each in told["channels"]:
        for part, values in (("before", before[..., each["channel"]]), ("after", after[..., each["channel"]])):
            found, _ = np.histogram(values, len(each[part]["counts"]))
            assert sum(each[part]["counts"]) == 144 and np.abs(np.cumsum(each[part]["counts"]) - np.cumsum(found)).max() <= 1
            assert (each[part]["low"], each[part]["high"]) == (values.min(), values.max())
            assert each[part]["mean"] == pytest.approx(values.mean(), abs=1e-5)
    json.dumps(told, allow_nan=False)
    with pytest.raises(UsageError, match=r"no normalisation 'relu_1'.*Take one of batchnorm_1"):
        walked.norm("relu_1")


def test_the_first_step_says_how_the_row_was_scaled(rng):
    classifier, x = of_table(), row(rng)
    told = walk(classifier, x).pixel("input", [7, 0], 0)
    assert (told["name"], told["value"]) == ("feature 7", x[7])
    assert told["result"] == (x[7] - told["mean"]) / told["std"]
    classifier = of_pictures(picture_model("small", (12, 12, 2)), card={"data": {"sequences": ["early", "late"]}})
    x = picture(rng, (12, 12, 2), np.uint16)
    walked = walk(classifier, x, missing=np.array([False, True]))
    told = walked.pixel("input", [3, 4], 0)
    assert (told["name"], told["value"], told["white"]) == ("early", x[3, 4, 0], 65535)
    assert told["engine"] == pytest.approx((x[3, 4, 0] / 65535 - told["mean"]) / told["std"], abs=1e-6)
    told = walked.pixel("input", [3, 4], 1)
    assert (told["engine"], told["form"]) == (0, "none") and "not taken" in told["text"]
    grey = of_pictures(picture_model("small"))
    colour = picture(rng, (12, 12, 3))
    assert walk(grey, colour).pixel("input", [1, 2], 0)["value"] == np.rint(colour[1, 2].mean())


def test_what_is_not_there_is_answered_with_what_is(rng):
    classifier, x = of_pictures(picture_model("small")), picture(rng)
    walked = walk(classifier, x)
    for ask in (walked.pixel, walked.backward_path):
        with pytest.raises(UsageError, match=r"no layer 'conv'.*Take one of input, conv2d_1, batchnorm_1"):
            ask("conv", [0, 0], 0)
        for place in ([12, 0], [-1, 0], [0], [0, 0, 0], None, "00", [0.5, 0], [True, 0]):
            with pytest.raises(
                UsageError, match=r"'relu_1' has no place.*2 of them: a number from 0 to 11, a number from 0 to 11"
            ):
                ask("relu_1", place, 0)
        for channel in (4, -1, None, "0", 1.0):
            with pytest.raises(UsageError, match=r"no channel in layer 'relu_1'.*Take a number from 0 to 3"):
                ask("relu_1", [0, 0], channel)
        with pytest.raises(UsageError, match=r"'dense_1' has no place \[0\]. It has none"):
            ask("dense_1", [0], 0)
    with pytest.raises(UsageError, match="no layer 'no'"):
        walked.maps("no")
    with pytest.raises(UsageError, match="no channel in layer 'relu_1': 9"):
        walked.gradients("relu_1", first=9)
    with pytest.raises(UsageError, match=r"no max pooling 'relu_1'.*Take one of maxpool2d_1"):
        walked.winners("relu_1", 0)
    with pytest.raises(UsageError, match=r"no class 'good'.*Take one of benign, malignant"):
        walk(classifier, x, class_name="good")
    with pytest.raises(UsageError, match=r"no network 1. Take 0"):
        walk(classifier, x, network=1)


def test_a_long_list_of_names_is_cut(rng):
    model = tc.Sequential(*(tc.ReLU() for _ in range(80)), tc.Flatten(), tc.Dense(1)).build((2, 2, 1))
    with pytest.raises(UsageError, match=r"relu_59 and 23 more\."):
        walk(of_pictures(model), picture(rng, (2, 2, 1))).maps("no")


def test_what_is_no_row_of_the_model_is_refused(rng, monkeypatch):
    table, pictures = of_table(), of_pictures(picture_model("small"))
    far = row(rng)
    far[4] = 1e12
    for classifier, x, missing, what in (
        (table, row(rng)[:29], None, "30 numbers"),
        (table, far, None, "column 'feature 4'"),
        (table, row(rng), np.array([True]), "no sequences"),
        (pictures, picture(rng, (12, 11, 1)), None, "12 x 12 x 1"),
        (pictures, picture(rng).astype(float), None, "float64"),
        (pictures, picture(rng), np.array([0]), "True or False"),
    ):
        with pytest.raises(InputError, match=what):
            walk(classifier, x, missing)
    monkeypatch.setattr(taking, "MOST_NUMBERS", 1000)
    with pytest.raises(UsageError, match="more than the 1,000"):
        walk(pictures, picture(rng))


def test_a_network_that_overflows_is_said_so(rng):
    model = tc.Sequential(tc.Conv2D(2, 3), tc.Conv2D(2, 3), tc.GlobalAvgPool(), tc.Dense(1)).build((6, 6, 1))
    model.layers["conv2d_1"].params["weight"][...] = 1e30
    model.layers["conv2d_2"].params["weight"][...] = 1e30
    with np.errstate(all="ignore"), pytest.raises(InputError, match=r"'conv2d_2'.*overflow"):
        walk(of_pictures(model), np.full((6, 6, 1), 255, np.uint8))


class Doubled(tc.Layer):
    """A kind that nothing is known of."""

    def forward(self, x, training, rng=None):
        return 2 * x

    def backward(self, grad):
        return 2 * grad


def test_a_kind_that_is_not_known_has_totals_only(rng):
    model = tc.Sequential(tc.Conv2D(2, 3), Doubled(), tc.GlobalAvgPool(), tc.Dense(1)).build((6, 6, 1))
    walked = walk(of_pictures(model), picture(rng, (6, 6, 1)))
    told = walked.pixel("doubled_1", [0, 0], 0)
    assert (told["form"], told["result"], told["difference"]) == ("none", None, None)
    assert told["engine"] == walked.outputs["doubled_1"][0, 0, 0] and "no window" in told["text"]
    back = walked.backward_path("conv2d_1", [0, 0], 0)
    assert (back["total"], back["difference"], back["ways"][0]["sum"]) == (None, None, None)
    assert back["gradient"] == walked.grads["conv2d_1"][0, 0, 0]
    json.dumps([walked.as_dict(), told, back], allow_nan=False)
