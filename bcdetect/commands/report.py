"""`report`: a run's page, written anew from its folder."""

from __future__ import annotations

import json

from bcdetect import NOTICE

HELP = "write a run's report.html anew, from the other files of its folder"


def add_flags(parser) -> None:
    """See HELP."""
    parser.add_argument("run_folder", metavar="RUN", help="a folder that train wrote")


def run(options) -> int:
    """See HELP."""
    from bcdetect.report import write_report

    path = write_report(options.run_folder)
    if options.json:
        print(json.dumps({"file": str(path), "notice": NOTICE}))
    else:
        print(f"written: {path}\nIt opens offline in any browser; printed from there it is a PDF.\n{NOTICE}")
    return 0
