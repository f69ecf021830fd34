"""The page as a person meets it: it opens, says what it is, and asks no other machine for anything."""

import os

import pytest
from browser import served, watched
from trained import small_run

from bcdetect.bundle import save_classifier


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for name in ("other", "small"):
        save_classifier(folder / f"{name}.npz", small_run().classifier)
    os.utime(folder / "other.npz", (1, 1))  # the older, which nobody gets who has not chosen it
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


def test_the_model_that_was_chosen_stays_chosen_from_page_to_page(browser, address):
    with watched(browser, address) as watch:
        page = watch.open("/patient")
        assert page.get_by_label("Model").input_value() == "small"
        page.get_by_label("Model").select_option("other")
        page.wait_for_url("**/patient?model=other")
        for title in ("Train", "Predict a table", "Explore the data", "Inside the network", "Start", "The model"):
            page.get_by_role("navigation", name="Pages").get_by_role("link", name=title).click()
            page.get_by_role("heading", name=title, level=1).wait_for()
            chosen = page.get_by_label("Model", exact=True)
            assert not chosen.count() or chosen.input_value() == "other", title


def test_an_address_that_names_no_model_here_says_so(browser, address):
    with watched(browser, address) as watch:
        page = watch.open("/model?model=gone")
        assert page.get_by_role("main").get_by_text("There is no model").all_inner_texts() == [
            "There is no model gone here: small answers instead."
        ]


def test_without_a_model_every_page_says_how_to_come_by_one(browser, tmp_path):
    with served(tmp_path) as address, watched(browser, address) as watch:
        for path in ("/table", "/patient", "/model", "/inside"):
            assert watch.open(path).get_by_role("link", name="Train one").is_visible(), path
        assert watch.open("/pictures").get_by_text("python -m bcdetect train").is_visible()


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
