"""Normalizing flows: bijections with exact log-determinants, a file a family."""

from flowplay.flows.base import Bijection, standard_normal_log_prob
from flowplay.flows.build import FAMILIES, build_flow
from flowplay.flows.flow import Flow
from flowplay.flows.inverse import Inverse
from flowplay.flows.roots import NotConvergedError
from flowplay.flows.whitening import Whitening

__all__ = [
    "FAMILIES",
    "Bijection",
    "Flow",
    "Inverse",
    "NotConvergedError",
    "Whitening",
    "build_flow",
    "standard_normal_log_prob",
]
