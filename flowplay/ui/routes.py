"""What the server answers beside its pages: links to shared runs, and their pictures."""

from __future__ import annotations

import asyncio
import threading
from html import escape
from typing import TYPE_CHECKING, Final

from cachetools import LRUCache
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from flowplay.store import OTHER_VERSION, StoreError, is_id
from flowplay.ui import shell
from flowplay.ui.addresses import base_path, page_address
from flowplay.ui.keeping import keeper
from flowplay.ui.settings import CLASS

# What draws and tells is imported when somebody asks: the server starts sooner.
if TYPE_CHECKING:
    from flowplay.ui.telling import Told
    from flowplay.wire import Snapshot

#: Pixels of a card, as the places that unfurl links want it.
CARD: Final = (1200, 630)

#: Cards that are kept in memory, 8 MiB of them; each takes some 100 kB.
_CARDS: LRUCache[str, bytes] = LRUCache(2**23, getsizeof=len)
_cards_lock = threading.Lock()

#: Of pictures: a shared run does not change; but its owner may delete it.
_CACHE: Final = {"cache-control": "public, max-age=3600"}

_HEAD: Final = """<!doctype html>
<html lang="en" prefix="og: https://ogp.me/ns#">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
"""

_LINK: Final = (
    _HEAD
    + """<meta name="description" content="{description}">
<meta property="og:type" content="website">
<meta property="og:site_name" content="flowplay">
<meta property="og:title" content="{title}">
<meta property="og:description" content="{description}">
<meta property="og:url" content="{address}">
<meta property="og:image" content="{address}.png">
<meta property="og:image:type" content="image/png">
<meta property="og:image:width" content="{width}">
<meta property="og:image:height" content="{height}">
<meta property="og:image:alt" content="{description}">
<meta name="twitter:card" content="summary_large_image">
<meta name="twitter:title" content="{title}">
<meta name="twitter:description" content="{description}">
<meta name="twitter:image" content="{address}.png">
<meta http-equiv="refresh" content="0; url={page}">
</head>
<body style="font-family: sans-serif; background: #0e131b; color: #e6ebf2; padding: 2rem">
<p>{title}. {description}</p>
<p><a style="color: #ff9d4d" href="{page}">Open the run</a></p>
</body>
</html>
"""
)

_NONE: Final = (
    _HEAD
    + """<meta name="robots" content="noindex">
</head>
<body style="font-family: sans-serif; background: #0e131b; color: #e6ebf2; padding: 2rem">
<h1>{title}</h1>
<p>{sentence}</p>
<p><a style="color: #ff9d4d" href="{page}">Open the Playground</a></p>
</body>
</html>
"""
)


class _NoRunError(Exception):
    """There is no such run, or it cannot be shown now.

    Args:
        sentence: what its reader is told.
        status: of HTTP.
    """

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


def shared_link(request: Request) -> Response:
    """Answer `/r/ID`: what the run is, for whoever unfurls the link, and on to its page."""
    id_ = request.path_params["id"]
    try:
        about, _ = _shared(id_)
    except _NoRunError as error:
        return _no_page(error)
    html = _LINK.format(
        title=escape(about.title),
        description=escape(about.description),
        address=escape(_address(request, id_)),
        page=escape(page_address(shared=id_)),
        width=CARD[0],
        height=CARD[1],
    )
    # It has the address by which this visitor reached the server.
    return HTMLResponse(html, headers={"cache-control": "private, no-store"})


def shared_picture(request: Request) -> Response:
    """Answer `/r/ID.png`: the run's picture, 1200 x 630 pixels."""
    id_ = request.path_params["id"]
    try:
        about, snapshot = _shared(id_)
    except _NoRunError as error:
        return Response(str(error), error.status, media_type="text/plain")
    with _cards_lock:
        png = _CARDS.get(id_)
    if png is None:
        from flowplay.figures.still import card_png

        try:
            png = card_png(snapshot, CARD, about.what, about.lines, about.figures)
        except ValueError:
            return Response(OTHER_VERSION, 404, media_type="text/plain")
        with _cards_lock:
            _CARDS[id_] = png
    return Response(png, media_type="image/png", headers=_CACHE)


