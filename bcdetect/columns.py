"""Which column of a user's table is meant by which name: spelling may differ, meaning may not."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence

from bcdetect.errors import InputError

_MEASUREMENT = "radius|texture|perimeter|area|smoothness|compactness|concavity|concave points|symmetry|fractal dimension"
_STATISTIC = {
    "mean": "mean",
    "error": "error",
    "se": "error",
    "worst": "worst",
    "1": "mean",
    "2": "error",
    "3": "worst",
}
# The ten cell-nucleus measurements as spelled by scikit-learn, by Kaggle, and by the UCI repository.
_SPELLINGS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?P<statistic>mean|worst) (?P<measurement>{_MEASUREMENT})",
        rf"(?P<measurement>{_MEASUREMENT}) (?P<statistic>mean|error|se|worst)",
        rf"(?P<measurement>{_MEASUREMENT})(?P<statistic>[123])",
    )
)


def normalise(name: str) -> str:
    """Fold what people spell differently: case, runs of spaces, underscores and hyphens, and accents as letters of their own."""
    return re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFC", name)).strip().casefold()


def meaning(name: str) -> str:
    """Return one key for every known spelling of a column: `radius_se` and `Radius2` are both `error radius`."""
    found = nucleus(name)
    return normalise(name) if found is None else " ".join(found)


def nucleus(name: str) -> tuple[str, str] | None:
    """Of a measurement of cell nuclei the statistic (mean, error or worst) and what is measured; None for another column."""
    key = normalise(name)
    for spelling in _SPELLINGS:
        if found := spelling.fullmatch(key):
            return _STATISTIC[found["statistic"]], found["measurement"]
    return None


def match_columns(wanted: Sequence[str], present: Sequence[str], *, file: str = "") -> tuple[dict[str, str], list[str]]:
    """Find each wanted column: the mapping wanted -> present, and the wanted names that nothing matches, in order.

    The exact name wins, then the same meaning. Wanted names of the same meaning are told apart by exact names only.
    Raises InputError when two present columns, neither of them exact, mean the same wanted one.
    """
    exact = set(present)
    if exact.issuperset(wanted):  # the usual case, and the quick one
        return {name: name for name in wanted}, []
    by_meaning, sought = defaultdict(list), defaultdict(list)
    for name in present:
        by_meaning[meaning(name)].append(name)
    for name in wanted:
        sought[meaning(name)].append(name)
    mapping, missing = {}, []
    for name in wanted:
        key = meaning(name)
        if name in exact:
            mapping[name] = name
        elif len(sought[key]) > 1 or not by_meaning[key]:
            missing.append(name)
        elif len(by_meaning[key]) > 1:
            rivals = " and ".join(map(repr, by_meaning[key]))
            hint = f"Rename the right one to {name!r}, or remove the others"
            raise InputError(f"the column {name!r} could be any of {rivals}", file=file, hint=hint)
        else:
            mapping[name] = by_meaning[key][0]
    return mapping, missing
