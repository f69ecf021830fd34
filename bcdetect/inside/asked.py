"""What is asked for, checked: a layer, a place and a channel in it, a class, a network. Errors say what there is instead."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice

from bcdetect.errors import UsageError
from tinycnn.ops.shapes import is_int

LISTED = 60  # names in an error


def one_of(names: Collection[str], name: str, what: str) -> str:
    """The name, if it is one of them. Raises UsageError that lists them otherwise."""
    if isinstance(name, str) and name in names:
        return name
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    raise UsageError(f"there is no {what} {name!r}", hint=f"Take one of {', '.join(islice(names, LISTED))}{more}")


def number_below(count: int, number: int, what: str) -> int:
    """The number, if it is one from 0 on below the count. Raises UsageError otherwise."""
    if is_int(number) and 0 <= number < count:
        return int(number)
    raise UsageError(f"there is no {what} {number!r}", hint=f"Take {_range(count)}")


def number_at(name: str, shape: Sequence[int], place: Sequence[int] | None, channel: int) -> tuple[int, ...]:
    """Where a number stands in a layer's output of `shape`: its place, then its channel. Raises UsageError."""
    *sizes, channels = shape
    place = () if place is None else place
    fits = isinstance(place, (list, tuple)) and len(place) == len(sizes)
    if not fits or not all(is_int(n) and 0 <= n < size for n, size in zip(place, sizes, strict=True)):
        valid = f"Take {len(sizes)} of them: {', '.join(map(_range, sizes))}" if sizes else "It has none: take an empty list"
        raise UsageError(f"layer {name!r} has no place {place!r}", hint=valid)
    return (*map(int, place), number_below(channels, channel, f"channel in layer {name!r}:"))


def _range(count: int) -> str:
    return "0" if count == 1 else f"a number from 0 to {count - 1:,}"
