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
    parser.add_argument("--skip-bad", action="store_true", help="leave out pictures and rows that cannot be read, and list them")
    parser.add_argument("--out", metavar="FOLDER", help="where the results go (runs/NAME-1, -2, ... if left out)")
    parser.add_argument(
        "--resume", metavar="FOLDER", help="go on with the run that was to end there, by its own settings; or begin it"
    )


def run(options) -> int:
    """See HELP."""
    from bcdetect import run as runs
    from bcdetect import show
    from bcdetect.checkpoint import NAME, Checkpoint, discard
    from bcdetect.interrupt import stoppable
    from bcdetect.output import run_folder, save_text
    from bcdetect.training import Watch

    if options.resume is not None and options.out is not None:
        raise UsageError("--resume and --out name the same folder", hint="Pass one of them")
    begun = runs.begun(options.resume) if options.resume is not None else None
    if options.resume is not None and begun is None and not is_told(options):
        raise UsageError("no run was begun there", file=options.resume, hint="Pass --data and the settings too, to begin one")
    config = begun if begun is not None and not is_told(options) else runs.located(config_of(options))
    if begun is not None and config != begun:
        raise UsageError("a resumed run keeps its settings", file=options.resume, hint="Pass --resume alone")
    folder = options.resume or options.out or runs.default_out(config)
    say = sayer(options)
    if begun is not None and runs.is_finished(folder):
        print(json.dumps({"folder": str(folder), "finished": True}) if options.json else f"{folder}: finished already")
        return 0
    # First, so that a folder that cannot be written is known before the training, and a run that ends early is known after it.
    with run_folder(folder, options.resume is not None, NAME) as inside:
        save_text(inside / runs.CONFIG, config.to_json())
        data, parts = runs.load_run_data(config, reading(options))
        say(show.data(data, parts))
        with stoppable() as stop:
            warm_up(say)  # inside, since an exception from within numba's import may get lost
            watch = Watch(say, stop=stop, checkpoint=Checkpoint(inside, config, runs.fingerprint(config, data, parts)))
            if not options.quiet and not options.json:
                watch.on_epoch = show.epoch(config)
            result = runs.execute(config, data, parts, watch)
        runs.write(result, inside)
    if not result.interrupted:
        discard(folder)  # now that the results are in their place
    if options.json:
        print(json.dumps({**runs.summary(result), "folder": str(folder)}, indent=1))
    else:
        say("")
        print(show.result(result, folder))
    return 130 if result.interrupted else 0
