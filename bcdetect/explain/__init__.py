"""Which parts of a picture, or which measurements, spoke for a class: maps of evidence, and their own grade."""

from bcdetect.explain.explaining import explain
from bcdetect.explain.explanation import Explanation
from bcdetect.explain.methods import METHODS

__all__ = ["METHODS", "Explanation", "explain"]
