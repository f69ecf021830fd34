"""Training as a person does it: start a run, watch it to its end, read what it is worth, keep it; or stop it, or see why not."""

import os

import pytest
from browser import served, watched
from training import LONG, SMALL, Asking

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs process groups")
PATIENTS = "patient,radius,texture,outcome\n" + "".join(f"{k},{k % 7},{k % 5},{'yes' if k % 2 else 'no'}\n" for k in range(60))
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with served(tmp_path_factory.mktemp("models")) as found:
        yield found


@pytest.fixture(autouse=True)
def nothing_goes_on(address):
    yield
    for run in Asking(address).get("/api/train").data["runs"]:
        Asking(address).ask("DELETE", run["address"])


def choose(page, **settings):
    page.get_by_text("More settings").click()
    for name, value in settings.items():
        page.locator(f"#set-{name}").fill(", ".join(map(str, value)) if isinstance(value, list) else str(value))


def points(page, kind):
    """How many epochs the curve has."""
    return page.locator(f"#curves .line.{kind}").first.get_attribute("d").count(" ")


def send(page, text, name="patients.csv"):
    page.get_by_label("A table of your own").check()
    page.set_input_files("#file", {"name": name, "mimeType": "text/csv", "buffer": text.encode()})
    page.get_by_label("Column of classes").wait_for()


def state(page, text):
    page.locator("#run-state", has_text=text).wait_for(timeout=60_000)


def test_a_training_run_watched_to_its_end_is_kept_and_offered(browser, address):
    with watched(browser, address) as watch:
        page = watch.open("/train")
        choose(page, **SMALL)
        page.get_by_role("button", name="Start", exact=True).click()
        page.locator("#curves svg").first.wait_for()
        state(page, "Done after 3 epochs; epoch 3 is the best.")
        for kind in ("c0", "c1", "c2"):
            assert points(page, kind) == 3
        assert page.get_by_role("img", name="loss over 3 of 3 epochs: training loss").is_visible()
        assert page.get_by_role("img", name="validation AUC over 3 of 3 epochs").is_visible()
        assert page.get_by_text("best: epoch 3").count() == 2
        page.get_by_text("Every epoch as numbers").click()
        [row] = Asking(address).get("/api/train").data["runs"]
        told = [event for event in Asking(address).events(row["address"]) if event["event"] == "epoch"]
        rows = page.locator("#run-table tbody tr")
        assert rows.count() == 3 and rows.nth(2).locator("td").nth(1).inner_text() == f"{told[2]['loss']:.4g}"

        scores = page.get_by_role("region", name="Scores on the test part", exact=True)
        assert scores.locator("thead th").all_inner_texts() == ["test part", "CNN", "logistic regression", "majority class"]
        accuracy = Asking(address).get(row["address"]).data["result"]["test"]["CNN"]["accuracy"]
        shown = "{value:.3f} ({low:.3f} to {high:.3f})".format(**accuracy)
        assert scores.locator("tr", has_text="accuracy").first.locator("td").first.inner_text() == shown
        assert page.locator("#verdict").inner_text().startswith("Too short to tell: 3 epochs")
        assert page.locator("#outcome").get_by_text("not a medical device").is_visible()
        with page.expect_popup() as popup:
            page.get_by_role("link", name="Read its report").click()
        assert popup.value.get_by_role("heading", level=1).is_visible()

        name = page.get_by_label("Name of the model")
        assert name.input_value() == "wisconsin-1"
        name.fill("mine")
        page.get_by_role("button", name="Keep", exact=True).click()
        page.get_by_role("heading", name="Kept as mine").wait_for()
        page.locator("#known tbody td", has_text="mine").wait_for()
        assert page.locator("#known tbody td").all_inner_texts()[:3] == ["built-in", "done", "mine"]
        for link, path in (("Look inside", "/inside"), ("Its facts", "/model"), ("Use it", "/table")):
            link = page.get_by_role("link", name=link)
            assert link.get_attribute("href") == f"{path}?model=mine"
        link.click()
        assert page.url == f"{address}/table?model=mine" and page.locator("#model").input_value() == "mine"


@pytest.mark.parametrize("size, scheme", [("desktop", "light"), ("phone", "dark")])
def test_a_run_is_found_again_followed_and_stopped_with_the_best_so_far(browser, address, size, scheme):
    run = Asking(address).start(LONG)
    with watched(browser, address, size, scheme) as watch:
        page = watch.open("/train")
        page.locator("#start:disabled").wait_for()  # once the page has asked what goes on
        page.locator("#run-table tbody tr").nth(1).wait_for(state="attached")
        before = points(page, "c1")
        page.reload()
        page.locator("#run-table tbody tr").nth(before + 1).wait_for(state="attached")
        assert page.locator("#run-table tbody td:first-child").all_text_contents()[:3] == ["1", "2", "3"]
        assert (
            "of 500, at most" in page.locator("#run-epoch").inner_text()
            and page.locator("#run-bar").get_attribute("max") == "500"
        )
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("button", name="Stop, and use the best so far").click()
        state(page, "Stopped after ")
        best = Asking(address).get(run).data["result"]["best_epoch"]
        page.get_by_text(f"best: epoch {best}").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("button", name="Throw it away").click()
        page.locator("#run").wait_for(state="hidden")
        page.locator("#known").wait_for(state="hidden")
        assert Asking(address).get("/api/train").data == {"runs": []}


