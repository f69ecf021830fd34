"""Libraries that warn of odd metadata, on which nothing here relies, kept silent: in threads too."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_users = 0
_before = None


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings inside. `warnings.catch_warnings` alone is not made for threads: the first in sets, the last out restores."""
    global _users, _before
    with _lock:
        _users += 1
        if _users == 1:
            _before = warnings.catch_warnings()
            _before.__enter__()
            warnings.simplefilter("ignore")
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _before.__exit__(None, None, None)
