"""How often the intervals and sets hold the truth, on simulated data sets as small as the test parts are.

    python benchmarks/interval_coverage.py [--datasets 10000] [--out FILE.json]

Data sets have 114 rows (the Wisconsin data's test part) and 156 (BreastMNIST's), 42 of them malignant. Scores are binormal:
benign ones have mean 0 and deviation 1, malignant ones the mean that gives the true AUC, and a deviation of 1, or of 1.5 or
2/3. Every count is over all data sets, and beside it over the first 1,000 alone. Of 95 % intervals, Wilson's is to hold the
truth in .92 to .98 of the data sets, and that of an AUC in .92 to .97 for a true AUC of .80 to .97 and equal deviations; those
of predictive values in .92 at least, and of a difference of AUCs in .90. Conformal sets are to hold the true class as often as
stated, on average over the data sets, to three standard errors. Where one does not the command ends with 1; what lies beyond is
printed without a verdict. Every line has a seed of its own, so that none moves the others.
"""

import argparse
import json
import math
import sys
from statistics import NormalDist

import numpy as np

from bcdetect import NOTICE
from bcdetect.conformal import Conformal
from bcdetect.intervals import auc_difference, auc_interval, auc_interval_logit, wilson
from bcdetect.prevalence import at_prevalence, predictive_values
from bcdetect.tables import table

MALIGNANT = 42
SIZES = (114, 156)
FIRST = 1000
PROPORTIONS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
AREAS = (0.80, 0.85, 0.90, 0.95, 0.97, 0.98, 0.99, 0.995)
DEVIATIONS = (1.0, 1.5, 2 / 3)
PAIRS = ((0.85, 0.85, 0.5), (0.90, 0.85, 0.5), (0.95, 0.95, 0.8), (0.95, 0.90, 0.8), (0.98, 0.95, 0.5), (0.99, 0.99, 0.5))
WILSON, AUC, PREDICTIVE, DIFFERENCE = (0.92, 0.98), (0.92, 0.97), 0.92, 0.90


def main() -> int:
    """Simulate every kind of interval and print how often each holds the truth; 1 where a promise is broken."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--datasets", type=int, default=10_000, help="for each line, at least 1,000")
    parser.add_argument("--out", metavar="FILE.json")
    options = parser.parse_args()
    if options.datasets < FIRST:
        parser.error(f"--datasets must be at least {FIRST}")
    result = {"datasets": options.datasets}
    for name, simulate in PARTS.items():
        result[name] = simulate(options.datasets)
        print(f"\n{name}\n\n{_text(result[name])}", flush=True)
    broken = [f"{name}: {row}" for name in PARTS for row in result[name] if row.get("holds") is False]
    print("\n".join(["", *(broken or ["every bound holds"]), NOTICE]))
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            file.write(json.dumps(result, indent=1, allow_nan=False) + "\n")
    return 1 if broken else 0


def proportions(datasets: int) -> list[dict]:
    """Wilson's interval: simulated, and summed over all counts there can be."""
    rows = []
    for n in (MALIGNANT, *SIZES):
        inside = [wilson(k, n) for k in range(n + 1)]
        for p in PROPORTIONS:
            held = np.array([low <= p <= high for low, high in inside])
            found = held[_rng("wilson", n, p).binomial(n, p, datasets)]
            chances = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
            row = {"n": n, "true proportion": p, **_coverage(found), "exact": round(float(held @ chances), 4)}
            rows.append({**row, "holds": _within(row["coverage"], WILSON) and _within(row["exact"], WILSON)})
    return rows


def areas(datasets: int) -> list[dict]:
    """The interval of an AUC, beside DeLong's on the logit scale."""
    return [area(datasets, n, deviation, true) for n in SIZES for deviation in DEVIATIONS for true in AREAS]


def area(datasets: int, n: int, deviation: float, true: float) -> dict:
    """One line of `areas`: how often the interval lies above and below the true AUC, and its mean width."""
    y = np.repeat([1, 0], [MALIGNANT, n - MALIGNANT])
    rng, found = _rng("auc", n, deviation, true), np.empty((datasets, 4))
    for k in range(datasets):
        scores = _scores(rng, y, [true], deviation)[:, 0]
        found[k] = *auc_interval(y, scores), *auc_interval_logit(y, scores)
    held, logit = ((found[:, i] <= true) & (true <= found[:, i + 1]) for i in (0, 2))
    row = {"n": n, "deviation": round(deviation, 2), "true AUC": true, **_coverage(held)}
    row |= {"above": _share(true < found[:, 0]), "below": _share(true > found[:, 1])}
    row |= {"width": round(float(np.mean(found[:, 1] - found[:, 0])), 4), "DeLong on logits": _share(logit)}
    row["holds"] = _within(row["coverage"], AUC) if deviation == 1 and true <= 0.97 else None
    return row


def perfect(datasets: int) -> list[dict]:
    """An AUC of 1: the interval, and scores that make it as likely as can be at the interval's lower end."""
    rows = []
    for n in SIZES:
        y = np.repeat([1, 0], [MALIGNANT, n - MALIGNANT])
        low, high = auc_interval(y, y)
        seen = _rng("perfect", n).random((datasets, MALIGNANT)) < low  # a malignant row is above all others, else below
        row = {"n": n, "low": round(low, 4), "high": high, "found 1 where the truth is low": _share(seen.all(axis=1))}
        rows.append({**row, "holds": low < high and abs(row["found 1 where the truth is low"] - 0.025) < 0.01})
    return rows


