"""The exercises: a goal is reached by figures of a trained run, and by nothing else."""

from __future__ import annotations

import pytest

from flowplay.config import RunConfig
from flowplay.guide import EXERCISES, Attempt, Exercise, best

BY_KEY = {exercise.key: exercise for exercise in EXERCISES}


def attempt(
    exercise: Exercise, gap: float = 0.5, step: int = 400, parameters: int = 4000, **changed: object
) -> Attempt:
    config = RunConfig.from_flat(dict(exercise.query) | changed)
    return Attempt(config, step, parameters, gap, train_gap=gap)


def test_there_are_five_with_names_of_their_own() -> None:
    assert len(BY_KEY) == 5


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.key)
def test_where_an_exercise_begins_an_untrained_run_has_not_reached_it(exercise: Exercise) -> None:
    poor = attempt(exercise)
    assert not exercise.goal(poor)
    assert exercise.figures(poor)
    assert exercise.task.endswith(".")
    assert exercise.hint.endswith(".") or exercise.hint.endswith("?")


@pytest.mark.parametrize(
    ("key", "gap", "step", "parameters", "changed", "reached"),
    [
        ("few-parameters", 0.049, 400, 5000, {}, True),
        ("few-parameters", 0.051, 400, 5000, {}, False),
        ("few-parameters", 0.049, 400, 5001, {}, False),
        ("few-parameters", 0.049, 400, 5000, {"target": "moons"}, False),
        ("few-parameters", 0.049, 400, 5000, {"noise": 0.2}, False),
        ("few-steps", 0.07, 500, 4000, {}, True),
        ("few-steps", 0.07, 501, 4000, {}, False),
        ("few-steps", 0.07, 500, 4000, {"architecture": "nsf"}, False),
        ("few-layers", 0.09, 400, 4000, {"depth": 4, "architecture": "nsf"}, True),
        ("few-layers", 0.09, 400, 4000, {"depth": 5, "architecture": "nsf"}, False),
        ("few-layers", 0.09, 400, 4000, {"depth": 4, "architecture": "ffjord"}, False),
        ("few-layers", 0.09, 400, 4000, {"architecture": "mixed"}, False),
        ("separate-parts", 0.04, 2000, 4000, {"base_components": 8}, True),
        ("separate-parts", 0.04, 2001, 4000, {}, False),
    ],
)
def test_a_goal_counts_only_what_its_task_allows(
    key: str, gap: float, step: int, parameters: int, changed: dict[str, object], reached: bool
) -> None:
    exercise = BY_KEY[key]
    tried = attempt(exercise, gap, step, parameters, **changed)
    found = best(exercise, [tried])
    assert (found is not None and exercise.goal(found)) is reached


def test_overfitting_needs_both_sides() -> None:
    exercise = BY_KEY["overfit"]
    config = RunConfig.from_flat(dict(exercise.query))
    assert exercise.goal(Attempt(config, 9, 9, gap=0.3, train_gap=-0.3))
    assert not exercise.goal(Attempt(config, 9, 9, gap=0.1, train_gap=-0.3))
    assert not exercise.goal(Attempt(config, 9, 9, gap=0.3, train_gap=float("inf")))


def test_the_best_attempt_is_one_that_reached_the_goal_then_the_nearest() -> None:
    exercise = BY_KEY["few-parameters"]
    far, near = attempt(exercise, 0.4), attempt(exercise, 0.2)
    assert best(exercise, [far, near, attempt(exercise, 0.01, parameters=9000)]) is near
    assert best(exercise, []) is None
