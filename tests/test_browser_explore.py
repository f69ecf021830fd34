"""Exploring as a person does: pointing at the heat-map, walking it, dropping a table, naming its classes, plotting."""

import pytest
from browser import served, watched

from bcdetect.datasets.wisconsin import wisconsin_path
from bcdetect.explore import exploration
from bcdetect.table import read_table

HOSTILE = "<img src=x onerror=document.title='broken'>"
MESSY = f"""id,kind,size,{HOSTILE},site
1,M,5.0,1,north
2,B,1.0,,south
3,M,4.0,3,north
4,B,2.0,7,<b>south</b>
5,,9.0,5,north
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with served(tmp_path_factory.mktemp("models")) as found:
        yield found


@pytest.fixture(scope="module")
def found():
    return exploration(read_table(wisconsin_path()))


def opened(watch):
    page = watch.open("/explore")
    page.locator(".heat").wait_for()
    return page


def send(page, name, text):
    """Choose a file."""
    page.set_input_files("#file", {"name": name, "mimeType": "text/csv", "buffer": text.encode()})


def said(found, i, j):
    names = [each["feature"] for each in found["distributions"]]
    return f"{names[i]} and {names[j]}: r = {found['correlation'][i][j]:.3f}"


@pytest.mark.parametrize("size, scheme", [("desktop", "light"), ("phone", "dark")])
def test_pointing_at_a_cell_says_the_pair_and_r(browser, address, found, size, scheme):
    with watched(browser, address, size, scheme) as watch:
        page = opened(watch)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        count = len(found["distributions"])
        for i, j in ((3, 20), (29, 0)):
            page.locator(".heat rect").nth(i * count + j).hover()
            assert page.locator(".tooltip").text_content() == said(found, i, j)
            assert page.locator("#pair").text_content() == said(found, i, j)
        page.locator("h1").hover()
        assert page.locator(".tooltip").is_hidden()


def test_the_heat_map_is_walked_by_keys_and_enter_plots_the_pair(browser, address, found):
    with watched(browser, address) as watch:
        page = opened(watch)
        heat, pair = page.locator(".heat"), page.locator("#pair")
        heat.focus()
        assert pair.get_attribute("aria-live") == "polite" and pair.text_content() == said(found, 1, 0)
        for key, i, j in (("ArrowDown", 2, 0), ("ArrowRight", 2, 1), ("End", 2, 29), ("ArrowRight", 2, 29), ("ArrowUp", 1, 29)):
            heat.press(key)
            assert pair.text_content() == said(found, i, j), key
        heat.press("Enter")
        assert page.locator("#across").input_value() == "29" and page.locator("#up").input_value() == "1"
        label = page.locator("#cloud svg").get_attribute("aria-label")
        assert label.startswith("mean texture over worst fractal dimension, 569")


def test_the_strongest_pair_is_first_and_can_be_plotted(browser, address):
    with watched(browser, address) as watch:
        page = opened(watch)
        first = page.locator("#pairs tbody tr").first
        assert first.locator("td").all_text_contents()[:3] == ["mean radius", "mean perimeter", "0.998"]
        first.get_by_role("button").click()
        assert page.locator("#across option:checked").text_content() == "mean radius"


def test_the_two_features_of_the_scatter_are_chosen_and_a_point_says_its_row(browser, address, found):
    with watched(browser, address) as watch:
        page = opened(watch)
        assert page.locator("#across option:checked").text_content() == "worst perimeter", "the best one to begin with"
        page.select_option("#across", label="mean radius")
        page.select_option("#up", label="worst area")
        chart = page.locator("#cloud svg")
        assert chart.get_attribute("aria-label").startswith("worst area over mean radius")
        assert chart.locator("circle.dot.c0").count() == 357 and chart.locator("circle.dot.c1").count() == 212
        names = [each["feature"] for each in found["distributions"]]
        x, y = (found["points"]["values"][names.index(name)] for name in ("mean radius", "worst area"))
        row = x.index(max(x))
        text = f"Row {row + 1}, malignant: mean radius {x[row]:g}, worst area {y[row]:g}"
        chart.locator("circle.dot").nth(row).hover()
        assert page.locator(".tooltip").text_content() == text
        page.mouse.move(0, 0)
        chart.press("ArrowLeft")  # to the last of them, from left to right
        assert page.locator("#point").text_content() == text
        chart.press("Enter")
        assert page.locator("#row dt").count() == 30 and f"{x[row]:g}" in page.locator("#row").text_content()


def test_distributions_are_put_in_order(browser, address):
    with watched(browser, address) as watch:
        page = opened(watch)
        titles = page.locator("#panels figcaption b")
        assert titles.first.text_content() == "worst perimeter" and titles.count() == 12
        assert "AUC 0.975, higher in malignant" in page.locator("#panels figcaption").first.text_content()
        assert "median" in page.locator("#panels svg").first.get_attribute("aria-label")
        page.locator("#panels svg").first.hover()
        assert "benign" in page.locator(".tooltip").text_content()
        page.get_by_role("button", name="Show all 30").click()
        assert titles.count() == 30
        page.select_option("#order", "name")
        assert titles.all_text_contents() == sorted(titles.all_text_contents())
        page.select_option("#order", "file")
        assert titles.first.text_content() == "mean radius"


def test_a_table_is_dropped_its_classes_are_named_and_names_stay_text(browser, address):
    with watched(browser, address) as watch:
        page = opened(watch)
        drop = """text => {
            const data = new DataTransfer();
            data.items.add(new File([text], "<i>mine</i>.csv", {type: "text/csv"}));
            document.querySelector("#drop").dispatchEvent(new DragEvent("drop", {dataTransfer: data, cancelable: true}));
        }"""
        page.evaluate(drop, MESSY)
        page.get_by_text("no column of classes").wait_for()
        assert page.locator("#source").text_content() == "<i>mine</i>.csv"
        assert page.locator("#cloud circle.dot.c0").count() == 0 and page.locator("#share svg").count() == 0
        assert HOSTILE in page.locator("#panels").text_content()
        page.select_option("#label", "kind")
        page.get_by_text("classes in the column “kind”").wait_for()
        assert page.locator("#share text").all_text_contents() == ["benign", "2 (50.0 %)", "malignant", "2 (50.0 %)"]
        assert page.locator("#legend li").all_text_contents() == ["benign", "malignant", "without a label"]
        page.select_option("#label", "site")
        page.get_by_text("classes in the column “site”").wait_for()
        assert "<b>south</b>" in page.locator("#share").text_content()
        assert page.title() != "broken" and page.locator("main img, #share b, #source i").count() == 0
        page.get_by_role("button", name="Back to the built-in data").click()
        page.get_by_text("569 rows").wait_for()
        assert page.locator("#label").is_hidden()


def test_a_refused_table_says_why_and_another_label_may_do(browser, address):
    table = 'diagnosis,"b, ""q""",c\n' + "".join(f"d{i},{i * i},{i % 2}\n" for i in range(60))
    with watched(browser, address) as watch:
        page = opened(watch)
        send(page, "many.csv", table)
        page.get_by_text("60 different values").wait_for()
        assert page.locator("#found").is_hidden(), "nothing of another table stands under this one's name"
        assert page.locator("#label option").all_text_contents()[1:] == ["diagnosis", 'b, "q"', "c"]
        page.select_option("#label", "c")
        page.get_by_text("classes in the column “c”").wait_for()
        assert page.locator(".error").count() == 0
        send(page, "ragged.csv", "a,b\n1,2\n3\n")
        page.get_by_text("ragged.csv: line 3").wait_for()
        watch.forget_refusals()


@pytest.mark.parametrize(
    "table", ["a,b\n1e308,-1e308\n-1e308,1e308\n", "a\n5\n", "a,b\n1e15,1\n1000000000000000.2,2\n", "a,b\n1,\n,2\n"]
)
def test_numbers_at_the_edge_of_what_there_is_are_drawn_without_a_fault(browser, address, table):
    with watched(browser, address) as watch:
        page = opened(watch)
        send(page, "edge.csv", table)
        page.get_by_text("no column of classes").wait_for()
        assert page.locator("#cloud svg").is_visible() and page.locator("#problem").text_content() == ""
