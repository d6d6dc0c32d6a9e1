"""A run as one HTML file that opens anywhere, offline."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

Row = tuple[str, str]
"""A name and its value, as they are shown."""


@dataclass(frozen=True)
class ReportFigure:
    """A figure of the report.

    Attributes:
        figure: what is drawn.
        caption: what stands below it.
        alt: what it shows, for those who do not see it.
    """

    figure: go.Figure
    caption: str
    alt: str


def html_report(
    title: str,
    config_rows: Iterable[Row],
    headline_rows: Iterable[Row],
    figures: Sequence[ReportFigure],
) -> str:
    """Write a run's report as one HTML page that loads nothing, light or dark as the system is.

    Args:
        title: the page's heading.
        config_rows: the run's settings.
        headline_rows: its results.
        figures: in order of appearance.

    Returns:
        The page, some 5 MB, most of it plotly.js.
    """
    body = "\n".join(_figure_html(i, figure) for i, figure in enumerate(figures))
    specs = ",".join(_spec_json(figure.figure) for figure in figures)
    return _PAGE.format(
        title=escape(title),
        css=_asset("report.css"),
        headline=_rows_html(headline_rows),
        config=_rows_html(config_rows),
        figures=body,
        plotly=get_plotlyjs(),
        specs=specs,
        script=_asset("report.js"),
    )


# The policy is what makes "loads nothing" a fact that the browser upholds.
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:">
<title>{title}</title>
<style>{css}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<dl class="headline">{headline}</dl>
{figures}
<h2>Configuration</h2>
<dl class="config">{config}</dl>
</main>
<script>{plotly}</script>
<script type="application/json" id="figures">[{specs}]</script>
<script>{script}</script>
</body>
</html>
"""


def _rows_html(rows: Iterable[Row]) -> str:
    return "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in rows
    )


def _figure_html(index: int, figure: ReportFigure) -> str:
    return (
        f'<figure><div id="figure-{index}" role="img" aria-label="{escape(figure.alt)}"></div>'
        f"<figcaption>{escape(figure.caption)}</figcaption></figure>"
    )


def _spec_json(figure: go.Figure) -> str:
    # A figure made beside Streamlit carries its template, whose colours only Streamlit can resolve.
    plain = go.Figure(figure).update_layout(template="plotly_white")
    # Only `<` can end a script element early or open a comment in it.
    return str(plain.to_json()).replace("<", "\\u003c")


def _asset(name: str) -> str:
    return importlib.resources.files(__package__).joinpath(name).read_text("utf-8")
