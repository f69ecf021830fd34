"""Fetching a data set: resumed after a cut, checked before it gets its name, and never a half file under that name."""

import hashlib
import json
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from bcdetect import fetch as fetching
from bcdetect.cli import main
from bcdetect.datasets import holds_pictures, load_dataset
from bcdetect.errors import InputError, OutputError
from bcdetect.fetch import SOURCES, Source, fetch
from bcdetect.places import FETCHED

CONTENT = bytes(np.random.default_rng(5).integers(0, 256, 300_000, np.uint8))
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves CONTENT; each fault in `faults` happens to one connection, in order. `asked` holds the Range headers."""

    daemon_threads = True
    content = CONTENT
    ranges = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults, self.asked, self.sent, self.release = [], [], [], threading.Event()

    def source(self, **values):
        port = self.server_address[1]
        return replace(Source("x.npz", f"http://127.0.0.1:{port}/x.npz", MD5, "CC BY 4.0", "Nobody 2024", 2**20), **values)


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *unused):
        pass

    def do_GET(self):
        server = self.server
        server.asked.append(self.headers.get("Range"))
        kind, value = server.faults.pop(0) if server.faults else ("", None)
        if kind == "answer":
            self.send_error(value)
            return
        if kind == "redirect":
            self.send_response(302)
            self.send_header("Location", value)
            self.end_headers()
            return
        start = 0
        content = server.content
        asked = self.headers.get("Range")
        fresh = self.headers.get("If-Range") not in (None, '"v1"')
        if asked and server.ranges and not fresh:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            at = value if kind == "range" else start
            self.send_header("Content-Range", f"bytes {at}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("ETag", '"v1"')
        self.send_header("Content-Length", str(len(content) - start + (value if kind == "length" else 0)))
        self.end_headers()
        end = value if kind in ("cut", "stall") else len(content)
        self.wfile.write(content[start:end])
        self.wfile.flush()
        server.sent.append(len(content[start:end]))
        if kind == "stall":
            server.release.wait(20)
        self.close_connection = True


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    server.server_close()
    thread.join()


def get(server, folder, *, source=None, **options):
    return fetch(source or server.source(), folder, **{"pause": 0.0, "timeout": 10.0, "allow_http": True, **options})


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_comes_whole_and_only_once(server, tmp_path):
    seen = []
    found = get(server, tmp_path / "new" / "place", on_progress=lambda done, total: seen.append((done, total)))
    assert found.fresh and found.path.read_bytes() == CONTENT and found.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert names(found.path.parent) == ["x.npz", "x.npz.sha256"] and seen[-1] == (len(CONTENT), len(CONTENT))
    assert (found.path.parent / "x.npz.sha256").read_text() == f"{found.sha256}  x.npz\n"
    again = get(server, found.path.parent)
    assert not again.fresh and again.sha256 == found.sha256 and server.asked == [None]
    assert get(server, found.path.parent, force=True).fresh and server.asked == [None, None]
    found.path.write_bytes(CONTENT[:-1])
    assert get(server, found.path.parent).fresh and found.path.read_bytes() == CONTENT


def test_after_a_cut_only_the_rest_is_asked_for(server, tmp_path):
    server.faults = [("cut", 100_000), ("cut", 250_000)]
    waits = []
    assert get(server, tmp_path, on_wait=lambda reason, seconds: waits.append(reason)).path.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", "bytes=250000-"] and sum(server.sent) == len(CONTENT)
    assert waits[0] == "the connection ended after 100,000 of 300,000 bytes"


def test_a_later_run_goes_on_where_an_earlier_one_gave_up(server, tmp_path):
    server.faults = [("cut", 100_000), ("answer", 503)]
    with pytest.raises(InputError, match=r"no whole file after 2 attempts: Service Unavailable; 97\.7 KiB are kept.*by hand"):
        get(server, tmp_path, attempts=2)
    assert names(tmp_path) == ["x.npz.part"]
    server.asked.clear()
    assert get(server, tmp_path).path.read_bytes() == CONTENT and server.asked == ["bytes=100000-"]


def test_what_was_left_of_another_file_is_thrown_away(server, tmp_path):
    (tmp_path / "x.npz.part").write_bytes(b"other" * 1000)
    assert get(server, tmp_path).path.read_bytes() == CONTENT and server.asked == ["bytes=5000-", None]


def test_a_file_that_changes_between_two_connections_starts_anew(server, tmp_path):
    server.faults = [("cut", 100_000), ("range", 7)]
    assert get(server, tmp_path).path.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", None]


@pytest.mark.parametrize("left", [CONTENT, CONTENT + b"more"])
def test_a_part_that_needs_no_more_bytes(server, tmp_path, left):
    (tmp_path / "x.npz.part").write_bytes(left)
    assert get(server, tmp_path).path.read_bytes() == CONTENT
    assert len(server.sent) == (left != CONTENT)


def test_a_server_that_ignores_ranges_starts_anew(server, tmp_path):
    server.ranges, server.faults = False, [("cut", 100_000)]
    assert get(server, tmp_path).path.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-"] and server.sent == [100_000, 300_000]


def test_a_wrong_checksum_leaves_nothing(server, tmp_path):
    server.content = b"<html>Please log in</html>"
    with pytest.raises(InputError, match=rf"what came is not the file: its MD5 is [0-9a-f]+ and must be {MD5}\."):
        get(server, tmp_path)
    assert not names(tmp_path) and server.asked == [None]


@pytest.mark.parametrize("code", [403, 404, 410])
def test_a_final_refusal_is_not_asked_again(server, tmp_path, code):
    server.faults = [("answer", code)] * 9
    with pytest.raises(InputError, match=rf"/x\.npz: the server answers {code} .*put it at .*x\.npz"):
        get(server, tmp_path)
    assert len(server.asked) == 1 and not names(tmp_path)


def test_a_busy_server_is_asked_again_later(server, tmp_path, monkeypatch):
    slept = []
    monkeypatch.setattr(fetching.time, "sleep", slept.append)
    server.faults = [("answer", 503), ("answer", 429), ("answer", 500)]
    assert get(server, tmp_path, pause=1.0).fresh and slept == [1, 2, 4]


def test_a_wrong_length(server, tmp_path):
    server.faults = [("length", -10)]
    with pytest.raises(InputError, match="its MD5 is"):  # the last ten bytes are not read
        get(server, tmp_path)
    assert not names(tmp_path)
    server.faults = [("length", 10)]
    assert get(server, tmp_path).path.read_bytes() == CONTENT  # ten more never come: the checksum says that none is missing
    assert server.asked == [None, None, "bytes=300000-"]


@pytest.mark.parametrize("declared", [True, False])
def test_more_than_the_limit_is_refused(server, tmp_path, declared, monkeypatch):
    if not declared:
        monkeypatch.setattr(fetching._Download, "length", lambda *unused: None)
    with pytest.raises(InputError, match="more than the limit of 1,000"):
        get(server, tmp_path, source=server.source(limit=1000))
    assert not names(tmp_path)


def test_a_stalled_server_is_left_and_the_rest_asked_again(server, tmp_path):
    server.faults = [("stall", 65_536)]
    assert get(server, tmp_path, timeout=0.3).path.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=65536-"]


def test_stopping_keeps_what_came(server, tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(server, tmp_path, on_progress=stop)
    assert names(tmp_path) == ["x.npz.part"] and 0 < (tmp_path / "x.npz.part").stat().st_size < len(CONTENT)
    assert get(server, tmp_path).path.read_bytes() == CONTENT and server.asked[1].startswith("bytes=")


@pytest.mark.parametrize("url", ["http://example.org/x.npz", "ftp://example.org/x.npz", "file:///etc/hostname"])
def test_nothing_unencrypted_and_no_local_file_is_followed(server, tmp_path, url):
    server.faults = [("redirect", url)]
    with pytest.raises(InputError, match=r"is not https|is not allowed"):
        get(server, tmp_path)
    with pytest.raises(InputError, match="is not https"):
        fetch(server.source(), tmp_path)
    assert len(server.asked) == 1 and not names(tmp_path)


def test_no_connection_says_what_to_do(server, tmp_path):
    source = server.source(url="http://127.0.0.1:9/x.npz")
    with pytest.raises(InputError, match=r"after 2 attempts: .*refused.*download it by hand and put it at") as caught:
        get(server, tmp_path, source=source, attempts=2)
    assert caught.value.exit_code == 3


def test_a_folder_that_cannot_be(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="--to"):
        get(server, tmp_path / "file")


def test_the_official_home_is_encrypted_and_named_data_sets_are_known():
    assert set(SOURCES) == set(FETCHED)
    for source in SOURCES.values():
        assert source.url.startswith("https://") and len(source.md5) == 32 and "doi" in source.citation


def test_reading_the_command_line_does_not_load_numpy():
    """--threads must be set before NumPy is loaded."""
    code = "import sys; from bcdetect import cli; cli._parser(); sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def medmnist(folder, rng):
    arrays = {}
    for part in ("train", "val", "test"):
        arrays[f"{part}_images"] = rng.integers(0, 256, (4, 8, 8), np.uint8)
        arrays[f"{part}_labels"] = np.array([[0], [1], [1], [0]], np.uint8)
    folder.mkdir()
    np.savez(folder / "breastmnist.npz", **arrays)


def test_breastmnist_by_name(tmp_path, monkeypatch, rng, capsys):
    monkeypatch.delenv("BCDETECT_TEST_DATA", raising=False)
    monkeypatch.setenv("BCDETECT_CACHE", str(tmp_path / "cache"))
    assert holds_pictures("breastmnist")
    with pytest.raises(InputError, match=r"not on this machine\. Fetch it with: python -m bcdetect data fetch breastmnist"):
        load_dataset("breastmnist")
    medmnist(tmp_path / "cache", rng)
    assert len(load_dataset("breastmnist").y) == 12
    medmnist(tmp_path / "tests", rng)
    monkeypatch.setenv("BCDETECT_TEST_DATA", str(tmp_path / "tests"))
    first = load_dataset("breastmnist").provenance["sha256"]
    assert first == hashlib.sha256((tmp_path / "tests" / "breastmnist.npz").read_bytes()).hexdigest()


def test_the_command_says_licence_and_citation(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(fetching.SOURCES, "breastmnist", server.source(citation=SOURCES["breastmnist"].citation))
    monkeypatch.setattr(fetching._Download, "check", lambda self, url: None)
    monkeypatch.setenv("BCDETECT_CACHE", str(tmp_path))
    assert main(["data", "fetch", "breastmnist"]) == 0
    out, err = capsys.readouterr()
    assert "fetched: " in out and "CC BY 4.0" in out and "10.1038/s41597-022-01721-8" in out and "not a medical device" in out
    assert "293.0 KiB of 293.0 KiB" in err and "\r" not in err
    assert main(["data", "fetch", "breastmnist"]) == 0 and "already there, and whole" in capsys.readouterr().out
    assert main(["data", "fetch", "breastmnist", "--to", str(tmp_path / "here"), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["fetched"] is True and not err and (tmp_path / "here" / "x.npz").exists()

    def stop(*unused, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(fetching, "fetch", stop)
    assert main(["data", "fetch", "breastmnist"]) == 130 and "goes on from there" in capsys.readouterr().err
