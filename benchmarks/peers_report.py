"""The tables of the comparison, as Markdown, from its results."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.peers_measure import REFERENCE, Results

TITLES = {
    "affine": "Affine coupling, 8 layers, conditioner 64-64",
    "spline": "Spline coupling, 8 layers, conditioner 64-64, 8 bins",
    "maf": "MAF, 8 layers, conditioner 64-64",
    "mixture": "Mixture couplings, which no peer has",
}
RECIPES = {
    "usual": "usual recipe (Adam, constant 1e-3)",
    "flowplay's": "flowplay's recipe (its rate, warm-up, clipping, cosine)",
    "as it comes": "flowplay as it comes (its own depth and options too)",
}


def tables(results: Results) -> str:
    """Return all tables that the results can fill."""
    parts = [speed_table(results, kind) for kind in TITLES if results["speed"].get(kind)]
    parts += [
        quality_table(runs, kind, recipe)
        for kind in TITLES
        for recipe in RECIPES
        if (runs := runs_of(results, kind, recipe))
    ]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    limits = results["limits"]
    parts.append(
        f"{results['machine']}. {versions}. A run with a constant rate ends after "
        f"{limits['seconds']:g} s, one with a cosine after {limits['budget']:g} s of training."
    )
    return "\n\n".join(parts)


def speed_table(results: Results, kind: str) -> str:
    """Return times and memory of one architecture; ratios are of turns that followed each other."""
    rows: dict[str, Any] = results["speed"][kind]
    base = rows.get(REFERENCE)
    floor = floor_ms(results, kind)
    lines = [f"**{TITLES[kind]}: batch 256; times in ms, median (least–most)**", ""]
    if floor is not None:
        work = results["floors"][kind]
        lines[0] += (
            f"; the floor of a step is {floor:.2f} ms ({work['flops'] / 1e6:.0f} MFLOP at "
            f"{work['rate'] / 1e9:.0f} GFLOP/s)"
        )
    lines += _header(
        "library",
        "step",
        "× flowplay",
        "× floor",
        "log-density of 10,000",
        "× flowplay",
        "10,000 samples",
        "× flowplay",
        "peak MB (imports alone)",
        "import s",
        "build + compile s",
    )
    for name, row in rows.items():
        cells = [name]
        for figure in ("step", "grid", "sample"):
            cells += [spread(row[figure]), "" if base is None else ratio(row[figure], base[figure])]
            if figure == "step":
                times = statistics.median(row["step"])
                cells.append("" if floor is None else f"{times / floor:.1f}")
        cells += [
            f"{row['peak_mb']:.0f} ({row['imported_mb']:.0f})",
            f"{row['import']:.1f}",
            f"{row['build']:.2f} + {row['compile']:.2f}",
        ]
        lines.append(_row(cells))
    reasons = results["without"].get(kind, {})
    return "\n".join([*lines, *(f"\n{reason}" for reason in reasons.values())])


def quality_table(runs: Sequence[Results], kind: str, recipe: str) -> str:
    """Return the seconds to each threshold of one architecture and recipe."""
    libraries, targets = _names(runs, 4), _names(runs, 0)
    thresholds = list(runs[0]["reached"])
    title = TITLES[kind] if recipe != "as it comes" else f"{runs[0]['family']}, its own defaults"
    lines = [
        f"**{title}, {RECIPES[recipe]}: seconds to entropy + {' and + '.join(thresholds)}**",
        "",
        *_header(
            "library", *(f"{target} + {t}" for target in targets for t in thresholds), "ms/step"
        ),
    ]
    for library in libraries:
        own = [run for run in runs if run["case"][4] == library]
        cells = [library]
        for target in targets:
            here = [run for run in own if run["case"][0] == target]
            cells += [reached(here, threshold) for threshold in thresholds]
        steps = [1000 * run["trained"] / run["steps"] for run in own if run["steps"]]
        cells.append(f"{statistics.median(steps):.2f}" if steps else "")
        lines.append(_row(cells))
    return "\n".join(lines)


def runs_of(results: Results, kind: str, recipe: str) -> list[Results]:
    """Return the training runs of one architecture and recipe."""
    return [run for run in results["quality"] if run["case"][2:4] == [kind, recipe]]


def reached(runs: Sequence[Results], threshold: str) -> str:
    """Say after how many seconds runs reached a threshold, or how far they stayed above.

    A run that did not reach it counts as later than any other.
    """
    if not runs:
        return ""
    times = sorted(
        math.inf if run["reached"][threshold] is None else run["reached"][threshold] for run in runs
    )
    if times[0] == math.inf:
        return f"no (gap {statistics.median(run['gap'] for run in runs):.2f})"
    middle, most = (
        "not" if math.isinf(time) else f"{time:.1f}" for time in (times[len(times) // 2], times[-1])
    )
    return middle if len(times) == 1 else f"{middle} ({times[0]:.1f}–{most})"


def floor_ms(results: Results, kind: str) -> float | None:
    """Return the milliseconds that a step's matrix products alone take on the core, if measured."""
    work = results["floors"].get(kind)
    return None if work is None else float(1000 * work["flops"] / work["rate"])


def spread(values: Sequence[float]) -> str:
    """Return median, least and most."""
    return " ".join(
        [_short(statistics.median(values)), f"({_short(min(values))}–{_short(max(values))})"]
    )


def ratio(values: Sequence[float], base: Sequence[float]) -> str:
    """Return the median of the ratios of turns of the same round."""
    pairs = zip(values, base, strict=False)
    return f"{statistics.median(value / of for value, of in pairs):.2f}"


def _short(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _names(runs: Iterable[Results], place: int) -> list[str]:
    return list(dict.fromkeys(str(run["case"][place]) for run in runs))


def _header(*cells: str) -> list[str]:
    return [_row(cells), "|---|" + "---:|" * (len(cells) - 1)]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
