"""How close to the entropy each architecture comes in a few seconds on one core, with its defaults.

Run `python -m benchmarks.quality`; it prints a table of gaps in nats (medians over seeds) with the
steps taken and the milliseconds of each. Pin it to a core that nothing else uses; where there is
none, `--steps` trains for a number of steps instead of seconds.
"""

from __future__ import annotations

import argparse
import statistics
from typing import Literal, NamedTuple

from flowplay import kernels
from flowplay.catalog import ARCHITECTURES
from flowplay.config import RunConfig
from flowplay.training import new_run, prepare_process, train_slice
from flowplay.training.snapshots import held_out_loss_of

TARGETS = ("moons", "circles", "spiral", "eight_gaussians", "checkerboard")

#: Seconds of a slice; looking at a run between two slices is not counted as training.
SLICE = 2.5

#: Fresh points by which a run is judged.
HELD_OUT = 10_000


class Outcome(NamedTuple):
    """A finished run: gap in nats, optimizer steps, milliseconds a step."""

    gap: float
    steps: int
    ms_per_step: float


def train(
    target: str, architecture: str, budget: float, unit: Literal["steps", "seconds"], seed: int
) -> Outcome:
    """Train one run to the end of its budget, as the command line does.

    Raises:
        SystemExit: if the model has no likelihood, or the target no known density.
    """
    config = RunConfig(
        target=target, architecture=architecture, budget=budget, budget_unit=unit, seed=seed
    )
    state, snapshot = train_slice(new_run(config), steps=0)
    while not snapshot.header.finished and not snapshot.header.failure:
        state, snapshot = train_slice(state, seconds=SLICE)
    loss, density = held_out_loss_of(state, HELD_OUT), config.problem().density
    if loss is None or density is None:
        raise SystemExit(f"There is no gap to the entropy for {architecture} on {target}.")
    gap = loss - density.entropy
    return Outcome(gap, state.step, 1000 * state.seconds / max(1, state.step))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=float, default=10)
    length.add_argument("--steps", type=int)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--targets", nargs="+", default=TARGETS)
    judged = [name for name, entry in ARCHITECTURES.items() if entry.likelihood == "exact"]
    parser.add_argument("--architectures", nargs="+", default=judged)
    arguments = parser.parse_args()
    prepare_process()
    kernels.prepare(wait=True)
    print("| architecture | target | gap | least | most | steps | ms/step |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for architecture in arguments.architectures:
        for target in arguments.targets:
            runs = [
                train(target, architecture, arguments.seconds, "seconds", seed)
                if arguments.steps is None
                else train(target, architecture, arguments.steps, "steps", seed)
                for seed in arguments.seeds
            ]
            gaps, steps, times = zip(*runs, strict=True)
            print(
                f"| {architecture} | {target} | {statistics.median(gaps):.3f} | {min(gaps):.3f} | "
                f"{max(gaps):.3f} | {statistics.median(steps):.0f} | "
                f"{statistics.median(times):.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
