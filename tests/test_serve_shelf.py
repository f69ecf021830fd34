"""The folder of models while it changes under the server, and when it holds more than stay in memory."""

import os
import shutil
import threading

import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed (it is part of the extra 'web')")

from api_client import save_models

from bcdetect.errors import ModelFileError
from bcdetect.serve import shelf as shelves
from bcdetect.serve.chosen import chosen
from bcdetect.serve.failures import NotThere
from bcdetect.serve.shelf import KEPT, Shelf


@pytest.fixture
def folder(tmp_path):
    save_models(tmp_path)
    return tmp_path


@pytest.fixture
def read(monkeypatch):
    """The names of the files that were read."""
    names, load = [], shelves.load_classifier

    def watched(path):
        names.append(path.name)
        return load(path)

    monkeypatch.setattr(shelves, "load_classifier", watched)
    return names


def told(shelf):
    return {title.place.name: (title.takes, title.classes, bool(title.problem)) for title in shelf.titles()}


def test_a_list_of_more_models_than_stay_in_memory_reads_each_once(folder, read):
    for number in range(KEPT + 2):
        shutil.copy(folder / "grey.npz", folder / f"grey-{number}.npz")
    shelf = Shelf(folder)
    first = told(shelf)
    assert len(first) == len(read) == KEPT + 4 and first["small"] == ("table", ("benign", "malignant"), False)
    assert told(shelf) == first and len(read) == KEPT + 4
    chosen(shelf, None, "table")
    assert read[KEPT + 4 :] == ["small.npz"] or len(read) == KEPT + 4, "newer ones of the other kind are not read again"


def test_models_that_are_replaced_removed_or_broken_while_serving(folder):
    shelf = Shelf(folder)
    assert told(shelf)["grey"][0] == "pictures"
    shutil.copy(folder / "small.npz", folder / "grey.npz")
    assert told(shelf)["grey"][0] == "table" and shelf.get("grey").takes == "table"
    (folder / "small.npz").unlink()
    assert list(told(shelf)) == ["grey"]
    with pytest.raises(NotThere):
        shelf.get("small")
    (folder / "grey.npz").write_bytes(b"PK")
    assert told(shelf) == {"grey": (None, (), True)}
    with pytest.raises(ModelFileError):
        shelf.get("grey")


def test_of_two_models_of_one_name_the_run_is_meant(folder):
    (folder / "small").mkdir()
    shutil.copy(folder / "grey.npz", folder / "small" / "model.npz")
    shelf = Shelf(folder)
    assert told(shelf)["small"][0] == shelf.get("small").takes == "pictures" and len(shelf.titles()) == 2


def test_a_folder_that_comes_later(tmp_path):
    shelf = Shelf(tmp_path / "runs")
    assert shelf.titles() == []
    with pytest.raises(NotThere, match="no model here yet"):
        shelf.get()
    os.mkdir(tmp_path / "runs")
    save_models(tmp_path / "runs")
    assert chosen(shelf, None, "table").name == "small"


def test_reading_one_model_keeps_nobody_from_another(folder, monkeypatch):
    shelf, begun, go_on = Shelf(folder), threading.Event(), threading.Event()
    shelf.get("small")
    load = shelves.load_classifier

    def slow(path):
        begun.set()
        assert go_on.wait(20)
        return load(path)

    monkeypatch.setattr(shelves, "load_classifier", slow)
    thread = threading.Thread(target=shelf.get, args=("grey",))
    thread.start()
    try:
        assert begun.wait(20)
        found = []
        other = threading.Thread(target=lambda: found.append(shelf.get("small").name), daemon=True)
        other.start()
        other.join(20)
        assert found == ["small"]
    finally:
        go_on.set()
        thread.join()
