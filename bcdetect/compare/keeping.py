"""Answers kept on disk as they come, so that a long comparison that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bcdetect import __version__
from bcdetect.compare.contenders import Answer, Contender
from bcdetect.datasets import Dataset
from bcdetect.output import save_text


def kept(
    folder: Path | None, data: Dataset, contender: Contender, test: np.ndarray, seed: int, compute: Callable[[], Answer]
) -> Answer:
    """The answer in `folder`, or else what `compute` gives, which is then written there whole or not at all.

    A file's name is a digest of all that its answer follows from: data, contender and its settings, test rows, seed, version. So
    nothing that was computed otherwise is taken, and files of several comparisons may lie together.
    """
    if folder is None:
        return compute()
    said = {"contender": contender.name, "what": type(contender).__name__, **contender.described()}
    groups = "" if data.groups is None else "|".join(data.groups.tolist())
    content = [
        data.x.tobytes(),
        data.y.tobytes(),
        groups.encode(),
        test.tobytes(),
        json.dumps([said, seed, __version__]).encode(),
    ]
    path = folder / f"{hashlib.sha256(b'|'.join(content)).hexdigest()[:32]}.json"
    if path.exists():
        read = json.loads(path.read_text(encoding="utf-8"))
        return Answer(np.array(read["probabilities"]), np.array(read["predicted"]), read["facts"])
    answer = compute()
    p = np.asarray(answer.probabilities, np.float64)
    save_text(
        path,
        json.dumps(
            {**said, "seed": seed, "test": test.tolist(), "probabilities": p.tolist()}
            | {"predicted": answer.predicted.tolist(), "facts": answer.facts}
        )
        + "\n",
    )
    return Answer(p, answer.predicted, answer.facts)


def answers_kept(folder: Path) -> int:
    """How many answers lie in the folder, of whatever comparison."""
    return sum(1 for _ in folder.glob("*.json"))
