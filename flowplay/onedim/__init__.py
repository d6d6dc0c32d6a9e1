"""Change of variables on the line and in the plane, without learning: bases, maps, densities."""

from flowplay.onedim.bases import BASES, Base, Interval
from flowplay.onedim.kinds import KINDS, Kind, Parameter, Values, repair_values
from flowplay.onedim.maps import Affine, Cubic, Logistic, Logit, MonotoneMap, Sinh, Softplus
from flowplay.onedim.pushforward import PushForward
from flowplay.onedim.spline import FIRST_KNOTS, Knots, Spline, repair_knots
from flowplay.onedim.stack import FIRST_STACK, MOST_MAPS, SPLINE, Step, repair_stack

__all__ = [
    "BASES",
    "FIRST_KNOTS",
    "FIRST_STACK",
    "KINDS",
    "MOST_MAPS",
    "SPLINE",
    "Affine",
    "Base",
    "Cubic",
    "Interval",
    "Kind",
    "Knots",
    "Logistic",
    "Logit",
    "MonotoneMap",
    "Parameter",
    "PushForward",
    "Sinh",
    "Softplus",
    "Spline",
    "Step",
    "Values",
    "repair_knots",
    "repair_stack",
    "repair_values",
]
