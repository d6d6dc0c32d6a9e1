"""flowplay beside other libraries: step time, time to quality, density, sampling and memory.

Run `pip install -r requirements.txt -r benchmarks/requirements.txt`, then
`python -m benchmarks.peers`. Each library lives in a process of its own; they take turns on one
core, so that whatever else the machine does hits all alike. Results are written as they come: the
same command goes on with a run that was interrupted, and prints one that is complete.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from pathlib import Path

from benchmarks.libraries import LIBRARIES, missing
from benchmarks.peers_measure import SHARED_RECIPES, Plan, Results, measure_quality, measure_speed
from benchmarks.peers_process import pin
from benchmarks.peers_report import tables

RESULTS = Path(__file__).parent / "results"

#: Seconds over which a cosine falls, for every library.
BUDGET = 8.0

KINDS = ("affine", "spline", "maf", "mixture")
TARGETS = ("moons", "circles", "spiral")


def say(line: str) -> None:
    """Tell how far it is, beside what is printed."""
    print(line, file=sys.stderr, flush=True)


def save(results: Results, path: Path) -> None:
    """Write the results; a reader never sees half of them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(results), "utf-8")
    partial.replace(path)


def take_up(path: Path, plan: Plan, core: int | None) -> Results:
    """Return the results that a file holds, or none yet.

    Raises:
        SystemExit: if they were measured within other limits.
    """
    limits = {"seconds": plan.seconds, "budget": plan.budget, "rounds": plan.rounds}
    if path.exists():
        results: Results = json.loads(path.read_text("utf-8"))
        if results["limits"] != limits:
            raise SystemExit(f"{path} was measured within other limits: name another --json.")
        return results
    return {
        "machine": f"{_processor()}, core {core}, Python {platform.python_version()}",
        "limits": limits,
        "versions": {},
        "floors": {},
        "speed": {},
        "without": {},
        "quality": [],
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text("utf-8").splitlines() if information.exists() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _measured(results: Results, kind: str, plan: Plan) -> bool:
    seen = {*results["speed"].get(kind, {}), *results["without"].get(kind, {})}
    return seen >= set(plan.libraries)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--libraries", nargs="+", choices=list(LIBRARIES), default=list(LIBRARIES))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--targets", nargs="+", help="default: moons circles spiral")
    parser.add_argument("--seeds", type=int, nargs="+", help="default: 0 1 2")
    parser.add_argument("--seconds", type=float, help="limit of a training run; default: 12")
    parser.add_argument("--only", choices=["speed", "quality"])
    parser.add_argument(
        "--quick", action="store_true", help="moons, one seed, 3 s: about four minutes"
    )
    parser.add_argument("--core", type=int, help="core to measure on; default: the last one")
    parser.add_argument("--json", type=Path, help="results, kept as they come")
    parser.add_argument("--html", type=Path, help="figures")
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    quick = arguments.quick
    seconds = arguments.seconds or (3.0 if quick else 12.0)
    name = "peers-quick" if quick else "peers"
    path: Path = arguments.json or RESULTS / f"{name}.json"
    page: Path = arguments.html or path.with_suffix(".html")
    for library in arguments.libraries:
        if sentence := missing(library):
            say(sentence)
    plan = Plan(
        libraries=[library for library in arguments.libraries if not missing(library)],
        kinds=arguments.kinds,
        targets=arguments.targets or (TARGETS[:1] if quick else TARGETS),
        seeds=arguments.seeds or ([0] if quick else [0, 1, 2]),
        seconds=seconds,
        budget=min(BUDGET, seconds),
        rounds=3 if quick else 15,
    )
    core = pin(arguments.core)
    results = take_up(path, plan, core)
    if arguments.only != "quality":
        for kind in (kind for kind in plan.kinds if SHARED_RECIPES[kind]):
            if not _measured(results, kind, plan):
                say(f"Speed of {kind} …")
                measure_speed(kind, plan, results, say)
                save(results, path)
    if arguments.only != "speed":
        measure_quality(plan, results, say, lambda: save(results, path))
    print(tables(results))
    # Plotly is slow to import, and every library's process reads this file.
    from benchmarks.peers_figures import write_page

    write_page(results, page)
    say(f"Figures: {page}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Interrupted; the same command goes on from here.")
