"""`evaluate`: the mean over many splits, beside a baseline on the same ones."""

from __future__ import annotations

from bcdetect.commands.doing import check_out, reading, sayer, warm_up
from bcdetect.commands.flags import add_data_flags, config_of, repeats_and_folds, worker_count
from bcdetect.errors import UsageError

HELP = "a saved model on new, labelled data; or repeated cross-validation beside logistic regression on the same folds"
THREADS = "worker processes of --cv"


def add_flags(parser) -> None:
    """See HELP."""
    parser.add_argument("model", metavar="MODEL", nargs="?", help="a model.npz that train wrote, to be judged on")
    parser.add_argument(
        "file",
        metavar="DATA",
        nargs="?",
        help="labelled data, as train takes it; --label and --group are the model's own if left out",
    )
    parser.add_argument("--cv", metavar="RxK", help="instead: repeats x folds, such as 10x10, of training on --data")
    parser.add_argument("--subgroup", metavar="COLUMN", help="of MODEL DATA: score each value of this column by itself too")
    parser.add_argument(
        "--tune", type=int, metavar="N", help="with --cv: in every fold choose the settings by N trials on inner folds"
    )
    parser.add_argument(
        "--sizes", action="store_true", help="with --cv: train on 10, 20, ... 100 %% of the rows, to see whether more would help"
    )
    parser.add_argument("--skip-bad", action="store_true", help="leave out pictures and rows that cannot be read, and list them")
    parser.add_argument(
        "--out",
        metavar="FILE.json",
        help="also write the scores, of --cv those of every fold; --sizes draws its curve beside them",
    )
    add_data_flags(parser)


def run(options) -> int:
    """See HELP."""
    if options.cv is not None:
        if options.model is not None:
            raise UsageError("--cv trains models of its own", hint="Leave out MODEL, or --cv")
        if options.subgroup is not None:
            raise UsageError("--subgroup is for a saved model on new data", hint="Pass MODEL DATA, or leave it out")
        return _cross_validate(options)
    if options.tune is not None or options.sizes:
        raise UsageError(
            f"{'--sizes' if options.sizes else '--tune'} trains, on folds", hint="Pass --cv RxK too, such as --cv 5x5"
        )
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

    repeats, fold_count = repeats_and_folds(options.cv)
    if options.tune is not None and options.tune < 1:
        raise UsageError(f"--tune {options.tune}: it must be at least 1 trial")
    if options.tune is not None and options.sizes:
        raise UsageError("--tune and --sizes are two questions", hint="Ask them one by one")
    config = config_of(options)
    check_out(options.out, config.data)
    if options.tune is not None:
        from bcdetect.tuning.optuna import optuna

        optuna()  # or say now that it is missing
    data = load_data(config, reading(options))
    on_fold = None if options.quiet or options.json else show.fold
    workers = worker_count(options)
    warm_up(sayer(options))  # before there are workers, each of which would compile for itself
    if options.sizes:
        return _sizes(options, data, config, (repeats, fold_count), workers, on_fold)
    result = cross_validate(data, config, repeats, fold_count, workers, on_fold, options.tune or 0)
    as_json = show.folds_json(result, data, config)
    print(as_json.rstrip() if options.json else show.cross_validation(result, data), flush=True)
    if options.out:
        save_text(options.out, as_json)
    return 0


def _sizes(options, data, config, cv, workers, on_fold) -> int:
    from pathlib import Path

    from bcdetect import plots
    from bcdetect.compare import contenders, figures, learning_curve, ranking, text
    from bcdetect.output import save_text

    metric = ranking.chosen_metric(None, contenders.metrics_of(data))
    result = learning_curve(data, config, *cv, workers=workers, on_fold=on_fold)
    as_json = text.curve_json(result, data, config, metric)
    print(as_json.rstrip() if options.json else text.curve(result, data, metric), flush=True)
    if options.out:
        save_text(options.out, as_json)
        if plots.available():
            plots.save_figure(figures.size_curve(result, metric), Path(options.out).with_suffix(".png"))
    return 0
