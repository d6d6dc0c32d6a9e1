"""A real engine, whose worker loads the compiled kernels between two slices."""

from __future__ import annotations

import importlib.util

import pytest
from deadline import until

from flowplay import kernels
from flowplay.config import RunConfig
from flowplay.engine import Engine
from flowplay.kernels import process

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("numba") is None, reason="there is no compiler"
)


def test_a_run_begins_in_torch_and_goes_on_with_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(process.VARIABLE)
    monkeypatch.setattr(process, "_here", process._Process())
    assert kernels.prepare(wait=True) is not None
    engine = Engine(workers=1)
    try:
        run = engine.open_run(RunConfig(depth=2, width=8, budget=10**6))

        def shown(step: int) -> bool:
            run.renew()
            header = run.view().header
            return header is not None and header.step >= step

        run.show()
        until(lambda: shown(0), 60, what="a first picture")
        assert engine.call("fake_work:has_kernels").result(20) == b"\0"
        run.play()
        until(lambda: shown(1), 60, what="steps")
        assert engine.call("fake_work:has_kernels").result(20) == b"\1"
        run.close()
    finally:
        engine.close()
