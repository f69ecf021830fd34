"""An answer as JSON, of which NaN and infinity are no part."""

from __future__ import annotations

import json
import math
from typing import Any


def dumped(content: Any) -> bytes:
    """The JSON of an answer; a number that is not finite becomes null."""
    try:
        text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    except ValueError:
        text = json.dumps(_finite(content), allow_nan=False, separators=(",", ":"))
    return text.encode()


def _finite(content: Any) -> Any:
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    return [_finite(value) for value in content] if isinstance(content, (list, tuple)) else content
