"""The routes with which a browser shows the token once, and gets a cookie for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from bcdetect.serve.access import COOKIE, SESSION_SECONDS, Door, session_of
from bcdetect.serve.refusal import Refusal, answer

_LONGEST_FORM = 8192  # bytes
_LOCAL = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


def login_routes(door: Door, render: Callable[[Request, str, str], str]) -> list[Route]:
    """GET and POST /login, POST /logout. `render(request, next_path, message)` gives the login page as HTML.

    Its form posts `token` and `next`, urlencoded, to /login; `message` says what was wrong with the token before, or is empty.
    """

    def page(request: Request, target: str, message: str = "", status: int = 200) -> Response:
        return HTMLResponse(render(request, target, message), status)

    async def show(request: Request) -> Response:
        target = local_path(request.query_params.get("next", ""))
        if door.token is None or door.knows(session_of(request.scope)):
            return RedirectResponse(target, 303)
        return page(request, target)

    async def log_in(request: Request) -> Response:
        form = await _form(request)
        target = local_path(form.get("next", ""))
        if door.token is None:
            return RedirectResponse(target, 303)
        if not door.opens(form.get("token", "").strip()):
            try:
                await door.refuse()
            except Refusal as refusal:
                return _refused(refusal)
            return page(request, target, "That is not the token.", 401)
        door.leave(session_of(request.scope))
        response = RedirectResponse(target, 303)
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, door.enter(), SESSION_SECONDS, path="/", secure=secure, httponly=True, samesite="strict")
        return response

    async def log_out(request: Request) -> Response:
        door.leave(session_of(request.scope))
        response = RedirectResponse("/login", 303)
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return response

    return [
        Route("/login", show, methods=["GET"]),
        Route("/login", log_in, methods=["POST"]),
        Route("/logout", log_out, methods=["POST"]),
    ]


def local_path(text: str) -> str:
    r"""`text` where it is a path of this server, else "/": a login must lead to no other site.

    A browser reads "//" and "/\" as the beginning of a host's name, and drops tabs and line ends before it looks.
    """
    return text if _LOCAL.fullmatch(text) else "/"


async def _form(request: Request) -> dict[str, str]:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LONGEST_FORM:
            return {}
    return {name: found[-1] for name, found in parse_qs(body.decode("utf-8", "replace")).items()}


def _refused(refusal: Refusal) -> Response:
    headers, body = answer(refusal)
    return Response(body, refusal.status, {name.decode(): value.decode() for name, value in headers})
