"""The result of a race as one PNG: a picture of each contestant, and what it has come to."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from flowplay.figures.colors import RACERS
from flowplay.figures.still import still
from flowplay.race import Standing, leaders, shown_columns
from flowplay.wire import Snapshot

_GROUND: Final = "#0e131b"
_TEXT: Final = "#e6ebf2"
_FAINT: Final = "#9aa6b5"

_SIDE: Final = 320
_GAP: Final = 24
_LINE: Final = 34


def race_png(title: str, standings: Sequence[Standing], snapshots: Sequence[Snapshot]) -> bytes:
    """Draw what each contestant has learned and how it stands, those who lead marked by a star.

    Args:
        title: of the race, one line.
        standings: of the contestants.
        snapshots: their newest.
    """
    lead = leaders(standings)
    rows = [
        column
        for column in shown_columns(standings)
        if any(column.shown(s) != "–" for s in standings)
    ]
    left = 230
    width = left + len(standings) * (_SIDE + _GAP)
    height = 90 + _SIDE + 56 + _LINE * len(rows) + 40
    image = Image.new("RGB", (width, height), _GROUND)
    draw = ImageDraw.Draw(image)
    _write(draw, (_GAP, 28), title, 30, _TEXT, width - 2 * _GAP)
    top = 90 + _SIDE + 56
    for line, column in enumerate(rows):
        _write(draw, (_GAP, top + _LINE * line), column.title, 19, _FAINT, left - 2 * _GAP)
    for at, (standing, snapshot) in enumerate(zip(standings, snapshots, strict=True)):
        x = left + at * (_SIDE + _GAP)
        image.paste(still(snapshot, _SIDE), (x, 90))
        draw.rectangle((x, 90 + _SIDE + 6, x + _SIDE, 90 + _SIDE + 10), fill=RACERS[at][0])
        _write(draw, (x, 90 + _SIDE + 18), standing.label, 22, _TEXT, _SIDE)
        for line, column in enumerate(rows):
            leads = at in lead[column.name]
            beside = column.beside(standing)
            told = f"{column.shown(standing)} {beside}".strip() + " *" * leads
            color = RACERS[at][0] if leads else _TEXT
            _write(draw, (x, top + _LINE * line), told, 20, color, _SIDE)
    _write(draw, (_GAP, height - 32), "flowplay. * leads", 16, _FAINT, width)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def _write(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    size: float,
    color: str,
    room: float,
) -> None:
    """Write one line, smaller where it would not fit."""
    # The font that Pillow brings lacks these signs.
    text = text.replace("‖", "||").replace("–", "-").replace("−", "-")
    font = ImageFont.load_default(size)
    if (length := draw.textlength(text, font)) > room:
        font = ImageFont.load_default(max(10.0, size * room / length))
    draw.text(at, text, fill=color, font=font, anchor="la")
