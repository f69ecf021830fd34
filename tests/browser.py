"""What the browser tests share: a server of its own in another process, and a page of headless Chromium that watches itself."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from trained import environment

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
READY = re.compile(r"http://127\.0\.0\.1:(\d+)")


def needs_chromium():
    """Skip where there is no Chromium to drive, and say how to get one."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (on Debian: apt-get install chromium)")
    pytest.importorskip("playwright", reason="playwright is not installed (it is part of the extra 'test')")


@contextlib.contextmanager
def served(models: Path, *flags, **variables):
    """`python -m bcdetect serve` over a folder of models, on a free port; gives its address."""
    words = [sys.executable, "-m", "bcdetect", "serve", "--models", str(models), "--port", "0", *map(str, flags)]
    env = environment(PYTHONUNBUFFERED="1", TINYCNN_BACKEND="numpy", **variables)
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            lines = []
            for line in process.stdout:
                lines.append(line)
                if found := READY.search(line):
                    break
            else:
                raise AssertionError("the server did not start:\n" + "".join(lines))
            yield found[0]
        finally:
            process.terminate()
            process.stdout.close()
            process.wait(30)


class Watched:
    """A page that remembers what must not be: console errors, failed scripts, requests to other hosts, answers of 500."""

    def __init__(self, page, address: str):
        self.page, self.address, self.wrong = page, address, []
        page.on("console", lambda message: message.type in ("error", "warning") and self.wrong.append(message.text))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda request: self._local(request.url))
        page.on("response", lambda response: response.status >= 500 and self.wrong.append(f"{response.status} {response.url}"))

    def _local(self, url: str) -> None:
        if not url.startswith((self.address + "/", "data:", "blob:")):
            self.wrong.append(f"a request to {url}")

    def open(self, path: str):
        """Go there; gives Playwright's page."""
        self.page.goto(self.address + path)
        return self.page

    def forget_refusals(self) -> None:
        """A 4xx answer that the test asked for is logged by Chromium as an error of the console; that one is no fault."""
        self.wrong = [text for text in self.wrong if "the server responded with a status of 4" not in text]


@contextlib.contextmanager
def chromium():
    """A headless browser. Chromium refuses its sandbox to root."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"] if root else [])
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def watched(browser, address: str, size: str = "desktop", scheme: str = "light"):
    """A fresh page; at its end nothing may have gone wrong in it."""
    context = browser.new_context(viewport=SIZES[size], color_scheme=scheme, accept_downloads=True)
    context.set_default_timeout(20_000)
    page = Watched(context.new_page(), address)
    try:
        yield page
        assert not page.wrong, page.wrong
    finally:
        context.close()
