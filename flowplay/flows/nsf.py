"""Neural spline flows: rational-quadratic splines in coupling or autoregressive layers."""

from __future__ import annotations

from flowplay.flows.autoregressive import MaskedAutoregressive
from flowplay.flows.base import Bijection
from flowplay.flows.coupling import Coupling
from flowplay.flows.transformers import Spline

#: Half width of the splines' box: standardized data lie inside; outside they are the identity.
BOUND = 4.0


def nsf(dim: int, depth: int, width: int, bins: int, conditioning: str) -> list[Bijection]:
    """Build `depth` spline layers whose conditioning part, or whose order, alternates.

    References:
        Durkan, Bekasov, Murray & Papamakarios, Neural Spline Flows, 2019.
    """
    spline = Spline(bins, BOUND)
    if conditioning == "coupling":
        return [Coupling(dim, width, spline, swap=bool(k % 2)) for k in range(depth)]
    return [MaskedAutoregressive(dim, width, spline, reverse=bool(k % 2)) for k in range(depth)]
