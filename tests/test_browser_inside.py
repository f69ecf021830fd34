"""The layer walk as a person takes it: an example row, layer by layer with the keyboard, numbers added up, and the way back."""

import json
import re

import numpy as np
import pytest
from api_client import save_models
from browser import served, watched
from PIL import Image
from trained import wisconsin_table
from walked import of_every_kind, of_pictures, picture_model

from bcdetect.bundle import save_classifier

NEXT = "ArrowRight"
THROUGH = """async () => {
  const [names, wide] = [[], []];
  const at = (selector) => document.querySelector(selector);
  for (;;) {
    const name = at("#layers [aria-current]").title;
    const start = name === "answer" ? "The answer: " : `${name}, `;
    while (!at("#told .told")?.textContent.startsWith(start)) await new Promise((wake) => setTimeout(wake, 5));
    names.push(name);
    if (document.documentElement.scrollWidth > innerWidth) wide.push(name);
    if (at("#next").disabled) return { names, wide };
    at("#next").click();
  }
}"""  # step through all layers, and say which do not fit the screen


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def address(folder):
    save_models(folder)
    save_classifier(folder / "pair.npz", of_pictures(*(picture_model("resnet", (12, 12, 1), seed=k) for k in (0, 1))))
    exam = of_every_kind()
    exam.card["data"] = {"sequences": ["t1", "dce"]}
    save_classifier(folder / "every.npz", exam)
    with served(folder) as found:
        yield found


@pytest.fixture(scope="module")
def drawn(folder):
    path = folder / "drawn.png"
    Image.fromarray(np.random.default_rng(5).integers(0, 255, (16, 16), np.uint8)).save(path)
    return path


def numbers(place) -> list[float]:
    """What stands in these cells, as a person reads it."""
    return [float(text.replace("\N{MINUS SIGN}", "-").strip("\N{BLACK STAR}")) for text in place.all_inner_texts()]


def current(page) -> str:
    return page.locator("#layers [aria-current]").get_attribute("title")


def told(page, start: str) -> str:
    """The sentence on the number, once it begins like this."""
    return once(page, "#told .told", f"^{re.escape(start)}")


def once(page, selector: str, pattern: str) -> str:
    """The text of a part of the page, once it is like this."""
    from playwright.sync_api import expect

    part = page.locator(selector)
    expect(part).to_have_text(re.compile(pattern), timeout=20_000)
    return part.inner_text()


def added_up(page) -> tuple[list[float], float, float]:
    """The lines of the sum, its result, and what the engine says."""
    table = page.locator("#told table.addition")
    lines = numbers(table.locator("tbody").first.locator("td.n"))
    (result,), (engine,) = numbers(table.locator("tr.result td.n")), numbers(table.locator("td.engine"))
    return lines, result, engine


def test_the_layer_walk(browser, address):
    with watched(browser, address) as watch:
        page = watch.open("/inside?model=small")
        told(page, "input, place")  # a row is walked at once, so that there is something to see
        assert "reference standard: malignant" in page.locator("#chosen").inner_text()
        page.locator("#choose summary").click()
        with page.expect_response("**/api/inside/example*") as response:
            page.get_by_role("button", name="A typical benign row").click()
        layers = [layer["name"] for layer in response.value.json()["layers"]]
        once(page, "#chosen", "reference standard: benign")
        seen = [current(page)]
        for name in layers[1:]:
            page.keyboard.press(NEXT)
            told(page, f"{name}, ")
            seen.append(current(page))
        assert seen == layers
        page.keyboard.press(NEXT)
        assert "benign" in told(page, "The answer: benign")
        assert page.get_by_text("The same as predict").is_visible() and page.locator("#next").is_disabled()

        page.get_by_role("button", name="conv2d_1").first.click()
        sentence = told(page, "conv2d_1, place")
        products = numbers(page.locator("#told table.products td.product"))
        (of_products,) = numbers(page.locator("#told .channel-sum"))
        assert len(products) == 5 and sum(products) == pytest.approx(of_products, abs=4e-4)
        for value, weight, product in zip(
            *(numbers(page.locator(f"#told table.products tbody tr td:nth-child({k})")) for k in (2, 3, 4)), strict=True
        ):
            assert value * weight == pytest.approx(product, abs=2e-3)
        lines, result, engine = added_up(page)
        assert sum(lines) == pytest.approx(result, abs=2e-4) and engine == result
        assert f": {page.locator('#told tr.result td.n').inner_text()} = sum of 5 products" in sentence
        assert page.locator("#live").inner_text() == sentence

        page.get_by_text("backward: gradients").click()
        once(page, "#told .told", "^conv2d_1, .*gradient")
        lines, result, engine = added_up(page)
        assert sum(lines) == pytest.approx(result, abs=2e-4) and engine == result
        where = page.locator("#told .told").inner_text().partition(":")[0]
        page.locator("#told table.terms .jump").first.click()
        assert told(page, where.replace("conv2d_1", "batchnorm_1"))
        assert current(page) == "batchnorm_1"
        page.get_by_role("button", name="Back", exact=False).first.click()
        told(page, where)
        page.locator("#about h2").click()
        page.keyboard.press(NEXT)  # backward the next one is nearer to the input
        told(page, "input, ")


