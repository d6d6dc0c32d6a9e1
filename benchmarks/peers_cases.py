"""What is compared: architectures and recipes, and each case's run as flowplay describes it."""

from __future__ import annotations

from typing import Any

from benchmarks.libraries.base import Job
from flowplay.config import RunConfig, bounds
from flowplay.training.data import training_points

#: The architecture that all libraries share: layers, hidden units, pieces of a spline.
DEPTH, WIDTH, BINS = 8, 64, 8

#: Kind -> flowplay's family and the options that make it the shared architecture; mixture couplings
#: no peer has, so they only come as they are.
KINDS: dict[str, tuple[str, dict[str, int | str]]] = {
    "affine": ("realnvp", {}),
    "spline": ("nsf", {"bins": BINS, "conditioning": "coupling"}),
    "maf": ("maf", {}),
    "mixture": ("flowpp", {}),
}


def config_of(kind: str, recipe: str, target: str, seed: int, budget: float) -> RunConfig:
    """Return the run of a case; its rates are those of every library.

    Args:
        kind: a key of `KINDS`.
        recipe: `usual` is Adam with a constant 1e-3, `flowplay's` has its rate, warm-up, clipping
            and cosine, and `as it comes` its own depth and options besides.
        target: what is learned.
        seed: of data, initialization and batches.
        budget: seconds over which a cosine falls.
    """
    family, options = KINDS[kind]
    given: dict[str, Any] = {
        "target": target,
        "architecture": family,
        "seed": seed,
        "budget": budget,
        "budget_unit": "seconds",
        "device": "cpu",
    }
    if recipe != "as it comes":
        given |= {"depth": DEPTH, "width": WIDTH, "options": options}
    if recipe == "usual":
        given |= {
            "learning_rate": 1e-3,
            "schedule": "constant",
            "warmup": 0,
            "clip_norm": bounds("clip_norm")[1],
        }
    return RunConfig(**given)


def job_of(config: RunConfig, kind: str, recipe: str) -> Job:
    """Return what a library is asked to build for a case."""
    return Job(
        kind=kind,
        depth=config.depth,
        width=config.width,
        bins=BINS,
        batch=config.batch_size,
        clip=None if recipe == "usual" else config.clip_norm,
        seed=config.seed,
        data=training_points(config).numpy(),
        settings=config.model_dump(),
    )
