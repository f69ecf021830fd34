"""Predicting as a person does: a file, pasted rows or a form in; answers, marked cells and what spoke for them out."""

import csv
import io
from dataclasses import replace

import pytest
from browser import served, watched
from trained import small_run, wisconsin_table

from bcdetect import predict
from bcdetect.bundle import save_classifier
from bcdetect.table import parse_table

HEADER, ROWS = wisconsin_table()
HOSTILE = '"><img src=x onerror=alert(1)>'
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_classifier(
        folder / "hostile.npz", replace(small_run().classifier, feature_names=tuple(f"{HOSTILE} {k}" for k in range(30)))
    )
    save_classifier(folder / "small.npz", small_run().classifier)
    with served(folder) as found:
        yield found


def text(rows, header=HEADER, delimiter=","):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()


def send(page, content, name="patients.csv"):
    content = content if isinstance(content, bytes) else content.encode()
    page.set_input_files("#file", {"name": name, "mimeType": "text/csv", "buffer": content})


def answered(page, name="patients.csv"):
    heading = page.get_by_role("heading", name="Answers for")
    heading.wait_for()
    assert heading.inner_text() == f"Answers for {name}"


def damaged():
    """Twelve rows, of which 2, 4 and 6 are bad."""
    rows = [list(row) for row in ROWS[:12]]
    rows[1][2], rows[1][4] = SCRIPT, ""
    rows[3][1] = HOSTILE
    rows[5] = rows[5][:20]
    return rows


def test_a_file_becomes_a_table_of_answers_that_can_be_filtered_turned_and_saved(browser, address, tmp_path):
    with watched(browser, address) as watch:
        page = watch.open("/table?model=small")
        send(page, text(ROWS))
        answered(page)
        answers = predict.predict_table(small_run().classifier, parse_table(text(ROWS)))
        called = [answer.class_name for answer in answers]
        refer = sum(answer.referral.reason is not None for answer in answers)
        counts = f"{called.count('malignant')} malignant, {called.count('benign')} benign, {refer} of them uncertain: refer"
        assert page.locator(".summary").inner_text() == f"569 rows: {counts}; 0 not answered."
        rows = page.locator(".answers-table > tbody > tr")
        assert rows.count() == 100 and page.get_by_text("1 to 100 of 569").is_visible()
        assert page.locator(".answers-table td:nth-child(2) .tag:first-child").all_inner_texts() == called[:100]
        page.get_by_role("button", name="Next").click()
        assert rows.first.locator("th").inner_text().split()[0] == "101"
        page.get_by_role("button", name="malignant (").click()
        assert page.get_by_text(f"1 to 100 of {called.count('malignant')}").is_visible()
        page.get_by_role("button", name="uncertain: refer (").click()
        assert rows.count() == min(refer, 100) and rows.locator(".tag.refer").count() == rows.count()
        with page.expect_download() as download:
            page.get_by_role("button", name="Download the answers").click()
        assert download.value.suggested_filename == "patients-answers.csv"
        download.value.save_as(tmp_path / "answers.csv")
        assert (tmp_path / "answers.csv").read_text() == predict.to_csv(answers, small_run().classifier)


def test_bad_rows_show_the_very_cells_and_reasons_and_good_ones_their_answers(browser, address):
    with watched(browser, address) as watch:
        page = watch.open("/table?model=small")
        send(page, text(damaged()), f"{SCRIPT}.csv")
        answered(page, f"{SCRIPT}.csv")
        assert (
            "9 not answered" not in page.locator(".summary").inner_text()
            and "3 not answered" in page.locator(".summary").inner_text()
        )
        assert page.locator("td.wrong").all_inner_texts() == [SCRIPT, "(empty)", HOSTILE]
        page.get_by_role("button", name="not answered (3)").click()
        rows = page.locator(".answers-table > tbody > tr")
        assert rows.count() == 3 and "line 3" in rows.first.inner_text() and "mean texture" in rows.first.inner_text()
        assert "20 cells, the header has 31" in rows.nth(2).inner_text()
        assert page.locator("#result img, #result script").count() == 0