def test_a_run_that_is_cancelled_leaves_nothing_and_its_place_is_free(browser, address):
    Asking(address).start(LONG)
    with watched(browser, address) as watch:
        page = watch.open("/train")
        page.locator("#curves svg").first.wait_for()
        page.get_by_role("button", name="Cancel, and throw it away").click()
        page.locator("#run").wait_for(state="hidden")
        page.locator("#start:enabled").wait_for()
        assert Asking(address).get("/api/train").data == {"runs": []}


def test_a_bad_table_shows_its_reason_and_a_better_one_is_trained_on(browser, address):
    with watched(browser, address) as watch:
        page = watch.open("/train")
        bad = PATIENTS.replace("7,0,2,yes", f"7,{SCRIPT},2,yes").replace("patient", f'"{SCRIPT}"')
        send(page, bad, f"{SCRIPT}.csv")
        page.get_by_role("button", name="Start", exact=True).click()
        assert page.locator("#run").is_hidden()  # a column of classes must be chosen
        page.get_by_label("Column of classes").select_option("outcome")
        assert page.locator("#label-help").inner_text() == "2 classes: no, yes"
        page.get_by_role("button", name="Start", exact=True).click()
        error = page.locator("#setup-problem [role=alert]")
        error.wait_for()
        assert "row 8 (line 9), column 'radius'" in error.inner_text() and SCRIPT in error.inner_text()
        assert "can be left out" in error.inner_text() and "--" not in error.inner_text()
        assert page.locator("#run").is_hidden() and Asking(address).get("/api/train").data == {"runs": []}
        watch.forget_refusals()

        send(page, PATIENTS)
        page.get_by_label("Column of classes").select_option("outcome")
        page.get_by_label("Class to look for").select_option("no")
        page.get_by_label("Column of patients").select_option("patient")
        page.get_by_text("Columns to leave out (0)").click()
        assert page.get_by_label("patient", exact=True).is_disabled()
        page.get_by_label("texture").check()
        choose(page, **SMALL)
        page.get_by_role("button", name="Start", exact=True).click()
        page.locator("#run-what", has_text="patients.csv; ").wait_for()
        what = page.locator("#run-what").inner_text()
        for chosen in ("label outcome", "positive no", "group patient", "drop texture", "epochs 3", "filters 4"):
            assert chosen in what
        page.locator("#run-said").get_by_text("What the run says").click()
        assert "60 rows, 1 features, classes yes, no" in page.locator("#run-said pre").inner_text()


def test_a_setting_that_cannot_be_is_pointed_at(browser, address):
    with watched(browser, address) as watch:
        page = watch.open("/train")
        choose(page, filters=[4, 65], patience=7)
        page.get_by_text("More settings").click()
        page.locator("#set-patience").evaluate("control => { control.value = 0; }")
        page.get_by_role("button", name="Start", exact=True).click()
        assert page.locator("#more").get_attribute("open") is not None and page.locator("#set-patience:focus").count() == 1
        page.get_by_role("button", name="Back to the recipe's settings").click()
        assert page.locator("#set-filters").input_value() == "16" and page.locator("#set-patience").input_value() == "30"
        page.locator("#set-filters").fill("4, 65")
        page.get_by_role("button", name="Start", exact=True).click()
        page.locator("#setup-problem [role=alert]").wait_for()
        assert "body.settings.filters.1: Input should be less than" in page.locator("#setup-problem").inner_text()
        assert page.locator("#set-filters").get_attribute("aria-invalid") == "true"
        assert Asking(address).get("/api/train").data == {"runs": []}
        watch.forget_refusals()


def test_what_is_no_table_is_refused_before_a_run_and_a_pair_of_unknown_names_asks_which(browser, address):
    with watched(browser, address) as watch:
        page = watch.open("/train")
        page.get_by_label("A table of your own").check()
        page.set_input_files("#file", {"name": "s.csv", "mimeType": "text/csv", "buffer": b"a;b\n1;2\n1;2\n"})
        page.get_by_text("separated by semicolons").wait_for()
        assert not page.get_by_label("Column of classes").is_visible()
        watch.forget_refusals()
        send(page, "size,outcome\n1,well\n2,recurred\n")
        assert not page.get_by_text("separated by semicolons").is_visible()
        page.get_by_label("Column of classes").select_option("outcome")
        page.get_by_role("button", name="Start", exact=True).click()
        looked_for = page.get_by_label("Class to look for")
        assert looked_for.evaluate("(select) => document.activeElement === select && !select.validity.valid")
        looked_for.select_option("recurred")
        assert looked_for.evaluate("(select) => select.validity.valid")
        send(page, "size,outcome\n1,B\n2,M\n")
        page.get_by_label("Column of classes").select_option("outcome")
        assert looked_for.evaluate("(select) => select.validity.valid") and "M, by its name" in looked_for.inner_text()
