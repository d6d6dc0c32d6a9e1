"""How near each architecture comes to an energy in a few seconds on one core, with its defaults.

Run `python -m benchmarks.energies`; it prints a table of KL(q‖p) in nats (medians over seeds) with
the effective sample size, steps taken and the milliseconds of each. Pin it to a core that nothing
else uses; where there is none, `--steps` trains for a number of steps instead of seconds.
"""

from __future__ import annotations

import argparse
import statistics
from typing import Literal, NamedTuple

from flowplay.catalog import FLOW_FAMILIES
from flowplay.config import RunConfig
from flowplay.errors import RefusedError
from flowplay.problems.energies import KINDS
from flowplay.training import new_run, prepare_process, train_slice
from flowplay.training.snapshots import judged

#: Seconds of a slice; looking at a run between two slices is not counted as training.
SLICE = 2.5

#: Draws by which a run is judged.
DRAWS = 10_000


class Outcome(NamedTuple):
    """A finished run: both divergences in nats, effective sample size, steps, milliseconds each."""

    kl: float
    forward_kl: float
    ess: float
    steps: int
    ms_per_step: float


def train(
    target: str, architecture: str, budget: float, unit: Literal["steps", "seconds"], seed: int
) -> Outcome:
    """Train one run to the end of its budget, as the command line does.

    Raises:
        RefusedError: if the architecture cannot learn without data.
    """
    config = RunConfig(
        target=target, architecture=architecture, budget=budget, budget_unit=unit, seed=seed
    )
    state, snapshot = train_slice(new_run(config), steps=0)
    while not snapshot.header.finished and not snapshot.header.failure:
        state, snapshot = train_slice(state, seconds=SLICE)
    found = judged(state, DRAWS)
    each = 1000 * state.seconds / max(1, state.step)
    return Outcome(found["held_out"], found["forward_kl"], found["ess"], state.step, each)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=float, default=8)
    length.add_argument("--steps", type=int)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--targets", nargs="+", default=[kind.name for kind in KINDS])
    parser.add_argument("--architectures", nargs="+", default=list(FLOW_FAMILIES))
    arguments = parser.parse_args()
    prepare_process()
    print("| architecture | target | KL(q‖p) | least | most | KL(p‖q) | ESS | steps | ms/step |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    unit: Literal["steps", "seconds"] = "seconds" if arguments.steps is None else "steps"
    budget = arguments.seconds if arguments.steps is None else arguments.steps
    for architecture in arguments.architectures:
        for target in arguments.targets:
            try:
                runs = [train(target, architecture, budget, unit, s) for s in arguments.seeds]
            except RefusedError as error:
                print(f"| {architecture} | {target} | {error} |", flush=True)
                continue
            kl, forward, ess, steps, times = (sorted(v) for v in zip(*runs, strict=True))
            print(
                f"| {architecture} | {target} | {statistics.median(kl):.4f} | {kl[0]:.4f} | "
                f"{kl[-1]:.4f} | {statistics.median(forward):.3f} | {statistics.median(ess):.3f} | "
                f"{statistics.median(steps):.0f} | {statistics.median(times):.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
