"""`runs`: runs side by side, from their folders alone."""

from __future__ import annotations

import argparse
import json

from bcdetect import NOTICE

HELP = "list the runs in a folder, or compare two: what differed in their settings, and by how much in their scores"


def add_flags(parser) -> None:
    """One sub-command each; the flags that all commands have may stand behind it too."""
    found = parser.add_subparsers(metavar="WHAT", required=True, dest="what")
    listed = found.add_parser("list", help="a line for every run in a folder")
    listed.add_argument("folder", metavar="FOLDER", nargs="?", default="runs", help="where the runs are (runs if left out)")
    compared = found.add_parser("compare", help="two runs: settings that differ, and scores")
    compared.add_argument("first", metavar="A", help="a folder that train wrote")
    compared.add_argument("second", metavar="B", help="another one")
    for sub in (listed, compared):
        for name in ("--quiet", "--json"):  # as the command has them; suppressed defaults keep what stood before the sub-command
            sub.add_argument(name, action="store_true", default=argparse.SUPPRESS, help="as for every command")


def run(options) -> int:
    """See HELP. Returns 1 where some folders hold no finished run and are named."""
    from bcdetect import runs

    if options.what == "compare":
        found = runs.compare(runs.read(options.first), runs.read(options.second))
        print(json.dumps({"notice": NOTICE, **found}, indent=1) if options.json else f"{runs.compare_text(found)}\n{NOTICE}")
        return 0
    found, problems = runs.read_all(options.folder)
    if options.json:
        rows = [{"run": r.name, "data": r.metrics["data_name"], "test": r.scores, "settings": r.settings} for r in found]
        print(json.dumps({"notice": NOTICE, "runs": rows, "problems": problems}, indent=1))
    else:
        print("\n".join([runs.list_text(found), *problems, NOTICE]))
    return 1 if problems else 0
