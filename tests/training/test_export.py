"""The files of a flow rebuild it in a fresh interpreter, for every family."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from flowplay.config import RunConfig
from flowplay.flows import FAMILIES
from flowplay.training import new_run
from flowplay.training.layer_frames import flow_of
from flowplay.training.live_run import LiveRun
from flowplay.training.worker import exported_flow
from flowplay.wire import ExportedFlow

ROOT = Path(__file__).parents[2]

#: Every family, and the options with which training mode only estimates.
CASES: dict[str, tuple[str, dict[str, int | str]]] = {name: (name, {}) for name in FAMILIES} | {
    "hutchinson": ("ffjord", {"trace": "hutchinson"}),
    "unbiased": ("residual", {"log_det": "unbiased"}),
    "learned": ("graphical", {"edges": "learned"}),
    "turned": ("planar", {}),
}


def test_the_snippet_gives_the_same_log_probabilities(tmp_path: Path) -> None:
    expected = {}
    for name, (architecture, options) in CASES.items():
        config = RunConfig(
            target="u1" if name == "turned" else "moons",
            architecture=architecture,
            depth=3,
            width=8,
            samples=500,
            options=options,
        )
        state = new_run(config)
        # Far from the start: what a solver or an estimator gets wrong must be seen.
        noise = np.random.default_rng(1).normal(0, 0.3, state.weights.shape)
        state = replace(state, weights=(state.weights + noise).astype(np.float32))
        files = ExportedFlow.from_bytes(exported_flow(state.to_bytes(), None))
        folder = tmp_path / name
        folder.mkdir()
        assert files.name.endswith(f"-{architecture}-step-0")
        weights = folder / f"{files.name}.safetensors"
        weights.write_bytes(files.weights.tobytes())
        (folder / "snippet.py").write_text(files.snippet, "utf-8")
        live = LiveRun(state)
        with torch.no_grad():
            expected[name] = flow_of(live).log_prob(live.held_out[:4]).tolist()
        assert RunConfig.model_validate_json(files.config) == state.config
        with safe_open(weights, "np") as file:
            assert file.metadata()["step"] == "0"
            assert json.loads(file.metadata()["config"])["architecture"] == architecture
    # One fresh interpreter for all: importing torch is what takes the time.
    driver = (
        "import os, runpy, sys\n"
        "for name in sys.argv[2:]:\n"
        "    os.chdir(os.path.join(sys.argv[1], name))\n"
        "    runpy.run_path('snippet.py')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", driver, str(tmp_path), *CASES],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    for name, values in zip(CASES, printed, strict=True):
        assert values == pytest.approx(expected[name], rel=1e-6, abs=1e-6), name
