"""`tune`: search for better settings on inner folds of the training part, and write them as a config file."""

from __future__ import annotations

import json
import sys

from bcdetect.commands.doing import reading, sayer, warm_up
from bcdetect.commands.flags import add_data_flags, config_of, is_told, worker_count
from bcdetect.errors import UsageError

HELP = "search for better settings by cross-validation inside the training part (Optuna)"
THREADS = "worker processes, where --workers does not say"


def add_flags(parser) -> None:
    """See HELP."""
    add_data_flags(parser)
    parser.add_argument("--trials", type=int, metavar="N", help="finished trials that the study is to have (50 if left out)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes that share the trials (one a core if left out)")
    parser.add_argument("--only", metavar="A,B", help="tune only these settings, such as lr,dropout")
    parser.add_argument("--inner", type=int, metavar="K", help="inner folds (5 if left out)")
    parser.add_argument("--objective", choices=("log_loss", "auc"), help="what is improved on them (log_loss if left out)")
    parser.add_argument(
        "--storage",
        metavar="URL",
        help="of an Optuna storage that several machines share (a SQLite file in the folder if left out)",
    )
    parser.add_argument("--skip-bad", action="store_true", help="leave out pictures and rows that cannot be read, and list them")
    parser.add_argument("--out", metavar="FOLDER", help="where the results go (runs/tune-NAME-1, -2, ... if left out)")
    parser.add_argument("--resume", metavar="FOLDER", help="go on with the tuning that was begun there, by its own settings")


def run(options) -> int:
    """See HELP."""
    from bcdetect import run as runs
    from bcdetect import show
    from bcdetect.tuning import folder, result
    from bcdetect.tuning.optuna import optuna
    from bcdetect.tuning.space import space_for
    from bcdetect.tuning.study import Plan
    from bcdetect.tuning.tune import inside, study_name, tune

    optuna()
    for name, least in (("trials", 1), ("workers", 1), ("inner", 2)):
        if getattr(options, name) is not None and getattr(options, name) < least:
            raise UsageError(f"--{name} {getattr(options, name)}: it must be at least {least}")
    if options.resume is not None:
        if options.out is not None or is_told(options) or any((options.only, options.inner, options.objective)):
            raise UsageError(
                "a resumed tuning keeps its settings", file=options.resume, hint="Pass --trials and --workers at most"
            )
        place, begun = folder.taken_up(options.resume)
    else:
        config = runs.located(config_of(options))
        if config.init is not None:
            raise UsageError(
                "folds cannot start from a saved model: it may have seen the rows they test on", hint="Leave init out"
            )
        only = [name.strip() for name in (options.only or "").split(",") if name.strip()]
        begun = folder.Begun(
            config, only, options.inner or 5, options.objective or "log_loss", options.trials or 50, options.storage is not None
        )
        place = None  # made once the data is known to be good
    if begun.shared and options.storage is None:
        raise UsageError("its trials lie in a storage of its own", file=options.resume, hint="Pass --storage URL, as at first")
    data, parts = runs.load_run_data(begun.config, reading(options))
    rows = inside(data, parts)
    plan = Plan(begun.config, space_for(data, begun.only), begun.inner, begun.objective)
    if place is None:
        place = folder.begin(options.out or folder.default(begun.config), begun)
    say = sayer(options)
    say(show.data(data, parts))
    warm_up(say)
    trials = options.trials or begun.trials
    on_trial = None if options.quiet or options.json else told
    storage = options.storage or folder.sqlite(place)
    try:
        name = study_name(plan, data, parts)
        study = tune(rows, plan, trials, storage, name, options.workers or worker_count(options), on_trial)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; go on with: {folder.go_on(place, begun)}") from None
    result.write(study, plan, rows, place)
    if options.json:
        print(json.dumps({"folder": str(place), **json.loads(result.to_json(study, plan, rows))}, indent=1))
    else:
        print(result.text(study, plan, rows, len(rows.y), len(parts["test"]), place) + f"\nwritten to {place}")
    return 0


def told(done: int, of: int) -> None:
    """One line that counts; on a terminal it stays one line."""
    if sys.stderr.isatty():
        print(f"\rtrials finished: {done}/{of}", end="\n" if done >= of else "", file=sys.stderr, flush=True)
    elif done >= of or done % 10 == 0:
        print(f"trials finished: {done}/{of}", file=sys.stderr, flush=True)
