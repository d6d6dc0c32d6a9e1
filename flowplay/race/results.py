"""What a race has come to: who, when, at what price; in a sentence and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from flowplay.config import RunConfig
from flowplay.numbers import fixed
from flowplay.race.standing import COLUMNS, MARGINS, Standing, leaders
from flowplay.rules import flat_values


def verdict(standings: Sequence[Standing]) -> str:
    """Return in a few plain sentences who leads, who was there first, and at what price."""
    lead = leaders(standings)
    told = []
    if who := lead["held_out"]:
        first = standings[min(who)]
        by = "" if first.gap is None else f", {fixed(first.gap)} nats above the floor"
        held_out = "" if first.held_out is None else fixed(first.held_out)
        told.append(
            f"{_names(standings, who)} {_have(who)} the lowest held-out loss: {held_out} "
            f"{first.unit}{by}."
        )
    for margin in MARGINS:
        if who := lead[f"seconds_to_{margin:.2f}"]:
            at = fixed(standings[min(who)].reached[margin], 1)
            told.append(f"First at +{margin:.2f}: {_names(standings, who)}, after {at} s.")
    prices = (
        ("steps", "Most steps"),
        ("parameters", "Fewest parameters"),
        ("sample_ms", "Fastest samples"),
        ("log_prob_ms", "Fastest densities"),
        ("sliced_w2", "Samples nearest to data"),
    )
    told += [f"{what}: {_names(standings, lead[name])}." for name, what in prices if lead[name]]
    if none := [s.label for s in standings if s.likelihood == "none"]:
        told.append(f"Without a likelihood, so not judged by it: {', '.join(none)}.")
    if bound := [s.label for s in standings if s.likelihood == "bound"]:
        told.append(f"Judged by a bound only, so not compared: {', '.join(bound)}.")
    return " ".join(told) or "Nothing tells the contestants apart yet."


def results_csv(standings: Sequence[Standing], configs: Sequence[RunConfig]) -> str:
    """Return the table of a race as CSV: a row for each contestant, with its settings."""
    out = io.StringIO()
    writer = csv.writer(out)
    settings = list(dict.fromkeys(name for config in configs for name in flat_values(config)))
    writer.writerow(
        ["contestant", "likelihood", "unit", *(c.name for c in COLUMNS), "message", *settings]
    )
    for standing, config in zip(standings, configs, strict=True):
        values = flat_values(config)
        figures = (column.value(standing) for column in COLUMNS)
        writer.writerow(
            [
                standing.label,
                standing.likelihood,
                standing.unit,
                *("" if value is None else f"{value:.6g}" for value in figures),
                standing.message,
                *(values.get(name, "") for name in settings),
            ]
        )
    return out.getvalue()


def _names(standings: Sequence[Standing], who: frozenset[int]) -> str:
    return " and ".join(standings[at].label for at in sorted(who))


def _have(who: frozenset[int]) -> str:
    return "has" if len(who) == 1 else "have"
