"""The page of pictures as a person uses it: drop files, see which are answered, open one, move the map's slider."""

import re
from dataclasses import replace

import numpy as np
import pytest
from browser import SIZES, served, watched
from explaining import SIDE, bright, classifier, picture
from PIL import Image

from bcdetect.bundle import save_classifier
from bcdetect.judgement import Referral
from bcdetect.predict import Answer, about, record, to_csv
from tests.medical import nifti


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_classifier(folder / "exams.npz", classifier(2, ("t1", "dce"), ("normal", "benign", "malignant")))
    save_classifier(folder / "deep.npz", classifier())
    save_classifier(folder / "bright.npz", bright())
    with served(folder) as found:
        yield found


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Two good ones, a text, an empty file, and a volume whose second slice alone has a spot."""
    place = tmp_path_factory.mktemp("pictures")
    picture(place / "spot.png", (2, 10))
    noise = np.random.default_rng(5).integers(0, 255, (20, 24), np.uint8)
    Image.fromarray(noise).save(place / "<img src=x onerror=alert(1)>.png")
    (place / "text.png").write_text("this is a text")
    (place / "empty.png").write_bytes(b"")
    volume = np.zeros((SIDE, SIDE, 3), np.int16)
    volume[3:7, 3:7, 1] = 900
    nifti(place / "volume.nii.gz", volume)
    return place


def answered(page, *files):
    """Choose files, and wait until each has its card."""
    page.get_by_label("Drop pictures here").set_input_files([str(file) for file in files])
    page.get_by_text(f"{len(files)} of {len(files)} done").wait_for()


def shown(page):
    """What is drawn, once the map is there."""
    page.locator("#stage:not([aria-busy]) .heat").first.wait_for()
    page.wait_for_function("[...document.querySelectorAll('#stage img')].every((image) => image.complete && image.naturalWidth)")
    return page.locator("#stage").screenshot()


def test_a_picture_its_overlay_and_the_slider(browser, address, pictures):
    with watched(browser, address) as watch:
        page = watch.open("/pictures?model=bright")
        answered(page, pictures / "spot.png")
        card = page.get_by_role("button", name="spot.png")
        assert "malignant probability of malignancy 51.6 %" in card.inner_text().replace("\n", " ")
        card.focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="spot.png")
        before = shown(page)
        assert dialog.get_by_role("img", name=re.compile("strongest place lies in the upper right of the picture")).is_visible()
        assert dialog.get_by_text("no evidence against").is_visible()
        assert dialog.get_by_role("heading", name="Not graded").is_visible()
        assert dialog.get_by_text("not a medical device").is_visible()
        slider = dialog.get_by_role("slider", name="Opacity of the map")
        slider.focus()
        page.keyboard.press("Home")
        assert dialog.get_by_text("0 %", exact=True).is_visible() and shown(page) != before
        page.keyboard.press("End")
        assert dialog.get_by_text("100 %", exact=True).is_visible() and shown(page) != before
        page.keyboard.press("Escape")
        assert not dialog.is_visible() and page.evaluate("document.activeElement.textContent").startswith("spot.png")


def test_another_layer_method_or_class_changes_the_map(browser, address, pictures):
    with watched(browser, address) as watch:
        page = watch.open("/pictures?model=deep")
        answered(page, pictures / "spot.png")
        page.get_by_role("button", name="spot.png").click()
        seen = {shown(page)}
        layer = page.get_by_label("Layer")
        assert layer.input_value() == "relu_4" and "conv2d_1 (16 x 16)" in layer.inner_text()
        for name in ("relu_1", "relu_3"):
            with page.expect_response("**/api/explain/pictures*"):
                layer.select_option(name)
            page.get_by_text(f"at layer {name}").wait_for()
            seen.add(shown(page))
        with page.expect_response("**/api/explain/pictures*"):
            page.get_by_label("Method").select_option(label="integrated gradients")
        page.get_by_text("completeness error").wait_for()
        assert layer.is_disabled()
        seen.add(shown(page))
        assert len(seen) == 4
        page.get_by_label("Evidence for").select_option("benign")
        page.get_by_text("What speaks for benign, by integrated gradients").wait_for()


def test_a_blank_map_is_told_in_words(browser, address, pictures):
    with watched(browser, address) as watch:
        page = watch.open("/pictures?model=bright")
        answered(page, pictures / "spot.png")
        page.get_by_role("button", name="spot.png").click()
        shown(page)
        page.get_by_label("Evidence for").select_option("benign")
        page.get_by_text("The map is blank").wait_for()
        assert page.locator(".heat").count() == 0 and page.locator("#viewer-told").inner_text().startswith(
            "No evidence for benign"
        )


def test_bad_files_show_their_reason_beside_good_ones(browser, address, pictures):
    with watched(browser, address) as watch:
        page = watch.open("/pictures?model=bright")
        answered(page, *sorted(pictures.iterdir()))
        cards = page.get_by_role("listitem").filter(has=page.locator(".shot"))
        assert cards.count() == 5 and page.get_by_text("3 answered, 2 not answered").is_visible()
        assert "the file is empty" in cards.filter(has_text="empty.png").inner_text()
        text = cards.filter(has_text="text.png").inner_text()
        assert "not answered" in text and "not a picture that can be read (it holds text)." in text and "Save it as PNG" in text
        assert page.get_by_text("<img src=x onerror=alert(1)>.png", exact=True).is_visible(), "a name is text"
        page.get_by_label("Show").select_option("problem")
        assert cards.filter(visible=True).count() == 2
        with page.expect_download() as download:
            page.get_by_role("button", name="Save as CSV").click()
        lines = download.value.path().read_text().splitlines()
        assert lines[0] == "file,class,probability of malignancy,set,reason,problem" and len(lines) == 1 + 4 + 3
        page.get_by_role("button", name="Clear").click()
        assert not page.get_by_role("heading", name="Answers").is_visible()


def test_the_slices_of_a_volume(browser, address, pictures):
    with watched(browser, address, "phone", "dark") as watch:
        page = watch.open("/pictures?model=bright")
        answered(page, pictures / "volume.nii.gz")
        card = page.get_by_role("button", name="volume.nii.gz")
        assert "slice 2 of 3; all slices: 3 malignant" in card.inner_text()
        card.click()
        shown(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("(d) => d.scrollWidth <= d.clientWidth", page.get_by_role("dialog").element_handle())
        slider = page.get_by_role("slider", name="Slice")
        assert slider.input_value() == "2"
        slider.focus()
        page.keyboard.press("ArrowRight")
        page.get_by_text("The map is blank").wait_for()
        assert page.get_by_text("3 of 3: malignant").is_visible()


def test_an_exam_one_file_a_sequence_and_a_synthetic_one(browser, address, pictures):
    with watched(browser, address) as watch:
        page = watch.open("/pictures?model=exams")
        page.get_by_label("dce").set_input_files(str(pictures / "spot.png"))
        page.get_by_role("button", name="Answer this exam").click()
        page.get_by_role("button", name="spot.png").click()
        shown(page)
        assert page.get_by_text("not taken", exact=True).is_visible() and page.locator("#stage figcaption").all_inner_texts() == [
            "t1",
            "dce",
        ]
        page.get_by_role("button", name="Close").click()
        page.get_by_role("button", name="Try a synthetic exam").press("Enter")
        card = page.get_by_role("button", name=re.compile("synthetic phantom, drawn as"))
        card.wait_for()
        assert page.evaluate("document.activeElement.id") == "synthetic"  # who uses the keyboard can press it again
        card.click()
        shown(page)
        assert page.locator("#stage .absent").count() == 0
        page.set_viewport_size(SIZES["phone"])
        assert page.evaluate("(d) => d.scrollWidth <= d.clientWidth", page.get_by_role("dialog").element_handle())
        page.get_by_role("button", name="Previous picture").click()
        page.get_by_role("heading", name="spot.png").wait_for()


def test_stopping_ends_what_waits(browser, address, pictures):
    with watched(browser, address) as watch:
        page = watch.open("/pictures?model=bright")
        page.route("**/api/predict/pictures*", lambda route: None)  # an answer that takes for ever
        page.get_by_label("Drop pictures here").set_input_files([str(pictures / "spot.png")] * 1 + [str(pictures / "text.png")])
        page.get_by_text("0 of 2 done").wait_for()
        page.get_by_role("button", name="Stop").click()
        page.get_by_text("2 of 2 done: 0 answered, 2 stopped").wait_for()
        assert page.get_by_text("stopped", exact=True).count() == 2 and page.get_by_text("waiting ...").count() == 0
        page.unroute("**/api/predict/pictures*")


def test_lines_and_saved_answers_lose_nothing_that_predict_says(browser, address):
    found = replace(bright(), class_names=("-1", "=it()"))
    referral = Referral(("-1", "=it()"), "it may be -1 or =it()", None)
    answers = [
        Answer(1, 0, "=it()", np.array([0.25, 0.75], np.float32), name="=b.png", referral=referral),
        Answer(2, 0, "-1", np.array([0.75, 0.25], np.float32), name="c.png", referral=Referral(("-1",), None, None)),
        Answer(3, 0, problem="damaged: it ends early", name="d.png"),
    ]
    told = {**about(found, ""), "rows": [record(answer, found) for answer in answers]}
    with watched(browser, address) as watch:
        page = watch.open("/pictures?model=bright")
        module = "import('/static/cards.js').then((cards) => "
        lines = page.evaluate(f"(told) => {module} told.rows.map((row) => cards.lineOf(row, told)))", told)
        assert lines == [
            "=it(), probability of =it() 75.0 %; uncertain: refer", "-1, probability of =it() 25.0 %", "damaged: it ends early",
        ]  # fmt: skip
        assert page.evaluate(f"(answers) => {module} cards.csvOf([{{ answers }}]))", told) == to_csv(answers, found)
        several = page.evaluate(f"(answers) => {module} cards.cardOf({{ state: 'answered', lead: 0, answers }}).innerText)", told)
        assert "1 of them uncertain: refer" in several


def test_every_class_of_many_has_a_colour(browser, address):
    names = ["cyst", "malignant", "benign", "scar", "fat", "node"]
    told = {"classes": names, "positive": None, "threshold": None}
    with watched(browser, address) as watch:
        page = watch.open("/")
        code = """async ({ names, told }) => {
          const { classTags } = await import("/static/answers.js");
          return names.map((name) => {
            document.body.append(...classTags({ class: name, refer: false }, told));
            return getComputedStyle(document.body.lastChild).getPropertyValue("--mark");
          });
        }"""
        colours = page.evaluate(code, {"names": names, "told": told})
        assert all(colours) and len(set(colours)) == 5 and colours[4] == colours[5]


def test_a_failure_to_explain_is_told_in_the_dialog(browser, address, pictures):
    with watched(browser, address) as watch:
        page = watch.open("/pictures?model=bright")
        answered(page, pictures / "spot.png")
        body = '{"error": {"code": "too_slow", "file": "", "where": "", "what": "the answer took too long", "hint": "Send less"}}'
        page.route(
            "**/api/explain/pictures*", lambda route: route.fulfill(status=404, body=body, content_type="application/json")
        )
        page.get_by_role("button", name="spot.png").click()
        page.get_by_role("alert").filter(has_text="the answer took too long").wait_for()
        page.unroute("**/api/explain/pictures*")
        page.get_by_label("Method").select_option("layercam")
        shown(page)
        assert page.get_by_role("alert").count() == 0
        watch.forget_refusals()
