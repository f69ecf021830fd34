"""Inside a network: every number that is explained adds up to what the engine computed, forward and back."""

import json

import numpy as np
import pytest
from walked import of_every_kind, of_pictures, of_table, picture, picture_model, row, stirred

import tinycnn as tc
from bcdetect.explain.network import Network
from bcdetect.inside import walk
from bcdetect.inside.rules import RULES
from bcdetect.models import NETWORKS

ROUNDING = 3e-6  # of float32 sums, of which the kernels may take another order than the explanation


def walks(rng):
    """A walk through every network of pictures, those of tables, and one of every kind of layer."""
    for name in NETWORKS:
        shape = (12, 12, 3) if name == "small" else (13, 12, 1)
        yield name, walk(of_pictures(picture_model(name, shape)), picture(rng, shape))
    for pooling in ("average", "max", "none"):
        yield f"tabular {pooling}", walk(of_table(pooling=pooling, filters=(4, 6)), row(rng), class_name="benign")
    three = of_pictures(picture_model("small", classes=3), names=("a", "b", "c"))
    yield "three classes", walk(three, picture(rng), class_name="b")
    yield "every kind", walk(of_every_kind(), picture(rng, (8, 8, 2)))


def places(rng, shape, count=5):
    for _ in range(count):
        *place, channel = (int(rng.integers(n)) for n in shape)
        yield place, channel


def test_there_is_a_rule_for_every_kind_of_layer_and_a_network_here_has_them_all(rng):
    kinds = {kind for name in tc.__all__ if isinstance(kind := getattr(tc, name), type) and issubclass(kind, tc.Layer)}
    rows = {tc.Layer, tc.Sequential, tc.Checkpoint}  # of which a row is what its layers are
    assert set(RULES) == kinds - rows
    walked = walk(of_every_kind(), picture(rng, (8, 8, 2)))
    assert {step.kind for step in walked.steps.values()} == {"Input", *(kind.__name__ for kind in RULES)}


def test_every_number_is_explained_and_adds_up_to_what_the_engine_computed(rng):
    for name, walked in walks(rng):
        for layer, output in walked.outputs.items():
            for place, channel in places(rng, output.shape):
                told = walked.pixel(layer, place, channel)
                where = name, layer, place, channel
                assert told["engine"] == float(output[(*place, channel)]), where
                assert told["difference"] == told["result"] - told["engine"], where
                assert abs(told["difference"]) <= ROUNDING * told["magnitude"], where
                assert told["text"].endswith("."), where
                json.dumps(told, allow_nan=False)


def test_every_gradient_is_the_sum_of_the_pieces_that_come_back(rng):
    for name, walked in walks(rng):
        for layer, grad in walked.grads.items():
            for place, channel in places(rng, grad.shape):
                told = walked.backward_path(layer, place, channel, most=3)
                where = name, layer, place, channel
                assert told["gradient"] == float(grad[(*place, channel)]), where
                assert abs(told["total"] - told["gradient"]) <= ROUNDING * told["magnitude"], where
                for way in told["ways"]:
                    pieces, others = way["terms"], way["others"]
                    assert len(pieces) <= 3
                    assert sum(piece["product"] for piece in pieces) + others["sum"] == pytest.approx(way["sum"], abs=1e-12)
                    for piece in pieces:
                        there = walked.grads[way["layer"]][(*piece["place"], piece["channel"])]
                        assert piece["gradient"] == float(there), where
                        assert piece["product"] == pytest.approx(piece["gradient"] * piece["factor"], abs=1e-15)
                json.dumps(told, allow_nan=False)


def test_the_numbers_are_those_of_the_classifiers_own_network(rng):
    for classifier, x in ((of_pictures(picture_model("resnet")), picture(rng)), (of_table(), row(rng))):
        walked, model = walk(classifier, x), classifier.models[0]
        ready = classifier.preprocessing.transform(x[None])
        with model.capture() as taps:
            model.forward(ready)
        assert taps.keys() < walked.outputs.keys()
        for name, tap in taps.items():
            assert np.array_equal(walked.outputs[name], tap.output[0]), name
        found = Network(model).input_gradients(ready, np.array([1]))[0]
        assert np.array_equal(walked.grads["input"], found) and found.any()
        against = walk(classifier, x, class_name="benign")
        assert np.array_equal(against.grads["input"], -found)


