"""The model's page and the API's as a person uses them: sliders that move the counts, and what those mean elsewhere."""

import json

import pytest
from browser import served, watched
from shelved import fill
from trained import small_run

from bcdetect.intervals import wilson
from bcdetect.operating import threshold_counts
from bcdetect.prevalence import at_prevalence

NAMES = ("tp", "fp", "fn", "tn")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with served(fill(tmp_path_factory.mktemp("models"))) as found:
        yield found


@pytest.fixture(scope="module")
def counts():
    run = small_run()
    return threshold_counts(run.data.y[run.parts["test"]], run.probabilities["CNN"][:, 1], run.classifier.threshold)


def opened(watch, name="run"):
    page = watch.open(f"/model?model={name}")
    page.locator("#threshold").wait_for()
    return page


def matrix(page):
    return [int(page.locator(f"#{name}").text_content()) for name in NAMES]


def at(counts, k):
    return [counts[name][k] for name in NAMES]


def percent(value):
    """As the page writes it, where it is neither close to 0 nor to 1."""
    return f"{100 * value:.{0 if value in (0, 1) else 1}f} %"


def test_the_threshold_slider_moves_the_matrix_and_its_proportions(browser, address, counts):
    stored = counts["thresholds"].index(small_run().classifier.threshold)
    with watched(browser, address) as watch:
        page = opened(watch)
        slider, back = page.locator("#threshold"), page.get_by_role("button", name="Back to the stored threshold")
        assert matrix(page) == at(counts, stored) and back.is_disabled()
        assert slider.get_attribute("aria-valuetext") == "malignant from a probability of 0.5 on, as stored"
        dot = page.locator("#panel circle.now")
        before = dot.get_attribute("cx"), dot.get_attribute("cy")
        for _ in range(3):
            slider.press("ArrowLeft")
        assert matrix(page) == at(counts, stored - 3)
        slider.press("Home")
        assert matrix(page) == at(counts, 0) and page.locator("#sensitivity").text_content() == "100 %"
        slider.press("End")
        assert matrix(page) == at(counts, -1)
        slider.fill(str(stored - 9))
        tp, fp, fn, tn = at(counts, stored - 9)
        assert matrix(page) == [tp, fp, fn, tn]
        for name, part, whole in (("sensitivity", tp, tp + fn), ("specificity", tn, tn + fp)):
            low, high = wilson(part, whole)
            assert page.locator(f"#{name}").text_content() == percent(part / whole)
            interval = f"{part} of {whole}; {percent(low)} to {percent(high)}"
            assert page.locator(f"#{name}-interval").text_content() == interval
        assert (dot.get_attribute("cx"), dot.get_attribute("cy")) != before
        back.click()
        assert matrix(page) == at(counts, stored) and (dot.get_attribute("cx"), dot.get_attribute("cy")) == before


def test_the_prevalence_slider_moves_ppv_and_npv_as_python_computes_them(browser, address, counts):
    stored = counts["thresholds"].index(small_run().classifier.threshold)
    tp, fp, fn, tn = at(counts, stored)
    with watched(browser, address) as watch:
        page = opened(watch)
        precision = small_run().scores["CNN"]["precision"]["value"]
        assert page.locator("#ppv").text_content() == percent(precision), "begins at the test part's own prevalence"
        for prevalence, name in ((0.005, "0.5 %"), (0.01, "1 %"), (0.05, "5 %"), (0.30, "30 %")):
            page.get_by_role("button", name=name, exact=True).click()
            expected = at_prevalence([[tn, fp], [fn, tp]], prevalence)
            for which in ("ppv", "npv"):
                one = {key: percent(value) for key, value in expected[which].items()}
                shown = page.locator(f"#{which}").text_content(), page.locator(f"#{which}-interval").text_content()
                assert one["value"] == shown[0] or expected[which]["value"] > 0.9995, (name, which)
                assert shown[1].startswith(one["low"]) or expected[which]["low"] > 0.9995
            assert page.locator("#prevalence").get_attribute("aria-valuetext") == f"{name} malignant"
        before = float(page.locator("#ppv").text_content().split()[0])
        page.locator("#prevalence").press("Home")
        rarest = float(page.locator("#ppv").text_content().split()[0])
        page.locator("#prevalence").press("ArrowRight")
        assert rarest <= float(page.locator("#ppv").text_content().split()[0]) < before
        assert matrix(page) == [tp, fp, fn, tn], "the counts are of the test part, whatever the prevalence"


