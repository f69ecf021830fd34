"""The command line: each command reads its flags, calls what a library user could call, and prints.

Nothing heavy is imported before a command needs it: `predict` runs on NumPy alone.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading

from bcdetect import NOTICE, __version__
from bcdetect.errors import BcdetectError, InputError, OutputError, UsageError


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
        options = _parser().parse_args(words)
        if options.threads is not None:
            _set_threads(options.threads)
        code = options.run(options)
        sys.stdout.flush()
        return code
    except BcdetectError as error:
        return _fail(error, as_json)
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
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
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)

    def command(name, run, help_text):
        sub = commands.add_parser(name, help=help_text, description=help_text)
        sub.add_argument(
            "--threads", type=int, metavar="N", help="worker processes" if name == "evaluate" else "threads of NumPy"
        )
        sub.add_argument("--quiet", action="store_true", help="print results only")
        sub.add_argument("--json", action="store_true", help="print results, and errors, as JSON")
        sub.set_defaults(run=run)
        return sub

    train = command("train", _train, "train on the built-in Wisconsin data or an own table, and judge on an untouched part")
    _add_data_flags(train)
    train.add_argument("--skip-bad", action="store_true", help="leave out pictures that cannot be read, and list them")
    train.add_argument("--out", metavar="FOLDER", help="where the results go (runs/NAME-1, -2, ... if left out)")
    evaluate = command("evaluate", _evaluate, "repeated cross-validation beside logistic regression on the same folds")
    _add_data_flags(evaluate)
    evaluate.add_argument("--cv", required=True, metavar="RxK", help="repeats x folds, such as 10x10")
    evaluate.add_argument("--out", metavar="FILE.json", help="also write the scores of every fold")
    predict = command("predict", _predict, "answer every row of a table; columns are matched by name")
    predict.add_argument("model", metavar="MODEL", help="a model.npz that train wrote")
    predict.add_argument("file", metavar="FILE", help="a CSV table; for a model of pictures, a picture or a folder of them")
    predict.add_argument("--out", metavar="FILE", help="also write the answers, as .csv or .json")
    eda = command("eda", _eda, "look at a table: classes, distributions, correlations, missing values")
    eda.add_argument("file", metavar="FILE", nargs="?", help="a CSV file (the built-in data if left out)")
    eda.add_argument("--label", metavar="COLUMN", help="the column of classes (diagnosis if left out)")
    eda.add_argument("--out", metavar="FOLDER", help="where text and figures go (eda/NAME-1, -2, ... if left out)")
    reproduce = command("reproduce", _reproduce, "the published study's figures beside ours")
    reproduce.add_argument("--seed", type=int, help="of the weights and the order of rows; the split is the study's")
    reproduce.add_argument("--out", metavar="FOLDER", help="where text and figures go (reproduce/paper-1, -2, ... if left out)")
    return parser


def _add_data_flags(parser: Parser) -> None:
    parser.add_argument(
        "--data",
        metavar="WHERE",
        help="a CSV table, a folder of pictures with one sub-folder a class, a manifest "
        "CSV of picture files, or a MedMNIST .npz (the built-in Wisconsin table if left out)",
    )
    parser.add_argument("--label", metavar="COLUMN", help="the column of classes (diagnosis if left out)")
    parser.add_argument("--positive", metavar="NAME", help="which of two classes is the one to detect")
    parser.add_argument("--group", metavar="COLUMN", help="rows of one group (a patient) stay in one part")
    parser.add_argument("--drop", metavar="A,B", help="columns to leave out")
    parser.add_argument("--epochs", type=int, help="at most so many; fewer where the validation loss stops falling")
    parser.add_argument("--seed", type=int, help="of the split, the weights and the order of rows")
    parser.add_argument("--config", metavar="FILE.json", help="settings of an earlier run; flags and --set override them")
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], dest="settings", help="any setting; may be repeated"
    )


def _config(options):
    """The settings: defaults, then --config, then --set, then the named flags."""
    from bcdetect.config import Config
    from bcdetect.datasets import holds_pictures
    from bcdetect.gate import read_text

    config = Config.for_pictures() if holds_pictures(options.data) else Config()
    if options.config is not None:
        config = Config.from_json(read_text(options.config), file=options.config)
    config = config.with_settings(options.settings)
    named = {name: getattr(options, name) for name in ("data", "label", "positive", "group", "drop", "epochs", "seed")}
    if empty := [name for name, value in named.items() if value == "" and name != "drop"]:
        raise UsageError(f"--{empty[0]} is empty", hint="Leave the flag out for the default")
    return config.with_values({name: value for name, value in named.items() if value is not None})


def _train(options) -> int:
    from bcdetect import run, show
    from bcdetect.output import new_folder

    config = _config(options)
    folder = options.out or run.default_out(config)
    say = _sayer(options)
    data, parts = run.load_run_data(config, options.skip_bad)
    say(show.data(data, parts))
    _warm_up(say)
    with new_folder(folder) as inside:  # first, so that a folder that cannot be written is known before the training
        result = run.execute(config, data, parts, None if options.quiet or options.json else show.epoch(config.epochs))
        run.write(result, inside)
    if options.json:
        print(json.dumps({**run.summary(result), "folder": str(folder)}, indent=1))
    else:
        print(show.result(result, folder))
    return 0


def _evaluate(options) -> int:
    from bcdetect import show
    from bcdetect.evaluation import cross_validate
    from bcdetect.output import save_text
    from bcdetect.run import load_data

    repeats, _, fold_count = options.cv.lower().partition("x")
    if not all(text.isascii() and text.isdigit() for text in (repeats, fold_count)) or int(repeats) < 1 or int(fold_count) < 2:
        raise UsageError(f"--cv {options.cv!r}: it must be repeats x folds, at least 1x2, such as 10x10")
    config = _config(options)
    _check_out(options.out, config.data)
    data = load_data(config)
    on_fold = None if options.quiet or options.json else show.fold
    workers = options.threads or os.cpu_count() or 1
    _warm_up(_sayer(options))  # before there are workers, each of which would compile for itself
    result = cross_validate(data, config, int(repeats), int(fold_count), workers, on_fold)
    as_json = show.folds_json(result, data, config)
    print(as_json.rstrip() if options.json else show.cross_validation(result, data), flush=True)
    if options.out:
        save_text(options.out, as_json)
    return 0


def _predict(options) -> int:
    from bcdetect import predict
    from bcdetect.bundle import load_classifier
    from bcdetect.output import save_text
    from bcdetect.table import read_table

    kind = os.path.splitext(options.out or "")[1].lower()
    if options.out and kind not in (".csv", ".json"):
        raise UsageError(f"--out {options.out!r}: it must end in .csv or .json")
    _check_out(options.out, options.file)
    classifier, digest = load_classifier(options.model)
    if classifier.takes_pictures:
        answers = predict.predict_pictures(classifier, options.file)
    else:
        answers = predict.predict_table(classifier, read_table(options.file))
    if all(answer.problem for answer in answers):
        first = answers[0]
        where = "" if first.name == options.file else first.place()
        raise InputError(f"nothing could be answered: {first.problem}", file=options.file, where=where)
    as_json = predict.to_json(answers, classifier, digest)
    if options.out:
        save_text(options.out, as_json if kind == ".json" else predict.to_csv(answers, classifier))
    if options.json:
        print(as_json, end="")
    else:
        print("\n".join(predict.line_of(answer, classifier) for answer in answers))
        print(NOTICE)
    return 1 if any(answer.problem for answer in answers) else 0


def _eda(options) -> int:
    from bcdetect.eda import explore
    from bcdetect.output import free_name

    stem = os.path.splitext(os.path.basename(options.file))[0] if options.file else "wisconsin"
    folder = options.out or free_name(os.path.join("eda", stem))
    text = explore(options.file, folder, options.label)
    _print_report(options, text, folder)
    return 0


def _reproduce(options) -> int:
    from bcdetect import reproduce
    from bcdetect.output import free_name

    folder = options.out or free_name(os.path.join("reproduce", "paper"))
    config = reproduce.default_config()
    if options.seed is not None:
        config = config.with_values({"seed": options.seed})
    result = reproduce.reproduce(config, _sayer(options))
    reproduce.write(result, folder)
    text = reproduce.describe(result)
    _print_report(options, text, folder)
    return 0


def _print_report(options, text: str, folder) -> None:
    from bcdetect import plots

    if options.json:
        print(json.dumps({"text": text, "folder": str(folder)}))
    else:
        print(f"{text}\nwritten to {folder}" + ("" if plots.available() else f"\n{plots.MISSING}"))


def _check_out(out: str | None, source: str | None) -> None:
    """A file that can be written, and not the table that the answer is about."""
    from bcdetect.output import check_place

    if out:
        check_place(out)
    if out and source and os.path.exists(out) and os.path.exists(source) and os.path.samefile(out, source):
        raise UsageError(f"--out {out!r} is the input itself", hint="Choose another file")


def _warm_up(say) -> None:
    """Compile what training needs, if no run before this one did, and say why it takes a while."""
    from tinycnn import ops

    if ops.is_cold():
        say("compiling the training kernels, once on this machine: about a quarter of a minute")
        ops.warmup()


def _sayer(options):
    """Print what goes on, unless told to be quiet."""
    return (lambda text: None) if options.quiet or options.json else (lambda text: print(text, flush=True))
