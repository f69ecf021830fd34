"""`evaluate`: the mean over many splits, beside a baseline on the same ones."""

from __future__ import annotations

import os

from bcdetect.commands.doing import check_out, sayer, warm_up
from bcdetect.commands.flags import add_data_flags, config_of
from bcdetect.errors import UsageError

HELP = "repeated cross-validation beside logistic regression on the same folds"
THREADS = "worker processes"


def add_flags(parser) -> None:
    """See HELP."""
    add_data_flags(parser)
    parser.add_argument("--cv", required=True, metavar="RxK", help="repeats x folds, such as 10x10")
    parser.add_argument("--out", metavar="FILE.json", help="also write the scores of every fold")


def run(options) -> int:
    """See HELP."""
    from bcdetect import show
    from bcdetect.evaluation import cross_validate
    from bcdetect.output import save_text
    from bcdetect.run import load_data

    repeats, _, fold_count = options.cv.lower().partition("x")
    if not all(text.isascii() and text.isdigit() for text in (repeats, fold_count)) or int(repeats) < 1 or int(fold_count) < 2:
        raise UsageError(f"--cv {options.cv!r}: it must be repeats x folds, at least 1x2, such as 10x10")
    config = config_of(options)
    check_out(options.out, config.data)
    data = load_data(config)
    on_fold = None if options.quiet or options.json else show.fold
    workers = options.threads or os.cpu_count() or 1
    warm_up(sayer(options))  # before there are workers, each of which would compile for itself
    result = cross_validate(data, config, int(repeats), int(fold_count), workers, on_fold)
    as_json = show.folds_json(result, data, config)
    print(as_json.rstrip() if options.json else show.cross_validation(result, data), flush=True)
    if options.out:
        save_text(options.out, as_json)
    return 0
