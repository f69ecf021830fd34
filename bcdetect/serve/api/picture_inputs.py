"""From the files of a form to inputs of a model of pictures."""

from __future__ import annotations

from bcdetect.classifier import Classifier
from bcdetect.errors import InputError
from bcdetect.inputs import Input, Source
from bcdetect.serve.forms import SINGLE, Part
from bcdetect.uploaded import open_uploads

MOST_PICTURES = 512  # of all files of a request, counting slices


def opened(classifier: Classifier, parts: list[Part]) -> Source:
    """What was sent, as inputs of a model of pictures. Raises InputError where the files are not of its kind."""
    if all(part.field == SINGLE for part in parts) and SINGLE not in classifier.sequences:
        return open_uploads(classifier, [(part.name, part.data) for part in parts], MOST_PICTURES)
    files = {part.field: (part.name, part.data) for part in parts}
    if len(files) < len(parts):
        raise InputError("two files in parts of one name", hint=f"Name parts {SINGLE}, or each by its sequence")
    return open_uploads(classifier, files, MOST_PICTURES)


def the_input(source: Source, parts: list[Part], number: int, exam: bool) -> Input:
    """The input that is asked for. Raises InputError."""
    if len(parts) > 1 and not exam:
        raise InputError(f"{len(parts)} pictures; one at a time is looked at", hint="Send one")
    if number > source.count:
        what = f"has no picture {number}; it holds {source.count}, counted from 1"
        raise InputError(what, file=parts[0].name, hint="Correct the number")
    each = next(source.read({number}))
    if each.problem is not None:
        raise InputError(each.problem, file=each.name, hint=each.hint)
    return each


def content_of(parts: list[Part]) -> bytes:
    """All files one after the other, for their hash."""
    return parts[0].data if len(parts) == 1 else b"".join(part.data for part in parts)
