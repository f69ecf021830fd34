"""The words that pages explain: every one that a page or a script names is there, and so is every score, method and check."""

import re
from pathlib import Path

import pytest
from jinja2 import Environment, nodes
from shelved import asking, fill

import bcdetect.serve
from bcdetect import scores
from bcdetect.calibration import KINDS
from bcdetect.explain.checks import retrained
from bcdetect.explain.methods import METHODS
from bcdetect.operating import RULES
from bcdetect.serve.model_pages import named
from bcdetect.serve.pages import PAGES
from bcdetect.serve.words import SECTIONS, WORDS, link

SERVE = Path(bcdetect.serve.__file__).parent
CHECKS = ("weights", "deletion", "insertion", "stability", "pointing game", "mass inside", "frame", *retrained.NAMES)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with asking(fill(tmp_path_factory.mktemp("models"))) as client:
        yield client


def in_templates():
    """The words that templates name, also where no page of a test would show them."""
    for path in sorted((SERVE / "templates").glob("*.html")):
        for call in Environment().parse(path.read_text(encoding="utf-8")).find_all(nodes.Call):
            if getattr(call.node, "name", "") == "word" and isinstance(call.args[0], nodes.Const):
                yield path.name, call.args[0].value


def in_scripts():
    for path in sorted((SERVE / "static").glob("*.js")):
        for name in re.findall(r'\bword\("([^"]*)"', path.read_text(encoding="utf-8")):
            yield path.name, name


def test_every_word_that_a_page_or_a_script_names_is_explained():
    named = [*in_templates(), *in_scripts()]
    assert len(named) > 30
    assert [each for each in named if each[1] not in WORDS] == []


@pytest.mark.parametrize("names", [scores.NAMES, KINDS, METHODS, CHECKS], ids=["scores", "calibrations", "methods", "checks"])
def test_what_pages_name_by_its_kind_is_explained_too(names):
    assert [name for name in names if name.replace(" ", "_") not in WORDS] == []


def test_a_word_that_is_not_known_is_an_error_and_no_link_to_nowhere():
    with pytest.raises(KeyError):
        link("logitt", "logit")


def test_every_word_has_one_place_a_title_of_its_own_and_whole_sentences():
    assert sum(map(len, SECTIONS.values())) == len(WORDS)
    assert len({word.title for word in WORDS.values()}) == len(WORDS)
    for name, word in WORDS.items():
        assert re.fullmatch(r"[a-z0-9_+]+", name), "it is an id, and stands in addresses"
        assert not word.says[0].islower() and word.says[-1] in ".?" and len(word.says) < 420, name


def test_the_rules_of_the_threshold_are_all_told():
    assert all(rule in WORDS["operating_point"].says for rule in RULES)


def test_a_metric_of_a_file_that_is_not_known_is_told_by_its_name_alone():
    assert named("roc_auc") == ("roc_auc", "AUC")
    assert named("sensitivity of benign") == ("sensitivity", "sensitivity of benign")
    assert named("my_metric") == (None, "my metric")


@pytest.mark.parametrize("path", [address for address, _ in PAGES])
def test_every_word_that_a_page_marks_leads_to_its_sentence(client, path):
    words = client.get("/words").text
    page = client.get(path)
    assert page.status_code == 200 and 'href="/words"' in page.text
    for name in re.findall(r'href="/words#([^"]*)"', page.text):
        assert f'id="{name}"' in words
    assert "style=" not in page.text and "<script>" not in page.text


@pytest.mark.parametrize("name", ["run", "three", "lone", "pictures"])
def test_the_page_of_a_model_explains_its_scores_and_its_settings(client, name):
    marked = re.findall(r'href="/words#([^"]*)"', client.get("/model", params={"model": name}).text)
    assert {"calibration", "prediction_set", "grade"} <= set(marked) <= set(WORDS)
    assert ("threshold" in marked) == (name in ("run", "lone"))
    assert ("brier" in marked) == (name in ("run", "three"))
