"""The web page and its JSON interface: `python -m bcdetect serve`, which needs the extra `web`."""
