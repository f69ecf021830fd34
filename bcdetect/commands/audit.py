"""`audit`: what makes the numbers of a run on this data too good."""

from __future__ import annotations

import os

from bcdetect.commands.doing import check_out, reading, sayer
from bcdetect.commands.flags import add_data_flags, config_of
from bcdetect.errors import UsageError

HELP = "look for copies in two parts, shared patients, and labels told by a file's size or a picture's border"


def add_flags(parser) -> None:
    """See HELP."""
    parser.add_argument("source", metavar="DATA", nargs="?", help="the same as --data")
    add_data_flags(parser)
    parser.add_argument("--skip-bad", action="store_true", help="leave out pictures and rows that cannot be read, and list them")
    parser.add_argument("--out", metavar="FILE.csv", help="write every pair that was found")
    parser.add_argument("--sheet", metavar="FILE.png", help="show some of the pairs side by side")


def run(options) -> int:
    """See HELP. Returns 1 where something was found."""
    from bcdetect.audit import audit
    from bcdetect.audit.sheet import save_sheet
    from bcdetect.audit.text import describe, to_csv, to_json
    from bcdetect.output import save_text
    from bcdetect.run import load_run_data

    if options.source is not None:
        if options.data is not None:
            raise UsageError("DATA is given twice", hint="Leave out --data")
        options.data = options.source
    for flag, path, kind in (("--out", options.out, ".csv"), ("--sheet", options.sheet, ".png")):
        if path and os.path.splitext(path)[1].lower() != kind:
            raise UsageError(f"{flag} {path!r}: it must end in {kind}")
    config = config_of(options)
    check_out(options.out, config.data)
    check_out(options.sheet, config.data)
    data, parts = load_run_data(config, reading(options))
    if options.sheet and not data.pictures:
        raise UsageError("--sheet shows pictures; this data is a table", hint="Leave it out")
    found = audit(data, parts, sayer(options))
    print(to_json(found).rstrip() if options.json else describe(found, options.out), flush=True)
    if options.out:
        save_text(options.out, to_csv(found))
    if options.sheet:
        save_sheet(found, options.sheet)
    return 0 if found.clean else 1
