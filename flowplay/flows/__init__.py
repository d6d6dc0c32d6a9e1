"""Normalizing flows: bijections with exact log-determinants, one file per family."""

from flowplay.flows.base import Bijection, standard_normal_log_prob
from flowplay.flows.bases import Base, GaussianMixture, StandardNormal
from flowplay.flows.build import FAMILIES, build_flow
from flowplay.flows.flow import Flow
from flowplay.flows.inverse import Inverse
from flowplay.flows.roots import NotConvergedError
from flowplay.flows.standardization import Standardization

__all__ = [
    "FAMILIES",
    "Base",
    "Bijection",
    "Flow",
    "GaussianMixture",
    "Inverse",
    "NotConvergedError",
    "StandardNormal",
    "Standardization",
    "build_flow",
    "standard_normal_log_prob",
]