def test_numbers_are_chosen_with_the_keyboard_and_by_typing(browser, address):
    with watched(browser, address) as watch:
        page = watch.open("/inside?model=small#row=3&layer=conv2d_1&at=4,0&channel=1")
        told(page, "conv2d_1, place 4 (mean smoothness), channel 1: ")
        field = page.get_by_role("application")
        field.focus()
        page.keyboard.press("ArrowDown")
        told(page, "conv2d_1, place 5 (mean compactness), channel 1: ")
        page.keyboard.press("ArrowRight")
        told(page, "conv2d_1, place 5 (mean compactness), channel 2: ")
        assert field.evaluate("node => node === document.activeElement") and current(page) == "conv2d_1"
        page.get_by_label("row", exact=True).fill("99")
        page.keyboard.press("Tab")
        told(page, "conv2d_1, place 29 (worst fractal dimension), channel 2: ")
        page.wait_for_url("**at=29%2C0*")
        link = page.url
        page.locator("#layers").get_by_role("button").first.focus()
        page.keyboard.press("ArrowDown")
        told(page, "conv2d_1, ")
        page.keyboard.press("ArrowDown")
        told(page, "batchnorm_1, ")
        page.locator("#told .graphs svg").nth(1).wait_for()
        page.go_back()
        told(page, "conv2d_1, ")
        page.goto("about:blank")
        page.goto(link)
        told(page, "conv2d_1, place 29 (worst fractal dimension), channel 2: ")
        assert "row 3 of the built-in table" in page.locator("#chosen").inner_text()


def test_values_of_ones_own_or_why_not(browser, address):
    header, rows = wisconsin_table()
    with watched(browser, address) as watch:
        page = watch.open("/inside?model=small")
        told(page, "input, ")
        page.locator("#choose summary").click()
        box, go = page.get_by_label("Values of your own"), page.get_by_role("button", name="Walk these values")
        box.fill("1, 2, 3")
        go.click()
        assert "30 numbers are needed, and these are 3" in page.get_by_role("alert").inner_text()
        names, cells = ",".join(header), list(rows[20])
        box.fill(f"{names}\n{','.join([*cells[:5], 'oops', *cells[6:]])}")
        go.click()
        once(page, "[role=alert]", header[5])
        watch.forget_refusals()
        box.fill(f"{names}\n{','.join(cells)}")
        go.click()
        once(page, "#chosen", "the values you gave")
        assert page.get_by_role("alert").count() == 0
        page.locator("#choose summary").click()
        box.fill(f"{names}\n{','.join([*cells[:5], '99', *cells[6:]])}")
        go.click()
        once(page, "#chosen", "uncertain: refer")


