"""Who closes a page tells so at once; whose connection is lost does not, and may come back."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress

import streamlit as st
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Names a connection to the session that it belongs to, inside this server alone.
_HEADER = "x-flowplay-connection"

#: The code with which a browser ends the connection of a page that it leaves (RFC 6455, 7.4.1).
GOING_AWAY = 1001

#: Seconds within which the server tells how a connection ended that is no more.
HEARD_SECONDS = 1.0

#: The session of every open connection that shows a run.
_sessions: dict[str, str] = {}


def note_connection(session: str) -> None:
    """Remember through which connection a session is shown."""
    name = st.context.headers.get(_HEADER)
    if name in _sessions:
        _sessions[name] = session


class Leaving:
    """Calls `left` with a session as soon as its page is closed.

    Args:
        app: what answers.
        left: is called in the server's event loop, so it must return at once.
    """

    def __init__(self, app: ASGIApp, left: Callable[[str], None]) -> None:
        self._app = app
        self._left = left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; of a websocket, note how it ends."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        name = secrets.token_hex(16)
        own = _HEADER.encode()
        # Whatever a browser says of it.
        kept = [(key, value) for key, value in scope["headers"] if key.lower() != own]
        scope = {**scope, "headers": [*kept, (own, name.encode())]}
        code = None
        heard = lost = False

        async def receive_and_note() -> Message:
            nonlocal code, heard
            message = await receive()
            if message["type"] == "websocket.disconnect":
                code, heard = message.get("code"), True
            return message

        async def send_and_note(message: Message) -> None:
            nonlocal lost
            lost = lost or message["type"] == "websocket.close"
            try:
                await send(message)
            except OSError:
                lost = True
                raise

        _sessions[name] = ""
        try:
            await self._app(scope, receive_and_note, send_and_note)
        except RuntimeError:
            # Streamlit reads once more from a connection that was lost while it sent.
            if not (heard or lost):
                raise
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARD_SECONDS):
                    # How it was closed is still to be read.
                    while not heard:
                        await receive_and_note()
        finally:
            # By now Streamlit has taken the session for disconnected.
            session = _sessions.pop(name)
            if code == GOING_AWAY and session:
                self._left(session)
