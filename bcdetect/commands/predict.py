"""`predict`: a saved model's answer for every row or picture."""

from __future__ import annotations

import os

from bcdetect import NOTICE
from bcdetect.commands.doing import check_out
from bcdetect.errors import InputError, UsageError

HELP = "answer every row of tables, columns matched by name; or pictures, every picture below a folder or in a manifest"


def add_flags(parser) -> None:
    """See HELP."""
    parser.add_argument("model", metavar="MODEL", help="a model.npz that train wrote")
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        help="a CSV table; for a model of pictures a picture (FILE#3: its third frame or slice), a folder, a manifest",
    )
    parser.add_argument("--out", metavar="FILE", help="also write the answers, as .csv or .json")


def run(options) -> int:
    """See HELP."""
    from bcdetect import predict
    from bcdetect.bundle import load_classifier
    from bcdetect.inputs import open_all
    from bcdetect.output import save_text

    kind = os.path.splitext(options.out or "")[1].lower()
    if options.out and kind not in (".csv", ".json"):
        raise UsageError(f"--out {options.out!r}: it must end in .csv or .json")
    for file in options.files:
        check_out(options.out, file)
    classifier, digest = load_classifier(options.model)
    answers = predict.predict_source(classifier, open_all(classifier, options.files))
    if all(answer.problem for answer in answers):
        first, file = answers[0], options.files[0] if len(options.files) == 1 else ""
        where = "" if first.name == file else first.place()
        raise InputError(f"nothing could be answered: {first.problem}", file=file, where=where)
    as_json = predict.to_json(answers, classifier, digest)
    if options.out:
        save_text(options.out, as_json if kind == ".json" else predict.to_csv(answers, classifier))
    if options.json:
        print(as_json, end="")
    else:
        print("\n".join(predict.line_of(answer, classifier) for answer in answers))
        print(NOTICE)
    return 1 if any(answer.problem for answer in answers) else 0
