"""The files of a form (multipart/form-data), each read in memory: nothing that is sent touches the disk."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from fastapi import Depends, Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from bcdetect.errors import InputError
from bcdetect.serve.uploads import MOST_FILES, NAMED

SINGLE = "picture"  # the part's name of a picture by itself
HINT = f"Send multipart/form-data: pictures in parts named {SINGLE}, or the sequences of one exam, each in a part of its name"
PICTURES_BODY = {
    "requestBody": {
        "required": True,
        "description": f"{HINT}. At most {MOST_FILES} files.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        SINGLE: {
                            "type": "array",
                            "maxItems": MOST_FILES,
                            "items": {"type": "string", "format": "binary"},
                            "description": "PNG, JPEG, BMP, TIFF, PGM, PPM, DICOM or NIfTI files",
                        }
                    },
                    "additionalProperties": {"type": "string", "format": "binary", "description": "the sequence of this name"},
                }
            }
        },
    }
}


class Part(NamedTuple):
    """One file of a form: the field's name, what the file is called (for people), and its content."""

    field: str
    name: str
    data: bytes


class _InMemory(MultiPartParser):
    spool_max_size = 0  # for Starlette and SpooledTemporaryFile alike: never on the disk


async def parts_of(request: Request) -> list[Part]:
    """Every file of the form; the guard has bounded all of it together. Raises InputError for what is no form of files."""
    kind, _ = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data":
        raise InputError("this is no form of files", hint=HINT)
    parser = _InMemory(request.headers, request.stream(), max_files=MOST_FILES, max_fields=MOST_FILES)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise InputError(f"the form cannot be read: {error.message.rstrip('.')}", hint=HINT) from None
    except ValueError:  # of a character set that there is, and that decodes no names
        raise InputError("the form cannot be read", hint=HINT) from None
    parts = []
    for field, value in form.multi_items():
        if not isinstance(value, UploadFile):
            raise InputError(f"the part {_shown(field)!r} is no file", hint=HINT)
        parts.append(Part(_shown(field), file_name(value.filename), await value.read()))
        await value.close()
    return parts


Parts = Annotated[list[Part], Depends(parts_of)]


def file_name(sent: str | None) -> str:
    """What to call a file: the last part of the path that was sent, at most NAMED characters, on one line."""
    name = _shown((sent or "").replace("\\", "/").rpartition("/")[2]).strip() or "unnamed"
    return name if len(name) <= NAMED else f"{name[: NAMED // 2]}…{name[-(NAMED // 2 - 1) :]}"


def _shown(text: str) -> str:
    """As any JSON, page or terminal takes it: no control characters, no halves of characters."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text)
