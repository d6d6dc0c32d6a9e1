"""Whose browser it is: a secret in a cookie, which only the server reads."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from typing import Any

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowplay.store import is_id, new_id, secret_digest

COOKIE = "flowplay_browser"
"""Name of the cookie."""

#: As long as browsers allow: 400 days.
_SECONDS = 400 * 86_400

_OWN_SECRET = "_browser_secret"


def browser() -> str:
    """Return what names the browser of this session in the store: the digest of its secret.

    A browser that takes no cookies has a secret for each session.
    """
    secret = st.context.cookies.get(COOKIE)
    if not is_id(secret):
        secret = st.session_state.setdefault(_OWN_SECRET, new_id())
    return secret_digest(str(secret))


class BrowserCookie:
    """Gives every browser a secret with the first page that it opens.

    In the frame of another site the cookie is that site's own (`Partitioned`), which browsers allow
    over HTTPS only.

    Args:
        app: what answers.
        path: under which the app is reached.
    """

    def __init__(self, app: ASGIApp, path: str = "/") -> None:
        self._app = app
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and set the cookie with a page if the browser has none."""
        if scope["type"] != "http" or is_id(_secret(scope)):
            await self._app(scope, receive, send)
            return

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    headers.append("set-cookie", self._cookie(scope))
                    # Kept by a proxy, it would give one secret to several browsers.
                    headers["cache-control"] = "private, no-store"
            await send(message)

        await self._app(scope, receive, send_with_cookie)

    def _cookie(self, scope: Scope) -> str:
        site = "SameSite=None; Secure; Partitioned" if _is_secure(scope) else "SameSite=Lax"
        return f"{COOKIE}={new_id()}; Path={self._path}; Max-Age={_SECONDS}; HttpOnly; {site}"


def _header(scope: Scope, name: bytes) -> str:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    return b"; ".join(value for key, value in headers if key == name).decode("latin-1")


def _secret(scope: Scope) -> Any:  # noqa: ANN401
    try:
        morsel = SimpleCookie(_header(scope, b"cookie")).get(COOKIE)
    except CookieError:
        return None
    return None if morsel is None else morsel.value


def _is_secure(scope: Scope) -> bool:
    forwarded = _header(scope, b"x-forwarded-proto").partition(",")[0].strip()
    return (forwarded or scope.get("scheme", "http")) == "https"
