"""`data`: make, fetch and keep data sets."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from bcdetect import NOTICE
from bcdetect.places import FETCHED

HELP = "make synthetic phantoms; fetch a data set; list or clear what is kept of large data sets"


def add_flags(parser) -> None:
    """One sub-command each; the flags that all commands have may stand behind it too."""
    found = parser.add_subparsers(metavar="WHAT", required=True, dest="what")
    phantom = found.add_parser("phantom", help="write synthetic breast-MRI phantoms and their manifest")
    phantom.add_argument("--out", metavar="FOLDER", required=True, help="a new folder; it appears whole or not at all")
    phantom.add_argument("--patients", type=int, default=60, metavar="N", help="a third of each class (60)")
    phantom.add_argument("--slices", type=int, default=4, metavar="N", help="neighbouring slices of a patient (4)")
    phantom.add_argument("--size", type=int, default=96, metavar="N", help="pixels a side (96)")
    phantom.add_argument("--seed", type=int, default=0, help="the same seed gives the same bytes (0)")
    phantom.add_argument("--missing", type=float, default=0.0, metavar="SHARE", help="of patients who lack one sequence (0)")
    phantom.add_argument("--series", action="store_true", help="write every time point of the contrast series too")
    fetch = found.add_parser("fetch", help="fetch a data set from its official home, for --data NAME")
    fetch.add_argument("name", choices=FETCHED, help="which")
    fetch.add_argument("--to", metavar="FOLDER", help="put the file here, not into the cache folder")
    fetch.add_argument("--force", action="store_true", help="fetch it anew even if it is there")
    kept = found.add_parser("cache", help="list the decoded pictures of data sets larger than memory")
    kept.add_argument("--clear", action="store_true", help="remove them; the next training decodes the files again")
    for sub in (phantom, fetch, kept):
        _shared(sub)


def run(options) -> int:
    """See HELP."""
    return {"phantom": _phantom, "fetch": _fetch, "cache": _cache}[options.what](options)


def _phantom(options) -> int:
    from bcdetect.datasets.phantom import write_phantoms
    from bcdetect.output import new_folder

    with new_folder(options.out) as folder:
        values = (options.patients, options.slices, options.size, options.seed, options.missing, options.series)
        tell = counting(options, "patient", options.patients)
        count = write_phantoms(folder, *values, on_patient=tell)
    manifest = f"{options.out}/manifest.csv"
    if options.json:
        print(json.dumps({"folder": options.out, "manifest": manifest, "rows": count, "synthetic": True, "notice": NOTICE}))
    else:
        print(f"{count} SYNTHETIC slices of {options.patients} made-up patients written to {options.out}")
        print(f"Train on them: python -m bcdetect train --data {manifest}\n{NOTICE}")
    return 0


def _fetch(options) -> int:
    from bcdetect.fetch import SOURCES, fetch

    source = SOURCES[options.name]
    silent = options.quiet or options.json
    try:
        found = fetch(source, options.to, options.force, *((None, None) if silent else (_progress(), _waiting)))
    except KeyboardInterrupt:
        print("stopped; what came so far is kept, and the same command goes on from there", file=sys.stderr)
        return 130
    if options.json:
        words = {"licence": source.licence, "citation": source.citation, "notice": NOTICE}
        print(json.dumps({"file": str(found.path), "sha256": found.sha256, "fetched": found.fresh, **words}))
        return 0
    print(f"{'fetched' if found.fresh else 'already there, and whole'}: {found.path}\nSHA-256 {found.sha256}")
    print(f"Licence {source.licence}. Please cite: {source.citation}")
    where = str(found.path) if options.to else options.name
    print(f"Train on it: python -m bcdetect train --data {where}\n{NOTICE}")
    return 0


def _progress() -> Callable[[int, int | None], None]:
    """One line that counts on a terminal; elsewhere a line every quarter, or every 10 MiB of a file of unknown length."""
    from bcdetect.places import spoken

    terminal, last = sys.stderr.isatty(), -1

    def tell(done: int, total: int | None) -> None:
        nonlocal last
        text = f"{spoken(done)} of {spoken(total)}" if total else spoken(done)
        step = 4 * done // total if total else done // (10 * 2**20)
        if terminal:
            print(f"\r{text:<40}", end="\n" if done == total else "", file=sys.stderr, flush=True)
        elif step != last:
            print(text, file=sys.stderr, flush=True)
        last = step

    return tell


def _waiting(reason: str, seconds: float) -> None:
    print(f"\n{reason}; trying again in {seconds:.0f} s" if sys.stderr.isatty() else f"{reason}; trying again", file=sys.stderr)


def _cache(options) -> int:
    from bcdetect.datasets import cache
    from bcdetect.places import spoken

    folder = cache.folder()
    if options.clear:
        freed = cache.clear()
        print(json.dumps({"folder": str(folder), "freed": freed}) if options.json else f"{spoken(freed)} freed in {folder}")
        return 0
    entries = cache.entries()
    if options.json:
        print(json.dumps({"folder": str(folder), "entries": entries}, indent=1))
        return 0
    for entry in entries:
        what = "unfinished"
        if entry["shape"]:
            count, *sides = entry["shape"]
            what = f"{count} pictures of {' x '.join(map(str, sides))}, {entry['dtype']}"
        print(f"{spoken(entry['bytes']):>10}  {what}  {entry['file']}")
    print(f"{spoken(sum(entry['bytes'] for entry in entries))} in {folder}" if entries else f"nothing is kept in {folder}")
    return 0


def counting(options, word: str, total: int) -> Callable[[int], None] | None:
    """One line that counts on a terminal, a line every tenth elsewhere, nothing when told to be quiet."""
    if options.quiet or options.json:
        return None
    terminal, step = sys.stderr.isatty(), max(1, total // 10)

    def tell(done: int) -> None:
        if terminal:
            print(f"\r{word} {done}/{total}", end="\n" if done == total else "", file=sys.stderr, flush=True)
        elif done == total or done % step == 0:
            print(f"{word} {done}/{total}", file=sys.stderr, flush=True)

    return tell


def _shared(parser) -> None:
    import argparse

    for name in ("--quiet", "--json"):  # as the command has them; suppressed defaults keep what stood before the sub-command
        parser.add_argument(name, action="store_true", default=argparse.SUPPRESS, help="as for every command")
