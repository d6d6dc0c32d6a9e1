"""The comparison with other libraries: adapters that are right, and figures that are read right."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.libraries import LIBRARIES, missing
from benchmarks.libraries.base import Job
from benchmarks.peers_cases import KINDS, config_of
from benchmarks.peers_figures import write_page
from benchmarks.peers_measure import Plan, list_cases
from benchmarks.peers_process import LibraryFailureError, LibraryProcess
from benchmarks.peers_report import ratio, reached, tables
from benchmarks.peers_worker import Worker
from flowplay.targets import make_target

SETTINGS: dict[str, Any] = {
    "target": "moons",
    "target_options": {"noise": 0.05},
    "depth": 2,
    "width": 16,
    "samples": 2000,
}
FAMILIES = {kind: family for kind, (family, _) in KINDS.items()}


def small_job(kind: str) -> Job:
    data = make_target("moons").sample(2000, seed=0).astype(np.float32)
    settings = SETTINGS | {"architecture": FAMILIES[kind]}
    return Job(kind, 2, 16, 8, 64, None, 0, data, settings)


def run(library: str, seed: int, early: float | None, late: float | None) -> dict[str, Any]:
    return {
        "case": ["moons", seed, "affine", "usual", library],
        "reached": {"0.10": early, "0.03": late},
        "gap": 0.05,
        "steps": 100,
        "trained": 0.5,
        "family": "realnvp, 8 layers",
        "curve": [(0.1, 1.0), (6.0, 0.05)],
    }


def row(step: list[float]) -> dict[str, Any]:
    return {
        "step": step,
        "grid": [20.0, 30.0],
        "sample": [20.0, 30.0],
        "peak_mb": 400.0,
        "imported_mb": 300.0,
        "import": 1.0,
        "build": 0.5,
        "compile": 2.5,
    }


RESULTS: dict[str, Any] = {
    "machine": "A machine",
    "limits": {"seconds": 12.0, "budget": 8.0, "rounds": 2},
    "versions": {"flowplay": "1", "zuko": "2"},
    "floors": {"affine": {"flops": 50e6, "rate": 100e9}},
    "speed": {"affine": {"flowplay": row([2.0, 4.0]), "zuko": row([4.0, 12.0])}},
    "without": {"affine": {"nflows": "nflows has no affine."}},
    "quality": [run("flowplay", 0, 1.0, None), run("zuko", 0, 2.0, 6.0)],
}


def test_tables_hold_medians_ratios_of_rounds_floors_and_what_is_left_out() -> None:
    text = tables(RESULTS)
    assert "the floor of a step is 0.50 ms (50 MFLOP at 100 GFLOP/s)" in text
    assert "| zuko | 8.00 (4.00–12.0) | 2.50 | 16.0 |" in text
    assert "nflows has no affine." in text
    assert "| flowplay | 1.0 | no (gap 0.05) | 5.00 |" in text


def test_ratios_are_of_turns_of_the_same_round() -> None:
    # The machine was twice as slow in the second round: that is no difference between libraries.
    assert ratio([3.0, 6.0], [1.0, 2.0]) == "3.00"


def test_a_run_that_never_reached_a_threshold_counts_as_the_latest() -> None:
    runs = [run("zuko", 0, 2.0, None), run("zuko", 1, 1.0, None), run("zuko", 2, None, None)]
    assert reached(runs, "0.10") == "2.0 (1.0–not)"
    assert reached(runs, "0.03") == "no (gap 0.05)"
    assert reached(runs[1:], "0.10") == "not (1.0–not)"


def test_the_page_names_what_was_not_reached(tmp_path: Path) -> None:
    write_page(RESULTS, tmp_path / "peers.html")
    page = (tmp_path / "peers.html").read_text("utf-8")
    assert "not reached in 12 s" in page
    assert "x-thin-open" in page
    assert "Affine coupling: floor 0.50 ms" in page


def test_cases_are_those_a_library_has() -> None:
    plan = Plan(["flowplay", "FrEIA"], ["affine", "maf"], ["moons"], [0], 12, 8, 15)
    kinds = {"flowplay": ["affine", "maf"], "FrEIA": ["affine"]}
    cases = [case[2:] for case in list_cases(plan, kinds)]
    assert cases == [
        ("affine", "usual", "flowplay"),
        ("affine", "usual", "FrEIA"),
        ("affine", "flowplay's", "flowplay"),
        ("affine", "flowplay's", "FrEIA"),
        ("affine", "as it comes", "flowplay"),
        ("maf", "usual", "flowplay"),
    ]


def test_the_usual_recipe_is_plain_adam_and_flowplays_is_its_own() -> None:
    usual = config_of("spline", "usual", "moons", 0, budget=8)
    assert (usual.learning_rate, usual.schedule, usual.warmup) == (1e-3, "constant", 0)
    own = config_of("spline", "as it comes", "moons", 0, budget=8)
    shared = config_of("spline", "flowplay's", "moons", 0, budget=8)
    assert shared.options["bins"] == 8
    assert shared.learning_rate == own.learning_rate


@pytest.mark.parametrize("name", LIBRARIES)
def test_densities_integrate_to_one_and_samples_come_from_them(name: str) -> None:
    if sentence := missing(name):
        pytest.skip(sentence)
    worker = Worker(name)
    for kind in worker.about()["kinds"]:
        worker.begin(small_job(kind))
        assert worker.mass() == pytest.approx(1, abs=0.02), kind
        density = worker.model.log_prob(worker.window).astype(np.float64)
        probability = np.exp(density) / np.exp(density).sum()
        drawn = worker.model.log_prob(worker.model.sample(5000))
        assert drawn.mean() == pytest.approx(probability @ density, abs=0.1), kind


def test_a_library_that_is_not_installed_is_named_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert missing("nflows").startswith("nflows is not installed and is left out: pip install")


def test_what_a_library_raises_in_its_process_is_one_line() -> None:
    process = LibraryProcess("flowplay")
    try:
        assert process.ask("begin", small_job("affine"))["compile"] < 1
        assert process.ask("steps", 2) > 0
        with pytest.raises(LibraryFailureError, match="flowplay: "):
            process.ask("begin", small_job("affine")._replace(settings=SETTINGS | {"depth": -1}))
    finally:
        process.close()