def test_a_row_says_what_spoke_for_it_when_it_is_opened_by_keyboard_or_pointer(browser, address):
    rows = damaged()
    rows[7][0] = 'two\nlines, "quoted"'
    with watched(browser, address) as watch:
        page = watch.open("/table?model=small")
        send(page, "\n\n" + text(rows))
        answered(page)
        button = page.get_by_role("button", name="Row 9: what spoke for it")
        button.focus()
        page.keyboard.press("Enter")
        page.locator(".evidence").wait_for()
        assert button.get_attribute("aria-expanded") == "true"
        assert (
            page.get_by_text("Grade:").is_visible() and page.locator(".evidence").get_by_text("not a medical device").is_visible()
        )
        page.get_by_text("All 30 as a table").click()
        shown = dict(line.split("\t")[:2] for line in page.locator(".evidence tbody tr").all_inner_texts())
        assert {name: float(value) for name, value in shown.items()} == pytest.approx(
            dict(zip(HEADER[1:], map(float, ROWS[8][1:]), strict=True))
        )
        button.press("Enter")
        assert page.locator(".evidence").count() == 0
        page.locator(".good-row").last.locator("td").nth(3).click()
        page.locator(".evidence").wait_for()


def test_a_file_can_be_dropped(browser, address):
    with watched(browser, address) as watch:
        page = watch.open("/table?model=small")
        transfer = page.evaluate_handle(
            "content => { const t = new DataTransfer(); t.items.add(new File([content], 'dropped.csv')); return t; }",
            text(ROWS[:3]),
        )
        page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})
        answered(page, "dropped.csv")
        assert page.locator(".good-row").count() == 3


def test_rows_copied_from_a_spreadsheet_and_the_example_are_answered(browser, address):
    with watched(browser, address) as watch:
        page = watch.open("/table?model=small")
        page.get_by_text("Paste rows").click()
        pasted = page.get_by_label("Column names and rows")
        pasted.fill(text([row[1:] for row in ROWS[:2]], HEADER[1:], "\t"))
        page.get_by_role("button", name="Predict these rows").click()
        answered(page, "pasted rows")
        assert page.locator(".good-row").count() == 2
        pasted.fill(text([], ROWS[0][1:]))
        page.get_by_role("button", name="Put the column names in").click()
        page.get_by_role("button", name="Predict these rows").click()
        page.get_by_text("1 row: 1 malignant").wait_for()
        page.get_by_role("button", name="Try it with").click()
        page.get_by_role("heading", name="wisconsin.csv").wait_for()
        assert page.locator(".good-row").count() == 60 and page.get_by_text("may have been trained on").is_visible()


def test_a_table_that_cannot_be_used_is_told_with_what_to_do(browser, address):
    with watched(browser, address) as watch:
        page = watch.open("/table?model=small")
        send(page, "a;b\n1;2\n", "german.csv")
        box = page.get_by_role("alert")
        box.wait_for()
        assert (
            "german.csv: line 1:" in box.inner_text()
            and "semicolons" in box.inner_text()
            and "Save it with commas" in box.inner_text()
        )
        send(page, text([], HEADER), "empty.csv")
        page.get_by_text("a header and no rows below it").wait_for()
        watch.forget_refusals()


def called(page):
    return page.locator("#answer .called .tag").first.inner_text()


