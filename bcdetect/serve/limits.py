"""How much one request, and all together, may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The bounds of the guard and of the connections.

    A body's seconds count only while the server waits for the client, never while it computes.
    """

    max_body: int = 64 << 20  # bytes of one request's body
    max_bytes_in_flight: int = 256 << 20  # bytes of all bodies that are being received or worked on
    max_requests: int = 200  # requests at once, event streams included
    max_connections: int = 400  # connections at once, those that wait for a request included
    max_target: int = 8 << 10  # bytes of the path and the query
    max_head: int = 32 << 10  # bytes of all headers
    head_seconds: float = 10.0  # for the headers of a request
    body_seconds: float = 60.0  # for the whole body
    idle_seconds: float = 10.0  # between two pieces of it
    write_seconds: float = 60.0  # without a client taking more of its answer
    linger_seconds: float = 2.0  # for a client to read an answer that came before it had sent everything
