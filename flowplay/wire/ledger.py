"""One point's way through a flow, and how its log-density adds up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from flowplay.wire.packing import Packed


@dataclass(frozen=True)
class Ledger(Packed):
    r"""One point's way through a flow, and how its log-density adds up, in float64.

    .. math::
        \log p(x) = \log p(z_0) + \sum_k \log|\det \partial z_{k-1}/\partial z_k|

    Attributes:
        token: names the training state.
        step: optimizer steps the flow had been trained for.
        names: [K] the kind of each layer, in generating order.
        base_log_prob: log-density of z_0, in nats.
        log_prob: log p(x) as `Flow.log_prob` computes it, in nats.
        states: [K + 1, 2] z_0 … z_K = x.
        log_dets: [K] log|det dz_{k-1}/dz_k|, in nats.
        jacobians: [K, 2, 2] dz_k/dz_{k-1} at the point.
        singular_values: [K, 2] of the Jacobians, the larger first.
    """

    KIND: ClassVar[str] = "ledger"

    token: str
    step: int
    names: list[str]
    base_log_prob: float
    log_prob: float
    states: NDArray[np.float64]
    log_dets: NDArray[np.float64]
    jacobians: NDArray[np.float64]
    singular_values: NDArray[np.float64]

    @property
    def running_sums(self) -> NDArray[np.float64]:
        """Sums of log-dets [K] as they are met from x to z_0: entry k adds layers K … k."""
        sums: NDArray[np.float64] = np.cumsum(self.log_dets[::-1])[::-1]
        return sums

    @property
    def total(self) -> float:
        """The ledger's last line: base log-density plus the sum of all log-dets, in nats."""
        return self.base_log_prob + float(self.log_dets.sum())
