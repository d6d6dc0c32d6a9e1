"""The GIF is drawn in another process: in order, bounded, and with a sentence when it fails."""

from __future__ import annotations

import subprocess
import sys

import pytest

from flowplay.ui import gif
from flowplay.ui.work import NotDoneError


def test_what_no_frames_are_is_refused_in_a_sentence() -> None:
    with pytest.raises(NotDoneError, match=r"^The GIF could not be drawn: \w+.*") as refused:
        gif.drawn_gif(b"no frames")
    assert "\n" not in str(refused.value)


def test_it_stops_what_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int | None] = []
    real = subprocess.run

    def asleep(command: list[str], **options: object) -> object:
        try:
            code = "import time; time.sleep(600)"
            return real([sys.executable, "-c", code], **(options | {"timeout": 0.2}))  # type: ignore[call-overload]
        except subprocess.TimeoutExpired:
            ended.append(None)
            raise

    monkeypatch.setattr(subprocess, "run", asleep)
    with pytest.raises(NotDoneError, match="too long"):
        gif.drawn_gif(b"")
    assert ended == [None]


def test_a_third_waits_and_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gif, "SECONDS", 0.01)
    with gif._AT_ONCE, gif._AT_ONCE, pytest.raises(NotDoneError, match="drawing other GIFs"):
        gif.drawn_gif(b"")
