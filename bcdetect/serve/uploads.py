"""What a request carries: a table as text, or pictures as files; read in memory, never written to disk."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query, Request

from bcdetect.errors import InputError
from bcdetect.gate import decode_text
from bcdetect.table import Table, parse_table

MOST_FILES = 64
MOST_CELLS = 8_000_000  # of a table; as text in memory each takes some hundred bytes, whatever it took on the wire
NAMED = 200  # characters of a file's name that are kept

FileName = Annotated[str, Query(max_length=NAMED, description="the file's name, for messages")]
CSV_BODY = {
    "requestBody": {
        "required": True,
        "description": "A CSV table in UTF-8 whose first line names the columns.",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}


async def body_of(request: Request) -> bytes:
    """The whole body, which the guard has bounded."""
    return await request.body()


Body = Annotated[bytes, Depends(body_of)]


def table_of(body: bytes, name: str, most_rows: int | None = None) -> Table:
    """A CSV body as a table. Raises InputError, as for a file of this name, and for more cells or rows than are taken."""
    if not body:
        raise InputError("the table is empty", file=name, hint="Send a CSV table whose first line names the columns")
    check_cells(body, name)
    return parse_table(decode_text(body, file=name), file=name, most_rows=most_rows)


def check_cells(body: bytes, name: str) -> None:
    """Raise InputError for a CSV body of more cells than are taken; before it is read, which would take the memory."""
    if body.count(b",") + max(body.count(b"\n"), body.count(b"\r")) > MOST_CELLS:  # inside quotes, too: it is a bound
        hint = "Leave out columns that are no measurements, or split it into smaller files"
        raise InputError(f"more than {MOST_CELLS:,} cells", file=name, hint=hint)
