"""What the maps are worth where the answer is known: on phantoms with a known lesion, and with a planted shortcut.

    python benchmarks/explanations.py [--seeds 3] [--out FILE.json]

Phantoms are made up; no figure here says anything about patients. Each seed makes its own patients, split and networks.
"""

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from machine import describe

from bcdetect import NOTICE
from bcdetect.config import Config
from bcdetect.datasets.phantom import write_phantoms
from bcdetect.explain.checks.frame import frame_check
from bcdetect.explain.checks.lesion import lesion_checks, mass_inside, pointing
from bcdetect.explain.checks.retrained import lit, planted
from bcdetect.explain.checks.subject import Subject
from bcdetect.explain.explaining import Explainer
from bcdetect.explain.grade import FAIL
from bcdetect.run import load_run_data
from bcdetect.tables import number, table
from bcdetect.training import train_classifier

SETTINGS = replace(Config.for_pictures(), epochs=40, lr=2e-3)
METHODS = ("gradcam", "gradcam++", "hirescam", "layercam", "integrated", "saliency", "eigencam")
SIGNED = ("benign", "malignant")


def main() -> None:
    """Grade the maps of networks on phantoms, seed by seed, and print what the seeds give."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--patients", type=int, default=120)
    parser.add_argument("--out", metavar="FILE.json")
    options = parser.parse_args()
    result = {"notice": NOTICE, "synthetic": True, "machine": describe(), "patients": options.patients, "seeds": []}
    for seed in range(options.seeds):
        data, parts, config = phantoms(seed, options.patients)
        classifier, _ = train_classifier(data, parts["train"], parts["validation"], config)
        test = data.subset(parts["test"])
        print(f"SYNTHETIC phantoms of seed {seed}, intervals over patients\n", flush=True)
        found = {"pointing": pointing_game(classifier, test), "signs": signs(classifier, test)}
        class_number = len(data.class_names) - 1
        marked, corners = planted(data, class_number)
        fooled, _ = train_classifier(marked, parts["train"], parts["validation"], config)
        seen = test, marked.subset(parts["test"]), corners[parts["test"]], class_number
        found["trained without a marker"] = shortcut("without a marker", classifier, *seen)
        found["trained with a marker"] = shortcut("with a marker", fooled, *seen)
        result["seeds"].append(found)
        print(flush=True)
    print(NOTICE)
    if options.out:
        Path(options.out).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def phantoms(seed: int, patients: int):
    """Data, parts and settings of phantoms of this seed."""
    with tempfile.TemporaryDirectory() as folder:
        write_phantoms(Path(folder), patients, seed=seed)
        config = replace(SETTINGS, data=str(Path(folder) / "manifest.csv"), seed=seed)
        return *load_run_data(config), config


def pointing_game(classifier, test) -> dict[str, dict]:
    """Every method's hits on the slices with a lesion, beside the centre's and a random point's."""
    lesion = np.flatnonzero(test.masks.any(axis=(1, 2)))
    masks, found = test.masks[lesion], {}
    rows = [["", "hits", "centre", "random", "ahead of both by at least", "mass inside", "area"]]
    for method in METHODS:
        subject = Subject(Explainer(classifier, method), test)
        game, mass = lesion_checks(subject)
        maps = subject.drawn(subject.evidence(subject.x[lesion], test.y[lesion]))
        hits, *others = pointing(maps, masks)
        centre, random = (float(other.mean()) for other in others)
        ahead = min(subject.mean(hits - other, lesion)[1] for other in others)
        inside, area = float(mass_inside(maps, masks).mean()), float(masks.mean())
        found[method] = {"hits": [game.value, game.low, game.high], "centre": centre, "random": random, "ahead by": ahead}
        found[method] |= {"mass inside": inside, "area": area, "verdicts": [game.verdict, mass.verdict]}
        rows.append([method, span(game.value, game.low, game.high), *map(number, (centre, random, ahead, inside, area))])
    print(f"{len(lesion)} slices with a lesion\n{table(rows)}\n", flush=True)
    return found


def signs(classifier, test) -> dict[str, list]:
    """The share of slices in which the evidence inside the lesion is, in the mean, for its own class, and against the other."""
    subject, found = Subject(Explainer(classifier), test), {}
    for own, other in (SIGNED, SIGNED[::-1]):
        rows = np.flatnonzero((test.y == test.class_names.index(own)) & test.masks.any(axis=(1, 2)))
        shares = []
        for name, sign in ((own, 1), (other, -1)):
            classes = np.full(len(rows), test.class_names.index(name))
            raw = subject.explainer.raw(subject.x[rows], classes)[0].evidence
            inside = (subject.drawn(raw) * test.masks[rows]).sum(axis=(1, 2))
            shares.append(subject.mean(sign * inside > 0, rows))
        found[own] = shares
        texts = [span(*share) for share in shares]
        print(f"Grad-CAM inside {own} lesions: for {own} in {texts[0]} of the slices, against {other} in {texts[1]}")
    return found


def shortcut(how: str, classifier, test, marked, corners, class_number: int) -> dict:
    """The question after the frame, on pictures of the kind that it was trained on; and whether the marker lights up."""
    subject = Subject(Explainer(classifier), test if how == "without a marker" else marked)
    check = frame_check(subject)
    rows = np.flatnonzero(test.y == class_number)
    seen = (Subject(subject.explainer, each.subset(rows)) for each in (marked, test))
    shares, caught = subject.mean(lit(*seen, corners[rows]), rows), check.verdict == FAIL
    by_frame = span(check.value, check.low, check.high)
    print(f"trained {how}: {'caught' if caught else 'not caught'}, AUC by the frame alone {by_frame}", end="; ")
    print(f"the marker lights up in {span(*shares)} of the rows", flush=True)
    return {"caught": caught, "frame": [check.value, check.low, check.high], "why": check.why, "marker lights up": shares}


def span(value: float, low: float, high: float) -> str:
    """A value and its interval."""
    return f"{number(value)} ({number(low)} to {number(high)})"


if __name__ == "__main__":
    main()
