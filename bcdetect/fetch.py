"""Data sets fetched from their official home: resumed where the connection was cut, and checked before they get their name.

NAME.part grows, over as many connections as it takes -> length and MD5 checked -> NAME, with its SHA-256 beside it
"""

from __future__ import annotations

import hashlib
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from bcdetect import __version__
from bcdetect.errors import InputError, OutputError
from bcdetect.places import cache_folder, spoken
from tinycnn.files import write_text


@dataclass(frozen=True)
class Source:
    """A file at its official home; `md5` is what the home publishes, `limit` is in bytes."""

    file: str
    url: str
    md5: str
    licence: str
    citation: str
    limit: int = 64 * 2**20


SOURCES = {
    "breastmnist": Source(
        "breastmnist.npz",
        "https://zenodo.org/records/10519652/files/breastmnist.npz?download=1",
        "750601b1f35ba3300ea97c75c52ff8f6",
        "CC BY 4.0",
        "Yang et al. 2023, MedMNIST v2, doi 10.1038/s41597-022-01721-8; made from BUSI: Al-Dhabyani et al. 2020, "
        "Dataset of breast ultrasound images, doi 10.1016/j.dib.2019.104863",
    )
}
TEST_DATA = "BCDETECT_TEST_DATA"  # a folder of such files, for tests
TIMEOUT = 30.0  # seconds without a byte
ATTEMPTS = 5  # connections in a row that bring nothing new
BLOCK = 64 * 2**10
AGAIN = {408, 425, 429, 500, 502, 503, 504}  # answers that may be another one a little later


@dataclass(frozen=True)
class Fetched:
    """Where the file is; `fresh` is whether it was fetched now."""

    path: Path
    sha256: str
    fresh: bool


def path_of(name: str) -> str:
    """The file of a fetched data set: that in the folder of `BCDETECT_TEST_DATA`, if set, else the cache's. Raises InputError."""
    told = os.environ.get(TEST_DATA)
    folders = [Path(told)] if told else []
    for folder in (*folders, cache_folder()):
        if (folder / SOURCES[name].file).is_file():
            return str(folder / SOURCES[name].file)
    raise InputError(f"the data set {name} is not on this machine", hint=f"Fetch it with: python -m bcdetect data fetch {name}")


def fetch(
    source: Source,
    folder: str | os.PathLike | None = None,
    force: bool = False,
    on_progress: Callable[[int, int | None], None] | None = None,
    on_wait: Callable[[str, float], None] | None = None,
    *,
    timeout: float = TIMEOUT,
    attempts: int = ATTEMPTS,
    pause: float = 1.0,
    allow_http: bool = False,
) -> Fetched:
    """Fetch a file into a folder (the cache, if left out) unless it is there and whole; `force` fetches it anew.

    `on_progress` gets the bytes that are there and the bytes of all, if known. After a cut the next connection asks for the rest,
    `pause` seconds later, then twice that and so on, which `on_wait` is told. `allow_http` lets a test serve from this machine.
    Raises InputError where the file cannot be had, OutputError where it cannot be written; what came so far stays.
    """
    target = Path(cache_folder() if folder is None else folder).absolute() / source.file
    part = target.with_name(target.name + ".part")
    with _saying(target):
        if not force and target.exists() and _digest(target, "md5") == source.md5:
            return Fetched(target, _digest(target, "sha256"), False)
        target.parent.mkdir(parents=True, exist_ok=True)
        if force:
            part.unlink(missing_ok=True)
    download = _Download(source, target, part, on_progress, on_wait, timeout, allow_http)
    resumed = _size(part) > 0
    download.run(attempts, pause)
    if _digest(part, "md5") != source.md5 and resumed:  # what an earlier run left may be of another file
        part.unlink()
        download.run(attempts, pause)
    with _saying(target):
        if (found := _digest(part, "md5")) != source.md5:
            part.unlink()
            raise download.cannot(f"what came is not the file: its MD5 is {found} and must be {source.md5}")
        sha256 = _digest(part, "sha256")
        os.replace(part, target)
        write_text(f"{target}.sha256", f"{sha256}  {source.file}\n")
    return Fetched(target, sha256, True)


class _Cut(Exception):
    """The connection ended early; the next may go on."""


