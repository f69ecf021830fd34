"""`evaluate`: the mean over many splits, beside a baseline on the same ones."""

from __future__ import annotations

import os

from bcdetect.commands.doing import check_out, reading, sayer, warm_up
from bcdetect.commands.flags import add_data_flags, config_of
from bcdetect.errors import UsageError

HELP = "a saved model on new, labelled data; or repeated cross-validation beside logistic regression on the same folds"
THREADS = "worker processes of --cv"


def add_flags(parser) -> None:
    """See HELP."""
    parser.add_argument("model", metavar="MODEL", nargs="?", help="a model.npz that train wrote, to be judged on")
    parser.add_argument("file", metavar="DATA", nargs="?", help="labelled data, as train takes it")
    parser.add_argument("--cv", metavar="RxK", help="instead: repeats x folds, such as 10x10, of training on --data")
    parser.add_argument("--subgroup", metavar="COLUMN", help="of MODEL DATA: score each value of this column by itself too")
    parser.add_argument("--skip-bad", action="store_true", help="leave out pictures that cannot be read, and list them")
    parser.add_argument("--out", metavar="FILE.json", help="also write the scores, of --cv those of every fold")
    add_data_flags(parser)


def run(options) -> int:
    """See HELP."""
    if options.cv is not None:
        if options.model is not None:
            raise UsageError("--cv trains models of its own", hint="Leave out MODEL, or --cv")
        if options.subgroup is not None:
            raise UsageError("--subgroup is for a saved model on new data", hint="Pass MODEL DATA, or leave it out")
        return _cross_validate(options)
    if options.file is None:
        raise UsageError("what is to be evaluated?", hint="Pass MODEL DATA, or --cv 10x10")
    return _external(options)


def _external(options) -> int:
    import json

    from bcdetect import external, show
    from bcdetect.bundle import load_classifier
    from bcdetect.datasets.subgroups import subgroup_values
    from bcdetect.output import save_text

    for name in ("data", "settings", "config", "epochs", "seed", "positive", "drop"):
        if getattr(options, name) not in (None, []):
            flag = {"settings": "set"}.get(name, name)
            raise UsageError(f"--{flag} is for training; a saved model is what it is", hint="Pass MODEL DATA and --label")
    check_out(options.out, options.file)
    classifier, digest = load_classifier(options.model)
    told = options.label, options.group, options.skip_bad
    data = external.load_for(classifier, options.file, *told, reading(options))
    subgroups = {}
    if options.subgroup is not None:
        subgroups[options.subgroup] = subgroup_values(options.file, options.subgroup, len(data.y))
    result = external.evaluate(classifier, data, subgroups)
    as_json = json.dumps(result.to_json(digest), indent=1, allow_nan=False) + "\n"
    print(as_json.rstrip() if options.json else show.external(result))
    if options.out:
        save_text(options.out, as_json)
    return 0


def _cross_validate(options) -> int:
    from bcdetect import show
    from bcdetect.evaluation import cross_validate
    from bcdetect.output import save_text
    from bcdetect.run import load_data

    repeats, _, fold_count = options.cv.lower().partition("x")
    if not all(text.isascii() and text.isdigit() for text in (repeats, fold_count)) or int(repeats) < 1 or int(fold_count) < 2:
        raise UsageError(f"--cv {options.cv!r}: it must be repeats x folds, at least 1x2, such as 10x10")
    config = config_of(options)
    check_out(options.out, config.data)
    data = load_data(config, reading(options))
    on_fold = None if options.quiet or options.json else show.fold
    workers = options.threads or os.cpu_count() or 1
    warm_up(sayer(options))  # before there are workers, each of which would compile for itself
    result = cross_validate(data, config, int(repeats), int(fold_count), workers, on_fold)
    as_json = show.folds_json(result, data, config)
    print(as_json.rstrip() if options.json else show.cross_validation(result, data), flush=True)
    if options.out:
        save_text(options.out, as_json)
    return 0
