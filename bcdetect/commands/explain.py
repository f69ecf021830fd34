"""`explain`: which parts of a picture, or which measurements, spoke for a class."""

from __future__ import annotations

import json
import os
import sys

from bcdetect import NOTICE
from bcdetect.errors import InputError, UsageError

HELP = "show which parts of a picture, or which measurements, speak for a class, as pictures, arrays and JSON"
MOST = 1000


def add_flags(parser) -> None:
    """See HELP."""
    parser.add_argument("model", metavar="MODEL", help="a model.npz that train wrote")
    parser.add_argument(
        "inputs",
        metavar="INPUT",
        nargs="+",
        help="as predict takes it: pictures (FILE#3: the third frame or slice), folders, a manifest, a CSV table",
    )
    parser.add_argument("--method", metavar="NAME", help="gradcam for pictures, integrated for tables if left out")
    parser.add_argument("--class", metavar="NAME", dest="class_name", help="the class to explain (of two the positive one)")
    parser.add_argument("--layer", metavar="NAME", help="where a map is taken from (the last layer whose output has places)")
    parser.add_argument("--out", metavar="FOLDER", help="a new folder (explanations/NAME-1); it appears whole or not at all")
    parser.add_argument("--rows", metavar="1,5-9", help="only these rows of a CSV table or manifest, counted from 1")
    parser.add_argument("--shared-scale", action="store_true", help="one scale of colour for all inputs")
    parser.add_argument("--most", type=int, default=MOST, metavar="N", help=f"refuse more inputs than this ({MOST:,})")
    parser.add_argument("--sheet", action="store_true", help="INPUT is labelled data: its test part on one sheet, errors first")
    parser.add_argument("--label", metavar="COLUMN", help="of --sheet: the column of classes (the model's own if left out)")
    parser.add_argument("--skip-bad", action="store_true", help="of --sheet: leave out pictures that cannot be read")
    parser.add_argument("--layers", action="store_true", help="instead: what each layer sees, and what excites its channels")


def run(options) -> int:
    """See HELP."""
    from bcdetect.bundle import load_classifier
    from bcdetect.explain.explaining import Explainer
    from bcdetect.explain.folder import Asked
    from bcdetect.explain.grade import grade_line

    _check(options)
    classifier, digest = load_classifier(options.model)
    if options.layers:
        return _layers(options, classifier)
    explainer = Explainer(classifier, options.method, options.layer)
    if options.class_name is not None and options.class_name not in classifier.class_names:
        names = ", ".join(classifier.class_names)
        raise UsageError(f"there is no class {options.class_name!r}", hint=f"Take one of {names}")
    grade = grade_line(options.model, digest, explainer.method_name, explainer.layer)
    asked = Asked(explainer, digest, grade, options.class_name)
    if options.sheet:
        return _sheet(options, asked)
    return _explain(options, asked)


def _check(options) -> None:
    """Raise UsageError for flags that do not go together."""
    if options.most < 1:
        raise UsageError(f"--most {options.most}: it must be at least 1")
    if options.sheet and options.layers:
        raise UsageError("--sheet and --layers are two commands", hint="Leave out one of them")
    if options.sheet and (len(options.inputs) > 1 or options.rows or options.shared_scale):
        raise UsageError("--sheet takes one labelled data set, all of it, on one scale", hint="Leave out the rest")
    for flag in ("label", "skip_bad"):
        if getattr(options, flag) and not options.sheet:
            raise UsageError(f"--{flag.replace('_', '-')} goes with --sheet")
    if options.rows and (len(options.inputs) > 1 or not options.inputs[0].lower().endswith(".csv")):
        raise UsageError("--rows chooses rows of one CSV table or manifest", hint="Leave it out, or pass that file alone")
    if options.layers:
        for flag in ("method", "class_name", "shared_scale"):
            if getattr(options, flag):
                name = {"class_name": "class"}.get(flag, flag.replace("_", "-"))
                raise UsageError(f"--{name} does not go with --layers, which asks for no class", hint="Leave it out")


def _explain(options, asked) -> int:
    from bcdetect.explain import folder as explanations
    from bcdetect.output import new_folder

    if options.shared_scale and not asked.classifier.takes_pictures:
        raise UsageError("--shared-scale is for pictures; bars have their numbers beside them", hint="Leave it out")
    source, wanted, count = _opened(options, asked.classifier)
    out = options.out or _free(options.inputs[0])
    with new_folder(out) as folder:
        top = explanations.strongest(asked, source.read(wanted)) if options.shared_scale else None
        rows = explanations.write(asked, source.read(wanted), source.count, folder, top, _counting(options, count))
        bad = [row for row in rows if "problem" in row]
        if len(bad) == len(rows):
            raise _nothing(options, bad[0])
    _tell(options, out, rows, asked.grade)
    return 1 if bad else 0


def _opened(options, classifier):
    """All inputs as one source, the rows of it that are wanted (None: all), and how many they are."""
    from bcdetect.inputs import open_all

    source = open_all(classifier, options.inputs)
    wanted = None if options.rows is None else rows_of(options.rows, source.count)
    count = source.count if wanted is None else len(wanted)
    if count > options.most:
        raise UsageError(f"{count:,} inputs at once", hint=f"Pass fewer, choose some with --rows, or say --most {count}")
    return source, wanted, count


