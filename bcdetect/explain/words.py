"""What is said of an explanation: in the terminal, under its picture, and in the name of its files."""

from __future__ import annotations

import os
import re
import unicodedata
from itertools import takewhile

import numpy as np

from bcdetect.classifier import Classifier
from bcdetect.explain.explanation import Explanation
from bcdetect.explain.methods import METHODS
from bcdetect.explain.resize import resize
from bcdetect.inputs import Input
from bcdetect.judgement import REFER
from bcdetect.predict import answer_text, percent

NAME_BYTES = 60  # of a picture's name that its files keep; some file systems take 143 bytes, suffix and all
IN_LOGITS = ("gradcam", "hirescam", "layercam", "integrated", "occlusion")  # shares of the score, at least to first order
SUFFIX = re.compile(r"\.(png|jpe?g|bmp|tiff?|pgm|dcm|nii(\.gz)?|csv)(?=#|\s|$)", re.IGNORECASE)
THIRDS = ("upper", "middle", "lower"), ("left", "middle", "right")
SAID = 3  # features of a row of a table that the terminal names on each side


def place(each: Input) -> str:
    """What an input is, for people."""
    return each.name or f"row {each.row}"


def heading(each: Input) -> str:
    """What stands over its picture."""
    return each.name or ", ".join(filter(None, (os.path.basename(each.source), f"row {each.row}")))


def file_stem(each: Input, count: int) -> str:
    """The beginning of the names of an input's files: its number of `count`, which makes it unlike any other, and what it was.

    Letters and digits of every script stay; whatever else a file system or a shell could stumble over becomes a hyphen.
    """
    number = f"{each.row:0{len(str(count))}}"
    if not each.name:
        return f"row-{number}"
    first, *others = map(safe, each.files or (each.name,))
    if others:  # an exam's files differ in the sequence, behind a hyphen or so
        alike = takewhile(lambda letters: len(set(letters)) == 1, zip(first, *others, strict=False))
        first = re.sub(r"[^-_]*$", "", "".join(letters[0] for letters in alike)).strip("-_") or first
    return f"{number}-{first}"


def safe(name: str) -> str:
    """The last part of a path, without its suffix, as any file system takes it."""
    base = unicodedata.normalize("NFC", SUFFIX.sub("", os.path.basename(name)))
    return re.sub(r"\W+", "-", base).encode()[:NAME_BYTES].decode(errors="ignore").strip("-_") or "input"


def decided(classifier: Classifier, found: Explanation) -> str:
    """The classifier's own answer, such as `benign`."""
    return classifier.class_names[int(classifier.decide(found.probabilities[None])[0])]


def answer(classifier: Classifier, found: Explanation) -> str:
    """Such as `benign (probability of malignancy 2.4 %)`."""
    return answer_text(classifier, decided(classifier, found), found.probabilities)


def unit(found: Explanation) -> str:
    """What the numbers of a map are."""
    if found.method in IN_LOGITS:
        return "logits"
    return "units of its own" if METHODS[found.method].signed else "logits a standard deviation"


def title(found: Explanation) -> str:
    """What a map shows."""
    method = METHODS[found.method]
    if not method.knows_class:
        return "what is strong, whatever the class"
    return f"what speaks for {found.class_name}" if method.signed else f"what would move the logit of {found.class_name}"


def evidence(found: Explanation) -> str:
    """The map in words: its strength and peak, and what speaks against; or that it is blank."""
    method = METHODS[found.method]
    if found.blank:
        text = f"no evidence for {found.class_name}" if method.knows_class else "nothing is strong"
    else:
        what = f"evidence for {found.class_name}" if method.signed and method.knows_class else "strength"
        (height, width), (row, column) = found.map.shape, found.peak
        at = f"row {row}, column {column} of {height} x {width} (from 0)"
        text = f"{what} up to {found.strength:.3g}{' logits' if unit(found) == 'logits' else ''} at {at}"
    if not (method.signed and method.knows_class):
        return text
    return text + (f", evidence against up to {found.against:.3g}" if found.against > 0 else ", no evidence against")


def region(found: Explanation) -> str:
    """The ninth of the picture that the peak of a map lies in, such as `the upper left`. The map must not be blank."""
    down, across = (
        names[int(3 * (at + 0.5) / length)] for names, at, length in zip(THIRDS, found.peak, found.map.shape, strict=True)
    )
    return "the centre" if down == across else f"the {down} {across}"


def described(found: Explanation) -> str:
    """A map for somebody who does not see it: where it is strongest, how strong, and what speaks against."""
    text = first_up(evidence(found))
    return text if found.blank else f"{text}. The strongest place lies in {region(found)} of the picture"


def by_feature(classifier: Classifier, found: Explanation) -> np.ndarray:
    """The evidence of each feature of a table's row, below 0 against the class. Shape: (F,)."""
    return resize(found.raw[None], (len(classifier.feature_names), 1))[0, :, 0]


def line_of(classifier: Classifier, each: Input, found: Explanation, reason: str | None = None) -> str:
    """One line for the terminal; `reason` is why the input is to be referred, if it is."""
    refer = f"; {REFER}: {reason}" if reason else ""
    said = f"{place(each)}: {answer(classifier, found)}{refer}"
    if classifier.takes_pictures:
        return f"{said}; {evidence(found)}"
    values = by_feature(classifier, found)
    order = np.argsort(-values, kind="stable")
    names = [f"{classifier.feature_names[i]} {values[i]:+.2g}" for i in order]
    most_for = [name for name, i in zip(names, order, strict=True) if values[i] > 0][:SAID]
    against = [name for name, i in zip(names[::-1], order[::-1], strict=True) if values[i] < 0][:SAID]
    spoke = [f"most for {found.class_name}: {', '.join(most_for) or 'nothing'}"]
    spoke += [f"most against: {', '.join(against) or 'nothing'}"] * METHODS[found.method].signed
    return f"{said}; {'; '.join(spoke)}"


def caption(classifier: Classifier, found: Explanation, grade: str, shared: bool = False) -> list[str]:
    """The lines under an explanation's picture; `shared` says that all inputs have one scale."""
    layer = f", layer {found.layer}" if found.layer else ""
    gap = "" if found.gap is None else f"; completeness error {percent(found.gap)}"
    scale = "; one scale for all inputs" if shared else ""
    score = f"; logit of {found.class_name} {found.score:+.3g}"
    told = found.class_name if METHODS[found.method].knows_class else "none, for this method looks at none"
    return [
        f"Explained class: {told}. The model says {answer(classifier, found)}{score}",
        first_up(f"{METHODS[found.method].title}{layer}{gap}{scale}"),
        *([first_up(evidence(found)) + _marks(found)] if classifier.takes_pictures else []),
        f"Grade: {grade}",
    ]


def outlined(found: Explanation) -> bool:
    """Whether a line around the strongest part is worth drawing: a map of single pixels would be full of them."""
    return found.raw.shape != found.map.shape


def _marks(found: Explanation) -> str:
    if found.blank:
        return ""
    return "; circle: the peak" + (", line: half its strength" if outlined(found) else "")


def first_up(text: str) -> str:
    """With a capital at its beginning."""
    return text[:1].upper() + text[1:]
