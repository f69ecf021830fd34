"""Pictures over HTTP: the answers of the command line, to the bit; and every odd file, form and name told, never a 500."""

import hashlib
import io
import json
import struct
import tempfile
import zlib
from dataclasses import replace

import numpy as np
import pytest
from explaining import SIDE, classifier
from PIL import Image
from starlette.testclient import TestClient

from bcdetect.bundle import save_classifier
from bcdetect.classifier import Classifier
from bcdetect.cli import main
from bcdetect.config import Config
from bcdetect.models import tabular_cnn
from bcdetect.preprocessing import Standardiser
from bcdetect.serve import forms
from bcdetect.serve.api.pictures import Answers
from bcdetect.serve.app import create_app
from bcdetect.serve.settings import Settings
from tests.medical import dicom, nifti

PREDICT, EXPLAIN, SYNTHETIC = "/api/predict/pictures", "/api/explain/pictures", "/api/pictures/synthetic"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_classifier(folder / "exams.npz", classifier(2, ("t1", "dce"), ("normal", "benign", "malignant")))
    network = tabular_cnn(Config(filters=(4,), units=4), 2, 2)
    table = Classifier([network], Standardiser(np.zeros(2), np.ones(2)), ("a", "b"), ("benign", "malignant"))
    save_classifier(folder / "table.npz", table)
    save_classifier(folder / "grey.npz", classifier())
    with TestClient(create_app(Settings(models=folder)), base_url="http://127.0.0.1:8000") as found:
        yield found


@pytest.fixture
def place(tmp_path, rng):
    Image.fromarray(rng.integers(0, 255, (20, 24), np.uint8)).save(tmp_path / "grey.png")
    Image.fromarray(rng.integers(900, 4000, (20, 24), np.uint16)).save(tmp_path / "deep.png")
    Image.fromarray(rng.integers(0, 255, (20, 24, 3), np.uint8)).save(tmp_path / "colour.jpg")
    dicom(tmp_path / "scan.dcm", rng.integers(0, 4000, (20, 24)).astype(np.uint16), PatientName="Doe^Jane")
    nifti(tmp_path / "volume.nii.gz", rng.integers(0, 900, (12, 10, 4)).astype(np.int16))
    pages = [Image.fromarray(rng.integers(0, 255, (20, 24), np.uint8)) for _ in range(2)]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    return tmp_path


def png(side=SIDE, value=200):
    stream = io.BytesIO()
    Image.fromarray(np.full((side, side), value, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def bomb():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(999))) + chunk(b"IEND", b"")


def sent(client, *files, address=PREDICT, **parameters):
    """Post files (field, name, bytes), or (name, bytes) as pictures."""
    parts = [(file[0] if len(file) == 3 else "picture", file[-2:]) for file in files]
    response = client.post(address, params={"model": "grey"} | parameters, files=parts)
    if address == PREDICT and response.status_code == 200:
        Answers.model_validate(response.json())  # the shape that /openapi.json promises
    return response


def error(response, status=422):
    assert response.status_code == status, response.text
    parts = response.json()["error"]
    return ": ".join(filter(None, (parts["file"], parts["what"], parts["hint"])))


