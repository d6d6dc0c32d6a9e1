"""What the guide says of flow, VAE, GAN and diffusion: the race `models`, one after the other.

Run `taskset -c 1 python -m benchmarks.comparison --write` on an idle machine; it trains each
contestant for the seconds of the race on one core, and writes `flowplay/guide/comparison.json`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
from pathlib import Path
from typing import Any

from flowplay import kernels, race
from flowplay.config import RunConfig
from flowplay.guide.comparison import FILE
from flowplay.training import new_run, prepare_process, train_slice
from flowplay.training.live_run import LiveRun
from flowplay.training.snapshots import bound_of, held_out_loss_of, samples_of
from flowplay.training.timing import measure

PRESET = "models"
HELD_OUT = 10_000


def row(config: RunConfig) -> dict[str, Any]:
    """Train a contestant to the end of its budget; return what it has come to."""
    state, snapshot = train_slice(new_run(config), steps=0)
    while not snapshot.header.finished and not snapshot.header.failure:
        state, snapshot = train_slice(state, seconds=2.5)
    density = config.problem().density
    floor = 0.0 if density is None else density.entropy
    loss, bound = held_out_loss_of(state, HELD_OUT), bound_of(state, HELD_OUT)
    timing = measure(LiveRun(state))
    return {
        "architecture": config.architecture,
        "gap": None if loss is None else loss - floor,
        "bound": None if bound is None else bound - floor,
        "steps": state.step,
        "parameters": int(state.weights.size),
        "log_prob_ms": timing["log_prob_ms"],
        "sample_ms": timing["sample_ms"],
        "samples": samples_of(state),
    }


def machine() -> str:
    """Return the name of the processor, as far as the system tells it."""
    lines = (
        Path("/proc/cpuinfo").read_text().splitlines() if os.path.exists("/proc/cpuinfo") else []
    )
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else 'an unnamed processor'}, one core"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, help="of training; those of the race by default")
    parser.add_argument("--write", action="store_true", help="into the guide")
    arguments = parser.parse_args()
    prepare_process()
    kernels.prepare(wait=True)
    contest = race.PRESETS[PRESET].race
    seconds = arguments.seconds or race.SECONDS
    rows = []
    for config in contest.contestants:
        update = {"budget": seconds, "budget_unit": "seconds"}
        rows.append(row(config.model_copy(update=update)))
        print(json.dumps(rows[-1]), flush=True)
    found = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "seconds": seconds,
        "target": contest.contestants[0].target,
        "rows": rows,
    }
    if arguments.write:
        FILE.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
