"""RealNVP: affine coupling layers."""

from __future__ import annotations

from flowplay.flows.base import Bijection
from flowplay.flows.coupling import Coupling
from flowplay.flows.transformers import Affine


class AffineCoupling(Coupling):
    r"""Scale and shift one part by amounts that depend on the other.

    .. math::
        x_b = z_b \odot e^{s(z_a)} + t(z_a), \qquad \log|\det J| = \sum_i s_i(z_a)

    Args:
        dim: D >= 2.
        width: hidden units of the conditioner.
        swap: condition on the second part instead of the first.
        mask: `channel` or `checkerboard`, as of `Coupling`.

    References:
        Dinh, Sohl-Dickstein & Bengio, Density Estimation using Real NVP, 2017.
    """

    def __init__(self, dim: int, width: int, swap: bool, mask: str = "channel") -> None:
        super().__init__(dim, width, Affine(), swap, mask)


def realnvp(dim: int, depth: int, width: int, order: str) -> list[Bijection]:
    """Build `depth` affine coupling layers whose conditioning part alternates.

    With a `fixed` order all layers keep the first half of the coordinates: its density never
    changes. This is there to be seen, not to be used.

    In more than two dimensions pairs of channel masks and pairs of checkerboard masks alternate, as
    in the paper, so that every coordinate can depend on every other; in two they are the same.
    """
    if order == "fixed":
        return [AffineCoupling(dim, width, swap=False) for _ in range(depth)]
    masks = ("channel", "checkerboard")
    return [AffineCoupling(dim, width, bool(k % 2), masks[k // 2 % 2]) for k in range(depth)]
