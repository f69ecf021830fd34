"""Response headers: those that keep a browser from doing more than the page needs, and the name of a download."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import quote

from bcdetect.serve.refusal import Headers

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY: Headers = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),  # with "no-referrer" a form's Origin would be null, which the guard refuses
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"x-frame-options", b"DENY"),
]
LONGEST_NAME = 100


def secured(headers: Iterable[tuple[bytes, bytes]], static: bool = False) -> Headers:
    """The headers of a response with the security headers that it does not set itself; no CORS header is let through.

    Patients' numbers stay in no cache; a `static` file does, but is asked about again, so that an update is seen at once.
    """
    kept = [
        (name, value)
        for name, value in headers
        if not (lower := name.lower()).startswith(b"access-control-") and (static or lower != b"cache-control")
    ]
    present = {name.lower() for name, _ in kept}
    usual = [*SECURITY, (b"cache-control", b"no-cache" if static else b"no-store")]
    return kept + [pair for pair in usual if pair[0] not in present]


def attachment(filename: str) -> str:
    """The `Content-Disposition` that saves an answer under this name: one harmless header, whatever the name holds.

    Folders are dropped and characters that could end the header, hide the ending or mean something to a file system become
    `_`. Source: RFC 6266 with the encoding of RFC 8187.
    """
    visible = ("_" if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp") else letter for letter in filename)
    name = re.sub(r'[:*?"<>|]', "_", re.split(r"[/\\]", "".join(visible))[-1]).strip(". ") or "download"
    stem, ending = os.path.splitext(name)
    if len(name) > LONGEST_NAME:
        name = stem[: LONGEST_NAME - len(ending[:20])] + ending[:20]
    plain = re.sub(r"[^ -~]|%", "_", name)
    return f'attachment; filename="{plain}"' + ("" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}")
