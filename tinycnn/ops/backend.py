"""Which form of an op runs: the readable NumPy one, or its fast Numba twin.

"auto", the default, predicts by the model's own size: a small model on NumPy alone, so that numba is never imported for it, and a
large one on the twins where numba is installed. The choice never looks at the batch, so that one model always answers with the
same bits. `train_step` takes the twins for all models in float32. A layer used on its own runs on NumPy.
"""

import os
from contextvars import ContextVar

from tinycnn.ops import numpy as reference

NAMES = ("auto", "numpy", "numba")
SMALL_MODEL_MACS = 1_000_000  # a row; below it, importing numba costs more than it saves

_choice: ContextVar[str] = ContextVar("tinycnn_backend", default="")


class backend:
    """Choose the backend inside a `with` block: "numpy", "numba" or "auto". The environment's TINYCNN_BACKEND is the default.

    The choice holds in the thread that makes it; a thread started inside the block has the default again.
    Raises ValueError for another name, and for "numba" where numba cannot be imported.
    """

    def __init__(self, name: str):
        if name not in NAMES:
            raise ValueError(f"backend is {name!r}; it must be one of {', '.join(NAMES)}")
        if name == "numba":
            _twins()
        self.name, self.tokens = name, []

    def __enter__(self):
        self.tokens.append(_choice.set(self.name))
        return self

    def __exit__(self, *error):
        _choice.reset(self.tokens.pop())


def chosen() -> str:
    """The backend's name as asked for: by the innermost `with backend(...)`, else by the environment, else "auto"."""
    return _choice.get() or os.environ.get("TINYCNN_BACKEND") or "auto"


def backend_for(macs: int) -> backend:
    """The backend in which a model of so many multiply-adds a row runs, as a `with` block."""
    return backend(runs_on(macs))


def runs_on(macs: int) -> str:
    """The backend in which a model of so many multiply-adds a row runs: "numpy" or "numba"."""
    name = chosen()
    if name == "auto":
        name = "numba" if macs >= SMALL_MODEL_MACS and has_numba() else "numpy"
    return name


def trains_on() -> str:
    """The backend in which `train_step` runs: the kernels wherever numba is installed, unless told otherwise.

    Small models too: a training run takes thousands of steps, and may wait for an import.
    """
    name = chosen()
    if name == "auto":
        name = "numba" if has_numba() else "numpy"
    return backend(name).name


def is_cold() -> bool:
    """Whether the first training step here would wait for compilations that no later process needs."""
    if trains_on() == "numpy":
        return False
    from tinycnn.ops.numba import cache, kernel, random  # noqa: F401  no op draws, but training does

    return cache.is_cold(kernel.count())


def warmup() -> tuple[int, int]:
    """Make every kernel ready: how many there are, and how many of them were compiled now instead of loaded.

    Raises ValueError where numba cannot be imported.
    """
    _twins()
    from tinycnn.ops.numba import kernel

    before = len(kernel.compilations)
    return kernel.compile_all(), len(kernel.compilations) - before


def has_numba() -> bool:
    """Whether the twins can be imported."""
    try:
        import numba  # noqa: F401
    except ImportError:
        return False
    return True


def _twins():
    if not has_numba():
        raise ValueError('backend "numba" needs numba, which is not installed; pip install numba, or use "numpy"')
    from tinycnn.ops import numba

    return numba


def op(name: str):
    """The op called `name`, as a function that looks up the chosen backend at every call.

    An op that only the NumPy form has (no hot loop, or BLAS already does it) serves both backends.
    """
    plain = getattr(reference, name)

    def call(*args):
        choice = chosen()
        if choice != "numba":
            if choice not in NAMES:
                backend(choice)  # a wrong TINYCNN_BACKEND: say so
            return plain(*args)
        twins = _twins()
        return getattr(twins, name)(*args) if name in twins.__all__ else plain(*args)

    call.__name__, call.__doc__ = name, plain.__doc__
    return call
