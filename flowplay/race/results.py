"""What a race has come to: who, when, at what price; in a sentence and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from itertools import chain

from flowplay.config import RunConfig
from flowplay.numbers import fixed
from flowplay.race.standing import COLUMNS, MARGINS, Column, Standing, leaders
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
    )
    told += [f"{what}: {_names(standings, lead[name])}." for name, what in prices if lead[name]]
    told += _nearest(standings)
    if none := [s.label for s in standings if s.likelihood == "none"]:
        told.append(f"Without a likelihood, so not judged by it: {', '.join(none)}.")
    if bound := [s.label for s in standings if s.likelihood == "bound"]:
        told.append(f"Judged by a bound only, so not compared: {', '.join(bound)}.")
    return " ".join(told) or "Nothing tells the contestants apart yet."


def _nearest(standings: Sequence[Standing]) -> list[str]:
    """Say whose samples are nearest to data, or who may be, as far as the errors tell."""
    column = next(c for c in COLUMNS if c.name == "sliced_w2")
    if column.rivals(standings) < 2:
        return []
    best = column.best_of(standings)
    names = _names(standings, best)
    if len(best) == 1:
        return [f"Samples nearest to data: {names}."]
    return [f"Samples nearest to data: no clear winner between {names}."]


def results_csv(standings: Sequence[Standing], configs: Sequence[RunConfig]) -> str:
    """Return the table of a race as CSV: a row for each contestant, with its settings.

    Figures of samples have their standard error beside them, and the same of data.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    settings = list(dict.fromkeys(name for config in configs for name in flat_values(config)))
    writer.writerow(
        ["contestant", "kind", "unit", *chain(*map(_csv_names, COLUMNS)), "message", *settings]
    )
    for standing, config in zip(standings, configs, strict=True):
        values = flat_values(config)
        figures = chain(*(_csv_values(column, standing) for column in COLUMNS))
        writer.writerow(
            [
                standing.label,
                standing.kind,
                standing.unit,
                *("" if value is None else f"{value:.6g}" for value in figures),
                standing.message,
                *(values.get(name, "") for name in settings),
            ]
        )
    return out.getvalue()


def _csv_names(column: Column) -> list[str]:
    parts = ("", "_error", "_data", "_data_error") if column.sampled else ("",)
    return [column.name + part for part in parts]


def _csv_values(column: Column, standing: Standing) -> Sequence[float | None]:
    if column.sampled:
        return standing.samples.get(column.name, (None,) * 4)
    return (column.value(standing),)


def _names(standings: Sequence[Standing], who: frozenset[int]) -> str:
    *names, last = (standings[at].label for at in sorted(who))
    return f"{', '.join(names)} and {last}" if names else last


def _have(who: frozenset[int]) -> str:
    return "has" if len(who) == 1 else "have"
