"""What every test file shares."""

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(20240701)


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
