"""`reproduce`: the published study and what the data supports."""

from __future__ import annotations

import os

from bcdetect.commands.doing import print_report, sayer

HELP = "the published study's figures beside ours"


def add_flags(parser) -> None:
    """See HELP."""
    parser.add_argument("--seed", type=int, help="of the weights and the order of rows; the split is the study's")
    parser.add_argument("--out", metavar="FOLDER", help="where text and figures go (reproduce/paper-1, -2, ... if left out)")


def run(options) -> int:
    """See HELP."""
    from bcdetect import reproduce
    from bcdetect.output import free_name

    folder = options.out or free_name(os.path.join("reproduce", "paper"))
    config = reproduce.default_config()
    if options.seed is not None:
        config = config.with_values({"seed": options.seed})
    result = reproduce.reproduce(config, sayer(options))
    reproduce.write(result, folder)
    text = reproduce.describe(result)
    print_report(options, text, folder)
    return 0
