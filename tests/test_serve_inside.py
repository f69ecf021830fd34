"""The walk through a network over HTTP: numbers that add up in JSON, walks that are let go of, and what is not there."""

import io
import json
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from math import prod

import numpy as np
import pytest
from api_client import client_of, save_models
from PIL import Image
from trained import small_run
from walked import of_every_kind, of_pictures, picture_model

from bcdetect.bundle import save_classifier
from bcdetect.datasets.wisconsin import load_wisconsin
from bcdetect.inside import walk

ROW, EXAMPLE, PICTURE = "/api/inside/row", "/api/inside/example", "/api/inside/picture"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("models")
    save_models(found)
    both = {"data": {"sequences": ["t1", "dce"]}}
    save_classifier(found / "every.npz", replace(of_every_kind(), card=both))
    save_classifier(found / "exams.npz", of_pictures(picture_model("small", (12, 12, 2)), card=both))
    three = of_pictures(*(picture_model("small", (12, 12, 1), classes=3, seed=seed) for seed in (0, 1)), names=("a", "b", "c"))
    save_classifier(found / "three.npz", three)
    for name in ("every", "exams", "three"):
        os.utime(found / f"{name}.npz", (1, 1))
    return found


@pytest.fixture(scope="module")
def client(folder):
    with client_of(folder) as found:
        yield found


def measured(number=1):
    data = load_wisconsin()
    return dict(zip(data.feature_names, data.x[number - 1].tolist(), strict=True))


def png(side=16, seed=0, values=None):
    stream = io.BytesIO()
    drawn = np.random.default_rng(seed).integers(0, 255, (side, side), np.uint8) if values is None else values
    Image.fromarray(drawn).save(stream, "PNG")
    return stream.getvalue()


def opened(response):
    assert response.status_code == 200, response.text
    json.dumps(response.json(), allow_nan=False)
    return response.json()


def of_example(client, number=1, **asked):
    return opened(client.post(EXAMPLE, params={"row": number, "model": "small", **asked}))


def of_picture(client, model="grey", side=16, **asked):
    return opened(client.post(PICTURE, params={"model": model, **asked}, files={"picture": ("a.png", png(side))}))


def of_exam(client, model):
    files = {name: (f"{name}.png", png(seed=seed)) for seed, name in enumerate(("t1", "dce"))}
    return opened(client.post(PICTURE, params={"model": model}, files=files))


def assert_refused(response, status, *words):
    assert response.status_code == status, response.text
    error = response.json()["error"]
    text = " ".join(error.values())
    for word in words:
        assert word in text, text
    return error


def test_a_row_is_walked_and_ends_in_what_predict_says(client):
    told = opened(client.post(ROW, params={"model": "small"}, json={"row": measured()}))
    predicted = client.post("/api/predict", params={"model": "small"}, json={"rows": [measured()]}).json()["rows"][0]
    assert told["predicted"]["probabilities"] == told["answer"]["probabilities"] == predicted["probabilities"]
    assert told["predicted"]["class"] == told["answer"]["class"] == predicted["class"]
    assert (told["predicted"]["refer"], told["predicted"]["reason"]) == (predicted["refer"], predicted["reason"])
    again = of_example(client)
    assert again["walk"] == told["walk"], "the same input is the same walk"
    assert (told["reference"], again["reference"], again["input"]) == (None, "malignant", "row 1 of the built-in table")
    assert [layer["name"] for layer in told["layers"]][:2] == ["input", "conv2d_1"] and told["features"][0] in measured()
    first = client.get(f"/api/inside/{told['walk']}/pixel", params={"layer": "input", "place": [0, 0], "channel": 0}).json()
    assert first["value"] == measured()[first["name"]]


