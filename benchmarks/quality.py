"""How close to the entropy each architecture comes in a few seconds on one core, with its defaults.

Run `python benchmarks/quality.py --seconds 8 --seeds 0 1 2`; it prints a table of gaps in nats.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys

from flowplay.catalog import ARCHITECTURES


def run(target: str, architecture: str, seconds: float, seed: int) -> dict[str, float]:
    """Train headless in a process of its own; return what it prints."""
    command = [sys.executable, "-m", "flowplay", "train", "--json"]
    options = {"target": target, "architecture": architecture, "seconds": seconds, "seed": seed}
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--targets", nargs="+", default=["moons", "circles"])
    parser.add_argument("--architectures", nargs="+", default=list(ARCHITECTURES))
    arguments = parser.parse_args()
    print(
        "| target | architecture | median gap | gaps | steps | ms/step |\n|---|---|---|---|---|---|"
    )
    for target in arguments.targets:
        for architecture in arguments.architectures:
            results = [
                run(target, architecture, arguments.seconds, seed) for seed in arguments.seeds
            ]
            gaps = [r["gap"] for r in results]
            print(
                f"| {target} | {architecture} | {statistics.median(gaps):.3f} | "
                f"{', '.join(f'{g:.3f}' for g in gaps)} | "
                f"{statistics.median(r['steps'] for r in results):.0f} | "
                f"{statistics.median(r['ms_per_step'] for r in results):.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
