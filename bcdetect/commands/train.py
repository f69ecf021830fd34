"""`train`: from data to a run's folder."""

from __future__ import annotations

import json

from bcdetect.commands.doing import sayer, warm_up
from bcdetect.commands.flags import add_data_flags, config_of

HELP = "train on the built-in Wisconsin data, an own table or pictures, and judge on an untouched part"


def add_flags(parser) -> None:
    """See HELP."""
    add_data_flags(parser)
    parser.add_argument("--skip-bad", action="store_true", help="leave out pictures that cannot be read, and list them")
    parser.add_argument("--out", metavar="FOLDER", help="where the results go (runs/NAME-1, -2, ... if left out)")


def run(options) -> int:
    """See HELP."""
    from bcdetect import run as runs
    from bcdetect import show
    from bcdetect.output import new_folder

    config = config_of(options)
    folder = options.out or runs.default_out(config)
    say = sayer(options)
    data, parts = runs.load_run_data(config, options.skip_bad)
    say(show.data(data, parts))
    warm_up(say)
    with new_folder(folder) as inside:  # first, so that a folder that cannot be written is known before the training
        result = runs.execute(config, data, parts, None if options.quiet or options.json else show.epoch(config.epochs))
        runs.write(result, inside)
    if options.json:
        print(json.dumps({**runs.summary(result), "folder": str(folder)}, indent=1))
    else:
        print(show.result(result, folder))
    return 0