def test_one_patients_answer_follows_the_sliders_and_says_what_is_out_of_range(browser, address):
    with watched(browser, address) as watch:
        page = watch.open("/patient?model=small")
        page.get_by_role("button", name="A typical malignant row").click()
        page.locator("#answer .called", has_text="malignant").wait_for()
        page.get_by_role("button", name="A typical benign row").click()
        page.locator("#answer .called", has_text="benign").wait_for()
        assert "not a medical device" in page.locator("#answer").inner_text()
        worst = page.get_by_role("group", name="Worst")
        slider, field = worst.get_by_role("slider", name="concave points"), worst.get_by_role("spinbutton", name="concave points")
        before = float(field.input_value())
        with page.expect_response("**/api/predict*"):
            slider.focus()
            for _ in range(3):
                page.keyboard.press("PageUp")
        assert float(field.input_value()) > before and slider.input_value() == field.input_value()
        field.fill("99")
        page.locator(".slider.strange").wait_for()
        assert page.locator(".slider.strange").inner_text().split("\n")[0] == "concave points"
        assert page.locator("#answer .tag.refer").is_visible() and "99, beyond" in page.locator("#answer").inner_text()
        field.fill("")
        page.locator("#answer", has_text="not answered").wait_for()
        assert field.get_attribute("aria-invalid") == "true" and page.locator(".evidence").count() == 0
        page.get_by_role("button", name="The average row").click()
        page.locator(".evidence").wait_for()
        assert page.locator("[aria-invalid=true], .strange").count() == 0


def test_a_threshold_near_0_is_not_told_as_0(browser, address):
    with watched(browser, address) as watch:
        page = watch.open("/table?model=small")

        def low(route):
            response = route.fetch()
            route.fulfill(response=response, json={**response.json(), "threshold": 0.0001})

        page.route("**/api/predict*", low)
        page.route("**/api/predict/table*", low)
        send(page, text(ROWS[:2]))
        answered(page)
        assert "of malignancy of 0.01 % on" in page.locator("#result").inner_text()
        page.goto(f"{address}/patient?model=small")
        page.locator("#answer", has_text="The line is the threshold, 0.01 %.").wait_for()


def test_a_failure_leaves_no_explanation_of_an_earlier_row(browser, address):
    with watched(browser, address) as watch:
        page = watch.open("/patient?model=small")
        page.locator(".evidence").wait_for()
        page.route("**/api/explain/row*", lambda route: route.fulfill(status=404, json={}))
        page.get_by_role("button", name="A typical malignant row").click()
        page.get_by_role("alert").wait_for()
        assert page.locator(".evidence").count() == 0
        watch.forget_refusals()


def test_an_older_browser_asks_the_same_model(browser, address):
    with watched(browser, address) as watch:
        watch.page.add_init_script("delete URLSearchParams.prototype.size")
        page = watch.open("/table?model=hostile")
        with page.expect_request("**/api/predict/table*") as asked:
            send(page, text([["1"] * 30], [f"{HOSTILE} {k}" for k in range(30)]))
        assert "model=hostile" in asked.value.url
        answered(page)


def test_the_last_change_wins_over_an_answer_that_comes_late(browser, address):
    with watched(browser, address) as watch:
        page = watch.open("/patient?model=small")
        page.locator(".evidence").wait_for()
        held = []
        page.route("**/api/predict*", lambda route: route.continue_() if held else held.append(route))
        page.get_by_role("button", name="A typical malignant row").click()
        page.get_by_role("button", name="A typical benign row").click()
        page.locator("#answer .called", has_text="benign").wait_for()
        held[0].abort()
        page.wait_for_timeout(200)
        assert called(page) == "benign" and page.get_by_role("alert").count() == 0
        watch.wrong = [text for text in watch.wrong if "ERR_FAILED" not in text]


@pytest.mark.parametrize("path", ["/table", "/patient"])
@pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_names_that_are_markup_are_text_and_the_pages_fit_the_screen(browser, address, path, size, scheme):
    with watched(browser, address, size, scheme) as watch:
        page = watch.open(f"{path}?model=hostile")
        if path == "/table":
            send(page, text([["1"] * 30, ["x"] * 30], [f"{HOSTILE} {k}" for k in range(30)]))
            answered(page)
            assert page.locator(".bad-cells th").first.inner_text() == f"{HOSTILE} 0"
            page.locator(".more").first.click()
        page.locator(".evidence").wait_for()
        page.get_by_text("All 30 as a table").click()
        assert page.locator(".evidence tbody th").first.inner_text().startswith(HOSTILE)
        assert page.locator("main img").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
