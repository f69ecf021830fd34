"""Settings found by trials on inner folds of the training rows, with Optuna (the extra `tune`).

`space` is what is tried, `trial` judges one set of settings, `study` runs trials over one storage and goes on after any end,
`tune` shares them among workers, `folder` is where they lie, `result` reads what they found, `nested` tunes inside the folds of
a cross-validation. `alive` tells a dead worker from a slow one.
"""

from bcdetect.tuning.space import space_for
from bcdetect.tuning.study import Plan, search

__all__ = ["Plan", "search", "space_for"]
