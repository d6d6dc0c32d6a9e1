"""How close to the entropy each architecture comes in a few seconds on one core, with its defaults.

Run `python -m benchmarks.quality`; it prints a table of gaps in nats (medians over seeds), of the
bound that a model is trained by, with the steps taken and the milliseconds of each, and metrics of
samples, in brackets those of data against other data. Pin it to a core that nothing else uses;
where there is none, `--steps` trains for a number of steps instead of seconds.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from typing import Literal, NamedTuple

from flowplay import kernels
from flowplay.catalog import ARCHITECTURES
from flowplay.config import RunConfig
from flowplay.training import new_run, prepare_process, train_slice
from flowplay.training.sample_metrics import Estimate
from flowplay.training.snapshots import bound_of, held_out_loss_of, samples_of

TARGETS = ("moons", "circles", "spiral", "eight_gaussians", "checkerboard")

#: Seconds of a slice; looking at a run between two slices is not counted as training.
SLICE = 2.5

#: Fresh points by which a run is judged.
HELD_OUT = 10_000


#: Metrics of samples in the table, each with the title of its column.
METRICS = {
    "sliced_w2": "sliced W2",
    "energy_distance": "energy distance",
    "precision": "precision",
    "recall": "recall",
    "modes": "modes",
}


class Outcome(NamedTuple):
    """A finished run.

    Attributes:
        gap: of the held-out NLL to the entropy in nats; None for a model without a likelihood.
        bound: gap of the bound that it is trained by; None for a model that has none.
        steps: that the optimizer took.
        ms_per_step: milliseconds.
        samples: metrics of samples, by name.
    """

    gap: float | None
    bound: float | None
    steps: int
    ms_per_step: float
    samples: dict[str, Estimate]


def train(
    target: str, architecture: str, budget: float, unit: Literal["steps", "seconds"], seed: int
) -> Outcome:
    """Train one run to the end of its budget, as the command line does.

    Raises:
        SystemExit: if the target has no known density.
    """
    config = RunConfig(
        target=target, architecture=architecture, budget=budget, budget_unit=unit, seed=seed
    )
    density = config.problem().density
    if density is None:
        raise SystemExit(f"{target} has no known density.")
    state, snapshot = train_slice(new_run(config), steps=0)
    while not snapshot.header.finished and not snapshot.header.failure:
        state, snapshot = train_slice(state, seconds=SLICE)
    loss, bound = held_out_loss_of(state, HELD_OUT), bound_of(state, HELD_OUT)
    return Outcome(
        gap=None if loss is None else loss - density.entropy,
        bound=None if bound is None else bound - density.entropy,
        steps=state.step,
        ms_per_step=1000 * state.seconds / max(1, state.step),
        samples=samples_of(state),
    )


def row(architecture: str, target: str, runs: Sequence[Outcome]) -> str:
    """Return a line of the table: medians over seeds, in Markdown."""
    gaps = [run.gap for run in runs if run.gap is not None]
    bounds = [run.bound for run in runs if run.bound is not None]
    cells = [
        architecture,
        target,
        *(
            [f"{value:.3f}" for value in (statistics.median(gaps), min(gaps), max(gaps))]
            if gaps
            else ["none"] * 3
        ),
        f"{statistics.median(bounds):.3f}" if bounds else "",
        f"{statistics.median(run.steps for run in runs):.0f}",
        f"{statistics.median(run.ms_per_step for run in runs):.2f}",
    ]
    for name in METRICS:
        of_runs = [run.samples[name] for run in runs if name in run.samples]
        cells.append(
            f"{statistics.median(found['value'] for found in of_runs):.3f} "
            f"({statistics.median(found['data'] for found in of_runs):.3f})"
            if of_runs
            else ""
        )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=float, default=10)
    length.add_argument("--steps", type=int)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--targets", nargs="+", default=TARGETS)
    parser.add_argument("--architectures", nargs="+", default=list(ARCHITECTURES))
    arguments = parser.parse_args()
    prepare_process()
    kernels.prepare(wait=True)
    titles = ["architecture", "target", "gap", "least", "most", "bound", "steps", "ms/step"]
    print(f"| {' | '.join([*titles, *METRICS.values()])} |")
    print("|---|---|" + "---:|" * (len(titles) - 2 + len(METRICS)))
    for architecture in arguments.architectures:
        for target in arguments.targets:
            runs = [
                train(target, architecture, arguments.seconds, "seconds", seed)
                if arguments.steps is None
                else train(target, architecture, arguments.steps, "steps", seed)
                for seed in arguments.seeds
            ]
            print(row(architecture, target, runs), flush=True)


if __name__ == "__main__":
    main()
