"""Neural spline flows: rational-quadratic spline coupling layers."""

from __future__ import annotations

from torch import Tensor

from flowplay.flows.base import Bijection
from flowplay.flows.coupling import Coupling
from flowplay.flows.splines import parameter_count, rational_quadratic, rational_quadratic_inverse

#: Half width of the box in which the splines bend: whitened data lie inside, tails are linear.
BOUND = 4.0


class SplineCoupling(Coupling):
    r"""Bend each coordinate of one part by a monotone spline that depends on the other part.

    .. math::
        x_b = g_{\theta(z_a)}(z_b), \qquad \log|\det J| = \sum_i \log g'_{\theta(z_a)}(z_{b,i})

    Args:
        dim: D >= 2.
        width: hidden units of the conditioner.
        bins: pieces of each spline.
        swap: keep the second part instead of the first.

    References:
        Durkan, Bekasov, Murray & Papamakarios, Neural Spline Flows, 2019.
    """

    def __init__(self, dim: int, width: int, bins: int, swap: bool) -> None:
        super().__init__(dim, width, parameters=parameter_count(bins), swap=swap)

    def elementwise(self, z: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Follow the spline."""
        return rational_quadratic(z, theta, BOUND)

    def elementwise_inverse(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Solve the bin's quadratic."""
        return rational_quadratic_inverse(x, theta, BOUND)


def nsf(dim: int, depth: int, width: int, bins: int) -> list[Bijection]:
    """Build `depth` spline coupling layers whose kept part alternates."""
    return [SplineCoupling(dim, width, bins, swap=bool(k % 2)) for k in range(depth)]