def test_the_parts_of_a_convolution_add_up(rng):
    model = stirred(tc.Sequential(tc.Conv2D(12, 1), tc.Conv2D(6, 3, stride=2), tc.Flatten(), tc.Dense(1)).build((9, 9, 1)))
    walked = walk(of_pictures(model), picture(rng, (9, 9, 1)))
    told = walked.pixel("conv2d_2", [0, 4], 5)
    assert len(told["channels"]) == 8 and len(told["others"]) == 4
    assert min(abs(c["sum"]) for c in told["channels"]) >= max(abs(c["sum"]) for c in told["others"])
    assert sorted(c["channel"] for part in ("channels", "others") for c in told[part]) == list(range(12))
    for each in told["channels"]:
        values = np.array(each["input"], float)  # None becomes nan
        products = values * each["kernel"]
        assert np.array_equal(np.nan_to_num(products), each["products"])
        assert np.nansum(products) == pytest.approx(each["sum"], abs=1e-12)
    total = sum(c["sum"] for part in ("channels", "others") for c in told[part])
    assert total == pytest.approx(told["sum"], abs=1e-12) and told["sum"] + told["bias"] == told["result"]


def by_hand():
    """A convolution of known weights, a norm, a ReLU, pooling by two; the picture is 0 to 15, counted in shares of white."""
    layers = tc.Conv2D(1, 3), tc.BatchNorm(eps=0.25), tc.ReLU(), tc.MaxPool2D(2), tc.Flatten(), tc.Dense(1)
    model = tc.Sequential(*layers).build((4, 4, 1))
    state = model.get_state()
    state["conv2d_1.weight"][:, :, 0, 0] = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    state["conv2d_1.bias"][:] = 0.5
    state["batchnorm_1.running_mean"][:], state["batchnorm_1.running_var"][:] = 200, 2
    state["batchnorm_1.gamma"][:], state["batchnorm_1.beta"][:] = 3, -1
    state["dense_1.weight"][:, 0] = [1, 2, 3, 4]
    model.set_state(state)
    classifier = of_pictures(model)
    classifier.preprocessing.mean[:], classifier.preprocessing.std[:] = 0, np.float32(1 / 255)  # so that it takes 0 to 15
    return walk(classifier, np.arange(16, dtype=np.uint8).reshape(4, 4, 1))


def test_a_convolution_worked_by_hand():
    told = by_hand().pixel("conv2d_1", [0, 3], 0)  # the upper right corner: the window's first row and last column are padding
    assert told["first"] == [-1, 2] and told["outside"] == 5
    (only,) = told["channels"]
    assert only["input"] == [
        [None, None, None],
        [pytest.approx(2), pytest.approx(3), None],
        [pytest.approx(6), pytest.approx(7), None],
    ]
    assert only["kernel"] == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert np.array(only["products"]) == pytest.approx(np.array([[0, 0, 0], [8, 15, 0], [42, 56, 0]]))
    assert (told["sum"], told["bias"], told["result"]) == (pytest.approx(121), 0.5, pytest.approx(121.5))


def test_a_norm_worked_by_hand():
    told = by_hand().pixel("batchnorm_1", [0, 3], 0)  # 3 (121.5 - 200) / sqrt(2 + 1/4) - 1
    assert [step["value"] for step in told["steps"]] == pytest.approx([-78.5, 1.5, -52.33333, -157, -158])
    assert (told["before"], told["mean"], told["var"], told["eps"]) == (pytest.approx(121.5), 200, 2, 0.25)
    assert (told["gamma"], told["beta"], told["engine"]) == (3, -1, pytest.approx(-158))


