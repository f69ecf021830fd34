"""Every way a command can fail: one exception a kind, each with its exit code and a stable name for `--json`.

The text is `FILE: WHERE: WHAT. HINT`; parts that are empty are left out.
"""


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


def require(module: str, extra: str, purpose: str):
    """Import an optional module, or say in one line how to install it."""
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(
            f"{purpose} needs {module.partition('.')[0]}, which is not installed",
            hint=f"Install it with: pip install {module.partition('.')[0]} (it is part of the extra '{extra}')",
        ) from error
