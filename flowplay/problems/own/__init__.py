"""Data that somebody brings along as problems: a painting, a picture, a table, small images.

Each has an option `data`: the name of a built-in example, or the digest of what was brought along.
"""

from flowplay.problems.base import Problem
from flowplay.problems.own.drawing import Own, Painted, Pictured
from flowplay.problems.own.images import OwnImages
from flowplay.problems.own.table import Tabular

__all__ = ["KINDS", "Own", "OwnImages", "Painted", "Pictured", "Tabular"]

#: In the order of the picker.
KINDS: tuple[type[Problem], ...] = (Painted, Pictured, Tabular, OwnImages)
