"""Runs of tables in 2 to 16 dimensions: exact for every family, on the page as in the export."""

from __future__ import annotations

import contextlib
import io
import json
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from flowplay import shelf
from flowplay.catalog import FLOW_FAMILIES
from flowplay.config import RunConfig
from flowplay.flows import Flow
from flowplay.problems import Tabular
from flowplay.training import new_run, train_slice
from flowplay.training.layer_frames import flow_of
from flowplay.training.live_run import LiveRun
from flowplay.training.worker import exported_flow, scored_rows
from flowplay.wire import ExportedFlow, RunState, Scored, Table, TestRows


def table_of(dim: int) -> str:
    """Return the digest of a table of curved rows."""
    rng = np.random.default_rng(dim)
    rows = rng.normal(size=(150, dim)) @ rng.normal(size=(dim, dim))
    rows[:, 1] += 0.3 * rows[:, 0] ** 2
    return shelf.put(Table(f"{dim} columns", [f"c{k}" for k in range(dim)], rows).to_bytes())


def trained(architecture: str, data: str, steps: int = 3) -> RunState:
    """Return a run of a table after so many steps, moved away from where it stands."""
    config = RunConfig(
        target="table",
        target_options={"data": data},
        architecture=architecture,
        depth=3,
        width=8,
        batch_size=32,
    )
    state = new_run(config)
    if steps:
        state, _ = train_slice(state, steps=steps)
    noise = np.random.default_rng(1).normal(0, 0.1, state.weights.shape)
    return replace(state, weights=(state.weights + noise).astype(np.float32))


def double(live: LiveRun) -> Flow:
    return flow_of(live).double().eval()


def unseen(state: RunState) -> TestRows:
    problem = state.config.problem()
    assert isinstance(problem, Tabular)
    rows = problem.table.rows[problem.split(state.config.seed).test]
    return TestRows(problem.columns, rows, np.zeros(0, np.int8), [])


@pytest.mark.parametrize("architecture", FLOW_FAMILIES)
def test_ten_columns_go_there_and_back_with_the_log_det_of_autograd(architecture: str) -> None:
    flow = double(LiveRun(trained(architecture, table_of(10))))
    z = torch.randn(40, 10, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    x, log_det = flow(z)
    back, log_det_back = flow.inverse(x)
    assert (back - z).abs().max() <= flow.tolerance
    assert (log_det + log_det_back).abs().max() <= flow.tolerance
    for way, at in ((flow.forward, z), (flow.inverse, x)):
        points = at.detach().clone().requires_grad_()
        image, found = way(points)
        rows = [
            torch.autograd.grad(image[:, i].sum(), points, retain_graph=True)[0] for i in range(10)
        ]
        expected = torch.linalg.slogdet(torch.stack(rows, 1))[1]
        torch.testing.assert_close(found, expected, rtol=0, atol=flow.tolerance)


@pytest.mark.parametrize("architecture", FLOW_FAMILIES)
def test_the_exported_flow_gives_the_scores_of_the_page(
    architecture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = trained(architecture, table_of(10))
    rows = unseen(state)
    scored = Scored.from_bytes(scored_rows(state.to_bytes(), rows.to_bytes()))
    files = ExportedFlow.from_bytes(exported_flow(state.to_bytes(), None))
    (tmp_path / f"{files.name}.safetensors").write_bytes(files.weights.tobytes())
    (tmp_path / "snippet.py").write_text(files.snippet, "utf-8")
    monkeypatch.chdir(tmp_path)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        flow = runpy.run_path("snippet.py")["flow"]
    assert len(json.loads(out.getvalue())) == 4
    problem = state.config.problem()
    assert isinstance(problem, Tabular)
    points = torch.from_numpy(problem.scaling(state.config.seed).apply(rows.rows)).float()
    with torch.no_grad():
        again = flow.log_prob(points).double().numpy()
    assert -again == pytest.approx(scored.scores, rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("dim", range(2, 17))
@pytest.mark.parametrize("architecture", FLOW_FAMILIES)
def test_tables_of_two_to_sixteen_columns_are_exact(architecture: str, dim: int) -> None:
    state = trained(architecture, table_of(dim), steps=2 if dim in (2, 16) else 0)
    scored = Scored.from_bytes(scored_rows(state.to_bytes(), unseen(state).to_bytes()))
    assert np.isfinite(scored.scores).all()
    assert len(scored.scores) == len(scored.calibration) == 15
    flow = double(LiveRun(state))
    x = torch.randn(5, dim, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    points = x.requires_grad_()
    z, log_det = flow.inverse(points)
    rows = [torch.autograd.grad(z[:, i].sum(), points, retain_graph=True)[0] for i in range(dim)]
    expected = torch.linalg.slogdet(torch.stack(rows, 1))[1]
    torch.testing.assert_close(log_det, expected, rtol=0, atol=max(1e-7, flow.tolerance))
