"""Response headers that keep a browser from doing more than the page needs."""

from __future__ import annotations

from collections.abc import Iterable

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