def test_a_pooling_and_the_way_back_worked_by_hand():
    walked = by_hand()  # the convolution's largest numbers are towards the lower right, but for its edges
    conv = walked.outputs["conv2d_1"][..., 0]
    assert conv[2, 2] == conv[2:, 2:].max()  # where the kernel has all nine places; in the corner it has four
    told = walked.pixel("maxpool2d_1", [1, 1], 0)
    assert told["winner"] == {"tap": [0, 0], "place": [2, 2], "channel": 0, "value": told["engine"], "layer": "relu_1"}
    assert told["window"] == walked.outputs["relu_1"][2:, 2:, 0].tolist()
    assert walked.winners("maxpool2d_1", 0)["places"][1][1] == [2, 2]
    won = walked.backward_path("relu_1", [2, 2], 0)  # the dense layer's weight of the fourth number is 4
    lost = walked.backward_path("relu_1", [2, 3], 0)
    assert (won["gradient"], lost["gradient"]) == (4, 0)
    assert won["ways"][0]["terms"] == [{"place": [1, 1], "channel": 0, "gradient": 4, "factor": 1, "product": 4}]
    assert lost["ways"][0]["terms"] == [{"place": [1, 1], "channel": 0, "gradient": 4, "factor": 0, "product": 0}]
    assert "won 0" in lost["ways"][0]["text"]
    stopped = walked.backward_path("batchnorm_1", [0, 0], 0)  # far below 0
    assert stopped["gradient"] == 0 and "stopped" in stopped["ways"][0]["text"]
    assert walked.backward_path("conv2d_1", [2, 2], 0)["gradient"] == pytest.approx(4 * 3 / 1.5)


def test_of_equal_numbers_the_first_wins_as_in_the_engine(rng):
    model = tc.Sequential(tc.MaxPool2D(3, stride=2, padding=1), tc.Flatten(), tc.Dense(1)).build((6, 6, 2))
    walked = walk(of_pictures(model), rng.integers(0, 3, (6, 6, 2), np.uint8))  # full of ties
    pool = walked.steps["maxpool2d_1"].layer
    pool.forward(walked.outputs["input"][None], False)
    for channel in range(2):
        found = np.array(walked.winners("maxpool2d_1", channel)["places"])
        for place in np.ndindex(3, 3):
            tap = np.unravel_index(pool.winner[0][(*place, channel)], (3, 3))
            assert found[place].tolist() == [p * 2 - 1 + t for p, t in zip(place, tap, strict=True)]
            assert walked.pixel("maxpool2d_1", list(place), channel)["winner"]["place"] == found[place].tolist()


def test_a_dense_layers_inputs_are_traced_to_the_maps_that_they_come_from(rng):
    walked = walk(of_table(pooling="average"), row(rng))
    told = walked.pixel("dense_1", [], 3)
    assert len(told["terms"]) == 20 and told["others"]["count"] == 15 * 16 - 20
    for term in told["terms"]:
        origin = term["origin"]
        assert origin["layer"] == "avgpool2d_1"
        assert walked.outputs["avgpool2d_1"][(*origin["place"], origin["channel"])] == np.float32(term["value"])
    shown = sum(term["product"] for term in told["terms"])
    assert shown + told["others"]["sum"] + told["bias"] == pytest.approx(told["result"], abs=1e-12)


def test_blocks_say_which_way_a_number_came(rng):
    walked = walk(of_pictures(picture_model("dilated")), picture(rng))
    joined = walked.pixel("residual_1.body.branches_1", [3, 4], 6)  # of three paths of four channels
    assert joined["from"] == {"layer": "residual_1.body.branches_1.path_2.conv2d_1", "place": [3, 4], "channel": 2}
    added = walked.pixel("residual_1", [3, 4], 1)
    assert [part["layer"] for part in added["parts"]] == ["residual_1.body.batchnorm_2", "relu_1"]
    assert added["result"] == sum(part["value"] for part in added["parts"])
    assert [way["layer"] for way in walked.backward_path("relu_1", [3, 4], 1)["ways"]] == [
        *(f"residual_1.body.branches_1.path_{k}.conv2d_1" for k in (1, 2, 3)),
        "residual_1",
    ]
