"""The page of the comparison: bars of speed and dots of time to quality, as one HTML file."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from plotly.subplots import make_subplots

from benchmarks.peers_measure import Results
from benchmarks.peers_report import RECIPES, TITLES, floor_ms, runs_of, tables

FIGURES = {
    "step": "ms per training step",
    "grid": "ms for the log-density of 10,000 points",
    "sample": "ms to draw 10,000 samples",
}

#: A colour for each library; flowplay's stands out.
COLORS = {
    "flowplay": "#d1495b",
    "zuko": "#30638e",
    "normflows": "#00798c",
    "nflows": "#7a9e7e",
    "FrEIA": "#8d6a9f",
    "flowjax": "#edae49",
}
GRAY = "#888888"


def write_page(results: Results, path: Path) -> None:
    """Write all figures, and the tables under them, as one HTML file that needs no network."""
    figures = [speed_figure(results, figure) for figure in FIGURES if results["speed"]]
    for kind in TITLES:
        for recipe in list(RECIPES)[:2]:
            if runs := runs_of(results, kind, recipe):
                own = runs_of(results, kind, "as it comes")
                figures.append(quality_figure(runs, own, kind, recipe, results["limits"]))
    parts = [
        figure.to_html(full_html=False, include_plotlyjs=number == 0)
        for number, figure in enumerate(figures)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        "<title>flowplay beside other libraries</title>"
        "<body style='max-width: 1200px; margin: auto; font-family: sans-serif'>"
        f"<h1>flowplay beside other libraries</h1><p>{results['machine']}</p>"
        f"{''.join(parts)}<h2>Tables</h2><pre style='overflow: auto'>{tables(results)}</pre>",
        "utf-8",
    )


def speed_figure(results: Results, figure: str) -> Any:  # noqa: ANN401
    """Return bars of medians with the least and the most, one panel for each architecture."""
    kinds = [kind for kind in TITLES if results["speed"].get(kind)]
    floors = {kind: floor_ms(results, kind) if figure == "step" else None for kind in kinds}
    panels = make_subplots(1, len(kinds), subplot_titles=[_panel(k, floors[k]) for k in kinds])
    for column, kind in enumerate(kinds, 1):
        rows = results["speed"][kind]
        middles = [statistics.median(row[figure]) for row in rows.values()]
        pairs = list(zip(rows.values(), middles, strict=True))
        panels.add_bar(
            x=list(rows),
            y=middles,
            marker_color=[COLORS[name] for name in rows],
            text=[f"{middle:.1f}" for middle in middles],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            error_y={
                "array": [max(row[figure]) - middle for row, middle in pairs],
                "arrayminus": [middle - min(row[figure]) for row, middle in pairs],
                "color": GRAY,
            },
            showlegend=False,
            row=1,
            col=column,
        )
        if (floor := floors[kind]) is not None:
            panels.add_hline(y=floor, line_dash="dash", row=1, col=column)
    title = f"{FIGURES[figure]}: median, whiskers from least to most; lower is better"
    if any(floors.values()):
        title += "; dashed: arithmetic floor"
    panels.update_layout(title=title, template="plotly_white", height=420)
    return panels.update_yaxes(rangemode="tozero")


def _panel(kind: str, floor: float | None) -> str:
    name = TITLES[kind].split(",")[0]
    return name if floor is None else f"{name}: floor {floor:.2f} ms"


def quality_figure(
    runs: list[Results], own: list[Results], kind: str, recipe: str, limits: dict[str, float]
) -> Any:  # noqa: ANN401
    """Return a dot for each run at the time it reached a threshold; crosses did not reach it."""
    targets = list(dict.fromkeys(run["case"][0] for run in runs))
    thresholds = list(runs[0]["reached"])
    names = [f"{target}: entropy + {t}" for t in thresholds for target in targets]
    panels = make_subplots(
        len(thresholds),
        len(targets),
        subplot_titles=names,
        shared_yaxes=True,
        shared_xaxes=True,
        vertical_spacing=0.13,
    )
    never = 1.1 * max([limits["seconds"], *(run["curve"][-1][0] for run in runs)])
    for row, threshold in enumerate(thresholds, 1):
        for column, target in enumerate(targets, 1):
            here = [run for run in [*runs, *own] if run["case"][0] == target]
            times = [run["reached"][threshold] for run in here]
            panels.add_scatter(
                x=[never if at is None else at for at in times],
                y=[_line(run) for run in here],
                mode="markers",
                marker={
                    "color": [COLORS[run["case"][4]] for run in here],
                    "size": 10,
                    "symbol": ["x-thin-open" if at is None else "circle" for at in times],
                    "line_width": 2,
                },
                hovertext=[
                    f"seed {run['case'][1]}: ended {run['gap']:.3f} nats above the entropy"
                    for run in here
                ],
                showlegend=False,
                row=row,
                col=column,
            )
            panels.add_vline(x=0.95 * never, line_color=GRAY, line_dash="dot", row=row, col=column)
    ends = limits["seconds"] if recipe == "usual" else limits["budget"]
    title = (
        f"{TITLES[kind]}: seconds to quality, {RECIPES[recipe]}<br><sup>one dot a seed; a cross "
        f"right of the dotted line: not reached in {ends:g} s</sup>"
    )
    lines = list(dict.fromkeys(_line(run) for run in [*runs, *own]))
    panels.update_yaxes(categoryorder="array", categoryarray=lines, range=[len(lines) - 0.5, -0.5])
    panels.update_xaxes(range=[0, 1.05 * never])
    panels.update_xaxes(title_text="seconds, build and compile included", row=len(thresholds))
    height = 160 + 260 * len(thresholds)
    return panels.update_layout(title=title, template="plotly_white", height=height)


def _line(run: Results) -> str:
    """Return the line of the figure on which a run's dot stands."""
    library, recipe = run["case"][4], run["case"][3]
    return f"{library} as it comes" if recipe == "as it comes" else library
