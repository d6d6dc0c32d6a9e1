"""Races: several models learn the same, on the same batches, with equal time on the workers.

Knows neither torch nor Streamlit.
"""

from flowplay.race.config import LEAST, MOST, SECONDS, Race
from flowplay.race.naming import labels
from flowplay.race.presets import PRESETS, Preset
from flowplay.race.standing import (
    COLUMNS,
    Column,
    SampleFigure,
    Standing,
    Trace,
    leaders,
    shown_columns,
    standing,
)

__all__ = [
    "COLUMNS",
    "LEAST",
    "MOST",
    "PRESETS",
    "SECONDS",
    "Column",
    "Preset",
    "Race",
    "SampleFigure",
    "Standing",
    "Trace",
    "labels",
    "leaders",
    "shown_columns",
    "standing",
]
