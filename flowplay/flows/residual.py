"""Invertible residual networks: x + g(x) with a network g that is a contraction."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowplay.flows.base import Bijection
from flowplay.flows.compiled import Layer, compiled
from flowplay.flows.conditioner import REACH, STEEPNESS, weights_and_biases
from flowplay.flows.roots import NotConvergedError
from flowplay.kernels import layout as lay
from flowplay.kernels.layout import LIPSCHITZ, NO_UNIT, SLOPE_RADIUS

#: Terms of the power series that `series` takes.
SERIES_TERMS = 8

#: Terms that `unbiased` always takes, and the probability of each further one.
_CERTAIN_TERMS = 4
_CONTINUE_PROBABILITY = 0.5

MAX_ITERATIONS = 2000

#: The iteration ends when it moves by at most this many units of rounding; rounding errors may
#: prevent smaller steps.
ROUNDING = 128


class Contraction(nn.Module):
    r"""A network :math:`g(x) = W_2\,\mathrm{silu}(W_1 x + b_1) + b_2`, Lip(g) at most `LIPSCHITZ`.

    Slopes of the activation are :math:`\tfrac12 + r e` with :math:`|e| \le 1`, so for any positive
    diagonal T

    .. math::
        \mathrm{Lip}(g) \le L = \tfrac12 \|W_2 W_1\|_2
        + r\,\|W_2 T^{-1}\|_2\,\|T W_1\|_2

    and :math:`W_2` is scaled down where L exceeds the constant. T balances the two norms of every
    unit, so that a unit may have large input weights where its output weights are small. This
    restricts the network much less than a bound on the product of the matrices' norms would.

    Args:
        dim: D.
        width: hidden units.

    References:
        Behrmann, Grathwohl, Chen, Duvenaud & Jacobsen, Invertible Residual Networks, 2019.
    """

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(dim, width)
        self.last = nn.Linear(width, dim)
        with torch.no_grad():
            self.first.weight.copy_(STEEPNESS * F.normalize(torch.randn(width, dim), dim=-1))
            self.first.bias.uniform_(-STEEPNESS * REACH, STEEPNESS * REACH)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def bounded_weight(self) -> Tensor:
        r"""Return :math:`W_2` [D, width], scaled down so that Lip(g) is at most `LIPSCHITZ`."""
        w1, w2 = self.first.weight, self.last.weight
        sizes1, sizes2 = w1.norm(dim=1), w2.norm(dim=0)
        balance = ((sizes2 + NO_UNIT) / (sizes1 + NO_UNIT)).sqrt()
        bound = 0.5 * _norm(w2 @ w1) + SLOPE_RADIUS * _norm(w2 / balance) * _norm(
            (w1 * balance.unsqueeze(-1)).t()
        )
        return w2 * (LIPSCHITZ / bound.clamp(min=LIPSCHITZ))

    def value_and_slopes(self, x: Tensor, w2: Tensor) -> tuple[Tensor, Tensor]:
        """Return g(x) [B, D] and the activation's derivatives at the hidden units [B, width]."""
        a = self.first(x)
        s = torch.sigmoid(a)
        h = a * s
        return F.linear(h, w2, self.last.bias), s + h * (1 - s)

    def jacobian(self, slopes: Tensor, w2: Tensor) -> Tensor:
        """Return the Jacobian of g [B, D, D] from the slopes of `value_and_slopes`."""
        each = w2.t().unsqueeze(2) * self.first.weight.unsqueeze(1)
        jacobian: Tensor = (slopes @ each.flatten(1)).unflatten(1, each.shape[1:])
        return jacobian

    def jacobian_vector_product(self, vectors: Tensor, slopes: Tensor, w2: Tensor) -> Tensor:
        """Multiply vectors [B, D] by the Jacobian of g."""
        return F.linear(F.linear(vectors, self.first.weight) * slopes, w2)


def _norm(wide: Tensor) -> Tensor:
    """Return the spectral norm of a matrix [D, n] by the eigenvalues of its D x D Gram matrix."""
    largest: Tensor = torch.linalg.eigvalsh(wide @ wide.t())[-1]
    return largest.clamp(min=NO_UNIT).sqrt()


