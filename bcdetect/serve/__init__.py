"""The web page and its JSON API, the extra `web`."""