def test_every_answer_is_what_the_description_says_whatever_the_layer(client):
    from bcdetect.serve.api.inside_forms import Pixel
    from bcdetect.serve.api.inside_shapes import Backward, Maps, Norm, Opened, Winners

    forms = set()
    for told in (of_exam(client, "every"), of_example(client)):
        Opened.model_validate(told, extra="forbid")
        base = f"/api/inside/{told['walk']}"
        for layer in told["layers"]:
            name, at = {"layer": layer["name"]}, layer["telling"]
            Maps.model_validate(opened(client.get(f"{base}/maps", params=name)), extra="forbid")
            Maps.model_validate(opened(client.get(f"{base}/gradients", params=name)), extra="forbid")
            pixel = opened(client.get(f"{base}/pixel", params={**name, **at}))
            Pixel.model_validate(pixel, extra="forbid")
            Backward.model_validate(opened(client.get(f"{base}/backward", params={**name, **at})), extra="forbid")
            forms.add(pixel["form"])
            for which, shape, more in (("norm", Norm, {}), ("winners", Winners, {"channel": 0})):
                response = client.get(f"{base}/{which}", params={**name, **more})
                if layer[which]:
                    shape.model_validate(opened(response), extra="forbid")
                else:
                    assert_refused(response, 400, "Take one of" if told["model"] == "every" or which == "norm" else "")
    assert forms == {
        *("convolution", "sum", "maximum", "mean", "norm", "function", "shares", "copy", "added", "joined", "product", "scaled")
    }


def test_the_numbers_add_up_in_json(client):
    told = of_picture(client)
    base = f"/api/inside/{told['walk']}"
    for name, place, channel in (("conv2d_1", [0, 5], 2), ("conv2d_2", [7, 7], 3)):
        asked = {"layer": name, "place": place, "channel": channel}
        pixel = client.get(f"{base}/pixel", params=asked).json()
        products = sum(np.sum(each["products"]) for each in pixel["channels"]) + sum(each["sum"] for each in pixel["others"])
        assert products + (pixel["bias"] or 0) == pytest.approx(pixel["result"], abs=1e-12)
        assert pixel["result"] - pixel["engine"] == pixel["difference"] != 0
        assert abs(pixel["difference"]) <= 1e-6 * pixel["magnitude"]
        shown = client.get(f"{base}/maps", params={"layer": name, "first": channel, "most": 1}).json()["maps"]
        assert [each["channel"] for each in shown] == [channel]
        assert shown[0]["values"][place[0]][place[1]] == pytest.approx(pixel["engine"], rel=1e-4)
        back = client.get(f"{base}/backward", params={**asked, "most": 2}).json()
        for way in back["ways"]:
            assert len(way["terms"]) <= 2
            for term in way["terms"]:
                assert term["gradient"] * term["factor"] == pytest.approx(term["product"], abs=1e-15)
            assert sum(t["product"] for t in way["terms"]) + way["others"]["sum"] == pytest.approx(way["sum"], abs=1e-12)
        assert sum(way["sum"] for way in back["ways"]) == pytest.approx(back["gradient"], rel=1e-4, abs=1e-9)
    pools = client.get(f"{base}/winners", params={"layer": "maxpool2d_1", "channel": 1}).json()
    before = client.get(f"{base}/maps", params={"layer": pools["source"], "first": 1, "most": 1}).json()["maps"][0]["values"]
    after = client.get(f"{base}/maps", params={"layer": "maxpool2d_1", "first": 1, "most": 1}).json()["maps"][0]["values"]
    assert [[before[row][column] for row, column in line] for line in pools["places"]] == after


def test_small_pictures_of_the_layers_are_small(client):
    for told in (of_exam(client, "every"), of_example(client)):
        for layer in told["layers"]:
            rows = layer["thumbnail"]
            assert len({len(row) for row in rows}) == 1
            assert len(rows) * len(rows[0]) <= min(24 * 24, prod(layer["output_shape"]))


def test_an_ensemble_and_three_classes_are_chosen_among(client):
    first, second = (of_picture(client, "three", network=k) for k in (0, 1))
    assert (first["networks"], second["network"]) == (2, 1) and first["walk"] != second["walk"]
    assert first["answer"]["own"] != second["answer"]["own"] and first["predicted"] == second["predicted"]
    assert of_picture(client, "three", **{"class": "b"})["class"] == "b"
    post = {"url": PICTURE, "files": {"picture": ("a.png", png())}}
    assert_refused(client.post(**post, params={"model": "three", "class": "z"}), 400, "no class 'z'", "a, b, c")
    assert_refused(client.post(**post, params={"model": "three", "network": 2}), 400, "no network 2")
    assert_refused(client.post(**post, params={"model": "three", "network": -1}), 422)