def live(request: Request) -> Response:
    """Answer `/live/ID`: the page of who follows a run."""
    from flowplay.ui.live_link import is_full, known, live_page

    id_ = request.path_params["id"]
    try:
        if not known(id_):
            return _no_page(_NoRunError("There is no such live link. It may have ended.", 404))
        if is_full():
            return _no_page(_NoRunError("Too many follow at the moment. Try again later.", 503))
    except StoreError as error:
        return _no_page(_NoRunError(str(error), 503))
    stream = page_address(f"live/{id_}/stream")
    return HTMLResponse(live_page(stream, page_address("favicon.png")))


async def live_stream(request: Request) -> Response:
    """Answer `/live/ID/stream`: the pictures of the run, as server-sent events."""
    from flowplay.ui.live_link import BROADCAST, is_full, known

    id_ = request.path_params["id"]
    try:
        found = await asyncio.to_thread(known, id_)
    except StoreError as error:
        return Response(str(error), 503, media_type="text/plain")
    if not found or is_full():
        return Response("There is no such live link.", 404, media_type="text/plain")
    # Proxies are to pass each event on at once.
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    stream = BROADCAST.stream(id_)
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def healthz(request: Request) -> Response:
    """Answer `/healthz`: 200 as soon as a worker is ready, 503 before, with the reason."""
    status = shell.engine().status
    ready = status.phase == "ready"
    body = {"status": status.phase, "workers": status.workers, "message": status.message}
    return JSONResponse(body, 200 if ready else 503, headers={"cache-control": "no-store"})


def metrics(request: Request) -> Response:
    """Answer `/metrics`, in the format of Prometheus."""
    from flowplay.ui.metrics import CONTENT_TYPE, exposition

    return Response(exposition(), headers={"content-type": CONTENT_TYPE})


def join(request: Request) -> Response:
    """Answer `/join/ID`: on to the page of the class."""
    id_ = request.path_params["id"]
    page = page_address(**{CLASS: id_}) if is_id(id_) else page_address()
    return RedirectResponse(page, 302, headers={"cache-control": "no-store"})


def routes() -> list[Route]:
    """Return the routes, under the path under which the server is reached."""
    base = base_path()
    # Those that ask the database are plain functions: Starlette calls them in a thread.
    return [
        Route(f"{base}/healthz", healthz, methods=["GET"]),
        Route(f"{base}/metrics", metrics, methods=["GET"]),
        Route(f"{base}/live/{{id}}", live, methods=["GET"]),
        Route(f"{base}/live/{{id}}/stream", live_stream, methods=["GET"]),
        Route(f"{base}/join/{{id}}", join, methods=["GET"]),
        Route(f"{base}/r/{{id}}.png", shared_picture, methods=["GET"]),
        Route(f"{base}/r/{{id}}", shared_link, methods=["GET"]),
    ]


def _shared(id_: str) -> tuple[Told, Snapshot]:
    """Return what is told of a shared run, and its picture.

    Raises:
        _NoRunError: if there is none, or the store does not answer.
    """
    gone = _NoRunError("There is no such run here. Its owner may have deleted it.", 404)
    kept = keeper()
    if kept is None or not is_id(id_):
        raise gone
    try:
        found = kept.runs.picture(id_)
    except StoreError as error:
        raise _NoRunError(str(error), 503 if kept.message else 404) from error
    if found is None or not found.shared or found.snapshot is None:
        raise gone
    from flowplay.ui.telling import told
    from flowplay.wire import Snapshot

    try:
        snapshot = Snapshot.from_bytes(found.snapshot)
        return told(found.config, snapshot, found.title), snapshot
    except ValueError as error:
        raise _NoRunError(OTHER_VERSION, 404) from error


def _no_page(error: _NoRunError) -> Response:
    html = _NONE.format(
        title="This run cannot be shown", sentence=escape(str(error)), page=escape(page_address())
    )
    return HTMLResponse(html, error.status)


def _address(request: Request, id_: str) -> str:
    """Return the whole address of a link, as who asks reaches it; a proxy says how."""
    scheme = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip()
    if scheme not in ("http", "https"):
        scheme = request.url.scheme
    return f"{scheme}://{request.url.netloc}{base_path()}/r/{id_}"
