"""A breast-cancer classifier on the tinycnn engine. Research and education only; not a medical device."""

__version__ = "0.1.0"
NOTICE = "Research and education only; not a medical device."
