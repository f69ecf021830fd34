"""How sure we are: intervals for a proportion, an AUC, a metric on a test set, and over repeated cross-validation.

Every interval is two-sided and equal-tailed; `confidence` is a share between 0 and 1. How often the intervals hold the
truth is simulated in benchmarks/interval_coverage.py.
"""

from bcdetect.intervals.area import auc_difference, auc_interval, auc_interval_logit
from bcdetect.intervals.delong import delong
from bcdetect.intervals.folds import corrected_interval
from bcdetect.intervals.mcnemar import McNemar, mcnemar
from bcdetect.intervals.proportion import wilson
from bcdetect.intervals.ratio import proportion_ratio
from bcdetect.intervals.resampling import stratified_bootstrap
from bcdetect.intervals.student import t_quantile

__all__ = [
    "McNemar",
    "auc_difference",
    "auc_interval",
    "auc_interval_logit",
    "corrected_interval",
    "delong",
    "mcnemar",
    "proportion_ratio",
    "stratified_bootstrap",
    "t_quantile",
    "wilson",
]
