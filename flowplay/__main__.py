"""The headless command: `python -m flowplay train …` runs what the page runs, `show` tells of it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, get_args, get_origin

from pydantic import ValidationError

from flowplay.catalog import ARCHITECTURES
from flowplay.config import RunConfig, complaint
from flowplay.targets import TARGETS, make_target

if TYPE_CHECKING:
    from flowplay.snapshot import Snapshot
    from flowplay.training import RunState

#: Held-out points behind the figure that is printed.
HELD_OUT = 10_000

#: Seconds between two lines of progress.
REPORT_EVERY = 0.5


class _Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="flowplay", description="Train a normalizing flow on a 2D target.")
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train a run and print how good it became")
    for name, field in RunConfig.model_fields.items():
        if name in ("version", "options", "budget", "budget_unit"):
            continue
        choices: dict[str, Any] = {}
        if name in ("target", "architecture"):
            choices["metavar"] = "|".join(TARGETS if name == "target" else ARCHITECTURES)
        elif get_origin(field.annotation) is Literal:
            choices["metavar"] = "|".join(get_args(field.annotation))
        train.add_argument(f"--{name.replace('_', '-')}", help=field.description, **choices)
    for option in {o.name: o for a in ARCHITECTURES.values() for o in a.options}.values():
        train.add_argument(f"--{option.name.replace('_', '-')}", help=option.help)
    budget = train.add_mutually_exclusive_group()
    budget.add_argument("--steps", help="stop after this many optimizer steps")
    budget.add_argument("--seconds", help="stop after this many seconds of training")
    train.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    train.add_argument("--html", type=Path, metavar="FILE", help="write a standalone report")
    return parser


def _config(arguments: argparse.Namespace) -> RunConfig:
    """Read the run's config from the command line.

    Raises:
        ValidationError: as `RunConfig`.
        ValueError: for an option that the chosen architecture does not have.
    """
    own = ("command", "steps", "seconds", "json", "html")
    flat = {k: v for k, v in vars(arguments).items() if k not in own and v is not None}
    for unit in ("steps", "seconds"):
        if (amount := getattr(arguments, unit)) is not None:
            flat |= {"budget": amount, "budget_unit": unit}
    config = RunConfig.from_flat(flat)
    all_options = {o.name for a in ARCHITECTURES.values() for o in a.options}
    for name in all_options & set(flat) - set(config.options):
        raise ValueError(f"{config.architecture} has no option {name}.")
    return config


def _train(config: RunConfig, *, quiet: bool) -> tuple[RunState, Snapshot]:
    """Train a run to the end of its budget, slice by slice, as a worker does."""
    from flowplay.training import new_run, prepare_process, train_slice

    prepare_process()
    name = ARCHITECTURES[config.architecture].loss_name
    state, snapshot = train_slice(new_run(config), steps=0)
    while not snapshot.finished and not snapshot.failure:
        state, snapshot = train_slice(state, seconds=REPORT_EVERY)
        if not quiet:
            print(
                f"\rstep {snapshot.step:6d}  {name} {snapshot.train_loss:8.4f}  "
                f"held-out {snapshot.held_out_nll:8.4f} nats  {snapshot.seconds:6.1f} s",
                end="",
                file=sys.stderr,
            )
    if not quiet:
        print(file=sys.stderr)
    return state, snapshot


def _result(config: RunConfig, state: RunState, snapshot: Snapshot) -> dict[str, Any]:
    from flowplay.training.snapshots import held_out_nll_of

    nll = held_out_nll_of(state, HELD_OUT)
    entropy = make_target(config.target, config.noise).entropy
    return {
        "nll": nll,
        "entropy": entropy,
        "gap": nll - entropy,
        "steps": snapshot.step,
        "seconds": round(snapshot.seconds, 3),
        "ms_per_step": 1000 * snapshot.seconds / max(1, snapshot.step),
        "parameters": snapshot.parameters,
        "train_loss": snapshot.train_loss,
        "device": snapshot.device,
        "failure": snapshot.failure,
        "config": config.model_dump(),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code (2 for bad input, 1 for a run that broke)."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        config = _config(arguments)
    except ValidationError as error:
        parser.error(complaint(error))
    except ValueError as error:
        parser.error(str(error))
    if arguments.html is not None and not arguments.html.parent.is_dir():
        parser.error(f"--html: the folder {arguments.html.parent} does not exist.")
    try:
        state, snapshot = _train(config, quiet=arguments.json)
    except ValueError as error:
        parser.error(str(error))
    result = _result(config, state, snapshot)
    if arguments.html is not None:
        from flowplay.reporting import write_report

        write_report(arguments.html, config, state, result)
    if arguments.json:
        print(json.dumps(result))
    else:
        print(
            f"{config.target} · {config.architecture}: held-out NLL {result['nll']:.4f} nats, "
            f"{result['gap']:.4f} above the entropy {result['entropy']:.4f}, after "
            f"{result['steps']} steps in {result['seconds']:.1f} s "
            f"({result['ms_per_step']:.2f} ms a step, {result['parameters']} parameters)."
        )
    if snapshot.failure:
        print(snapshot.failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
