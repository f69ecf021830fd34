"""`train`: from data to a run's folder."""

from __future__ import annotations

import json

from bcdetect.commands.doing import reading, sayer, warm_up
from bcdetect.commands.flags import add_data_flags, config_of, is_told
from bcdetect.errors import UsageError

HELP = "train on the built-in Wisconsin data, an own table or pictures, and judge on an untouched part"


def add_flags(parser) -> None:
    """See HELP."""
    add_data_flags(parser)
    parser.add_argument("--init", metavar="MODEL", help="pictures: start from the weights of a saved model")
    parser.add_argument(
        "--freeze", metavar="PREFIX,...", help="of its layers, those to leave as they are; 'body' for all but the last"
    )
    parser.add_argument("--skip-bad", action="store_true", help="leave out pictures that cannot be read, and list them")
    parser.add_argument("--out", metavar="FOLDER", help="where the results go (runs/NAME-1, -2, ... if left out)")
    parser.add_argument(
        "--resume", metavar="FOLDER", help="go on with the run that was to end there, by its own settings; or begin it"
    )


def run(options) -> int:
    """See HELP."""
    from bcdetect import run as runs
    from bcdetect import show
    from bcdetect.checkpoint import NAME, Checkpoint
    from bcdetect.interrupt import stoppable
    from bcdetect.output import run_folder, save_text
    from bcdetect.training import Watch

    if options.resume is not None and options.out is not None:
        raise UsageError("--resume and --out name the same folder", hint="Pass one of them")
    begun = runs.begun(options.resume) if options.resume is not None else None
    if begun is not None and is_told(options) and config_of(options) != begun:
        raise UsageError("a resumed run keeps its settings", file=options.resume, hint="Pass --resume alone")
    config = begun or config_of(options)
    folder = options.resume or options.out or runs.default_out(config)
    say = sayer(options)
    if begun is not None and runs.is_finished(folder):
        say(f"{folder}: finished already")
        return 0
    # First, so that a folder that cannot be written is known before the training, and a run that ends early is known after it.
    with run_folder(folder, options.resume is not None, NAME) as inside:
        save_text(inside / runs.CONFIG, config.to_json())
        data, parts = runs.load_run_data(config, options.skip_bad, reading(options))
        say(show.data(data, parts))
        warm_up(say)
        with stoppable() as stop:
            watch = Watch(say, stop=stop, checkpoint=Checkpoint(inside, config, runs.fingerprint(data, parts)))
            if not options.quiet and not options.json:
                watch.on_epoch = show.epoch(config)
            result = runs.execute(config, data, parts, watch)
        runs.write(result, inside)
        if not result.interrupted:
            watch.checkpoint.remove()
    if options.json:
        print(json.dumps({**runs.summary(result), "folder": str(folder)}, indent=1))
    else:
        print(show.result(result, folder))
    return 130 if result.interrupted else 0
