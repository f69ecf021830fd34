"""`audit-model`: what a model's explanations are worth."""

from __future__ import annotations

import os

from bcdetect import NOTICE
from bcdetect.commands.doing import reading, sayer, warm_up
from bcdetect.errors import UsageError

HELP = "grade a model's explanations: do they follow what it learned, and what it needs; the grade is kept beside the model"


def add_flags(parser) -> None:
    """See HELP."""
    parser.add_argument("model", metavar="MODEL", help="a model.npz that train wrote")
    parser.add_argument("file", metavar="DATA", help="labelled data, as train takes it; of the model's own only the test part")
    parser.add_argument("--label", metavar="COLUMN", help="the column of classes (the model's own if left out)")
    parser.add_argument(
        "--group", metavar="COLUMN", help="rows of one group (a patient) are no independent draws (the model's own)"
    )
    parser.add_argument("--skip-bad", action="store_true", help="leave out pictures and rows that cannot be read, and list them")
    parser.add_argument("--method", metavar="NAME", help="gradcam (pictures) or integrated (tables) if left out")
    parser.add_argument("--layer", metavar="NAME", help="the last whose output has places if left out")
    parser.add_argument("--rows", type=int, metavar="N", help="at most so many, drawn at random (200)")
    parser.add_argument(
        "--retrain", type=int, default=0, metavar="K", help="also train K networks of other seeds, and two more, to compare with"
    )


def run(options) -> int:
    """See HELP. Returns 1 where a check failed."""
    from bcdetect.bundle import load_classifier
    from bcdetect.explain.grade import grade_path, save_grade
    from bcdetect.explain.grading import ROWS, grade_model
    from bcdetect.explain.text import grade_text
    from bcdetect.external import load_for
    from bcdetect.output import check_place

    rows = ROWS if options.rows is None else options.rows
    if rows < 2 or options.retrain < 0:
        raise UsageError("--rows must be at least 2 and --retrain at least 0")
    classifier, digest = load_classifier(options.model)
    check_place(grade_path(options.model))
    data = load_for(classifier, options.file, options.label, options.group, options.skip_bad, reading(options))
    say = sayer(options)
    if options.retrain:
        warm_up(say)
    grade = grade_model(classifier, digest, data, options.method, options.layer, options.retrain, rows, say)
    path = save_grade(options.model, grade)
    if options.json:
        print(grade.to_json(), end="")
    else:
        print(f"{grade_text(grade)}\nwritten to {os.path.relpath(path)}\n{NOTICE}")
    return 1 if grade.failed else 0