def test_a_pixel_of_a_picture_and_the_winners_of_a_pooling(browser, address, drawn):
    with watched(browser, address) as watch:
        page = watch.open("/inside?model=grey")
        page.locator("#file").set_input_files(drawn)
        told(page, "input, place")
        page.locator("#layers").get_by_role("button", name="maxpool2d_1").click()
        told(page, "maxpool2d_1, ")
        field = page.get_by_role("application")
        box = field.bounding_box()  # 8 x 8
        field.click(position={"x": box["width"] * 2.5 / 8, "y": box["height"] * 5.5 / 8})
        sentence = told(page, "maxpool2d_1, place (5, 2), channel ")
        window = numbers(page.locator("#told table.cells td"))
        (won,) = numbers(page.locator("#told table.cells td.won"))
        assert len(window) == 4 and won == max(window) and f"{won:g}" in sentence
        page.wait_for_selector("#beside svg .dot")
        assert page.locator("#beside svg .dot").count() == 64, "every output has its winner"
        assert "winners as dots" in page.locator("#beside figcaption").inner_text()

        page.locator("#told table.cells td.won button").click()
        place = re.search(r"from place (\(\d+, \d+\)), channel (\d)", sentence)
        told(page, f"relu_2, place {place[1]}, channel {place[2]}: ")
        page.locator("#layers").get_by_role("button", name="conv2d_2").click()
        told(page, "conv2d_2, place")
        blocks = page.locator("#told details.channel")
        assert blocks.count() == 4
        for i in range(4):
            if i:
                blocks.nth(i).locator("summary").click()
            tables = blocks.nth(i).locator("table.cells")
            window, kernel, products = (numbers(tables.nth(k).locator("td")) for k in range(3))
            (total,) = numbers(blocks.nth(i).locator(".channel-sum"))
            assert len(products) == 9 and sum(products) == pytest.approx(total, abs=1e-3)
            assert np.multiply(window, kernel) == pytest.approx(np.array(products), abs=1e-2)
        lines, result, engine = added_up(page)
        assert len(lines) == 4 and sum(lines) == pytest.approx(result, abs=1e-3) and engine == result
        page.locator(".tile").nth(2).click()
        once(page, "#told .told", "^conv2d_2, .*channel 2:")
        page.get_by_label("each on a scale of its own").check()
        assert page.locator(".tile .range").count() == 4


def test_a_server_that_let_go_of_the_walk_is_sent_the_input_again(browser, address):
    gone = {"error": {"code": "not_found", "file": "", "where": "", "what": "not held any more", "hint": ""}}
    with watched(browser, address) as watch:
        page = watch.open("/inside?model=small")
        told(page, "input, ")
        answers = [lambda route: route.fulfill(status=404, body=json.dumps(gone))]
        page.route("**/api/inside/*/pixel*", lambda route: answers.pop()(route) if answers else route.continue_())
        with page.expect_response("**/api/inside/example*"):
            page.locator("#next").click()
        told(page, "conv2d_1, ")
        assert not answers
        watch.forget_refusals()


def test_the_network_of_an_ensemble_and_the_class_of_the_gradients_are_chosen(browser, address, drawn):
    with watched(browser, address) as watch:
        page = watch.open("/inside?model=pair")
        page.get_by_role("button", name="malignant", exact=True).click()
        told(page, "input, place")
        assert "in residual_1.body" in page.locator("#layers").inner_text()
        page.locator("#layers button[title=residual_1]").click()
        told(page, "residual_1, ")
        lines, result, engine = added_up(page)
        assert len(lines) == 2 and sum(lines) == pytest.approx(result, abs=2e-3) and engine == result
        page.get_by_text("backward: gradients").click()
        once(page, "#told .told", "gradient")
        (before,) = numbers(page.locator("#told tr.result td.n"))
        page.get_by_label("Gradients of the logit of").select_option("benign")
        once(page, "#told", "the logit of benign")
        assert numbers(page.locator("#told tr.result td.n")) == [-before]
        page.get_by_label("Network").select_option("1")
        page.wait_for_url("**network=1*")
        told(page, "residual_1, ")


def test_every_kind_of_layer_is_shown_both_ways_and_fits_a_phone(browser, address):
    with watched(browser, address, "phone", "dark") as watch:
        page = watch.open("/inside?model=every")
        with page.expect_response("**/api/inside/picture*") as response:
            page.get_by_role("button", name="malignant", exact=True).click()
        layers = [layer["name"] for layer in response.value.json()["layers"]]
        told(page, "input, ")
        for way in ("forward: values", "backward: gradients"):
            page.get_by_text(way).click()
            seen = page.evaluate(THROUGH)
            assert seen["names"] == ([*layers, "answer"] if way.startswith("forward") else ["answer", *layers[::-1]])
            assert not seen["wide"]
        assert page.get_by_role("alert").count() == 0
