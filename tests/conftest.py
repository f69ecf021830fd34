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