def test_the_answers_are_those_of_the_command_line_to_the_bit(client, place, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(place)
    names = ["colour.jpg", "deep.png", "grey.png", "scan.dcm", "volume.nii.gz"]
    model = client.app.state.services.settings.models / "grey.npz"
    for name in names:
        main(["predict", str(model), name, "--json"])
        said = json.loads(capsys.readouterr().out)
        answer = sent(client, (name, (place / name).read_bytes())).json()
        kept = ("file", "class", "probabilities", "refer", "reason", "set", "problem")
        assert answer["model_sha256"] == said["model_sha256"] and answer["notice"] == said["notice"]
        told = [{key: row[key] for key in kept if key in row} for row in said["rows"]]
        assert [{key: row[key] for key in kept if key in told[0]} for row in answer["rows"]] == told
    pages = sent(client, ("pages.tif", (place / "pages.tif").read_bytes())).json()["rows"]
    assert [row["file"] for row in pages] == ["pages.tif#1", "pages.tif#2"] and all(row["class"] for row in pages)
    assert [row["file"] for row in answer["rows"]] == [f"volume.nii.gz#{n}" for n in (1, 2, 3, 4)]


def test_bad_files_are_told_with_what_to_do_and_the_others_answered(client, place):
    files = [("good.png", png()), ("bomb.png", bomb()), ("text.png", b"this is text\n"), ("empty.png", b"")]
    rows = sent(client, *files, ("cut.dcm", (place / "scan.dcm").read_bytes()[:-300]), shown=True).json()["rows"]
    assert [bool(row["problem"]) for row in rows] == [False, True, True, True, True]
    assert rows[0]["class"] in ("benign", "malignant") and rows[0]["picture"].startswith("data:image/png;base64,")
    assert "3,600,000,000 pixels; the limit is" in rows[1]["problem"] and rows[1]["hint"] == "Scale it down"
    assert rows[2]["problem"] == "not a picture that can be read (it holds text)" and rows[2]["hint"].startswith("Save it as PNG")
    assert rows[3]["problem"] == "the file is empty" and rows[3]["picture"] is None


def test_a_model_of_another_kind_says_which_to_take(client):
    for address in (PREDICT, EXPLAIN):
        said = error(sent(client, ("a.png", png()), address=address, model="table"), 400)
        assert "takes a table" in said and "use the page Predict a table" in said
        assert "takes 2 sequences of one exam" in error(sent(client, ("a.png", png()), address=address, model="exams"))
        answer = sent(client, ("t1", "a.png", png()), address=address)
        assert "takes single pictures" in error(answer) and "part named picture" in answer.json()["error"]["hint"]
        assert "no model of this name" in error(sent(client, ("a.png", png()), address=address, model="gone"), 404)


def test_the_sequences_of_one_exam(client, place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    (place / "list.csv").write_text("t1,dce\ngrey.png,deep.png\ngrey.png,\n")
    main(["predict", str(client.app.state.services.settings.models / "exams.npz"), "list.csv", "--json"])
    both, one = json.loads(capsys.readouterr().out)["rows"]
    grey, deep = (("t1", "grey.png", (place / "grey.png").read_bytes()), ("dce", "deep.png", (place / "deep.png").read_bytes()))
    for files, row in (((deep, grey), both), ((grey,), one)):
        (found,) = sent(client, *files, model="exams").json()["rows"]
        assert found["file"] == row["file"] and found["probabilities"] == row["probabilities"]
    assert "knows no sequence 't2'" in error(sent(client, ("t2", "a.png", png()), model="exams"))
    assert "two files" in error(sent(client, grey, grey, model="exams"))
    assert "which file is which" in error(sent(client, ("a.png", png()), model="exams"))


def test_names_are_shown_short_and_plain(client):
    names = [
        "../../etc/<script>alert(1)</script>.png",
        "C:\\pictures\\a.png",
        "\u202egnp.exe",
        "x" * 3000 + ".png",
        "a\u202fb.png",
    ]
    rows = sent(client, *((name, png()) for name in names)).json()["rows"]
    assert [row["file"] for row in rows[:3]] == ["script>.png", "a.png", "\ufffdgnp.exe"]
    assert len(rows[3]["file"]) == forms.NAMED and rows[3]["file"].endswith("x.png") and rows[4]["file"] == "a b.png"
    assert "cannot be read" in error(sent(client, ("x" * 9999, png())))
    (row,) = sent(client, ("<script>alert(1)<b>.png", png())).json()["rows"]
    assert row["file"] == "<script>alert(1)<b>.png"


def test_too_many_files_and_too_many_slices(client, tmp_path):
    assert "Maximum number of files is 64" in error(sent(client, *[(f"{i}.png", png()) for i in range(65)]))
    assert len(sent(client, *[(f"{i}.png", png()) for i in range(64)]).json()["rows"]) == 64
    nifti(tmp_path / "long.nii.gz", np.zeros((4, 4, 513), np.uint8))
    assert "more than 512 pictures" in error(sent(client, ("long.nii.gz", (tmp_path / "long.nii.gz").read_bytes())))


def test_an_answer_that_nobody_waits_for_any_more_is_not_worked_out(client):
    settings = replace(client.app.state.services.settings, answer_seconds=1e-6)
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8000") as hurried:
        assert "answer" in error(sent(hurried, ("a.png", png())), 504)


def body(content, kind="multipart/form-data; boundary=x"):
    return {"content": content, "headers": {"Content-Type": kind}}


PART = b'--x\r\nContent-Disposition: form-data; name="picture"; filename="\\ud800\xff.png"\r\n\r\nabc\r\n--x--\r\n'


@pytest.mark.parametrize(
    "request_",
    [
        {"content": b""},
        {"json": {"picture": "x"}},
        {"data": {"picture": "x"}},
        body(b"--x\r\nnonsense"),
        body(b"", "multipart/form-data"),
        body(b"--x--\r\n"),
        body(b'--x\r\nContent-Disposition: form-data; name="picture"\r\n\r\nno file\r\n--x--\r\n'),
        body(PART, "multipart/form-data; boundary=x; charset=undefined"),
        body(b"--x\r\n" + b"A: " + b"b" * 20_000 + b"\r\n\r\nabc\r\n--x--\r\n"),
    ],
)
def test_what_is_no_form_of_files_is_refused(client, request_):
    for address in (PREDICT, EXPLAIN):
        assert error(client.post(address, params={"model": "grey"}, **request_))


@pytest.mark.parametrize("charset", ["utf-16", "unicode_escape", "idna", "no-such", "a%00b", "\x00"])
def test_a_name_in_any_character_set_is_text(client, charset):
    response = client.post(PREDICT, params={"model": "grey"}, **body(PART, f"multipart/form-data; boundary=x; charset={charset}"))
    assert response.status_code in (200, 422) and "\ud800" not in response.text


def test_nothing_that_is_sent_touches_the_disk(client, rng, monkeypatch):
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", lambda self: pytest.fail("on the disk"))
    stream = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (1600, 1600), np.uint8)).save(stream, "PNG")
    assert stream.tell() > 2 * 2**20
    (row,) = sent(client, ("large.png", stream.getvalue())).json()["rows"]
    assert row["problem"] is None


