"""The report: every number in it is the one in metrics.json, and the page stands alone."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from trained import clouds, small_run

from bcdetect import NOTICE
from bcdetect.cli import main
from bcdetect.errors import InputError
from bcdetect.report import report, write_report
from bcdetect.report.cards import items
from bcdetect.report.folder import read_run
from bcdetect.report.page import Numbers, pointer
from bcdetect.run import execute, write


class Keyed(HTMLParser):
    """The text of every element that has a data-key, and whether tags are closed in order."""

    VOID = {"meta", "img", "br"}

    def __init__(self, page):
        super().__init__()
        self.found, self.open, self.key = [], [], None
        self.feed(page)
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        if "data-key" in (attrs := dict(attrs)):
            assert self.key is None, "one number inside another"
            self.key, self.text = attrs["data-key"], ""

    def handle_data(self, data):
        if self.key is not None:
            self.text += data

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if self.key is not None:
            self.found.append((self.key, self.text))
            self.key = None


def looked_up(metrics, key):
    for step in key.split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        metrics = metrics[int(step)] if isinstance(metrics, list) else metrics[step]
    return metrics


def agrees(text, value):
    """Whether a text shows a value: numbers to the last digit shown."""
    if value is None:
        return text == "undefined"
    if isinstance(value, str):
        return text == value
    decimals = len(text.partition(".")[2])
    return abs(float(text.replace(",", "")) - value) <= 0.5000001 * 10**-decimals


def check(folder):
    metrics = json.loads((folder / "metrics.json").read_text())
    page = (folder / "report.html").read_text()
    found = Keyed(page).found
    for key, text in found:
        assert agrees(text, looked_up(metrics, key)), (key, text)
    return page, metrics, dict(found)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("run")
    write(small_run(), place)
    return place


def test_every_number_is_the_one_in_metrics_json(folder):
    *_, found = check(folder)
    assert len(found) > 200
    for key in ("/test/CNN/accuracy/value", "/referral/coverage/low", "/at_prevalence/0.005/ppv/high", "/reliability/0/observed",
                "/confusion/train/1/1", "/cnn_against_logistic_regression/mcnemar_mid_p", "/learning/0/reason",
                "/calibration/before/log_loss", "/operating_point/threshold", "/errors/rows", "/versions/numpy"):  # fmt: skip
        assert key in found, key


def test_the_check_above_notices_a_number_that_is_off():
    assert agrees(".982", 0.9824) and agrees("1,234", 1234) and agrees("-.021", -0.0212) and agrees("undefined", None)
    assert not agrees(".983", 0.9824) and not agrees("3", 4) and not agrees("0.5", None or 0.56)


def test_it_opens_alone_and_says_what_it_is(folder):
    page, *_ = check(folder)
    assert len(page) < 5 * 2**20 and page.count(NOTICE) >= 2
    assert "<script" not in page and "http" not in page and "@import" not in page
    links = re.findall(r"""(?:src|href)\s*=\s*"([^"]*)""", page)
    assert all(link.startswith(("data:image/png;base64,", "#")) for link in links)
    for anchor in (link[1:] for link in links if link.startswith("#")):
        assert f'id="{anchor}"' in page
    assert page.count("<img") == len(list((folder / "figures").glob("*.png"))) >= 8
    for words in ("Model card", "TRIPOD+AI", "to be filled in", "Known limits", "Over- or under-fitting", "logistic regression"):
        assert words in page


def test_the_command_writes_the_same_page_again_from_the_folder_alone(folder, capsys):
    before = (folder / "report.html").read_bytes()
    (folder / "report.html").unlink()
    assert main(["report", str(folder)]) == 0
    assert (folder / "report.html").read_bytes() == before and NOTICE in capsys.readouterr().out
    figures = {path.name: path.read_bytes() for path in (folder / "figures").iterdir()}
    try:
        for path in (folder / "figures").iterdir():
            path.unlink()
        write_report(folder)
        page, *_ = check(folder)
        assert "<img" not in page and "matplotlib is not installed" in page
    finally:
        for name, content in figures.items():
            (folder / "figures" / name).write_bytes(content)
        write_report(folder)


@pytest.mark.parametrize("grouped", [False, True])
def test_three_classes_names_full_of_markup_and_groups(tmp_path, grouped):
    data = replace(clouds((30, 40, 20)), class_names=("a<b", "c/d~e", '"f"'))
    if grouped:
        provenance = data.provenance | {"group": "<patient>"}
        data = replace(data, groups=(np.arange(90) // 3 % 30).astype(str), provenance=provenance)
        data = replace(data, y=data.y[np.argsort(np.arange(90) % 3, kind="stable")], x=data.x[np.argsort(np.arange(90) % 3)])
    thirds = {name: np.arange(k, 90, 3) for k, name in enumerate(("train", "validation", "test"))}
    run = execute(replace(small_run().config, epochs=2), data, thirds)
    write(run, tmp_path)
    page, _, found = check(tmp_path)
    assert "a&lt;b" in page and "a<b" not in page and "/parts/train/classes/c~1d~0e" in found
    assert ("&lt;patient&gt;" in page) is grouped and "<patient>" not in page
    assert "Of three and more classes the likeliest is called" in page


def test_what_is_no_run_is_one_line(tmp_path, folder, capsys):
    for place, said in ((tmp_path / "none", "no such folder"), (tmp_path, "is not there")):
        assert main(["report", str(place)]) == 3
        err = capsys.readouterr().err
        assert said in err and err.count("\n") == 1
    for text, said in (("{", "not JSON"), ("[]", "not a JSON object"), ("{}", "not the metrics of a run")):
        (tmp_path / "metrics.json").write_text(text)
        (tmp_path / "config.json").write_text("{}")
        with pytest.raises(InputError, match=said):
            read_run(tmp_path)


def test_a_place_is_a_json_pointer():
    assert pointer(("test", "a/b~c", 0)) == "/test/a~1b~0c/0"
    numbers = Numbers({"a": {"value": 0.5, "low": None, "high": None}, "b": {"value": None, "low": None, "why": "no rows"}})
    assert numbers.interval("a").endswith(".500</span> (-)") and "no rows" in numbers.interval("b")


def test_the_checklist_marks_what_only_people_know(folder):
    run = read_run(folder)
    rows = list(items(run, Numbers(run.metrics)))
    assert all(len(row) == 4 for row in rows) and len(rows) > 25
    by_name = {row[0]: row[3] for row in rows}
    assert "to be filled in" in by_name["Fairness"] and "to be filled in" in by_name["Ethics approval"]
    assert "to be filled in" not in by_name["Missing data"] and "balance=none" in by_name["Class imbalance"]
    assert report(run) == (folder / "report.html").read_text()
