"""A problem without a density and a model without a likelihood, added from outside the package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
ENVIRONMENT = {"FLOWPLAY_PLUGINS": "toy_plugin", "PYTHONPATH": f"{ROOT}:{FOLDER}"}
RUN = ["--target", "toy_triangle", "--architecture", "toy_generator"]


def flowplay(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flowplay", *arguments],
        cwd=ROOT,
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )


def trained(*arguments: str) -> dict[str, Any]:
    done = flowplay("train", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_a_model_without_likelihood_trains_and_claims_none() -> None:
    told = trained(*RUN, "--steps", "300")
    assert told["likelihood"] == "none"
    assert (told["nll"], told["entropy"], told["gap"]) == (None, None, None)
    early = trained(*RUN, "--steps", "5")
    assert told["train_loss"] < 0.8 * early["train_loss"]


def test_a_flow_on_a_problem_without_density_has_an_nll_and_no_gap() -> None:
    told = trained("--target", "toy_triangle", "--architecture", "realnvp", "--steps", "20")
    assert told["nll"] is not None
    assert (told["entropy"], told["gap"]) == (None, None)


def test_a_report_of_it_can_be_written(tmp_path: Path) -> None:
    report, file = tmp_path / "report.html", tmp_path / "run.safetensors"
    told = trained(*RUN, "--steps", "20", "--html", str(report), "--save", str(file))
    assert "samples of the model" in report.read_text("utf-8")
    shown = flowplay("show", str(file), "--json")
    assert json.loads(shown.stdout) == told


def test_without_the_plugin_its_names_are_refused_in_a_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flowplay", "train", *RUN, "--steps", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
