"""Runs to keep, made without torch."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "engine"))

from fake_work import header, snapshot, state

from flowplay.config import RunConfig
from flowplay.store import new_id, secret_digest
from flowplay.store.runs import KeptRun
from flowplay.wire import EarlierWeights, Header

OWNER = secret_digest("somebody")


@cache
def earlier(step: int) -> bytes:
    weights = np.full(10, step, np.float32)
    return EarlierWeights(step, 2.0, 1.5, weights, np.zeros(4, np.float32)).to_bytes()


def kept(step: int = 7, *, steps: tuple[int, ...] = (0, 5), **values: Any) -> KeptRun:  # noqa: ANN401
    config = RunConfig(target="circles", depth=3)
    run = KeptRun(
        id=new_id(),
        owner=OWNER,
        config=config,
        hot=config.hot,
        training=True,
        state=state(step),
        snapshot=snapshot(step),
        header=Header.of(snapshot(step)),
        earlier={s: earlier(s) for s in steps},
    )
    return replace(run, **values)


__all__ = ["OWNER", "earlier", "header", "kept", "snapshot", "state"]
