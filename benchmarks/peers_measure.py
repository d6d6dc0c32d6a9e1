"""The turns that libraries take: in speed, a few steps each; in quality, one training run each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from benchmarks.peers_process import LibraryFailureError, LibraryProcess

Results = dict[str, Any]

#: The library that the others are compared with; its step is the one whose floor is counted.
REFERENCE = "flowplay"

#: Steps of a turn; the density of a grid and a draw of samples are turns by themselves.
BLOCK = 20

#: What a density may come to, summed over a wide window: an adapter that is wrong is not measured.
LEAST_MASS, MOST_MASS = 0.95, 1.05


class Plan(NamedTuple):
    """What is to be measured, for how long."""

    libraries: Sequence[str]
    kinds: Sequence[str]
    targets: Sequence[str]
    seeds: Sequence[int]
    seconds: float
    budget: float
    rounds: int


class Case(NamedTuple):
    """One training run."""

    target: str
    seed: int
    kind: str
    recipe: str
    library: str


def measure_speed(kind: str, plan: Plan, results: Results, say: Callable[[str], None]) -> None:
    """Time steps, densities and samples of all libraries that have a kind.

    The processes are this kind's own: the memory they come to is that of one model.
    """
    rows: dict[str, dict[str, Any]] = {}
    without: dict[str, str] = {}
    with ExitStack() as stack:
        ready = []
        for name in plan.libraries:
            try:
                process = stack.enter_context(LibraryProcess(name))
                rows[name] = _ready(process, kind, plan, results)
                ready.append(process)
            except LibraryFailureError as failure:
                without[name] = str(failure)
                say(str(failure))
        for turn in range(-1, plan.rounds if ready else -1):
            first = turn % len(ready)
            for process in [*ready[first:], *ready[:first]]:
                times = {
                    "step": process.ask("steps", BLOCK),
                    "grid": process.ask("grid"),
                    "sample": process.ask("sample"),
                }
                # The first round only warms up.
                if turn >= 0:
                    for figure, value in times.items():
                        rows[process.name][figure].append(value)
        for process in ready:
            rows[process.name]["peak_mb"] = process.ask("peak_mb")
            if process.name == REFERENCE:
                # What else the machine does can only slow the products down.
                floors = [process.ask("floor") for _ in range(plan.rounds)]
                results["floors"][kind] = max(floors, key=lambda floor: floor["rate"])
    results["speed"][kind] = rows
    results["without"][kind] = without


def _ready(process: LibraryProcess, kind: str, plan: Plan, results: Results) -> dict[str, Any]:
    """Build a library's model and see that its density is one; return its row, without times.

    Raises:
        LibraryFailureError: if it lacks the kind, or its density is none.
    """
    # It imports torch, which no library's process should have to.
    from benchmarks.peers_cases import config_of, job_of

    name, about = process.name, process.ask("about")
    results["versions"][name] = about["version"]
    if kind not in about["kinds"]:
        raise LibraryFailureError(f"{name} {about['version']} has no {kind}.")
    config = config_of(kind, "usual", plan.targets[0], plan.seeds[0], plan.budget)
    start = process.ask("begin", job_of(config, kind, "usual"))
    mass = process.ask("mass")
    if not LEAST_MASS < mass < MOST_MASS:
        raise LibraryFailureError(f"{name}'s {kind} density integrates to {mass:.3f}: left out.")
    return {**process.start, **start, "mass": mass, "step": [], "grid": [], "sample": []}


#: Recipes by which all libraries that have a kind are trained.
SHARED_RECIPES = {
    "affine": ("usual", "flowplay's"),
    "spline": ("usual", "flowplay's"),
    "maf": ("usual",),
    "mixture": (),
}


def list_cases(plan: Plan, kinds_of: dict[str, list[str]]) -> Iterator[Case]:
    """List the training runs; those that will be compared follow each other."""
    for target in plan.targets:
        for seed in plan.seeds:
            for kind in plan.kinds:
                for recipe in SHARED_RECIPES[kind]:
                    for library in plan.libraries:
                        if kind in kinds_of.get(library, ()):
                            yield Case(target, seed, kind, recipe, library)
                if REFERENCE in kinds_of and kind != "maf":
                    yield Case(target, seed, kind, "as it comes", REFERENCE)


def measure_quality(
    plan: Plan, results: Results, say: Callable[[str], None], save: Callable[[], None]
) -> None:
    """Train every case that the results do not hold yet, and save each as it ends."""
    done = {tuple(run["case"]) for run in results["quality"]}
    with ExitStack() as stack:
        processes: dict[str, LibraryProcess] = {}
        kinds_of: dict[str, list[str]] = {}
        for name in plan.libraries:
            try:
                process = stack.enter_context(LibraryProcess(name))
                about = process.ask("about")
            except LibraryFailureError as failure:
                say(str(failure))
                continue
            processes[name], kinds_of[name] = process, about["kinds"]
            results["versions"][name] = about["version"]
        todo = [case for case in list_cases(plan, kinds_of) if case not in done]
        begun = time.monotonic()
        for number, case in enumerate(todo, 1):
            what = (case.kind, case.recipe, case.target, case.seed)
            try:
                run = processes[case.library].ask("quality", *what, plan.seconds, plan.budget)
            except LibraryFailureError as failure:
                say(str(failure))
                continue
            results["quality"].append({"case": list(case), **run})
            save()
            minutes = (time.monotonic() - begun) / 60
            name = " · ".join(str(part) for part in case)
            say(f"{number}/{len(todo)} {name}: {_outcome(run)} ({minutes:.1f} min)")


def _outcome(run: dict[str, Any]) -> str:
    reached = [
        f"+{threshold} " + ("not reached" if at is None else f"at {at:.1f} s")
        for threshold, at in run["reached"].items()
    ]
    return f"{', '.join(reached)}; gap {run['gap']:.3f} after {run['steps']} steps"
