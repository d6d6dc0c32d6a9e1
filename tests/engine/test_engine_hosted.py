"""A run as the engine holds it, between threads."""

from __future__ import annotations

import threading
import time

import pytest
from fake_work import header, snapshot

from flowplay.config import RunConfig
from flowplay.engine.hosted import HostedRun, SliceResult
from flowplay.engine.machine import RunMachine

LIMIT = 60.0


@pytest.mark.parametrize("ending", ["picture", "failure", "let go"])
def test_waiting_for_the_first_picture_ends_when_it_or_nothing_comes(ending: str) -> None:
    hosted = HostedRun(RunConfig(), time.monotonic)
    hosted.wait_for_picture(LIMIT)  # nothing is asked for: there is nothing to wait for
    hosted.command(RunMachine.show)
    hosted.renew()
    assert hosted.begin("worker", 0.2) is not None
    waiting = threading.Thread(target=hosted.wait_for_picture, args=(LIMIT,), daemon=True)
    waiting.start()
    match ending:
        case "picture":
            result = SliceResult(b"state", snapshot(0), header(0))
            hosted.succeeded(result, "worker", "", 0.1)
        case "failure":
            hosted.raised("It failed.")
        case _:
            hosted.let_go()
    waiting.join(LIMIT / 2)
    assert not waiting.is_alive()


@pytest.mark.parametrize("ending", ["picture", "failure", "let go"])
def test_waiting_for_news_ends_when_they_or_none_come_and_not_before(ending: str) -> None:
    hosted = HostedRun(RunConfig(), time.monotonic)
    assert hosted.wait_for_news(0, LIMIT), "nothing is asked for: none will come"
    hosted.command(RunMachine.show)
    hosted.renew()
    assert hosted.begin("worker", 0.2) is not None
    assert not hosted.wait_for_news(0, 0.01)
    news: list[bool] = []
    waiting = threading.Thread(target=lambda: news.append(hosted.wait_for_news(0, LIMIT)))
    waiting.start()
    match ending:
        case "picture":
            hosted.succeeded(SliceResult(b"state", snapshot(0), header(0)), "worker", "", 0.1)
        case "failure":
            hosted.raised("It failed.")
        case _:
            hosted.let_go()
    waiting.join(LIMIT / 2)
    assert news == [True]
