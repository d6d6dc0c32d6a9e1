"""Links to shared runs, and whatever else somebody asks or stores: no error, no markup."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import numpy as np
import pytest
from hostile import NASTY
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import Message
from store.kept import OWNER, header, kept

from flowplay.codes import encode_density
from flowplay.config import RunConfig
from flowplay.store import is_id, new_id
from flowplay.store.keeper import Keeper
from flowplay.store.store import Store
from flowplay.ui import keeping
from flowplay.ui.addresses import base_path
from flowplay.ui.browser import COOKIE, BrowserCookie
from flowplay.ui.routes import routes
from flowplay.ui.terms import plain
from flowplay.wire import DensityPicture, ImagesPicture, Measurement, SamplesPicture, Snapshot
from flowplay.wire.pictures import Picture

WINDOW = [-2.0, 2.0, -2.0, 2.0]
CODE = encode_density(np.add.outer(np.linspace(0, 1, 64), np.linspace(0, 1, 64)), 2.0)

HOSTILE = settings(
    max_examples=450, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture(scope="module")
def keeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeper]:
    folder: Path = tmp_path_factory.mktemp("store")
    keeper = Keeper(Store(f"sqlite:///{folder}/runs.sqlite"), room=10**9)
    yield keeper
    keeper.store.close()


@pytest.fixture(autouse=True)
def _use(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_keeper", keeper)


def ask(path: str, **headers: str) -> Reply:
    """Ask the server's routes as a browser does; an exception in them is raised here."""
    app = server(base_path())
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    # A server decodes what comes over the wire in this way.
    path = path.encode("utf-8", "replace").decode()
    named = {"host": "flows.example", **headers}
    encoded = [(k.encode(), v.encode("utf-8", "replace")) for k, v in named.items()]
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": quote(path).encode(),
        "query_string": b"",
        "headers": encoded,
        "server": ("127.0.0.1", 80),
        "root_path": "",
    }
    # In a thread: browser tests leave an event loop in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, app(scope, receive, send)).result()
    start = sent[0]
    found = {k.decode("latin-1"): v.decode("latin-1") for k, v in start["headers"]}
    return Reply(start["status"], found, b"".join(m.get("body", b"") for m in sent[1:]))


@cache
def server(base: str) -> Starlette:
    """Return the routes as the server has them under a path."""
    return Starlette(routes=list(routes()), middleware=[Middleware(BrowserCookie)])


class Tags(HTMLParser):
    """The tags of a document, the values of their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.values: list[tuple[str, str]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.values += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def shared(keeper: Keeper, picture: Picture | None = None, title: str = "") -> str:
    drawn = DensityPicture(WINDOW, 2.0, "exact", CODE) if picture is None else picture
    snapshot = Snapshot(
        header(70),
        measurements={"held_out": Measurement("held-out NLL", 0.75, "nats", "exact")},
        pictures={drawn.TAG: drawn},
    )
    config = RunConfig(target="circles", architecture="nsf", depth=3)
    run = kept(70, snapshot=snapshot.to_bytes(), header=header(70), config=config, title=title)
    return keeper.runs.share(run)


def properties(reply: Reply) -> dict[str, str]:
    """Return the page's meta tags by name."""
    values = iter(Tags(reply.body.decode()).values)
    return {v: next(values)[1] for n, v in values if n in ("property", "name") and ":" in v}


def test_a_link_unfurls(keeper: Keeper) -> None:
    id_ = shared(keeper)
    reply = ask(f"/r/{id_}")
    assert reply.status == 200
    meta = properties(reply)
    assert meta["og:title"] == "Two circles, learned by Neural spline"
    assert meta["og:description"].startswith("Two circles learned by Neural spline, 3 layers")
    assert "Gap to floor 0.1" in meta["og:description"]
    assert meta["og:image"] == f"http://flows.example/r/{id_}.png"
    assert meta["twitter:card"] == "summary_large_image"
    assert f"url=/?shared={id_}".encode() in reply.body
    over_https = properties(ask(f"/r/{id_}", **{"x-forwarded-proto": "https"}))
    assert over_https["og:url"] == f"https://flows.example/r/{id_}"


