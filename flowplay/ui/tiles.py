"""Small pictures of many runs, each made once for each snapshot."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flowplay.config import RunConfig
from flowplay.ui.components.registration import to_base64
from flowplay.wire import DensityPicture, ImagesPicture, SamplesPicture, Snapshot

#: Cells along each side of a tile.
SIDE = 64


class Tile(NamedTuple):
    """What a wall shows of a run.

    Attributes:
        step: optimizer steps taken.
        seconds: spent training.
        gap: to the floor, in nats; None if there is none.
        nll: held out, in `unit`; None if there is none.
        unit: nats, or bits/dim for images; empty where there is no NLL.
        kind: what gap and NLL are: `exact`, `bound` or `estimate`; empty where there are none.
        code: base64 of [SIDE, SIDE] uint8 or smaller, row 0 lowest; empty without a picture.
    """

    step: int
    seconds: float
    gap: float | None
    nll: float | None
    unit: str
    kind: str
    code: str


@functools.lru_cache(maxsize=256)
def tile(snapshot: bytes, config_json: str) -> Tile:
    """Return the tile of a snapshot.

    Raises:
        ValueError: if the bytes are no snapshot of this version.
    """
    shown = Snapshot.from_bytes(snapshot)
    gap, nll = figures(shown, RunConfig.model_validate_json(config_json))
    header = shown.header
    unit, kind = "", ""
    if nll is not None:
        held_out = shown.measurements["held_out"]
        unit, kind = held_out.unit, held_out.exactness
    return Tile(header.step, header.seconds, gap, nll, unit, kind, to_base64(_cells(shown)))


def figures(snapshot: Snapshot, config: RunConfig) -> tuple[float | None, float | None]:
    """Return gap and held-out NLL of a snapshot, each None where it has none."""
    held_out = snapshot.measurements.get("held_out")
    if held_out is None or config.entry.likelihood == "none":
        return None, None
    floor = config.problem().floor
    return (None if floor is None else held_out.value - floor.value), held_out.value


def _cells(snapshot: Snapshot) -> NDArray[np.uint8]:
    if (density := snapshot.picture(DensityPicture)) is not None:
        return _smaller(density.code)
    if (images := snapshot.picture(ImagesPicture)) is not None and len(images.levels) >= 4:
        shown = images.levels[:4]
        _, h, w, _ = shown.shape
        sheet = shown.mean(-1).reshape(2, 2, h, w).swapaxes(1, 2).reshape(2 * h, 2 * w)
        code: NDArray[np.uint8] = (sheet[::-1] * (255 / images.brightest)).astype(np.uint8)
        return code
    points = snapshot.picture(SamplesPicture)
    if points is not None and points.window is not None:
        x_min, x_max, y_min, y_max = points.window
        x, y = points.points.T
        counts, _, _ = np.histogram2d(y, x, SIDE, ((y_min, y_max), (x_min, x_max)))
        dots: NDArray[np.uint8] = (255 * np.sqrt(counts / max(1.0, counts.max()))).astype(np.uint8)
        return dots
    return np.zeros((0, 0), np.uint8)


def _smaller(code: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the means over squares of cells, with at most `SIDE` of them along each side."""
    by = -(-max(code.shape) // SIDE)
    side = min(code.shape) // by
    cut = code[: side * by, : side * by].reshape(side, by, side, by)
    means: NDArray[np.uint8] = cut.mean((1, 3)).astype(np.uint8)
    return means
