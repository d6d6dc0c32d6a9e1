"""Flows of whole numbers: maps that move values by whole steps, and the probabilities of values."""

from flowplay.flows.integer.coupling import RoundedCoupling, checkerboard, turned
from flowplay.flows.integer.mixture import LogisticMixture
from flowplay.flows.integer.pixels import PixelNetwork, neighbours

__all__ = [
    "LogisticMixture",
    "PixelNetwork",
    "RoundedCoupling",
    "checkerboard",
    "neighbours",
    "turned",
]
