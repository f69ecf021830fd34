"""`compare`: several networks on the same folds, beside baselines, ranked by paired differences."""

from __future__ import annotations

import argparse

from bcdetect.commands.doing import reading, sayer, warm_up
from bcdetect.commands.flags import add_data_flags, config_of, repeats_and_folds, worker_count
from bcdetect.errors import UsageError

HELP = "several architectures, optimizers and losses on the same folds, ranked beside baselines"
THREADS = "worker processes"


def add_flags(parser) -> None:
    """See HELP."""
    parser.add_argument(
        "variants",
        metavar="VARIANT",
        nargs="*",
        help="a network to compare: name:setting=value,..., such as wide:filters=32,kernel_size=7 "
        "('plain:' is the settings as they are), or a config.json",
    )
    parser.add_argument("--cv", metavar="RxK", default="5x5", help="repeats x folds (5x5 if left out)")
    parser.add_argument("--by", metavar="METRIC", help="what is ranked by (roc_auc, or macro_auc, if left out)")
    parser.add_argument("--against", choices=("first", "best"), default="first", help="whom all are compared with")
    parser.add_argument(
        "--permute-columns",
        action="store_true",
        help="tables: the first network on permuted columns too, to see what order earns",
    )
    parser.add_argument(
        "--rivals",
        action=argparse.BooleanOptionalAction,
        help="scikit-learn's SVM and gradient boosting (with them where it is installed, if left out)",
    )
    parser.add_argument("--skip-bad", action="store_true", help="leave out pictures and rows that cannot be read, and list them")
    parser.add_argument("--out", metavar="FOLDER", help="where the results go (runs/compare-NAME-1, -2, ... if left out)")
    add_data_flags(parser)


def run(options) -> int:
    """See HELP."""
    from bcdetect import plots, show
    from bcdetect.compare import compare, contenders, figures, ranking, read_variants, rivals, text
    from bcdetect.output import default_folder, new_folder, save_text
    from bcdetect.run import load_data, located

    repeats, fold_count = repeats_and_folds(options.cv)
    config = located(config_of(options))
    variants = read_variants(options.variants, config)
    if options.rivals:
        rivals.needed()
    with_rivals = rivals.available() if options.rivals is None else options.rivals
    folder = options.out or default_folder("compare", config.data)
    say = sayer(options)
    with new_folder(folder) as inside:
        data = load_data(config, reading(options))
        entered = [contenders.Network(variant.name, variant.config) for variant in variants]
        if options.permute_columns:
            entered.insert(1, contenders.permuted(entered[0], data))
        entered += contenders.baselines(with_rivals)
        if len({contender.name for contender in entered}) < len(entered):
            raise UsageError("a variant has the name of a baseline", hint="Give it another one")
        metric = ranking.chosen_metric(options.by, contenders.metrics_of(data))
        warm_up(say)
        if options.rivals is None and not with_rivals:
            say(rivals.MISSING)
        on_fold = None if options.quiet or options.json else show.fold
        result = compare(data, entered, config, repeats, fold_count, worker_count(options), on_fold)
        as_json = text.comparison_json(result, data, config, metric, options.against)
        as_text = text.comparison(result, data, metric, options.against)
        save_text(inside / "comparison.json", as_json)
        save_text(inside / "comparison.txt", as_text + "\n")
        if plots.available():
            reference = text.reference_of(result, options.against, metric)
            plots.save_figure(figures.forest(result, metric, reference), inside / "comparison.png")
    if options.json:
        print(as_json.rstrip())
    else:
        print(f"{as_text}\nwritten to {folder}" + ("" if plots.available() else f"\n{plots.MISSING}"), flush=True)
    return 0
