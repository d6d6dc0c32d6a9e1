"""A page that is closed is told from a connection that is lost."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from starlette.types import Message, Receive, Scope, Send

from flowplay.ui import leaving
from flowplay.ui.leaving import Leaving


@pytest.mark.parametrize(("code", "left"), [(1001, ["ada"]), (1006, []), (None, [])])
def test_only_who_goes_away_has_left(code: int | None, left: list[str]) -> None:
    told: list[str] = []
    forged = (leaving._HEADER.encode(), b"another's")
    names: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        sent = [value for key, value in scope["headers"] if key == leaving._HEADER.encode()]
        assert len(sent) == 1
        assert sent[0] != b"another's"
        names.append(sent[0].decode())
        # As the page does when it shows a run.
        leaving._sessions[names[0]] = "ada"
        await receive()
        assert told == [], "Streamlit is to hear of it first"

    async def receive() -> Message:
        return {"type": "websocket.disconnect", "code": code}

    async def send(message: Message) -> None:
        raise AssertionError("nothing is sent")

    page = Leaving(app, told.append)({"type": "websocket", "headers": [forged]}, receive, send)
    # In a thread: browser tests leave an event loop in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, page).result()
    assert told == left
    assert names[0] not in leaving._sessions


@pytest.mark.parametrize("lost", [True, False])
def test_a_connection_that_is_lost_is_no_error_and_anything_else_is(lost: bool) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        leaving._sessions[dict(scope["headers"])[leaving._HEADER.encode()].decode()] = "ada"
        with suppress(OSError):
            await send({"type": "websocket.send", "bytes": b"a picture"})
        raise RuntimeError("The connection is not open.")

    async def receive() -> Message:
        assert lost
        return {"type": "websocket.disconnect", "code": 1001}

    async def send(message: Message) -> None:
        if lost:
            raise OSError

    told: list[str] = []
    page = Leaving(app, told.append)({"type": "websocket", "headers": []}, receive, send)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(asyncio.run, page)
        if lost:
            answer.result()
            assert told == ["ada"], "how it was closed is read all the same"
        else:
            with pytest.raises(RuntimeError):
                answer.result()