def test_routes_lie_under_the_base_path(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    id_ = shared(keeper)
    monkeypatch.setattr("flowplay.ui.addresses.st.get_option", lambda _: "/flows/")
    assert ask(f"/r/{id_}").status == 404
    reply = ask(f"/flows/r/{id_}")
    assert reply.status == 200
    assert properties(reply)["og:image"] == f"http://flows.example/flows/r/{id_}.png"
    assert f"url=/flows/?shared={id_}".encode() in reply.body


PICTURES = {
    "density": DensityPicture(WINDOW, 2.0, "exact", CODE),
    "images": ImagesPicture(16, np.full((40, 8, 8, 1), 7, np.uint8)),
    "colours": ImagesPicture(255, np.full((3, 8, 8, 3), 90, np.uint8)),
    "samples": SamplesPicture(WINDOW, np.random.default_rng(0).normal(size=(500, 2)).astype("f4")),
    "many dimensions": SamplesPicture(None, np.zeros((9, 7), np.float32)),
    "broken samples": SamplesPicture(None, np.full((9, 2), np.nan, np.float32)),
    "nothing": SamplesPicture(None, np.zeros((0, 1), np.float32)),
}


@pytest.mark.filterwarnings("ignore:All-NaN")
@pytest.mark.parametrize("picture", PICTURES.values(), ids=list(PICTURES))
def test_every_kind_of_run_has_a_card(keeper: Keeper, picture: Picture) -> None:
    reply = ask(f"/r/{shared(keeper, picture)}.png")
    assert (reply.status, reply.headers["content-type"]) == (200, "image/png")
    card = Image.open(io.BytesIO(reply.body))
    assert card.size == (1200, 630)
    colors = card.convert("RGB").getcolors(2**20)
    assert colors is not None
    assert len(colors) > 20, "there is text on it"


def test_a_density_is_drawn_as_it_is(keeper: Keeper) -> None:
    card = Image.open(io.BytesIO(ask(f"/r/{shared(keeper)}.png").body)).convert("L")
    shades = np.asarray(card).astype(int)
    assert shades[40, 590] > shades[590, 40] + 50, "row 0 of the code is the lowest y"


def test_only_shared_runs_are_shown(keeper: Keeper) -> None:
    run = kept()
    keeper.runs.write(run, "here", known=None)
    for path in (f"/r/{run.id}", f"/r/{run.id}.png", f"/r/{new_id()}"):
        assert ask(path).status == 404
    link = keeper.runs.share(run)
    assert ask(f"/r/{link}").status == 200
    keeper.runs.delete(link, OWNER)
    assert ask(f"/r/{link}.png").status == 404


def test_a_store_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    away = Keeper(Store("postgresql://nobody@127.0.0.1:1/none"), room=1)
    monkeypatch.setattr(keeping, "_keeper", away)
    for path in (f"/r/{new_id()}", f"/r/{new_id()}.png"):
        reply = ask(path)
        assert reply.status == 503
        assert b"does not answer" in reply.body


def texts() -> st.SearchStrategy[str]:
    return st.text(st.characters(), max_size=60) | st.sampled_from(NASTY)


@HOSTILE
@given(texts(), st.sampled_from(["", ".png", ".PNG", "/", "/x", ".png.png"]))
@example("x" * 12, "")
def test_hostile_ids(id_: str, ending: str) -> None:
    reply = ask(f"/r/{id_}{ending}")
    assert reply.status in (307, 404)
    assert not {"script", "img"} & set(Tags(reply.body.decode()).tags)


@HOSTILE
@given(texts(), texts(), texts())
def test_hostile_headers(keeper: Keeper, host: str, scheme: str, cookie: str) -> None:
    id_ = _one(keeper)
    headers = {"host": host, "x-forwarded-proto": scheme, "cookie": cookie}
    reply = ask(f"/r/{id_}", **headers)
    assert reply.status == 200
    assert set(Tags(reply.body.decode()).tags) <= {
        "html",
        "head",
        "meta",
        "title",
        "body",
        "p",
        "a",
    }
    given_cookie = reply.headers["set-cookie"]
    assert is_id(given_cookie.partition("=")[2].partition(";")[0])


@HOSTILE
@given(texts())
def test_hostile_titles(keeper: Keeper, title: str) -> None:
    id_ = _one(keeper)
    assert keeper.runs.rename(id_, OWNER, title)
    reply = ask(f"/r/{id_}")
    assert reply.status == 200
    tags = Tags(reply.body.decode())
    assert set(tags.tags) <= {"html", "head", "meta", "title", "body", "p", "a"}
    stored = keeper.runs.picture(id_)
    assert stored is not None
    assert stored.title in unescape(tags.text)


@HOSTILE
@given(texts())
def test_hostile_names_of_runs(keeper: Keeper, id_: str) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("nothing is opened")

    assert keeper.config(id_, OWNER) is None
    assert keeper.open(id_, id_, never) is None  # type: ignore[arg-type]
    assert not keeper.delete(id_ if is_id(id_) else "x", id_.encode("utf-8", "replace").hex())
    assert not keeper.message, "the store is not taken to be away"


@HOSTILE
@given(texts())
def test_titles_are_no_markdown(title: str) -> None:
    shown = plain(title)
    bare = "".join(c for i, c in enumerate(shown) if shown[i - 1 : i] != "\\" or c == "\\")
    assert not set(bare.replace("\\", "")) & set("<>*_`[]:$!#|~")


def test_a_browser_keeps_its_secret(keeper: Keeper) -> None:
    id_ = _one(keeper)
    first = ask(f"/r/{id_}").headers["set-cookie"]
    assert "HttpOnly" in first
    assert "SameSite=Lax" in first
    assert "set-cookie" not in ask(f"/r/{id_}", cookie=f"{COOKIE}={new_id()}").headers
    assert "set-cookie" not in ask(f"/r/{id_}.png").headers
    secure = ask(f"/r/{id_}", **{"x-forwarded-proto": "https"}).headers["set-cookie"]
    assert "SameSite=None; Secure; Partitioned" in secure


def test_no_proxy_gives_one_browsers_secret_to_another(keeper: Keeper) -> None:
    id_ = _one(keeper)
    first = ask(f"/r/{id_}").headers
    assert "set-cookie" in first
    assert first["cache-control"] == "private, no-store"
    assert ask(f"/r/{id_}.png").headers["cache-control"].startswith("public")


_links: dict[int, str] = {}


def _one(keeper: Keeper) -> str:
    """Return one shared run for many questions."""
    return _links.setdefault(id(keeper), shared(keeper))
