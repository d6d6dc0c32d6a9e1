"""Benchmarks that train: each still finds what it measures, on the smallest run."""

from __future__ import annotations

import math

import pytest

from benchmarks.floor import flops
from benchmarks.quality import row, train
from benchmarks.slice_parts import STEPS, measure
from flowplay.config import RunConfig
from flowplay.training import new_run
from flowplay.training.live_run import LiveRun

SMALLEST = RunConfig(samples=100, depth=2, width=8)


def test_every_part_of_a_slice_is_charged_with_time() -> None:
    rows = measure(SMALLEST.model_copy(update={"budget": 1_000_000}), seconds=0.02, slices=20)
    seen = {label for row in rows for label, spent in row.items() if spent > 0}
    assert seen == {
        STEPS,
        "held-out NLL",
        "density on the grid",
        "samples",
        "rest of the snapshot",
        "state in",
        "state and snapshot out",
        "everything else",
    }


def test_parts_are_timed_only_while_they_are_measured() -> None:
    whole = LiveRun.train
    measure(SMALLEST, seconds=0.01, slices=1)
    assert LiveRun.train is whole


def test_quality_is_the_gap_to_the_entropy_after_the_whole_budget() -> None:
    untrained = train("moons", "realnvp", 1, "steps", seed=0)
    trained = train("moons", "realnvp", 60, "steps", seed=0)
    assert (untrained.steps, trained.steps) == (1, 60)
    assert math.isfinite(trained.ms_per_step)
    assert trained.gap is not None
    assert untrained.gap is not None
    assert 0 < trained.gap < untrained.gap


def test_quality_has_a_line_for_models_without_a_likelihood_and_for_bounds() -> None:
    line = row("gan", "moons", [train("moons", "gan", 1, "steps", seed=0)]).split(" | ")
    assert line[2:6] == ["none", "none", "none", ""]
    vae = train("moons", "vae", 1, "steps", seed=0)
    assert vae.gap is not None
    assert vae.bound is not None
    assert vae.gap <= vae.bound
    # Moons have no modes apart.
    assert len(vae.samples) == 4
    assert row("vae", "moons", [vae, vae]).split(" | ")[5] == f"{vae.bound:.3f}"


def test_a_step_has_the_matrix_products_of_its_layers() -> None:
    run = LiveRun(new_run(SMALLEST))
    run.model.train()
    counted = flops(lambda: run.step(1e-4))
    # Each weight of a layer is multiplied once on the way there and twice on the way back.
    weights = sum(p.numel() for p in run.model.parameters() if p.dim() == 2)
    assert counted == pytest.approx(6 * SMALLEST.batch_size * weights, rel=0.2)
