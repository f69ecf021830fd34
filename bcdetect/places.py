"""Where files are kept between runs: fetched data sets and decoded pictures."""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "BCDETECT_CACHE"
FETCHED = ("breastmnist",)  # names of data sets that `python -m bcdetect data fetch NAME` puts into the cache folder


def cache_folder() -> Path:
    """The folder that `BCDETECT_CACHE` names, or `bcdetect` in the user's cache folder of this system; it may not exist yet."""
    if told := os.environ.get(VARIABLE):
        return Path(told).absolute()
    home = Path.home()
    if os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        told = os.environ.get("XDG_CACHE_HOME", "")
        base = Path(told) if os.path.isabs(told) else home / ".cache"  # the XDG specification has relative ones ignored
    return base / "bcdetect"


def spoken(count: int) -> str:
    """Bytes for people, such as 12.3 MiB."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
