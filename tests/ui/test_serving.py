"""The server around the pages: how it is found, and what it says of an error."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.web.server.app_discovery import discover_asgi_app

from flowplay.ui import serving, shell

ROOT = Path(__file__).parents[2]


def test_streamlit_run_finds_the_server() -> None:
    assert discover_asgi_app(ROOT / "app.py").import_string == "app:app"


def failing() -> None:
    from flowplay.ui.serving import say_error

    assert say_error(ValueError("a secret of the server")), "Streamlit shows nothing of its own"


def test_error_is_one_sentence_on_the_page_and_told_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR, "flowplay.ui.serving"):
        page = AppTest.from_function(failing).run(timeout=30)
    assert not page.exception
    assert len(page.error) == 1
    assert "error on the server" in page.error[0].value
    assert "secret" not in page.error[0].value
    assert "a secret of the server" in caplog.text


def test_engine_is_one_and_stays_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []

    class Stub:
        closed = False

        def __init__(self) -> None:
            made.append(self)

        def close(self) -> None:
            self.closed = True

    monkeypatch.setattr(shell, "_engine", None)
    monkeypatch.setattr(shell, "Engine", Stub)
    assert shell.engine() is shell.engine()
    shell.close_engine()
    assert len(made) == 1
    assert shell.engine() is made[0]
    assert made[0].closed  # type: ignore[attr-defined]


def test_a_second_server_of_one_process_has_an_engine_that_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stub:
        closed = False

        def close(self) -> None:
            self.closed = True

    monkeypatch.setattr(shell, "_engine", None)
    monkeypatch.setattr(shell, "Engine", Stub)
    monkeypatch.setattr(serving, "prepare", lambda _: None)

    async def serve() -> None:
        async with serving.lifespan(st.App(ROOT / "app.py")):
            assert not shell.engine().closed  # type: ignore[attr-defined]

    for _ in range(2):
        # In a thread of its own: the browser tests leave an event loop running in this one.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, serve()).result()
