"""Data to pictures: pure functions that know neither torch nor Streamlit."""

from flowplay.figures.density import comparison_figure, density_figure, describe_density
from flowplay.figures.family_icons import family_icon
from flowplay.figures.images import images_figure
from flowplay.figures.layers import density_told, layers_figure
from flowplay.figures.loss import loss_figure
from flowplay.figures.points import points_figure
from flowplay.figures.report import ReportFigure, html_report
from flowplay.figures.thumbnail import data_uri, density_png, thumbnail

__all__ = [
    "ReportFigure",
    "comparison_figure",
    "data_uri",
    "density_figure",
    "density_png",
    "density_told",
    "describe_density",
    "family_icon",
    "html_report",
    "images_figure",
    "layers_figure",
    "loss_figure",
    "points_figure",
    "thumbnail",
]