def test_an_exam_is_walked_with_a_sequence_that_was_not_taken(client):
    told = opened(client.post(PICTURE, params={"model": "exams"}, files={"dce": ("late.png", png())}))
    assert told["sequences"] == ["t1", "dce"]
    asked = {"layer": "input", "place": [3, 4], "channel": 0}
    pixel = client.get(f"/api/inside/{told['walk']}/pixel", params=asked).json()
    assert (pixel["form"], pixel["engine"]) == ("none", 0) and "not taken" in pixel["text"]
    assert_refused(client.post(PICTURE, params={"model": "exams"}, files={"flair": ("x.png", png())}), 422, "flair", "t1, dce")


def test_what_is_not_there_is_answered_with_what_is(client):
    told = of_example(client)
    base = f"/api/inside/{told['walk']}"
    good = {"layer": "conv2d_1", "place": [3, 0], "channel": 0}
    for which in ("pixel", "backward"):
        assert client.get(f"{base}/{which}", params=good).status_code == 200
        assert_refused(client.get(f"{base}/{which}", params={**good, "layer": "conv"}), 400, "no layer 'conv'", "conv2d_1")
        for place in ([30, 0], [3, 1], [3], [3, 0, 0], []):
            assert_refused(client.get(f"{base}/{which}", params={**good, "place": place}), 400, "no place", "from 0 to 29")
        assert_refused(client.get(f"{base}/{which}", params={**good, "channel": 99}), 400, "no channel", "from 0 to 3")
        for wrong in ({"place": [-1, 0]}, {"place": ["nan", 0]}, {"place": [0.5, 0]}, {"channel": 2**40}, {"channel": "NaN"}):
            assert_refused(client.get(f"{base}/{which}", params={**good, **wrong}), 422)
        assert_refused(client.get(f"{base}/{which}", params={"layer": "conv2d_1"}), 422)
    assert_refused(client.get(f"{base}/backward", params={**good, "most": 0}), 422)
    assert_refused(client.get(f"{base}/maps", params={"layer": "conv2d_1", "first": 4}), 400, "from 0 to 3")
    assert_refused(client.get(f"{base}/maps", params={"layer": "conv2d_1", "most": 100_000}), 422)
    for which in ("maps", "gradients", "pixel", "backward", "norm", "winners"):
        error = assert_refused(
            client.get(f"/api/inside/{'0' * 64}/{which}", params=good), 404, "Send the input again", "10 minutes"
        )
        assert error["code"] == "not_found"


def test_a_row_that_cannot_be_used_says_which_cell(client):
    def post(row, **asked):
        return client.post(ROW, params={"model": "small", **asked}, json={"row": row})

    name = next(iter(measured()))
    assert_refused(post({**measured(), name: None}), 422, name, "Give every measurement")
    assert_refused(post({**measured(), name: 1e300}), 422, name)
    assert_refused(post({}), 422)
    send = {"url": ROW, "params": {"model": "small"}, "headers": {"Content-Type": "application/json"}}
    for body in (b'{"row": {"%s": NaN}}' % name.encode(), b'{"row": 3}', b"", b"[", b'{"row": {}, "more": 1}'):
        assert_refused(client.post(**send, content=body), 422)
    for number in (0, 570, "x", "nan"):
        assert_refused(client.post(EXAMPLE, params={"row": number, "model": "small"}), 422, "query.row")


