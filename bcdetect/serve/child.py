"""One training run of the page, in a process of its own: `python -m bcdetect.serve.child FOLDER`.

The folder holds request.json and maybe an uploaded table, and gets the finished run as `run`. What goes on is told on stdout, one
JSON object a line, the last of them "done" or "error". Whatever comes on stdin asks to end with the best weights so far; its end
means that the server is gone, and the folder and this process go too.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress

from bcdetect.errors import BcdetectError, UsageError

REQUEST, RUN = "request.json", "run"
TEXT = 20_000  # characters of a line for people; a table has up to 10,000 columns to name


def main(folder: str) -> None:
    """Train as the folder's request says."""
    folder = os.path.abspath(folder)
    tell, asked = _teller(), threading.Event()
    threading.Thread(target=_obey, args=(asked, folder), daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(5)  # answers of the server come first
    os.chdir(folder)  # the table is called by its plain name everywhere: no path is in what is told and kept
    try:
        _run(tell, asked)
    except BrokenPipeError:
        _vanish(folder)


def _run(tell: Callable, asked: threading.Event) -> None:
    """Train, and tell how it ended."""
    try:
        tell("done", **_train(tell, asked))
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        tell("done", interrupted=True)
    except BcdetectError as error:
        _fail(tell, error)
    except MemoryError:
        _fail(tell, UsageError("this needs more memory than there is", hint="Make the network or the table smaller"))
    except Exception as error:
        traceback.print_exc()
        tell("error", error={"code": "crash", "file": "", "where": "", "what": _short(error), "hint": ""})


def _train(tell: Callable, asked: threading.Event) -> dict:
    """As the command `train` does; what it found. Raises KeyboardInterrupt when it was to end before its first epoch had."""
    from bcdetect import run as runs
    from bcdetect import show
    from bcdetect.commands.doing import warm_up
    from bcdetect.config import Config
    from bcdetect.gate import read_bytes
    from bcdetect.output import new_folder
    from bcdetect.serve.own_table import own_table
    from bcdetect.training import Watch

    with open(REQUEST, encoding="utf-8") as file:
        request = json.load(file)
    config = Config().with_values(request["settings"])
    deadline = time.monotonic() + request["seconds"]

    def say(text: str) -> None:
        tell("line", text=text[:TEXT])

    def stop() -> bool:
        if not asked.is_set() and time.monotonic() > deadline:
            say(f"ending after {request['seconds']:g} seconds, the most that a run may take here")
            asked.set()
        return asked.is_set()

    tell("state", state="reading")
    if config.data is None:
        data, parts = runs.load_run_data(config)
    else:
        data, parts = own_table(read_bytes(config.data), config)
        os.unlink(config.data)
    say(show.data(data, parts))
    tell("state", state="preparing")
    warm_up(say)
    if stop():
        raise KeyboardInterrupt
    tell("state", state="training")
    result = runs.execute(config, data, parts, Watch(say, _epochs(tell, config.epochs), stop))
    tell("state", state="writing")
    with new_folder(RUN) as inside:
        runs.write(result, inside)
    return {"interrupted": result.interrupted, **_found(result)}


def _found(result) -> dict:
    """What the page shows of a run; the report has all of it."""
    from bcdetect import run as runs
    from bcdetect import show
    from bcdetect.audit import shared_rows

    [history] = result.histories
    return {
        **runs.facts(history),
        "learning": runs.learning(history, result),
        "positive": result.classifier.positive,
        "rows": len(result.parts["test"]),
        "rows_in_two_parts": shared_rows(result.data, result.parts),
        "logistic_converged": result.logistic_converged,
        "test": result.scores,
        "intervals": show.interval_method(result.data),
    }


def _epochs(tell: Callable, of: int) -> Callable[[dict, float], None]:
    names = ("loss", "validation_loss", "validation_auc", "lr")

    def on_epoch(row: dict, seconds_left: float) -> None:
        numbers = {name: float(row[name]) if math.isfinite(row[name]) else None for name in names}  # an AUC may be undefined
        tell("epoch", epoch=int(row["epoch"]), of=of, **numbers, seconds_left=round(seconds_left, 1))

    return on_epoch


def _teller() -> Callable:
    """What writes events to stdout; whatever else is printed goes to stderr from now on."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(event: str, **facts) -> None:
        print(json.dumps({"event": event, **facts}, allow_nan=False), file=out, flush=True)

    return tell


def _obey(asked: threading.Event, folder: str) -> None:
    while os.read(0, 64):  # not sys.stdin, whose lock a thread must not hold when Python ends
        asked.set()
    _vanish(folder)


def _vanish(folder: str) -> None:
    """The server is gone: leave nothing of what was uploaded to it."""
    for _ in range(2):  # the other thread may write meanwhile
        shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        os.rmdir(os.path.dirname(folder))  # the last run's process removes what held them all
    os._exit(1)


def _fail(tell: Callable, error: BcdetectError) -> None:
    tell("error", error={name: getattr(error, name) for name in ("code", "file", "where", "what", "hint")})


def _short(error: Exception) -> str:
    return f"the run failed: {type(error).__name__}: {error}"[:300]


if __name__ == "__main__":
    main(sys.argv[1])