def differences(datasets: int) -> list[dict]:
    """The interval of a paired difference of AUCs (DeLong), and how often its p-value is below 5 %."""
    rows = []
    for n in SIZES:
        y = np.repeat([1, 0], [MALIGNANT, n - MALIGNANT])
        for first, second, correlation in PAIRS:
            rng, held, small = _rng("difference", n, first, second), np.empty(datasets, bool), np.empty(datasets, bool)
            for k in range(datasets):
                scores = _scores(rng, y, [first, second], 1.0, correlation)
                _, low, high, p_value = auc_difference(y, *scores.T)
                held[k], small[k] = low <= first - second <= high, p_value < 0.05
            row = {"n": n, "first AUC": first, "second AUC": second, "correlation": correlation, **_coverage(held)}
            rows.append({**row, "p below .05": _share(small), "holds": row["coverage"] >= DIFFERENCE})
    return rows


def predictive(datasets: int) -> list[dict]:
    """PPV and NPV from a sensitivity and a specificity, at a prevalence of 1 %: another moves truth and limits alike."""
    rows = []
    for n in SIZES:
        for sensitivity, specificity in ((0.85, 0.80), (0.95, 0.90)):
            rng = _rng("predictive", n, sensitivity)
            tp, tn = rng.binomial(MALIGNANT, sensitivity, datasets), rng.binomial(n - MALIGNANT, specificity, datasets)
            truth = dict(zip(("ppv", "npv"), predictive_values(sensitivity, specificity, 0.01), strict=True))
            held = {name: np.empty(datasets, bool) for name in truth}
            for k in range(datasets):
                counts = [[tn[k], n - MALIGNANT - tn[k]], [MALIGNANT - tp[k], tp[k]]]
                for name, entry in at_prevalence(counts, 0.01).items():
                    held[name][k] = entry["low"] <= truth[name] <= entry["high"]
            row = {"n": n, "sensitivity": sensitivity, "specificity": specificity}
            row |= {name.upper(): _share(found) for name, found in held.items()}
            rows.append({**row, "holds": min(row["PPV"], row["NPV"]) >= PREDICTIVE})
    return rows


def sets(datasets: int) -> list[dict]:
    """Conformal sets, class by class: the share of new rows whose set holds the true class, and of rows to refer."""
    rows = []
    for n in SIZES:
        y = np.repeat([1, 0], [MALIGNANT, n - MALIGNANT])
        for error_rate in (0.05, 0.10):
            rng, held = _rng("sets", n, error_rate), np.empty((datasets, 3))
            for k in range(datasets):
                old, new = (1 / (1 + np.exp(1.4 - _scores(rng, y, [0.95], 1.0)[:, 0])) for _ in range(2))
                fitted = Conformal.fit(old, y, error_rate)
                inside = fitted.sets(new)
                held[k] = *(inside[y == c, c].mean() for c in (0, 1)), np.mean(inside.sum(axis=1) != 1)
            for c, name in enumerate(("benign", "malignant")):
                count = int(np.sum(y == c))
                expected = math.ceil((count + 1) * (1 - error_rate) - 1e-9) / (count + 1)
                row = {"n": n, "error rate": error_rate, "class": name, "rows": count, "stated": 1 - error_rate}
                row |= {"coverage": _share(held[:, c]), "expected": round(expected, 4), "referred": _share(held[:, 2])}
                spread = 3 * held[:, c].std() / math.sqrt(datasets)
                rows.append({**row, "holds": bool(abs(held[:, c].mean() - expected) <= spread)})
    return rows


PARTS = {
    "Wilson's interval of a proportion": proportions,
    "interval of an AUC": areas,
    "interval of an AUC found to be 1": perfect,
    "interval of a paired difference of AUCs": differences,
    "intervals of predictive values": predictive,
    "conformal sets": sets,
}


def _scores(rng, y: np.ndarray, true_areas: list[float], deviation: float, correlation: float = 0.0) -> np.ndarray:
    """Binormal scores with these true AUCs, a column each."""
    means = [NormalDist().inv_cdf(area) * math.hypot(1, deviation) for area in true_areas]
    noise = rng.normal(size=(len(y), len(means)))
    noise[:, 1:] = correlation * noise[:, :1] + math.sqrt(1 - correlation**2) * noise[:, 1:]
    malignant = y[:, None] == 1
    return np.where(malignant, np.array(means) + deviation * noise, noise)


def _rng(*key) -> np.random.Generator:
    return np.random.default_rng(list("/".join(map(str, key)).encode()))


def _coverage(held: np.ndarray) -> dict[str, float]:
    return {"coverage": _share(held), "first 1,000": _share(held[:FIRST])}


def _share(values: np.ndarray) -> float:
    return round(float(np.mean(values)), 4)


def _within(value: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= value <= bounds[1]


def _text(rows: list[dict]) -> str:
    names, told = list(rows[0]), {True: "yes", False: "NO", None: ""}

    def cell(value):
        return told[value] if value is None or isinstance(value, bool) else value if isinstance(value, str) else f"{value:g}"

    return table([names, *([cell(row[name]) for name in names] for row in rows)])


if __name__ == "__main__":
    sys.exit(main())
