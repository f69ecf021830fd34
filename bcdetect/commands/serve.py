"""`serve`: the page and its API on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from bcdetect import NOTICE
from bcdetect.errors import InputError, UsageError

HELP = "a page to upload, see and understand, and its JSON API, on this machine (extra web)"
TOKEN = "BCDETECT_TOKEN"
MODULES = ("fastapi", "starlette", "pydantic", "uvicorn", "jinja2", "python_multipart")  # of the extra; httptools is not needed


def add_flags(parser) -> None:
    """See HELP."""
    parser.add_argument("--models", metavar="FOLDER", default="runs", help="models and runs to choose from (runs if left out)")
    parser.add_argument("--port", type=int, default=8000, metavar="N", help="8000 if left out; 0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="listen beyond this machine; needs a token")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME[:PORT]",
        help="a name that this server is asked for by, at its own port, or at PORT alone, as through a mapped one; repeatable",
    )
    parser.add_argument(
        "--public-url",
        metavar="URL",
        help="https://NAME[:PORT] of a proxy in front, which passes Host on unchanged; needs a token",
    )
    parser.add_argument("--token-file", metavar="FILE", help=f"its first line is asked of everybody (or the variable {TOKEN})")
    parser.add_argument("--log", metavar="FILE", help="keep every prediction in this SQLite file (nothing is kept without it)")


def run(options) -> int:
    """See HELP."""
    from bcdetect.errors import require_all
    from bcdetect.serve.addresses import Url, authority, public_url
    from bcdetect.serve.settings import ANY, Settings

    require_all(MODULES, "web", "serve")
    settings = Settings(
        models=_folder(options.models),
        host=options.host,
        port=options.port,
        hosts=tuple(options.allow_host),
        public=None if options.public_url is None else public_url(options.public_url),
        token=_token(options.token_file),
        log=None if options.log is None else Path(options.log),
    )
    from bcdetect.serve.app import create_app, end_streams, guarded
    from bcdetect.serve.server import serve

    def ready(port: int) -> None:
        name = "127.0.0.1" if settings.host in ANY else settings.host
        here = f"http://{f'[{name}]' if ':' in name else name}:{port}"
        opened = f"{here}  (" if settings.public is None else f"{settings.public}  (a proxy's; this listens at {here}; "
        mapped = [Url("http", *each) for each in sorted(map(authority, settings.hosts), key=str) if each[1] is not None]
        if not options.quiet:
            print(f"{opened}Ctrl-C ends it)")
            if mapped:
                print(f"from outside: {', '.join(map(str, mapped))}")
            print(NOTICE, flush=True)

    app = create_app(settings)
    serve(
        guarded(app, settings),
        settings.host,
        settings.port,
        limits=settings.limits,
        on_ready=ready,
        on_stop=lambda: end_streams(app),
    )
    return 0


def _folder(text: str) -> Path:
    folder = Path(text)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--models {text!r} is a file", hint="Name the folder it lies in")
    if not folder.exists() and text != "runs":
        raise UsageError(f"--models {text!r} is not there", hint="Name a folder of models or runs")
    return folder.resolve()


def _token(file: str | None) -> str | None:
    if file is None:
        return os.environ.get(TOKEN) or None
    from bcdetect.gate import read_text

    token = read_text(file).partition("\n")[0].strip()
    if not token:
        raise InputError("its first line is empty", file=file, hint="Put the token there")
    return token