def rows_of(text: str, count: int) -> set[int]:
    """The numbers in `1,5-9`, from 1 to `count`. Raises UsageError."""
    rows: set[int] = set()
    for part in text.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        numbers = [first, last] if dash else [first]
        if not all(word.isascii() and word.isdigit() and len(word) < 10 for word in numbers):
            raise UsageError(f"--rows {text!r}: it must be numbers and ranges, such as 1,5-9")
        low, high = int(numbers[0]), int(numbers[-1])
        if not 1 <= low <= high <= count:
            raise UsageError(f"--rows {text!r}: there is no row {part.strip()}; there are {count:,}, counted from 1")
        rows.update(range(low, high + 1))
    return rows


def _nothing(options, first: dict) -> InputError:
    """The error of a call none of whose inputs is good."""
    file = options.inputs[0] if len(options.inputs) == 1 else ""
    name = first["input"] or f"row {first['row']} (line {first['line']})"
    return InputError(f"nothing could be explained: {first['problem']}", file=file, where="" if name == file else name)


def _free(path: str):
    from bcdetect.explain.words import safe
    from bcdetect.output import free_name

    return free_name(os.path.join("explanations", safe(path.rstrip("/\\"))))


def _counting(options, count: int):
    """Count in one line of a terminal, which the next line overwrites; None elsewhere."""
    if options.quiet or options.json or count < 3 or not sys.stderr.isatty():
        return None
    return lambda done: print(f"explained: {done:,} of {count:,}", end="\r", file=sys.stderr, flush=True)


def _tell(options, out, rows: list[dict], grade: str) -> None:
    if options.json:
        rows = [{name: value for name, value in row.items() if name not in ("said", "notice")} for row in rows]
        print(json.dumps({"notice": NOTICE, "folder": str(out), "grade": grade, "rows": rows}, indent=1))
        return
    for row in rows:
        if "problem" in row:
            print(_problem(row))
        else:
            print(row["said"])
    _end(out, grade)


def _end(out, grade: str | None) -> None:
    from bcdetect import plots

    graded = [] if grade is None else [f"grade: {grade}"]
    missing = [] if plots.available() else [plots.MISSING]
    print("\n".join([*graded, f"written to {out}", *missing, NOTICE]))


def _sheet(options, asked) -> int:
    from bcdetect import external, plots
    from bcdetect.commands.doing import reading
    from bcdetect.explain import sheet
    from bcdetect.held_out import held_out
    from bcdetect.output import new_folder

    path = options.inputs[0]
    data = external.load_for(asked.classifier, path, options.label, None, options.skip_bad, reading(options))
    if not data.pictures:
        raise UsageError("--sheet shows pictures; this data is a table", hint="Leave it out")
    rows, which = held_out(asked.classifier, data)
    if len(rows) > options.most:
        raise UsageError(f"{len(rows):,} inputs at once", hint=f"Pass fewer, or say --most {len(rows)}")
    out = options.out or _free(f"{path}-sheet")
    with new_folder(out) as folder:
        judged = sheet.judge(asked, data, rows, _counting(options, len(rows)))
        (folder / "order.csv").write_text(sheet.to_csv(asked, judged), encoding="utf-8")
        if plots.available():
            for number, figure in enumerate(sheet.pages(asked, data, judged), 1):
                plots.save_figure(figure, folder / f"page-{number:02}.png")
    wrong = sum(not each.right for each in judged)
    if options.json:
        content = {"notice": NOTICE, "folder": str(out), "grade": asked.grade, "rows": len(judged), "wrong": wrong}
        print(json.dumps(content, indent=1))
        return 0
    print(f"{data.name}: {len(judged):,} rows, {which}; {wrong:,} wrong")
    _end(out, asked.grade)
    return 0


def _layers(options, classifier) -> int:
    from bcdetect.explain import layers
    from bcdetect.explain.network import Network
    from bcdetect.output import new_folder

    network = Network(classifier.models[0])
    if options.layer is not None:
        network.check_layer(options.layer)
    layer = options.layer or network.last_spatial_layer()
    source, wanted, count = _opened(options, classifier)
    out = options.out or _free(f"{options.inputs[0]}-layers")
    with new_folder(out) as folder:
        bad = layers.write(classifier, network, layer, source, wanted, folder)
        problems = [{"input": each.name or None, "row": each.row, "line": each.line, "problem": each.problem} for each in bad]
        if len(bad) == count:
            raise _nothing(options, problems[0])
        files = sorted(path.name for path in folder.iterdir())
    if options.json:
        print(json.dumps({"notice": NOTICE, "folder": str(out), "layer": layer, "files": files, "problems": problems}, indent=1))
        return 1 if bad else 0
    for row in problems:
        print(_problem(row))
    networks = f" of the first of {len(classifier.models)} networks" if len(classifier.models) > 1 else ""
    print(f"{count - len(bad):,} inputs, {len(files)} files; channels{networks}: layer {layer}")
    _end(out, None)
    return 1 if bad else 0


def _problem(row: dict) -> str:
    where = row["input"] or f"row {row['row']} (line {row['line']})"
    return f"{where}: not explained: {row['problem']}"
