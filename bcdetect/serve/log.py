"""Log."""


class PredictionLog:
    """Log."""