class ResidualBlock(Bijection):
    r"""A residual block, in closed form in the normalizing direction: :math:`z = x + g(x)`.

    Generating iterates :math:`x \leftarrow z - g(x)`, whose error shrinks by a factor of at most
    `LIPSCHITZ` per step, until it moves by rounding only, and ends with one Newton step; gradients
    follow from the implicit function theorem. With :math:`J = \partial g/\partial x`, the log-det
    is one of

    - `exact`: :math:`\log\det(I + J)` of the whole matrix;
    - `series`: :math:`\sum_{k \le n} (-1)^{k+1} \operatorname{tr}(J^k) / k`, cut off at n = 8;
    - `unbiased`: the same series with Hutchinson's traces, truncated at random and reweighted.

    The latter two apply in training mode only; in evaluation mode the log-det is exact.

    Args:
        dim: D.
        width: hidden units of g.
        log_det: `exact`, `series` or `unbiased`.

    Raises:
        NotConvergedError: from `forward`, if the iteration still moves at its end.

    References:
        Behrmann, Grathwohl, Chen, Duvenaud & Jacobsen, Invertible Residual Networks, 2019.
        Chen, Behrmann, Duvenaud & Jacobsen, Residual Flows for Invertible Generative Modeling,
        2019.
    """

    def __init__(self, dim: int, width: int, log_det: str = "exact") -> None:
        super().__init__()
        self.residual = Contraction(dim, width)
        self.log_det = log_det

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the weights and biases of g, in order."""
        network = self.residual
        return weights_and_biases(network.first, network.last)

    def kernel_layers(self) -> Sequence[Layer]:
        """Return the block, if it is one of two coordinates whose log-det is exact."""
        width, dim = self.residual.first.weight.shape
        known = dim == 2 and self.log_det == "exact"
        return (Layer(lay.RESIDUAL, width=width),) if known else ()

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalize: add g(x)."""
        if not torch.is_grad_enabled() and (quick := compiled([self], x)) is not None:
            return quick.normalize(x)
        w2 = self.residual.bounded_weight()
        g, slopes = self.residual.value_and_slopes(x, w2)
        if self.log_det == "unbiased" and self.training:
            return x + g, self._unbiased_log_det(x, slopes, w2)
        jacobian = self.residual.jacobian(slopes, w2)
        if self.log_det == "series" and self.training:
            return x + g, _series_log_det(jacobian)
        return x + g, _log_det(jacobian)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate: iterate to the fixed point."""
        w2 = self.residual.bounded_weight()
        with torch.no_grad():
            x = self._fixed_point(z, w2)
        g, slopes = self.residual.value_and_slopes(x, w2)
        jacobian = self.residual.jacobian(slopes, w2)
        # A Newton step from the solution removes its remaining error, and has the derivative of the
        # exact solution.
        whole = (_identity(jacobian) + jacobian).detach()
        x = x - torch.linalg.solve(whole, (x + g - z).unsqueeze(-1)).squeeze(-1)
        jacobian = self.residual.jacobian(self.residual.value_and_slopes(x, w2)[1], w2)
        return x, -_log_det(jacobian)

    def _fixed_point(self, z: Tensor, w2: Tensor) -> Tensor:
        epsilon = torch.finfo(z.dtype).eps
        x = z
        for _ in range(MAX_ITERATIONS):
            moved = z - self.residual.value_and_slopes(x, w2)[0]
            step = (moved - x).abs()
            x = moved
            if bool((step <= ROUNDING * epsilon * (1 + x.abs())).all()):
                return x
        raise NotConvergedError(
            f"A fixed point still moved by {step.max().item():.1e} after {MAX_ITERATIONS} steps."
        )

    def _unbiased_log_det(self, x: Tensor, slopes: Tensor, w2: Tensor) -> Tensor:
        """Estimate the log-det by the power series, truncated at random."""
        # Drawn on the CPU, from torch's default generator; see `Bijection`.
        noise = torch.randn(x.shape).to(x)
        terms = _CERTAIN_TERMS
        while float(torch.rand(())) < _CONTINUE_PROBABILITY:
            terms += 1
        total, vector = x.new_zeros(len(x)), noise
        for k in range(1, terms + 1):
            vector = self.residual.jacobian_vector_product(vector, slopes, w2)
            probability = _CONTINUE_PROBABILITY ** max(0, k - _CERTAIN_TERMS)
            total = total - (-1) ** k / (k * probability) * (vector * noise).sum(-1)
        return total


def _identity(jacobian: Tensor) -> Tensor:
    return torch.eye(jacobian.shape[-1]).to(jacobian)


def _log_det(jacobian: Tensor) -> Tensor:
    whole = _identity(jacobian) + jacobian
    if whole.shape[-1] == 2:
        # A contraction's determinant is positive.
        return (whole[:, 0, 0] * whole[:, 1, 1] - whole[:, 0, 1] * whole[:, 1, 0]).log()
    result: Tensor = torch.linalg.slogdet(whole)[1]
    return result


def _series_log_det(jacobian: Tensor) -> Tensor:
    total = jacobian.new_zeros(len(jacobian))
    power = jacobian
    for k in range(1, SERIES_TERMS + 1):
        total = total - (-1) ** k / k * power.diagonal(dim1=-2, dim2=-1).sum(-1)
        power = power @ jacobian
    return total


def residual(dim: int, depth: int, width: int, log_det: str) -> list[Bijection]:
    """Build `depth` residual blocks."""
    return [ResidualBlock(dim, width, log_det) for _ in range(depth)]
