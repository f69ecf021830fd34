"""Every way a command can fail: one exception a kind, each with its exit code and a stable name for `--json`.

The text is `FILE: WHERE: WHAT. HINT`; parts that are empty are left out.
"""

from __future__ import annotations

from collections.abc import Sequence


class BcdetectError(Exception):
    """What went wrong, where, and what to do about it."""

    code = "error"
    exit_code = 1

    def __init__(self, what: str, *, file: str = "", where: str = "", hint: str = ""):
        """`what` and `hint` are sentences without their final full stop; `where` is a place inside `file`."""
        self.what, self.file, self.where, self.hint = what, str(file), where, hint
        super().__init__(str(self))

    def __str__(self) -> str:
        place = "".join(f"{part}: " for part in (self.file, self.where) if part)
        stop = "" if self.what.endswith(("?", "!")) else "."
        return f"{place}{self.what}{stop}" + (f" {self.hint}." if self.hint else "")


class UsageError(BcdetectError):
    """The command's words are off, or an optional extra is missing."""

    code, exit_code = "usage", 2


class InputError(BcdetectError):
    """A file or value that the user handed over cannot be used; nothing was done."""

    code, exit_code = "bad_input", 3


class ModelFileError(BcdetectError):
    """A model file that is damaged, altered, or not ours."""

    code, exit_code = "bad_model", 4


class OutputError(BcdetectError):
    """A result could not be written."""

    code, exit_code = "output", 5


class TrainingError(BcdetectError):
    """Training diverged: the loss or a gradient became NaN or infinite."""

    code, exit_code = "diverged", 6


_PACKAGES = {"python_multipart": "python-multipart", "sklearn": "scikit-learn"}  # called otherwise than their modules


def require(module: str, extra: str, purpose: str):
    """Import an optional module, or say in one line how to install it (UsageError)."""
    return require_all((module,), extra, purpose)[0]


def require_all(modules: Sequence[str], extra: str, purpose: str) -> list:
    """Import optional modules of one extra, or say in one line how to install all that are missing (UsageError)."""
    import importlib

    found, missing = [], {}
    for module in modules:
        try:
            found.append(importlib.import_module(module))
        except ImportError as error:
            top = module.partition(".")[0]
            missing[_PACKAGES.get(top, top)] = error
    if missing:
        *others, last = missing
        names = f"{', '.join(others)} and {last}" if others else last
        verb, them, they = ("are", "them", "they are") if others else ("is", "it", "it is")
        raise UsageError(
            f"{purpose} needs {names}, which {verb} not installed",
            hint=f"Install {them} with: pip install {' '.join(missing)} ({they} part of the extra '{extra}')",
        ) from missing[last]
    return found
