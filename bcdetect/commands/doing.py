"""What several commands do around their work: say what goes on, compile, check where results go, print a report."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

from bcdetect.errors import UsageError


def sayer(options) -> Callable[[str], None]:
    """Print what goes on, unless told to be quiet."""
    return (lambda text: None) if options.quiet or options.json else (lambda text: print(text, flush=True))


def warm_up(say) -> None:
    """Compile what training needs, if no run before this one did, and say why it takes a while."""
    from tinycnn import ops

    if ops.is_cold():
        say("compiling the kernels, once on this machine: a third of a minute at most")
        ops.warmup()


def reading(options) -> Callable[[int], None] | None:
    """Count the pictures that were read, in one line of a terminal, which the next line overwrites; None elsewhere."""
    if options.quiet or options.json or not sys.stderr.isatty():
        return None

    def tell(done: int) -> None:
        if done % 20 == 0:
            print(f"pictures read: {done:,}", end="\r", file=sys.stderr, flush=True)

    return tell


def check_out(out: str | None, source: str | None) -> None:
    """A file that can be written, and not the table that the answer is about."""
    from bcdetect.output import check_place

    if out:
        check_place(out)
    if out and source and os.path.exists(out) and os.path.exists(source) and os.path.samefile(out, source):
        raise UsageError(f"--out {out!r} is the input itself", hint="Choose another file")


def print_report(options, text: str, folder) -> None:
    """A text, and where it and its figures are."""
    from bcdetect import plots

    if options.json:
        print(json.dumps({"text": text, "folder": str(folder)}))
    else:
        print(f"{text}\nwritten to {folder}" + ("" if plots.available() else f"\n{plots.MISSING}"))
