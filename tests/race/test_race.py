"""Races: any address is read, names tell contestants apart, and who leads does lead."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from hostile import NASTY
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from flowplay.catalog import ARCHITECTURES
from flowplay.config import RunConfig, flat_names
from flowplay.figures.race import race_figure
from flowplay.problems import PROBLEMS
from flowplay.race import (
    LEAST,
    MOST,
    PRESETS,
    SECONDS,
    Race,
    SampleFigure,
    Standing,
    Trace,
    labels,
    leaders,
)
from flowplay.race.config import difference, shared_names
from flowplay.race.results import results_csv, verdict
from flowplay.race.standing import COLUMNS, MARGINS
from flowplay.rules import flat_values
from flowplay.training import new_run
from flowplay.training.data import held_out_points, training_points
from flowplay.training.live_run import LiveRun
from flowplay.wire import Header

NAMES = st.builds(
    lambda number, name: f"{number}{name}",
    st.sampled_from(["", "1.", "2.", "3.", "4.", "5.", "0.", "22.", "."]),
    st.sampled_from([*flat_names(), "version", "contestants", "out", "preset"]),
)
VALUES = st.one_of(
    st.sampled_from([*PROBLEMS, *ARCHITECTURES, *NASTY, "seconds", "steps", "sgd", "1,2", "-1"]),
    st.integers(-(10**12), 10**12).map(str),
    st.floats().map(str),
    st.text(st.characters(), max_size=30),
)


def check_repair(values: Mapping[str, str]) -> None:
    race, refused = Race.repair(values)
    for sentence in refused:
        assert sentence.endswith(".")
        assert "\n" not in sentence
        assert len(sentence) < 320
        sentence.encode()
    assert LEAST <= len(race.contestants) <= MOST
    assert all(0 <= at < len(race.contestants) for at in race.out)
    assert race.base.budget_unit == "seconds"
    shared = shared_names()
    for config in race.contestants:
        mine, base = flat_values(config), flat_values(race.base)
        assert all(mine[name] == base[name] for name in shared & mine.keys())
    assert Race.repair(race.to_flat()) == (race, []), "an address says the whole race"
    assert len(labels(race)) == len(set(labels(race)))


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=24))
@example({"contestants": "9" * 5000, "out": "," * 5000})
@example({"contestants": "٣", "2.architecture": "nsf", "architecture": "nsf", "bins": "32"})
@example({"target": "digits", "2.architecture": "idf", "3.architecture": "planar"})
@example({"budget_unit": "steps", "budget": "10", "2.target": "circles", "2.samples": "100"})
@example({"architecture": "planar", "2.architecture": "realnvp", "depth": "12"})
def test_any_address_becomes_a_race(values: dict[str, str]) -> None:
    check_repair(values)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_base_may_be_of_any_architecture(architecture: str) -> None:
    others = ("realnvp", "nsf", "mixed")
    numbered = {f"{k}.architecture": other for k, other in enumerate(others, 2)}
    check_repair({"architecture": architecture, "depth": "8", **numbered})


@pytest.mark.parametrize("name", ["target", "samples", "batch_size", "budget", "noise", "device"])
def test_what_all_share_no_contestant_has_for_itself(name: str) -> None:
    race, refused = Race.repair({f"2.{name}": "100"})
    assert refused == [f"Contestant 2: {name} is the same for all contestants."]
    assert race == Race.repair({})[0]


def test_what_is_said_of_all_holds_for_those_who_say_nothing_else() -> None:
    race, _ = Race.repair({"depth": "5", "2.architecture": "maf", "3.depth": "6"})
    assert [config.depth for config in race.contestants] == [5, 5, 6]
    assert race.base.budget == SECONDS


def test_what_a_link_locks_no_contestant_changes() -> None:
    race, refused = Race.repair({"2.depth": "9"}, {"depth": 4, "budget_unit": "steps"})
    assert [config.depth for config in race.contestants] == [4, 4]
    assert refused == ["Contestant 2: depth is locked: using 4, not 9."]


def test_a_race_that_is_none_is_refused() -> None:
    base = RunConfig(budget=10, budget_unit="seconds")
    with pytest.raises(ValueError, match="2 to 4"):
        Race(base, (base,))
    with pytest.raises(ValueError, match="same target"):
        Race(base, (base, base.model_copy(update={"batch_size": 64})))
    with pytest.raises(ValueError, match="in seconds"):
        Race(RunConfig(), (RunConfig(), RunConfig()))


def test_another_target_or_seed_is_for_all_who_have_none_of_their_own() -> None:
    race, _ = Race.repair({"noise": "0.2", "3.seed": "9", "contestants": "3"})
    other = race.with_shared({"target": "circles", "seed": 4})
    assert {config.target for config in other.contestants} == {"circles"}
    assert [config.seed for config in other.contestants] == [4, 4, 9]
    assert not other.same_batches
    assert other.base.target_options == RunConfig(target="circles").target_options


def test_without_a_contestant_the_others_keep_their_place() -> None:
    race, _ = Race.repair({"contestants": "4", "3.depth": "3", "4.depth": "4", "out": "1,4"})
    rest = race.without(1)
    assert [config.depth for config in rest.contestants] == [12, 3, 4]
    assert rest.out == {0, 2}


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_presets_are_sound(preset: Any) -> None:  # noqa: ANN401
    race, refused = Race.repair(preset.flat)
    assert not refused
    assert not race.out
    check_repair(preset.flat)
    assert race.same_batches == (preset.name != "seeds")


def test_a_difference_is_told_from_a_default() -> None:
    base = RunConfig(architecture="nsf", depth=8, learning_rate=0.01)
    config = RunConfig(architecture="maf")
    assert (
        difference(base, config)
        == {
            "architecture": "maf",
            "depth": "8",
            "learning_rate": "0.005",
        }
        or difference(base, config)["learning_rate"] == "0.005"
    )


# --- the same batches ----------------------------------------------------------------------------


def hashed_batches(config: RunConfig, steps: int = 5) -> str:
    """Return a digest of the batches that a run is trained on first."""
    state = new_run(config)
    live = LiveRun(state)
    digest, own = hashlib.sha256(), live.model.loss_and_gradient

    def noted(x: Tensor) -> tuple[Tensor, list[Tensor]]:
        digest.update(x.detach().numpy().tobytes())
        return own(x)

    live.model.loss_and_gradient = noted  # type: ignore[method-assign]
    live.train(state, float("inf"), steps)
    assert isinstance(live.model, nn.Module)
    return digest.hexdigest()


SMALL = {"width": "8", "depth": "2", "batch_size": "16", "samples": "500", "seed": "3"}


@pytest.mark.parametrize("target", ["moons", "circles", "eight_gaussians"])
def test_all_contestants_are_trained_on_the_same_batches(target: str) -> None:
    names = [name for name in ARCHITECTURES if name != "toy"]
    seen = set()
    for at in range(0, len(names), MOST):
        chosen = (names[at : at + MOST] * 2)[:MOST]
        numbered = {f"{k}.architecture": name for k, name in enumerate(chosen, 1)}
        race, refused = Race.repair({"target": target, **SMALL, **numbered})
        assert not refused
        assert race.same_batches
        seen |= {hashed_batches(config) for config in race.contestants}
    assert len(seen) == 1, "every contestant saw the same points in the same order"
    assert hashed_batches(race.contestants[0].model_copy(update={"seed": 4})) not in seen


# --- who leads -----------------------------------------------------------------------------------


def at(label: str, likelihood: Any = "exact", **values: Any) -> Standing:  # noqa: ANN401
    return Standing(label, likelihood, **values)


def test_the_least_loss_and_the_most_steps_lead() -> None:
    lead = leaders(
        [
            at("a", held_out=1.2, steps=100, seconds=1.0, sample_ms=5.0),
            at("b", held_out=1.1, steps=50, seconds=1.0, sample_ms=2.0),
        ]
    )
    assert lead["held_out"] == {1}
    assert lead["steps"] == lead["ms_per_step"] == {0}
    assert lead["sample_ms"] == {1}
    assert lead["seconds"] == frozenset(), "time is equal by intent: nobody leads"
    assert set(lead) == {column.name for column in COLUMNS}


def test_a_bound_is_not_compared_with_an_exact_figure() -> None:
    lead = leaders([at("a", held_out=1.2), at("b", "bound", held_out=0.9), at("c", held_out=1.3)])
    assert lead["held_out"] == {0}
    assert leaders([at("a", held_out=1.2), at("b", "bound", held_out=0.9)])["held_out"] == set()


def test_what_is_shown_as_equal_leads_together_and_where_all_are_equal_nobody_does() -> None:
    three = [at("a", held_out=1.20001), at("b", held_out=1.20002), at("c", held_out=1.3)]
    assert leaders(three)["held_out"] == {0, 1}
    assert leaders(three[:2])["held_out"] == set()
    assert leaders([at("a", held_out=float("nan")), at("b", held_out=1.0)])["held_out"] == set()


def test_the_verdict_names_winner_time_price_and_who_is_not_judged() -> None:
    told = verdict(
        [
            at("Slow", held_out=0.40, gap=0.11, parameters=10, reached={0.10: 9.0}),
            at("Quick", held_out=0.35, gap=0.06, parameters=20, reached={0.10: 3.0, 0.03: 8.0}),
            at("Blind", "none", parameters=5),
        ]
    )
    assert "Quick has the lowest held-out loss: 0.350 nats, 0.060 nats above the floor." in told
    assert "First at +0.10: Quick, after 3.0 s." in told
    assert "Fewest parameters: Blind." in told
    assert "Without a likelihood, so not judged by it: Blind." in told
    assert verdict([at("a"), at("b")]) == "Nothing tells the contestants apart yet."


def of_samples(label: str, w2: float, error: float, **values: Any) -> Standing:  # noqa: ANN401
    return at(label, samples={"sliced_w2": SampleFigure(w2, error, 0.15, 0.01)}, **values)


def test_errors_of_samples_are_shown_and_exported() -> None:
    one = of_samples("a", 0.19, 0.0234)
    column = next(c for c in COLUMNS if c.name == "sliced_w2")
    assert column.shown(one) == "0.190 ± 0.023"
    assert column.beside(one) == "data 0.150 ± 0.010"
    (row,) = csv.DictReader(io.StringIO(results_csv([one], [RunConfig()])))
    assert row["sliced_w2"] == "0.19"
    assert row["sliced_w2_error"] == "0.0234"
    assert row["sliced_w2_data"] == "0.15"
    assert row["sliced_w2_data_error"] == "0.01"
    assert row["modes"] == row["modes_error"] == ""


def test_who_is_within_the_joint_standard_error_of_the_best_is_no_loser() -> None:
    near = [of_samples("NSF", 0.190, 0.023), of_samples("GAN", 0.173, 0.015)]
    far = of_samples("VAE", 0.30, 0.01)
    assert leaders([*near, far])["sliced_w2"] == {0, 1}
    assert leaders(near)["sliced_w2"] == set()
    told = "Samples nearest to data: no clear winner between NSF and GAN."
    assert told in verdict([*near, far])
    assert told in verdict(near)
    assert "Samples nearest to data: GAN." in verdict([near[1], far])
    assert "Samples" not in verdict([near[0], at("a")])


def test_the_only_one_who_reaches_a_margin_was_there_first() -> None:
    there, not_there = at("a", gap=0.05, reached={0.10: 3.0}), at("b", gap=0.2)
    assert leaders([there, not_there])["seconds_to_0.10"] == {0}
    assert "First at +0.10: a, after 3.0 s." in verdict([there, not_there])
    assert leaders([there, there, not_there])["seconds_to_0.10"] == {0, 1}
    assert leaders([there, there])["seconds_to_0.10"] == set()
    # Nobody else could have been there.
    assert leaders([there, at("GAN", "none")])["seconds_to_0.10"] == set()


def test_an_estimate_is_called_so_wherever_it_is_exported() -> None:
    rough = [at("a", kind="estimate", held_out=1.0), at("b", kind="exact", held_out=1.1)]
    rows = list(csv.DictReader(io.StringIO(results_csv(rough, [RunConfig()] * 2))))
    assert [row["kind"] for row in rows] == ["estimate", "exact"]
    figure = race_figure([], rough, floor=None, floor_name="", unit="nats")
    table = next(trace for trace in figure.data if trace.type == "table")
    assert ("estimate", "exact") in [tuple(column) for column in table.cells.values]
    assert len(table.columnwidth) == len(table.header["values"]) == len(table.cells["values"])
    assert "<span" not in str(table.cells["values"]), "it would be shown where a column is narrow"


def test_four_seeds_differ_in_all_that_the_preset_says() -> None:
    one, other = PRESETS["seeds"].race.contestants[:2]
    assert not torch.equal(training_points(one), training_points(other))
    assert not torch.equal(held_out_points(one), held_out_points(other))
    assert not np.array_equal(new_run(one).weights, new_run(other).weights)
    for what in ("training points", "their order", "held-out points", "initial weights"):
        assert what in PRESETS["seeds"].text


def header(step: int, seconds: float) -> Header:
    rest = {"steps_per_second": 1.0, "learning_rate": 1.0, "gradient_norm": 1.0, "parameters": 1}
    return Header(step=step, seconds=seconds, device="cpu", finished=False, failure="", **rest)  # type: ignore[arg-type]


def test_a_trace_tells_when_a_margin_was_first_reached() -> None:
    trace = Trace()
    for step, seconds in ((100, 1.0), (200, 2.0), (200, 2.0), (150, 1.5), (400, 6.0)):
        trace.note(header(step, seconds))
    assert trace.seconds(np.array([50.0, 300.0])).tolist() == [0.5, 4.0]
    rows = np.array([[0, 2.0], [100, 1.09], [300, 1.02], [400, 1.2]])
    trace.note_margins(rows[:2], 1.0)
    trace.note_margins(rows, 1.0)
    # Thinned meanwhile: what was reached stays.
    trace.note_margins(rows[[0, 3]], 1.0)
    assert trace.reached == {MARGINS[0]: 1.0, MARGINS[1]: 4.0}


def test_a_trace_stays_small() -> None:
    trace = Trace()
    for step in range(1, 5000):
        trace.note(header(step, step / 100))
    assert len(trace.moments) <= 601
    assert trace.seconds(np.array([2500.0, 4990.0])) == pytest.approx([25.0, 49.9], abs=0.2)


def test_every_column_says_what_it_is() -> None:
    assert len({column.name for column in COLUMNS}) == len(COLUMNS)
    for column in COLUMNS:
        assert column.help.endswith(".")
        assert column.shown(at("a")) == "–"
