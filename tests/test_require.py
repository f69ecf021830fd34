"""A missing extra is told in one line: every module of it that is missing, and the one command that installs them."""

import sys

import pytest

from bcdetect.cli import main
from bcdetect.errors import UsageError, require, require_all


def without(monkeypatch, *names):
    for name in names:
        monkeypatch.setitem(sys.modules, name, None)


def test_what_is_there_is_given_back_in_order():
    import csv
    import json

    assert require_all(("json", "csv"), "some", "all") == [json, csv] and require("csv", "some", "all") is csv


def test_every_module_that_is_missing_is_named_at_once(monkeypatch):
    without(monkeypatch, "first", "second", "third")
    with pytest.raises(UsageError) as error:
        require_all(("first", "json", "second.part", "second", "third"), "some", "this")
    assert error.value.what == "this needs first, second and third, which are not installed"
    assert error.value.hint == "Install them with: pip install first second third (they are part of the extra 'some')"


def test_a_package_is_called_as_pip_knows_it(monkeypatch):
    without(monkeypatch, "sklearn", "sklearn.svm")
    with pytest.raises(UsageError, match="an SVM needs scikit-learn, which is not installed") as error:
        require("sklearn.svm", "compare", "an SVM")
    assert error.value.hint == "Install it with: pip install scikit-learn (it is part of the extra 'compare')"


def test_the_page_without_its_extra(monkeypatch, capsys):
    without(monkeypatch, "fastapi", "starlette", "pydantic", "uvicorn", "jinja2", "python_multipart")
    assert main(["serve"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "pip install fastapi starlette pydantic uvicorn jinja2 python-multipart (they" in told


def test_the_page_without_one_module_of_its_extra(monkeypatch, capsys):
    pytest.importorskip("uvicorn", reason="uvicorn is not installed (it is part of the extra 'web')")
    without(monkeypatch, "python_multipart")
    assert main(["serve"]) == 2
    told = capsys.readouterr().err
    assert "serve needs python-multipart, which is not installed. Install it with: pip install python-multipart (it is" in told
