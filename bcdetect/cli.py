"""The command line: finds the command, runs it, and turns every way to fail into one line and an exit code."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from importlib import import_module

from bcdetect import NOTICE, __version__, commands
from bcdetect.errors import BcdetectError, OutputError, UsageError


class Parser(argparse.ArgumentParser):
    """argparse, but a wrong flag is an error like any other."""

    def error(self, message):
        """Raise UsageError instead of exiting."""
        raise UsageError(message, hint=f"See {self.prog} --help")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code (see the README)."""
    words = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in words
    in_main_thread = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, _stop) if in_main_thread else None
    if hasattr(sys.stdout, "reconfigure"):  # a name that the terminal cannot show must not cost the result
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        options, unknown = _parser().parse_known_args(words)
        if unknown:
            raise UsageError(f"unrecognized arguments: {' '.join(unknown)}", hint=f"See {options.prog} --help")
        if options.threads is not None:
            _set_threads(options.threads)
        code = options.run(options)
        sys.stdout.flush()
        return code
    except BcdetectError as error:
        return _fail(error, as_json)
    except KeyboardInterrupt as interruption:
        print(str(interruption) or "interrupted; nothing was written", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe has gone, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except MemoryError:
        return _fail(UsageError("this needs more memory than there is", hint="Make the network or the table smaller"), as_json)
    except OSError as error:
        return _fail(OutputError(error.strerror or str(error), file=str(error.filename or "")), as_json)
    finally:
        if in_main_thread:
            signal.signal(signal.SIGTERM, before)


def _fail(error: BcdetectError, as_json: bool) -> int:
    if as_json:
        parts = {name: getattr(error, name) for name in ("code", "file", "where", "what", "hint")}
        print(json.dumps({"error": parts}), file=sys.stderr)
    else:
        print(f"error: {error}", file=sys.stderr)
    return error.exit_code


def _stop(number, frame):
    raise SystemExit(128 + number)


def _set_threads(count: int) -> None:
    """Before NumPy is imported: its BLAS reads these once."""
    if count < 1:
        raise UsageError(f"--threads {count}: it must be at least 1")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(count)


def _parser() -> Parser:
    parser = Parser(prog="python -m bcdetect", description=f"A breast-cancer classifier. {NOTICE}")
    parser.add_argument("--version", action="version", version=f"bcdetect {__version__}")
    found = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    for name in commands.NAMES:
        command = import_module(f"bcdetect.commands.{name.replace('-', '_')}")
        sub = found.add_parser(name, help=command.HELP, description=command.HELP)
        sub.add_argument("--threads", type=int, metavar="N", help=getattr(command, "THREADS", "threads of NumPy"))
        sub.add_argument("--quiet", action="store_true", help="print results only")
        sub.add_argument("--json", action="store_true", help="print results, and errors, as JSON")
        command.add_flags(sub)
        sub.set_defaults(run=command.run, prog=sub.prog)
    return parser
