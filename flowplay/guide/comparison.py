"""Flow, VAE, GAN and diffusion as they were last measured: `python -m benchmarks.comparison`."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any, TypedDict

from flowplay.catalog import ARCHITECTURES
from flowplay.numbers import fixed, whole
from flowplay.problems import PROBLEMS

FILE = Path(__file__).with_name("comparison.json")


class Measured(TypedDict):
    """A run of the benchmark: when, where, for how long each was trained, on what, and results."""

    date: str
    machine: str
    seconds: float
    target: str
    rows: list[dict[str, Any]]


@functools.cache
def measured() -> Measured:
    """Read the last run of the benchmark."""
    found: Measured = json.loads(FILE.read_text("utf-8"))
    return found


def comparison_table() -> str:
    """Return the table of the last run, as Markdown; a model without a figure has "none"."""
    found = measured()
    data = found["rows"][0]["samples"]
    lines = [
        "| Model | Gap to the floor | Bound | Sliced W2 | Modes found | Steps | 10,000 densities "
        "| 10,000 samples |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in found["rows"]:
        samples = row["samples"]
        cells = [
            ARCHITECTURES[row["architecture"]].label,
            "none" if row["gap"] is None else fixed(row["gap"]),
            "" if row["bound"] is None else fixed(row["bound"]),
            f"{fixed(samples['sliced_w2']['value'])} ± {fixed(samples['sliced_w2']['error'])}",
            f"{100 * samples['modes']['value']:.0f} %",
            whole(row["steps"]),
            "none" if row["log_prob_ms"] is None else f"{whole(row['log_prob_ms'])} ms",
            f"{whole(row['sample_ms'])} ms",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    nearest = f"{fixed(data['sliced_w2']['data'])} ± {fixed(data['sliced_w2']['data_error'])}"
    lines.append(f"| *Data against other data* | | | {nearest} | 100 % | | | |")
    return "\n".join(lines)


def comparison_note() -> str:
    """Say where and when the table was measured, and what its columns are."""
    found = measured()
    target = PROBLEMS[found["target"]].label
    return (
        f"Measured on {found['date']} on {found['machine']}: {target}, default settings, each "
        f"model trained for {found['seconds']:g} s, one seed. Gap and bound are in nats above the "
        "target's entropy, from 10,000 held-out points. Another machine, target or seed gives "
        "other numbers: the race below measures them in front of you."
    )
