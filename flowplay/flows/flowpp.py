"""Flow++: coupling layers whose map is the distribution function of a mixture of logistics."""

from __future__ import annotations

from flowplay.flows.base import Bijection
from flowplay.flows.coupling import Coupling
from flowplay.flows.transformers import LogisticMixture


def flowpp(dim: int, depth: int, width: int, components: int) -> list[Bijection]:
    """Build `depth` mixture coupling layers whose conditioning part alternates.

    References:
        Ho, Chen, Srinivas, Duan & Abbeel, Flow++: Improving Flow-Based Generative Models with
        Variational Dequantization and Architecture Design, 2019.
    """
    mixture = LogisticMixture(components)
    return [Coupling(dim, width, mixture, swap=bool(k % 2)) for k in range(depth)]
