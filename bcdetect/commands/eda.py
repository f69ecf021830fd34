"""`eda`: a look at a table before training on it."""

from __future__ import annotations

import os

from bcdetect.commands.doing import print_report

HELP = "look at a table: classes, distributions, correlations, missing values"


def add_flags(parser) -> None:
    """See HELP."""
    parser.add_argument("file", metavar="FILE", nargs="?", help="a CSV file (the built-in data if left out)")
    parser.add_argument("--label", metavar="COLUMN", help="the column of classes (diagnosis if left out)")
    parser.add_argument("--out", metavar="FOLDER", help="where text and figures go (eda/NAME-1, -2, ... if left out)")


def run(options) -> int:
    """See HELP."""
    from bcdetect.eda import explore
    from bcdetect.output import free_name

    stem = os.path.splitext(os.path.basename(options.file))[0] if options.file else "wisconsin"
    folder = options.out or free_name(os.path.join("eda", stem))
    text = explore(options.file, folder, options.label)
    print_report(options, text, folder)
    return 0