@dataclass
class _Download:
    source: Source
    target: Path
    part: Path
    on_progress: Callable[[int, int | None], None] | None
    on_wait: Callable[[str, float], None] | None
    timeout: float
    allow_http: bool
    tag: str | None = None  # the file's version, as the server calls it

    def run(self, attempts: int, pause: float) -> None:
        """Connections, one after the other, until `part` is complete."""
        failed = 0
        while True:
            before = _size(self.part)
            try:
                return self.connect(before)
            except (_Cut, HTTPException, urllib.error.URLError, OSError) as error:
                if isinstance(error, urllib.error.HTTPError):
                    error.close()
                    if error.code == 416 and before:  # the part is as long as the file, or longer
                        if _digest(self.part, "md5") == self.source.md5:
                            return None
                        self.part.unlink()
                    elif error.code not in AGAIN:
                        raise self.cannot(f"the server answers {error.code} {error.reason}") from None
                failed = failed + 1 if _size(self.part) <= before else 1
                reason = str(getattr(error, "reason", None) or error) or type(error).__name__
                if failed >= attempts:
                    raise self.cannot(f"no whole file after {attempts} attempts: {reason}") from None
                seconds = pause * 2 ** (failed - 1)
                if self.on_wait is not None:
                    self.on_wait(reason, seconds)
                time.sleep(seconds)

    def connect(self, start: int) -> None:
        """One connection: ask for what comes after the first `start` bytes, and append it."""
        headers = {"User-Agent": f"bcdetect/{__version__}", "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
            if self.tag:
                headers["If-Range"] = self.tag
        self.check(self.source.url)
        opener = urllib.request.build_opener(_Redirects(self.check))
        with opener.open(urllib.request.Request(self.source.url, headers=headers), timeout=self.timeout) as answer:
            total = self.length(answer, start)
            if answer.status != 206:
                start = 0  # a server that sends all, whatever was asked
            tag = answer.headers.get("ETag", "")
            self.tag = tag if tag.startswith('"') else None  # a weak one promises no equal bytes
            with _saying(self.part):
                file = open(self.part, "ab" if start else "wb")
            with file:
                self.receive(answer, file, start, total)

    def length(self, answer, start: int) -> int | None:
        """The bytes of the whole file, if the server says them; refuses a part that does not follow ours."""
        declared = answer.headers.get("Content-Length", "")
        total = int(declared) if declared.isascii() and declared.isdigit() else None
        if answer.status == 206:
            span, _, whole = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
            if span.partition("-")[0] != str(start):
                self.part.unlink(missing_ok=True)  # begin anew
                raise _Cut(f"the server sent the bytes {span!r} instead of those from {start:,} on")
            total = int(whole) if whole.isascii() and whole.isdigit() else None
        if total is not None and total > self.source.limit:
            raise self.cannot(f"the server's file has {total:,} bytes, more than the limit of {self.source.limit:,}")
        return total

    def receive(self, answer, file, done: int, total: int | None) -> None:
        while data := answer.read1(BLOCK):
            done += len(data)
            if done > self.source.limit:
                file.close()
                self.part.unlink()
                raise self.cannot(f"the server sent more than the limit of {self.source.limit:,} bytes")
            with _saying(self.part):
                file.write(data)
                file.flush()
            if self.on_progress is not None:
                self.on_progress(done, total)
        if total is not None and done < total:
            raise _Cut(f"the connection ended after {done:,} of {total:,} bytes")

    def check(self, url: str) -> None:
        """Raises InputError for any address that is not encrypted."""
        parts = urlsplit(url)
        local = self.allow_http and parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.scheme != "https" and not local:
            raise self.cannot(f"the server points to {url!r}, which is not https")

    def cannot(self, what: str) -> InputError:
        left = _size(self.part)
        kept = f"; {spoken(left)} are kept, and the same command goes on from there" if left else ""
        hint = f"Try again later, or download it by hand and put it at {self.target}"
        return InputError(what + kept, file=self.source.url, hint=hint)


class _Redirects(urllib.request.HTTPRedirectHandler):
    def __init__(self, check: Callable[[str], None]):
        self.check = check

    def redirect_request(self, request, file, code, message, headers, url):
        self.check(url)
        return super().redirect_request(request, file, code, message, headers, url)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _digest(path: Path, name: str) -> str:
    digest = hashlib.new(name, usedforsecurity=False)
    with open(path, "rb") as file:
        while data := file.read(2**20):
            digest.update(data)
    return digest.hexdigest()


@contextmanager
def _saying(path: Path):
    try:
        yield
    except OSError as error:
        hint = "Pass another folder with --to, or set BCDETECT_CACHE"
        raise OutputError(f"cannot be written: {error.strerror or error}", file=str(path), hint=hint) from error
