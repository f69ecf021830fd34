"""A run's folder as the report reads it: everything on the page comes from these files."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from bcdetect.bundle import load_classifier
from bcdetect.classifier import Classifier
from bcdetect.errors import InputError
from bcdetect.gate import read_bytes, read_text

HINT = "Pass the folder of a finished run of 'python -m bcdetect train'"
MOST = 5 * 2**20  # bytes of figures, beyond which the page would be no page any more


@dataclass(frozen=True)
class RunFolder:
    """The metrics as `metrics.json` has them, the settings, the classifier with its file's digest, and the figures by name."""

    path: Path
    metrics: dict
    settings: dict
    classifier: Classifier
    digest: str
    figures: dict[str, bytes]


def read_run(path: str | os.PathLike) -> RunFolder:
    """Read a run's folder. Raises InputError, or ModelFileError for its model."""
    folder = Path(path)
    if not folder.is_dir():
        raise InputError("no such folder", file=os.fspath(path), hint=HINT)
    metrics, settings = (read_object(folder / name) for name in ("metrics.json", "config.json"))
    if "test" not in metrics or "referral" not in metrics:
        raise InputError("not the metrics of a run", file=str(folder / "metrics.json"), hint=HINT)
    classifier, digest = load_classifier(folder / "model.npz")
    figures, total = {}, 0
    for file in sorted((folder / "figures").glob("*.png")):
        content = read_bytes(file)
        total += len(content)
        if total * 4 / 3 < MOST - 2**19:  # base64, and room for the text
            figures[file.stem] = content
    return RunFolder(folder, metrics, settings, classifier, digest, figures)


def read_object(file: Path) -> dict:
    """A JSON object of a run. Raises InputError."""
    if not file.exists():
        raise InputError("is not there", file=str(file), hint=HINT)
    try:
        found = json.loads(read_text(file))
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON: {error}", file=str(file), hint=HINT) from None
    if not isinstance(found, dict):
        raise InputError("not a JSON object", file=str(file), hint=HINT)
    return found
