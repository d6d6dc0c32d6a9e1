"""A session without a browser: it speaks Streamlit's websocket protocol, timers included."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from itertools import pairwise

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

#: Seconds without any message after which a page counts as standing still.
SILENCE = 60


@dataclass
class Session:
    """What one client saw.

    Attributes:
        frames: time of arrival and name of every new density frame.
        failures: exceptions the page showed.
    """

    frames: list[tuple[float, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def waits(self) -> list[float]:
        """Return the times between new frames, in seconds."""
        return [b - a for (a, _), (b, _) in pairwise(self.frames)]


async def watch(
    url: str,
    query: str,
    seconds: float,
    *,
    page: str = "",
    cookie: str = "",
    session: Session | None = None,
) -> Session:
    """Open the page as a browser does, and follow its timers for some seconds of frames.

    Args:
        url: of the server.
        query: of the address.
        seconds: for how long, from the first frame on.
        page: name of the page in the address; empty for the first one.
        cookie: what the browser sends along.
        session: to write into, for who looks at it meanwhile.
    """
    session = Session() if session is None else session
    address = url.replace("http://", "ws://") + "/_stcore/stream"
    async with websockets.connect(
        address,
        max_size=None,
        additional_headers={"Cookie": cookie} if cookie else None,
        subprotocols=[websockets.Subprotocol("streamlit")],
    ) as socket:
        timers: dict[str, asyncio.Task[None]] = {}

        async def rerun(fragment: str = "") -> None:
            message = BackMsg()
            message.rerun_script.query_string = query
            message.rerun_script.page_name = page
            message.rerun_script.fragment_id = fragment
            message.rerun_script.is_auto_rerun = bool(fragment)
            await socket.send(message.SerializeToString())

        async def tick(fragment: str, interval: float) -> None:
            while True:
                await asyncio.sleep(interval)
                await rerun(fragment)

        await rerun()
        try:
            while not session.frames or time.monotonic() - session.frames[0][0] < seconds:
                message = ForwardMsg()
                try:
                    # `asyncio.wait_for` of Python 3.11 may swallow a cancellation.
                    async with asyncio.timeout(SILENCE):
                        message.ParseFromString(await socket.recv())
                except TimeoutError:
                    raise AssertionError(
                        f"{query}: the page stood still, {len(timers)} timers, after {session}"
                    ) from None
                kind = message.WhichOneof("type")
                if kind == "new_session" and not message.metadata.run.fragment_ids:
                    for task in timers.values():
                        task.cancel()
                    timers.clear()
                elif kind == "page_info_changed":
                    query = message.page_info_changed.query_string
                elif kind == "auto_rerun":
                    name = message.auto_rerun.fragment_id
                    if name not in timers:
                        timers[name] = asyncio.create_task(tick(name, message.auto_rerun.interval))
                elif kind == "delta":
                    _note(session, message)
        finally:
            for task in timers.values():
                task.cancel()
    return session


def _note(session: Session, message: ForwardMsg) -> None:
    element = message.delta.new_element
    if element.WhichOneof("type") == "exception":
        session.failures.append(element.exception.message)
    if element.WhichOneof("type") == "bidi_component":
        data = json.loads(element.bidi_component.json or "{}")
        # A wall has a frame for each of its tiles: it is new when one of them is.
        tiles = data.get("tiles", ())
        name = data.get("frame") or " ".join(f"{tile['frame']}" for tile in tiles)
        if name and (not session.frames or session.frames[-1][1] != name):
            session.frames.append((time.monotonic(), name))


async def ask(url: str, query: str, *, page: str = "") -> list[str]:
    """Open a page once; return the exceptions, and errors of the server, that it shows."""
    failures: list[str] = []
    address = url.replace("http://", "ws://") + "/_stcore/stream"
    async with websockets.connect(
        address, max_size=None, subprotocols=[websockets.Subprotocol("streamlit")]
    ) as socket:
        request = BackMsg()
        request.rerun_script.query_string = query
        request.rerun_script.page_name = page
        await socket.send(request.SerializeToString())
        while True:
            message = ForwardMsg()
            async with asyncio.timeout(SILENCE):
                message.ParseFromString(await socket.recv())
            kind = message.WhichOneof("type")
            if kind == "script_finished":
                return failures
            if kind == "delta":
                element = message.delta.new_element
                if element.WhichOneof("type") == "exception":
                    failures.append(element.exception.message)
                if "error on the server" in element.alert.body:
                    failures.append(element.alert.body)