def test_a_sentence_says_what_it_would_mean_for_people(browser, address, counts):
    stored = counts["thresholds"].index(small_run().classifier.threshold)
    tp, fp, fn, tn = at(counts, stored)
    with watched(browser, address) as watch:
        page = opened(watch)
        page.get_by_role("button", name="5 %", exact=True).click()
        found, alarms = round(50 * tp / (tp + fn)), round(950 * fp / (fp + tn))
        assert page.locator("#sentence").text_content() == (
            f"Of 1,000 people with such a prevalence, 50 have cancer; the model would call {found + alarms} malignant, "
            f"of whom {found} have it, and would miss {50 - found}."
        )
        assert page.get_by_text("This is looking, not validating").is_visible()


def test_the_numbers_of_the_page_are_pythons_for_any_counts(browser, address, rng):
    cases = [[*map(int, each), p] for each in rng.integers(0, 60, (60, 4)) for p in (0.001, 0.05, 0.6)]
    cases += [[0, 0, 5, 7, 0.1], [5, 0, 0, 7, 0.1], [0, 5, 7, 0, 0.1], [0, 3, 0, 9, 0.1], [4, 0, 6, 0, 0.1], [0, 0, 0, 0, 0.1]]
    script = """async cases => {
        const { atPrevalence } = await import("/static/proportions.js");
        return cases.map(([tp, fp, fn, tn, prevalence]) => atPrevalence({ tp, fp, fn, tn }, prevalence));
    }"""
    with watched(browser, address) as watch:
        found = opened(watch).evaluate(script, cases)
    for (tp, fp, fn, tn, prevalence), told in zip(cases, found, strict=True):
        expected = at_prevalence([[tn, fp], [fn, tp]], prevalence)
        for name, part, whole in (("sensitivity", tp, tp + fn), ("specificity", tn, tn + fp)):
            low, high = wilson(part, whole)
            expected[name] = {"value": part / whole if whole else float("nan"), "low": low, "high": high}
        for name, one in expected.items():
            got = {key: float("nan") if value is None else value for key, value in told[name].items()}
            assert got == pytest.approx(one, abs=1e-9, nan_ok=True), (tp, fp, fn, tn, prevalence, name)


def test_shares_close_to_all_or_nothing_are_not_rounded_to_it(browser, address):
    values = [0, 1, 0.5, 0.99999, 0.00002, 0.9994, None]
    script = 'async values => { const m = await import("/static/proportions.js"); return values.map(m.perCent); }'
    with watched(browser, address) as watch:
        found = opened(watch).evaluate(script, values)
    assert found == ["0 %", "100 %", "50.0 %", "99.999 %", "0.002 %", "99.9 %", "undefined"]


def test_the_report_opens_and_the_file_can_be_had(browser, address):
    with watched(browser, address) as watch:
        page = opened(watch)
        with page.expect_download() as download:
            page.get_by_role("link", name="Download the model").click()
        assert download.value.suggested_filename == "run.npz"
        page.get_by_role("link", name="Read its report").click()
        assert page.get_by_role("heading", name="Model card").is_visible()
        assert page.evaluate("getComputedStyle(document.querySelector('h2')).borderBottomStyle") == "solid", "its style is on"


@pytest.mark.parametrize("name, what", [("lone", "lone file"), ("three", "3 classes"), ("pictures", "lone file")])
def test_a_model_without_an_operating_point_to_move_says_why(browser, address, name, what):
    with watched(browser, address) as watch:
        page = watch.open(f"/model?model={name}")
        assert page.get_by_text(what).first.is_visible() and page.locator("#threshold").count() == 0


@pytest.mark.parametrize("path", ["/model?model=run", "/model?model=three", "/api"])
def test_the_pages_fit_a_phone_in_the_dark(browser, address, path):
    with watched(browser, address, "phone", "dark") as watch:
        page = watch.open(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_api_page_lists_every_route_and_its_commands_can_be_copied(browser, address):
    with watched(browser, address) as watch:
        page = watch.open("/api")
        document = json.loads(page.request.get(f"{address}/openapi.json").text())
        routes = [f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods]
        headings = [" ".join(text.split()) for text in page.locator("article h3").all_text_contents()]
        assert sorted(headings) == sorted(routes)
        page.get_by_role("navigation", name="Routes").get_by_role("link", name="/api/models/{name}/operating").click()
        article = page.locator(page.evaluate("location.hash"))
        assert article.is_visible() and f"{address}/api/models/" in article.locator(".command").text_content()
        article.locator("summary").first.click()
        assert '"thresholds": [number, ...]' in article.locator("pre.outline").first.text_content()
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        article.get_by_role("button", name="Copy").click()
        page.get_by_text("Copied").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == article.locator(".command").text_content()