def test_the_log_keeps_answers_and_a_hash_but_no_picture_and_no_name(client):
    kept = []

    class Log:
        def add(self, *entry):
            kept.append(entry)

    state, before = client.app.state, client.app.state.services
    state.services = replace(before, log=Log())
    try:
        found = sent(client, ("secret.png", png()), ("bad.png", b"x"), shown=True).json()
        sent(client, ("secret.png", png()), address=EXPLAIN)
    finally:
        state.services = before
    (kind, digest, model, name, result), (explained, *_) = kept
    assert (kind, name, explained) == ("predict", "grey", "explain") and model == found["model_sha256"]
    assert digest == hashlib.sha256(png() + b"x").hexdigest() and result["rows"][1] == {"row": 2, "answered": False}
    assert result["rows"][0]["class"] == found["rows"][0]["class"] and "secret" not in repr(kept) and "data:" not in repr(kept)


def test_a_synthetic_picture_is_one_says_so_and_is_the_same_again(client):
    first, again, other = (client.get(SYNTHETIC, params={"seed": seed, "kind": "benign"}) for seed in (1, 1, 2))
    assert first.content == again.content != other.content and first.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(first.content)) as image:
        assert "SYNTHETIC" in image.text["Description"] and image.size == (96, 96)
    assert sent(client, ("a.png", first.content)).json()["rows"][0]["problem"] is None
    for wrong in ({"seed": -1}, {"seed": 10**30}, {"kind": "evil"}, {"sequence": "t9"}):
        assert error(client.get(SYNTHETIC, params=wrong))


def test_the_description_of_the_api_names_the_form(client):
    paths = client.get("/openapi.json").json()["paths"]
    for address in (PREDICT, EXPLAIN):
        assert "multipart/form-data" in paths[address]["post"]["requestBody"]["content"]
        assert {"200", "400", "404", "422", "503", "504"} <= set(paths[address]["post"]["responses"])


def test_without_a_model_of_pictures_the_page_says_how_to_get_one(tmp_path):
    with TestClient(create_app(Settings(models=tmp_path)), base_url="http://127.0.0.1:8000") as empty:
        page = empty.get("/pictures").text
    assert "no model that takes pictures" in page and "data-sequences" not in page


def test_names_of_classes_and_sequences_are_text_in_the_page(tmp_path):
    odd = '"><script>alert(1)</script>'
    save_classifier(tmp_path / "odd.npz", classifier(2, (odd, "t1"), ("normal", odd, "b")))
    with TestClient(create_app(Settings(models=tmp_path)), base_url="http://127.0.0.1:8000") as client:
        page = client.get("/pictures").text
    assert "<script>" not in page and page.count("&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;") >= 2
