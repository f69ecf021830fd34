"""What every test file shares."""

import functools

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(20240701)


@pytest.fixture(scope="session", autouse=True)
def few_resamples():
    """Judging a run here resamples 100 times: 2,000 would take most of its time. `test_intervals` shows what they are worth."""
    from bcdetect import scores

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scores, "stratified_bootstrap", functools.partial(scores.stratified_bootstrap, resamples=100))
        yield


@pytest.fixture
def command(capsys):
    """Run a command in this process: exit code, stdout, stderr."""
    from bcdetect.cli import main

    def command(*words):
        code = main([str(word) for word in words])
        return code, *capsys.readouterr()

    return command


@pytest.fixture
def all_resamples(monkeypatch):
    """A run in this process resamples as often as one in a process of its own, which it is compared with."""
    from bcdetect import intervals, scores

    monkeypatch.setattr(scores, "stratified_bootstrap", intervals.stratified_bootstrap)


@pytest.fixture
def no_figures(monkeypatch):
    """A run in this process draws no figures, which take longer than all else."""
    from bcdetect import run

    monkeypatch.setattr(run, "draw", lambda run, folder: [])


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium; not for the whole session, since while it is open no test can have an event loop of its own."""
    from browser import chromium, needs_chromium

    needs_chromium()
    with chromium() as found:
        yield found


@pytest.fixture
def fresh_kernel_cache(tmp_path, monkeypatch):
    """A cache folder that no other test has seen, in a process that has not looked for one yet."""
    from kernel_cache import again

    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA", "TINYCNN_VECTOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    again()
    yield
    again()