def test_the_wrong_kind_of_model_says_where_to_go(client, folder):
    picture = {"picture": ("a.png", png())}
    assert_refused(client.post(ROW, params={"model": "grey"}, json={"row": measured()}), 400, "takes pictures", "/pictures")
    assert_refused(client.post(EXAMPLE, params={"row": 1, "model": "grey"}), 400, "takes pictures")
    assert_refused(client.post(PICTURE, params={"model": "small"}, files=picture), 400, "takes a table", "/table")
    assert_refused(client.post(PICTURE, params={"model": "none"}, files=picture), 404, "no model of this name")
    assert_refused(client.post(PICTURE, params={"model": "grey"}, files={"picture": ("a.png", b"no picture")}), 422, "a.png")
    assert_refused(client.post(PICTURE, params={"model": "grey", "number": 2}, files=picture), 422, "no picture 2")
    assert_refused(client.post(PICTURE, params={"model": "grey"}, json={}), 422, "no form of files")
    two = [("picture", ("a.png", png())), ("picture", ("b.png", png()))]
    assert_refused(client.post(PICTURE, params={"model": "grey"}, files=two), 422, "2 pictures")
    assert opened(client.post(EXAMPLE, params={"row": 1}))["model"] == "small", "without a name the one that takes rows"


def test_a_model_of_other_columns_has_no_built_in_rows(tmp_path, rng):
    from walked import of_table

    save_classifier(tmp_path / "other.npz", of_table())
    with client_of(tmp_path) as client:
        assert_refused(client.post(EXAMPLE, params={"row": 1}), 404, "other columns")
        row = {f"feature {i}": float(rng.uniform(4, 22)) for i in range(30)}
        assert opened(client.post(ROW, json={"row": row}))["features"][29] == "feature 29"


def test_a_network_too_large_to_keep_is_refused(client, monkeypatch):
    from bcdetect.serve.api import inside_inputs

    monkeypatch.setattr(inside_inputs, "MOST_NUMBERS", 100)
    assert_refused(client.post(EXAMPLE, params={"row": 77, "model": "small"}), 400, "more than the 100", "smaller")


def test_the_operators_log_keeps_the_answer_and_no_input(folder, tmp_path):
    with client_of(folder, log=tmp_path / "log.sqlite") as client:
        told = of_example(client)
    with closing(sqlite3.connect(tmp_path / "log.sqlite")) as connection:
        kept = connection.execute("select * from predictions").fetchall()
    assert len(kept) == 1 and told["model_sha256"] in kept[0] and not any("radius" in str(cell) for cell in kept[0])


def test_walks_are_let_go_of_by_number_size_and_age():
    from bcdetect.serve.failures import NotThere
    from bcdetect.serve.walks import Walks

    now = [0.0]
    classifier, x = small_run().classifier, load_wisconsin().x
    each = walk(classifier, x[0])
    taken = sum(a.nbytes for arrays in (each.outputs, each.grads) for a in arrays.values())
    weights = sum(a.nbytes for a in classifier.models[0].get_state().values())
    assert taken < each.nbytes <= taken + weights
    walks = Walks(most=3, seconds=100, clock=lambda: now[0])
    for name in "abcd":
        walks.keep(name, each)
    assert len(walks) == 3 and walks.find("a") is None
    now[0] = 60
    assert walks.get("b") is each, "asking for one keeps it"
    walks.keep("e", each)
    assert len(walks) == 3 and walks.find("c") is None
    now[0] = 110
    walks.sweep()
    assert len(walks) == 2 and walks.find("b") is each
    now[0] = 300
    with pytest.raises(NotThere, match="Send the input again"):
        walks.get("b")
    small = Walks(most_bytes=int(2.5 * each.nbytes))
    for name in "abc":
        small.keep(name, each)
    assert len(small) == 2
    tiny = Walks(most_bytes=1)
    tiny.keep("a", each)
    tiny.keep("b", each)
    assert len(tiny) == 1 and tiny.get("b") is each


def test_a_walks_name_tells_its_parts_apart_and_nobody_outside_can_make_it():
    from bcdetect.serve.walks import Walks

    walks = Walks()
    assert walks.name("ab", "c") != walks.name("a", "bc")
    assert walks.name(b"x") == walks.name(b"x") != Walks().name(b"x")


def test_walks_go_even_if_nobody_asks_again():
    import asyncio

    from bcdetect.serve.walks import Walks

    async def waited():
        walks = Walks(seconds=0.05)
        walks.keep("a", walk(small_run().classifier, load_wisconsin().x[0]))
        walks.sweep_later()
        for _ in range(200):
            if not len(walks):
                return True
            await asyncio.sleep(0.01)

    assert asyncio.run(waited())
