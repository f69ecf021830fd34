"""The commands, one a file: each adds its flags to the parser and calls what a library user could call.

A command's file has `HELP`, `add_flags(parser)` and `run(options) -> exit code`; what several share is in `flags` and `doing`.
Nothing heavy is imported before a command runs: `predict` runs on NumPy alone.
"""

NAMES = (
    "train",
    "evaluate",
    "compare",
    "tune",
    "predict",
    "explain",
    "audit",
    "audit-model",
    "data",
    "eda",
    "report",
    "runs",
    "serve",
    "reproduce",
)
