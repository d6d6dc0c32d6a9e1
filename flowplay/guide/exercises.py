"""Exercises: goals in numbers, which a run either has reached or has not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from flowplay.config import RunConfig
from flowplay.numbers import fixed, whole


@dataclass(frozen=True)
class Attempt:
    """What a run that was trained has come to.

    Attributes:
        config: of the run.
        step: optimizer steps that it has taken.
        parameters: number of trained parameters.
        gap: nats of its held-out NLL above the target's entropy.
        train_gap: the same of its training NLL; infinite if its loss is none.
    """

    config: RunConfig
    step: int
    parameters: int
    gap: float
    train_gap: float


@dataclass(frozen=True)
class Exercise:
    """A goal.

    Attributes:
        key: names it.
        title: a few words.
        task: what is to be reached, and what is left free.
        hint: where to look.
        query: the Playground's settings to begin with; they do not reach the goal.
        counts: whether a run is one for this exercise at all.
        goal: whether an attempt that counts has reached it.
        distance: how far an attempt is from the goal; the smallest one is shown.
        figures: what an attempt reached, in words.
    """

    key: str
    title: str
    task: str
    hint: str
    query: Mapping[str, str]
    counts: Callable[[Attempt], bool]
    goal: Callable[[Attempt], bool]
    distance: Callable[[Attempt], float]
    figures: Callable[[Attempt], str]


def best(exercise: Exercise, attempts: Iterable[Attempt]) -> Attempt | None:
    """Return the attempt nearest to the goal; None if none counts."""
    counted = [a for a in attempts if exercise.counts(a)]
    return min(counted, key=lambda a: (not exercise.goal(a), exercise.distance(a)), default=None)


def _gap(attempt: Attempt) -> float:
    return attempt.gap


def _nats(value: float) -> str:
    return fixed(value)


def _gap_and_parameters(a: Attempt) -> str:
    return f"gap {_nats(a.gap)} with {whole(a.parameters)} parameters"


def _gap_and_steps(a: Attempt) -> str:
    return f"gap {_nats(a.gap)} after {whole(a.step)} steps"


def _gap_and_depth(a: Attempt) -> str:
    return f"gap {_nats(a.gap)} with {a.config.depth} layers"


def _is(a: Attempt, target: str, *architectures: str) -> bool:
    noise = RunConfig(target=target).target_options
    return (
        a.config.target == target
        and a.config.target_options == noise
        and (not architectures or a.config.architecture in architectures)
    )


EXERCISES: tuple[Exercise, ...] = (
    Exercise(
        "few-parameters",
        "Few parameters",
        "Reach a gap below 0.05 on circles with at most 5,000 parameters.",
        "The number of parameters is among the numbers above the pictures. Between two hidden "
        "layers there are width × width weights, so a smaller width saves most.",
        {"target": "circles", "architecture": "nsf"},
        lambda a: _is(a, "circles") and a.parameters <= 5000,
        lambda a: a.gap < 0.05,
        _gap,
        _gap_and_parameters,
    ),
    Exercise(
        "few-steps",
        "Few steps",
        "Reach a gap below 0.1 on moons with RealNVP in at most 500 steps.",
        "Learning rate, warm-up, batch size, depth: change one at a time. The budget is the number "
        "of steps.",
        {"target": "moons", "architecture": "realnvp", "budget": "500"},
        lambda a: _is(a, "moons", "realnvp") and a.step <= 500,
        lambda a: a.gap < 0.1,
        _gap,
        _gap_and_steps,
    ),
    Exercise(
        "few-layers",
        "Few layers",
        "Reach a gap below 0.1 on the two spirals with at most 4 layers of one family. Glow, "
        "continuous flows and mixed flows do not count: their depth does not count single layers.",
        "Which family can bend the plane most in one layer?",
        {"target": "spiral", "architecture": "realnvp", "depth": "4"},
        lambda a: (
            _is(
                a,
                "spiral",
                "planar",
                "radial",
                "nice",
                "realnvp",
                "maf",
                "iaf",
                "nsf",
                "flowpp",
                "residual",
                "graphical",
            )
            and a.config.depth <= 4
        ),
        lambda a: a.gap < 0.1,
        _gap,
        _gap_and_depth,
    ),
    Exercise(
        "separate-parts",
        "Separate parts",
        "Reach a gap below 0.05 on the eight Gaussians with RealNVP and at most 2,000 steps.",
        "What can a flow not do if it starts from one Gaussian?",
        {"target": "eight_gaussians", "architecture": "realnvp"},
        lambda a: _is(a, "eight_gaussians", "realnvp") and a.step <= 2000,
        lambda a: a.gap < 0.05,
        _gap,
        _gap_and_steps,
    ),
    Exercise(
        "overfit",
        "Overfit, on purpose",
        "Train until the training NLL is at least 0.2 nats below the floor of the moons, while the "
        "held-out NLL is at least 0.2 nats above it.",
        "How many points can a flow memorize? Use few samples and many steps.",
        {"target": "moons", "architecture": "nsf", "samples": "5000"},
        lambda a: _is(a, "moons"),
        lambda a: a.train_gap <= -0.2 and a.gap >= 0.2,
        lambda a: max(a.train_gap + 0.2, 0.0) + max(0.2 - a.gap, 0.0),
        lambda a: (
            f"training NLL {_nats(a.train_gap)} and held-out NLL {_nats(a.gap)} from the floor"
        ),
    ),
)
