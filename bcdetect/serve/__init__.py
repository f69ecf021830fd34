"""The page: `python -m bcdetect serve`, its JSON API, and the HTML pages that call it (extra `web`).

    request -> guard -> access -> api or pages -> work (a pool of threads) -> the library's own functions -> JSON or HTML

Nothing outside of this room imports the web framework, and nothing in here computes what a library user could not call.
"""
