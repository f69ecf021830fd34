"""What the maps are worth where the answer is known: on phantoms with a known lesion, and with a planted shortcut.

    python benchmarks/explanations.py [--seeds 3] [--out FILE.json]

Phantoms are made up; no figure here says anything about patients. Nothing is chosen by these figures.
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
from bcdetect.explain.checks.retrained import planted
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
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--patients", type=int, default=120)
    parser.add_argument("--out", metavar="FILE.json")
    options = parser.parse_args()
    result = {"notice": NOTICE, "synthetic": True, "machine": describe(), "patients": options.patients}
    result["pointing"] = [pointing_game(seed, options.patients) for seed in range(options.seeds)]
    result["shortcut"] = [shortcut(seed, options.patients) for seed in range(options.seeds)]
    print(NOTICE)
    if options.out:
        Path(options.out).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def phantoms(seed: int, patients: int):
    """Data, parts and settings of phantoms of this seed."""
    with tempfile.TemporaryDirectory() as folder:
        write_phantoms(Path(folder), patients, seed=seed)
        config = replace(SETTINGS, data=str(Path(folder) / "manifest.csv"), seed=seed)
        return *load_run_data(config), config


def pointing_game(seed: int, patients: int) -> dict:
    """Every method's hits on the test part, and the signs of the maps for both kinds of lesion."""
    data, parts, config = phantoms(seed, patients)
    classifier, _ = train_classifier(data, parts["train"], parts["validation"], config)
    test, found = data.subset(parts["test"]), {}
    rows = [["", "hits", "centre", "random", "ahead of both by at least", "mass inside", "area"]]
    for method in METHODS:
        subject = Subject(Explainer(classifier, method), test)
        check, mass = lesion_checks(subject)
        with_lesion = test.masks.any(axis=(1, 2))
        maps = subject.drawn(subject.evidence(subject.x[with_lesion], test.y[with_lesion]))
        hits, centre, random = pointing(maps, test.masks[with_lesion])
        groups = np.flatnonzero(with_lesion)
        ahead = min(subject.mean(hits - other, groups)[1] for other in (centre, random))
        inside, area = mass_inside(maps, test.masks[with_lesion]).mean(), test.masks[with_lesion].mean()
        found[method] = {
            "hits": [check.value, check.low, check.high],
            "centre": float(centre.mean()),
            "random": float(random.mean()),
            "ahead of both by at least": ahead,
            "mass inside": float(inside),
            "area": float(area),
            "verdicts": [check.verdict, mass.verdict],
        }
        cells = (check.value, check.low, check.high)
        rows.append([method, "{} ({} to {})".format(*map(number, cells)), *map(number, (centre.mean(), random.mean(), ahead))])
        rows[-1] += [number(inside), number(area)]
    print(f"SYNTHETIC phantoms of seed {seed}: {int(with_lesion.sum())} slices with a lesion, intervals over patients")
    print(table(rows), "\n")
    return {"methods": found, "signs": signs(classifier, test)}


def signs(classifier, test) -> dict[str, list[float]]:
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
        texts = ["{} ({} to {})".format(*map(number, share)) for share in shares]
        print(f"Grad-CAM inside {own} lesions: for {own} in {texts[0]} of the slices, against {other} in {texts[1]}")
    print()
    return found


def shortcut(seed: int, patients: int) -> dict:
    """The question after the frame, to a network trained on the phantoms, and to one with a marker in one class's corners."""
    data, parts, config = phantoms(seed, patients)
    number_of = len(data.class_names) - 1
    marked, corners = planted(data, number_of)
    found = {}
    for name, which in (("clean", data), ("marker", marked)):
        classifier, _ = train_classifier(which, parts["train"], parts["validation"], config)
        subject = Subject(Explainer(classifier), which.subset(parts["test"]))
        check = frame_check(subject)
        found[name] = {"caught": check.verdict == FAIL, "value": [check.value, check.low, check.high], "why": check.why}
        rows = np.flatnonzero(subject.data.y == number_of)
        maps = subject.drawn(subject.evidence(subject.x[rows], subject.data.y[rows]))
        hits = pointing(maps, corners[parts["test"]][rows])[0]
        found[name]["peak in the marker's corner"] = subject.mean(hits, rows)
        text = "{} ({} to {})".format(*map(number, found[name]["peak in the marker's corner"]))
        print(
            f"seed {seed}, {name}: {'caught' if check.verdict == FAIL else 'not caught'}, frame {number(check.value)} "
            f"({number(check.low)} to {number(check.high)}); peak in the marker's corner {text}"
        )
    return found


if __name__ == "__main__":
    main()
