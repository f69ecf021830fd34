"""BreastMNIST from scratch on its official split: ten seeds, beside published figures.

    python -m bcdetect data fetch breastmnist
    python benchmarks/breastmnist.py [--seeds 10] [--out FILE.json]
    python benchmarks/breastmnist.py --rescore FILE.json [--out FILE.json]     the probabilities of a result, judged anew

The recipe was found by `breastmnist_recipe.py`, by cross-validation inside the official training and validation parts. It is the
second one: the test part had been used once before, for a recipe without noise and with 120 epochs (mean AUC .883, accuracy .846;
ensemble .893/.853). After that the search went on as before, on the same two parts alone. Each
seed trains one network on these two parts together; no epoch is chosen, the last one's weights are kept, so that nothing is
left for the validation part to do. All networks together, their probabilities averaged, are the ensemble. Published, at 28 x 28
on the same test part (Yang et al. 2023, doi 10.1038/s41597-022-01721-8): ResNet-18 AUC .901 accuracy .863, ResNet-50 .857/.812,
AutoKeras .871/.831, Google AutoML Vision .919/.861; these were trained on the training part, and chosen on the validation part.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict, replace

import numpy as np
from machine import describe

from bcdetect import NOTICE
from bcdetect.audit import duplicated_in
from bcdetect.baselines import Logistic, majority
from bcdetect.config import Config
from bcdetect.preprocessing import PictureScaler
from bcdetect.run import load_run_data
from bcdetect.scores import score_part
from bcdetect.tables import score_table, table
from bcdetect.training import train_classifier

RECIPE = Config.for_pictures().with_values(
    {
        "model": "vgg",
        "width": 32,
        "epochs": 180,
        "monitor": "last",
        "ema": 0.99,
        "mixup": 0.2,
        "elastic": 0.03,
        "noise": 0.2,
        "tta": "shift",
    }
)
PUBLISHED = {"ResNet-18": (0.901, 0.863), "Google AutoML Vision": (0.919, 0.861)}
METRICS = ("roc_auc", "accuracy", "balanced_accuracy", "sensitivity", "specificity")


def load():
    """The data and its official parts."""
    return load_run_data(replace(RECIPE, data="breastmnist"))


def main() -> int:
    """Train, or judge kept probabilities anew, and print the scores beside the published ones."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rescore", metavar="FILE.json")
    parser.add_argument("--out", metavar="FILE.json")
    options = parser.parse_args()
    data, parts = load()
    test, y = parts["test"], data.y[parts["test"]]
    rest = np.concatenate([parts["train"], parts["validation"]])
    if options.rescore:
        with open(options.rescore, encoding="utf-8") as file:
            before = json.load(file)
        positive, minutes = np.array(before["probabilities"]["networks"], np.float32), before["minutes"]
        networks = np.stack([1 - positive, positive], axis=2)
    else:
        networks, minutes = train(data, rest, parts["validation"], test, options.seeds)
    scale = PictureScaler.fit(data, rest)
    logistic = Logistic(scale.flat(data, rest), data.y[rest], 2).predict_proba(scale.flat(data, test))
    answers = {"ensemble": networks.mean(axis=0), "logistic": logistic, "majority": majority(data.y[rest], 2, len(test))}
    alike = np.isin(test, duplicated_in(data, parts))
    result = {"notice": NOTICE, "machine": describe(), "settings": asdict(RECIPE), "minutes": round(minutes, 1)}
    for name, kept in (("all test images", np.ones(len(test), bool)), ("without those found again in training", ~alike)):
        result[name] = {
            "images": int(kept.sum()),
            **_judged(y[kept], networks[:, kept], {n: p[kept] for n, p in answers.items()}, data),
        }
    result["probabilities"] = {"networks": networks[:, :, 1].tolist(), "ensemble": answers["ensemble"][:, 1].tolist()}
    print(_text(result))
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            file.write(json.dumps(result, indent=1) + "\n")
    return 0


def train(data, rest, validation, test, seeds: int) -> tuple[np.ndarray, float]:
    """What a network of each seed says of the test part, (seeds, n, 2), and the minutes that took."""
    start, found = time.monotonic(), []
    for seed in range(seeds):
        classifier, (history,) = train_classifier(data, rest, validation, replace(RECIPE, seed=seed))
        found.append(classifier.predict_rows(data, test))
        print(f"seed {seed}: trained in {history.seconds:.0f} s", flush=True)
    return np.array(found), (time.monotonic() - start) / 60


def _judged(y, networks, answers, data) -> dict:
    def scores(p):
        return score_part(y, p, (p[:, 1] >= 0.5).astype(int), data.class_names)

    each = [scores(p) for p in networks]
    values = {name: [one[name]["value"] for one in each] for name in METRICS}
    spread = {n: {"mean": float(np.mean(v)), "sd": float(np.std(v, ddof=1)), "each": v} for n, v in values.items()}
    return {"mean over seeds": spread, **{name: scores(p) for name, p in answers.items()}}


def _text(result: dict) -> str:
    lines = [f"{result['minutes']} minutes on {result['machine']}"]
    for name in ("all test images", "without those found again in training"):
        part = result[name]
        lines += ["", f"{name} ({part['images']})", ""]
        rows = [["", "mean over seeds", "sd"]]
        rows += [
            [m.replace("_", " "), f"{part['mean over seeds'][m]['mean']:.4f}", f"{part['mean over seeds'][m]['sd']:.4f}"]
            for m in METRICS
        ]
        lines += [table(rows), "", score_table({n: part[n] for n in ("ensemble", "logistic", "majority")})]
    published = ", ".join(f"{name} {auc:.3f}/{accuracy:.3f}" for name, (auc, accuracy) in PUBLISHED.items())
    return "\n".join([*lines, "", f"published AUC/accuracy: {published}", NOTICE])


if __name__ == "__main__":
    sys.exit(main())
