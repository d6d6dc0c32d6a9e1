"""Routes and addresses take anything: no error of the server, no markup of a visitor."""

from __future__ import annotations

import asyncio
import http.client
import random
import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, urlsplit

from hostile import TIMES

from browser.conftest import App
from browser.streamlit_client import ask

#: What tries to be more than text.
PARTS = (
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "'\"><svg onload=x>", "{{7*7}}"),
    *("../../etc/passwd", "..%2f..%2f", "%00", "\x00", "\n", "\r\nSet-Cookie: a=b", "' OR 1=1 --"),
    *("depth", "lock", "depth,width", ",,,", "%", "🙂", "é" * 40, "x" * 3000, "", " ", "-1", "nan"),
    *("a" * 12, "A_-" * 8, "b" * 43, "class", "true", "{}", "[]", "${x}", "\ud7ff", "javascript:x"),
)

ROUTES = ("/r/{}", "/r/{}.png", "/join/{}", "/live/{}", "/live/{}/stream")
NAMES = ("lock", "hide", "class", "key", "wall", "run", "shared", "target", "depth", "section")
REQUESTS, ADDRESSES = 500 * TIMES, 10 * TIMES


def value(rng: random.Random) -> str:
    return "".join(rng.choice(PARTS) for _ in range(rng.randint(1, 3)))


def test_routes_answer_everything_without_an_error(app: App) -> None:
    rng = random.Random(0)
    connection = http.client.HTTPConnection(urlsplit(app.url).netloc, timeout=30)
    seen: dict[int, int] = {}
    for _ in range(REQUESTS):
        given = value(rng)
        path = rng.choice(ROUTES).format(quote(given, safe=rng.choice(("", "%/", "<>'\"{}%/"))))
        path = re.sub(r"[\x00-\x20\x7f-\uffff]", "·", path).replace("·", "%20")
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode("utf-8", "replace")
        assert answer.status < 500, (path, answer.status, body)
        assert answer.getheader("set-cookie", "").count("a=b") == 0
        for markup in ("<script>alert", "<img src=x", "<svg onload"):
            assert markup not in body, path
        seen[answer.status] = seen.get(answer.status, 0) + 1
    connection.close()
    assert sum(seen.values()) == REQUESTS


def test_addresses_show_a_page_without_an_exception(app: App) -> None:
    rng = random.Random(1)
    queries = []
    for _ in range(ADDRESSES):
        names = rng.sample(NAMES, rng.randint(1, 4))
        queries.append("&".join(f"{name}={quote(value(rng)[:500], safe='')}" for name in names))
    pages = [rng.choice(("", "", "class", "layers")) for _ in queries]

    async def all_of_them() -> list[list[str]]:
        limit = asyncio.Semaphore(8)

        async def one(query: str, page: str) -> list[str]:
            async with limit:
                return await ask(app.url, query, page=page)

        return await asyncio.gather(*map(one, queries, pages))

    with ThreadPoolExecutor(1) as thread:
        failures = thread.submit(asyncio.run, all_of_them()).result()
    for query, failed in zip(queries, failures, strict=True):
        assert not failed, (query, failed)
