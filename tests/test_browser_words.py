"""What a word means opens beside it, by mouse, keyboard and finger; without a script the word leads to the page Words."""

import pytest
from browser import SIZES, served, watched
from shelved import picture_classifier
from trained import small_run

from bcdetect.bundle import save_classifier
from bcdetect.serve.words import WORDS


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_classifier(folder / "small.npz", small_run().classifier)
    save_classifier(folder / "pictures.npz", picture_classifier())
    with served(folder) as found:
        yield found


def the_word(page, name):
    return page.locator(f'main a.word[href="/words#{name}"]').first


def test_a_click_opens_the_sentence_beside_the_word_and_a_click_elsewhere_closes_it(browser, address):
    with watched(browser, address) as watch:
        page = watch.open("/model?model=small")
        the_word(page, "threshold").click()
        meaning = page.get_by_role("dialog", name="threshold")
        assert WORDS["threshold"].says in meaning.inner_text()
        word, box = the_word(page, "threshold").bounding_box(), meaning.bounding_box()
        assert 0 <= box["y"] - word["y"] - word["height"] < 20 and abs(box["x"] - word["x"]) < 20
        the_word(page, "temperature").click()
        page.get_by_role("dialog", name="temperature").wait_for()
        meaning.wait_for(state="detached")
        page.get_by_role("heading", level=1).click()
        page.get_by_role("dialog").wait_for(state="detached")
        assert page.url.endswith("/model?model=small"), "it is no way off the page"


def test_a_second_click_on_the_word_closes_it_and_a_third_opens_it_again(browser, address):
    with watched(browser, address) as watch:
        page = watch.open("/model?model=small")
        word, meaning = the_word(page, "threshold"), page.get_by_role("dialog", name="threshold")
        word.click()
        meaning.wait_for()
        word.click()
        page.wait_for_timeout(300)  # it would have opened again by then: its sentence was asked for before
        assert meaning.count() == 0
        word.click()
        meaning.wait_for()


def test_by_keyboard_it_opens_is_read_goes_on_to_the_next_word_and_gives_the_focus_back(browser, address):
    with watched(browser, address) as watch:
        page = watch.open("/model?model=small")
        the_word(page, "error_rate").focus()
        page.keyboard.press("Enter")
        page.get_by_role("dialog", name="error rate").wait_for()
        assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "error rate"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "All words"
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")
        assert page.evaluate("document.activeElement.hash") == "#error_rate"
        page.keyboard.press("Enter")
        page.get_by_role("dialog", name="error rate").wait_for()
        for _ in range(3):
            page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.hash") == "#grade", "the next word"
        page.get_by_role("dialog").wait_for(state="detached")


def test_a_word_far_down_a_page_does_not_scroll_it_away(browser, address):
    with watched(browser, address, "phone") as watch:
        page = watch.open("/train")
        page.get_by_text("More settings").click()
        word = the_word(page, "operating_point")
        word.click()
        meaning = page.get_by_role("dialog", name="operating point")
        meaning.wait_for()
        for box in (word.bounding_box(), meaning.bounding_box()):
            assert 0 <= box["y"] and box["y"] + box["height"] <= SIZES["phone"]["height"]
            assert 0 <= box["x"] and box["x"] + box["width"] <= SIZES["phone"]["width"]
        meaning.get_by_role("button", name="Close").click()
        meaning.wait_for(state="detached")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_finger_opens_it_and_the_page_words_is_one_more_touch_away(browser, address):
    context = browser.new_context(viewport=SIZES["phone"], has_touch=True)
    try:
        page = context.new_page()
        page.goto(f"{address}/patient?model=small")
        page.locator("#answer .word[href$='prediction_set']").tap()
        page.get_by_role("dialog").get_by_role("link", name="All words").tap()
        page.wait_for_url("**/words#prediction_set")
        assert page.get_by_text(WORDS["prediction_set"].says).is_visible()
    finally:
        context.close()


def test_a_word_inside_a_window_opens_in_that_window(browser, address):
    with watched(browser, address) as watch:
        page = watch.open("/pictures?model=pictures")
        page.locator("#synthetic").click()
        page.locator("button.shot").click()
        page.locator("#facts h3").wait_for()
        page.locator('#shows .word[href="/words#gradcam"]').click()
        meaning = page.get_by_role("dialog", name="Grad-CAM")
        meaning.get_by_role("button", name="Close").click()
        meaning.wait_for(state="detached")
        assert page.locator("#viewer").is_visible()


def test_without_a_script_a_word_leads_to_its_sentence(browser, address):
    context = browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(f"{address}/model?model=small")
        the_word(page, "temperature").click()
        page.wait_for_url("**/words#temperature")
        assert page.locator(":target").get_by_text(WORDS["temperature"].says).is_visible()
    finally:
        context.close()


def test_where_its_sentence_cannot_be_had_the_word_is_the_link_that_it_is(browser, address):
    with watched(browser, address) as watch:
        page = watch.open("/model?model=small")
        page.route("**/words", lambda route: route.fulfill(body="<p>Log in</p>"), times=1)
        the_word(page, "temperature").click()
        page.wait_for_url("**/words#temperature")
        assert page.locator(":target").get_by_text(WORDS["temperature"].says).is_visible()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_words_fits_the_screen_whatever_is_open_on_it(browser, address, size, scheme):
    with watched(browser, address, size, scheme) as watch:
        for path in ("/words", "/words#prediction_set"):
            page = watch.open(path)
            assert page.locator("dfn").count() == len(WORDS)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
