"""The GIF is drawn in another process: in order, bounded, and with a sentence when it fails."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from flowplay.ui import gif
from flowplay.ui.work import NotDoneError


def test_what_no_frames_are_is_refused_in_a_sentence() -> None:
    with pytest.raises(NotDoneError, match=r"^The GIF could not be drawn: \w+.*") as refused:
        gif.drawn_gif(b"no frames")
    assert "\n" not in str(refused.value)


def drawing(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let the drawing process run `code` instead."""
    real = subprocess.run

    def run(_: list[str], **options: object) -> object:
        return real([sys.executable, "-c", code], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "run", run)


def test_it_stops_what_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    drawing(monkeypatch, "import time; time.sleep(600)")
    monkeypatch.setattr(gif, "SECONDS", 0.2)
    before = set(psutil.Process().children())
    with pytest.raises(NotDoneError, match="too long"):
        gif.drawn_gif(b"")
    assert not set(psutil.Process().children()) - before


def test_a_killed_process_has_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    drawing(monkeypatch, "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(NotDoneError, match=r"^The GIF could not be drawn: the process .* ended\.$"):
        gif.drawn_gif(b"")


def test_a_process_that_cannot_be_started_has_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(NotDoneError, match=r"^The GIF could not be drawn: No such file.*\.$"):
        gif.drawn_gif(b"")


def test_a_third_waits_and_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gif, "SECONDS", 0.01)
    with gif._AT_ONCE, gif._AT_ONCE, pytest.raises(NotDoneError, match="drawing other GIFs"):
        gif.drawn_gif(b"")
