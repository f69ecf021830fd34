"""Jobs."""


class Jobs:
    """Jobs."""

    def __init__(self, folder, models):
        """Jobs."""

    def close(self):
        """Close."""
