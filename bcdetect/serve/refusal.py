"""A request that is turned away: an HTTP status beside what every error says, and its answer as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable

from bcdetect.errors import BcdetectError

Headers = list[tuple[bytes, bytes]]


class Refusal(BcdetectError):
    """What the safety layer answers in the application's place."""

    def __init__(
        self, status: int, code: str, what: str, *, where: str = "", hint: str = "", headers: Iterable[tuple[bytes, bytes]] = ()
    ):
        """`status` is HTTP's, `code` a stable name for programs, `headers` what the answer carries beside the usual."""
        super().__init__(what, where=where, hint=hint)
        self.status, self.code, self.headers = status, code, list(headers)


def busy(what: str, seconds: int = 1) -> Refusal:
    """503: too much at once; another try after `seconds` may do."""
    return Refusal(503, "busy", what, hint="Try again in a moment", headers=[(b"retry-after", str(seconds).encode())])


def error_json(error: BcdetectError) -> bytes:
    """`{"error": {"code", "file", "where", "what", "hint"}}`, the same as a command prints with --json."""
    parts = {name: getattr(error, name) for name in ("code", "file", "where", "what", "hint")}
    return json.dumps({"error": parts}).encode()


def answer(refusal: Refusal) -> tuple[Headers, bytes]:
    """Headers and body of the answer to a refused request."""
    body = error_json(refusal)
    return [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *refusal.headers], body
