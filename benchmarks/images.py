"""How many bits per dimension models of images need after some seconds on one core.

Run `python -m benchmarks.images --seconds 10 30 60 120`; it prints a row for each length of
training: medians over seeds, on the test part. Pin it to a core that nothing else uses; where there
is none, `--steps` trains for numbers of steps instead. Settings come first, as `name=value` as in a
link, before all else.
"""

from __future__ import annotations

import argparse
import statistics
from typing import Any

from flowplay.config import RunConfig
from flowplay.training import new_run, prepare_process, train_slice
from flowplay.training.image_figures import image_figures

#: Seconds of a slice; looking at a run between two slices is not counted as training.
SLICE = 2.5

COLUMNS = ("bits_per_dim", "bits_per_dim_iw8", "bits_per_dim_iw", "accuracy")


def train(settings: dict[str, Any]) -> dict[str, float | None]:
    """Train a run to the end of its budget; return its figures, its steps and their time."""
    state, snapshot = train_slice(new_run(RunConfig.from_flat(settings)), steps=0)
    while not snapshot.header.finished and not snapshot.header.failure:
        state, snapshot = train_slice(state, seconds=SLICE)
    if snapshot.header.failure:
        raise SystemExit(snapshot.header.failure)
    told = image_figures(state)
    figures = {name: told.get(name) for name in COLUMNS}
    numbers = {n: v if isinstance(v, float) else None for n, v in figures.items()}
    return {**numbers, "steps": state.step, "ms": 1000 * state.seconds / state.step}


def median(values: list[float | None]) -> float | None:
    """Return the median of what is known."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=float, nargs="+", default=[10.0])
    length.add_argument("--steps", type=int, nargs="+")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--target", default="digits")
    parser.add_argument("--architecture", default="glow")
    parser.add_argument("settings", nargs="*", metavar="name=value")
    arguments = parser.parse_args()
    prepare_process()
    common = dict(setting.split("=", 1) for setting in arguments.settings)
    common |= {"target": arguments.target, "architecture": arguments.architecture}
    unit = "seconds" if arguments.steps is None else "steps"
    print(f"| {unit} | bits/dim | least | most | IW 8 | IW 64 | accuracy | steps | ms/step |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for budget in arguments.steps or arguments.seconds:
        runs = [
            train(common | {"budget": budget, "budget_unit": unit, "seed": seed})
            for seed in arguments.seeds
        ]
        column = {name: [run[name] for run in runs] for name in runs[0]}
        bits = [value for value in column["bits_per_dim"] if value is not None]
        cells = [f"{budget:g}", f"{statistics.median(bits):.4f}"]
        cells += [f"{min(bits):.4f}", f"{max(bits):.4f}"]
        for name in COLUMNS[1:]:
            middle = median(column[name])
            cells.append("" if middle is None else f"{middle:.4f}")
        cells += [f"{median(column['steps']):.0f}", f"{median(column['ms']):.2f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
