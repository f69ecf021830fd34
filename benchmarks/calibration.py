"""What calibration on the validation part does to the test part of the Wisconsin data, over many splits.

    python benchmarks/calibration.py [--splits 20]

For each split the default network is trained once; its probabilities are calibrated on the validation part in each way, and
judged on the test part. Then: how often the prediction sets hold the true class, and how many rows they refer.
"""

import argparse
from dataclasses import replace

import numpy as np

from bcdetect import NOTICE, metrics
from bcdetect.config import Config
from bcdetect.judging import judge
from bcdetect.run import load_run_data
from bcdetect.tables import table
from bcdetect.training import train_classifier

KINDS = ("none", "temperature", "platt", "isotonic")
SCORES = {"log loss": metrics.log_loss, "Brier": metrics.brier_score_loss, "ECE": metrics.expected_calibration_error}
RATES = (0.01, 0.05, 0.10)


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=20)
    splits = parser.parse_args().splits
    found = {kind: [] for kind in KINDS}
    sets = {rate: [] for rate in RATES}
    for seed in range(splits):
        config = replace(Config(), seed=seed)
        data, parts = load_run_data(config)
        classifier, _ = train_classifier(data, parts["train"], parts["validation"], config)
        y, raw = data.y[parts["test"]], classifier.raw_rows(data, parts["test"])
        for kind in KINDS:
            judgement = judge(classifier, data, parts["train"], parts["validation"], replace(config, calibration=kind))
            p = np.ascontiguousarray(judgement.calibrated(raw)[:, 1])
            found[kind].append([score(y, p) for score in SCORES.values()])
        for rate in RATES:
            judgement = judge(classifier, data, parts["train"], parts["validation"], replace(config, error_rate=rate))
            p = judgement.calibrated(raw)
            held = judgement.conformal.sets(p)
            sets[rate].append([held[np.arange(len(y)), y].mean(), (held.sum(axis=1) != 1).mean()])
    rows = [[f"mean of {splits} test parts", *SCORES]]
    rows += [[kind, *(f"{value:.4f}" for value in np.mean(found[kind], axis=0))] for kind in KINDS]
    print(table(rows))
    rows = [["prediction sets", "hold the true class", "referred"]]
    rows += [[f"error rate {rate:g}", *(f"{value:.3f}" for value in np.mean(sets[rate], axis=0))] for rate in RATES]
    print(f"\n{table(rows)}\n{NOTICE}")


if __name__ == "__main__":
    main()
