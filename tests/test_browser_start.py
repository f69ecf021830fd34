"""The page as a person meets it: it opens, says what it is, and asks no other machine for anything."""

import pytest
from browser import chromium, needs_chromium, served, watched
from trained import small_run

from bcdetect.bundle import save_classifier


@pytest.fixture(scope="module")
def browser():
    needs_chromium()
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_classifier(folder / "small.npz", small_run().classifier)
    with served(folder) as found:
        yield found


@pytest.mark.parametrize("size", ["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_start_page_names_the_models_and_fits_the_screen(browser, address, size, scheme):
    with watched(browser, address, size, scheme) as watch:
        page = watch.open("/")
        assert page.get_by_role("link", name="small").is_visible()
        assert page.get_by_text("not a medical device").first.is_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_with_a_token_a_person_logs_in_once_and_comes_to_the_page_that_was_wanted(browser, tmp_path):
    token = "a-token-of-some-length"
    with served(tmp_path, BCDETECT_TOKEN=token) as address, watched(browser, address) as watch:
        page = watch.open("/explore")
        assert "/login" in page.url
        page.get_by_label("Token").fill("not-the-token-at-all")
        page.get_by_role("button", name="Log in").click()
        page.get_by_text("That is not the token.").wait_for()
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/explore")
        watch.forget_refusals()
