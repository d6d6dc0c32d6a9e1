"""The vector field of a continuous flow, with its divergence exact or estimated."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowplay.flows.compiled import KernelTransformer, Layer, compiled
from flowplay.flows.conditioner import REACH, STEEPNESS, weights_and_biases
from flowplay.kernels import layout as lay


class VectorField(nn.Module):
    r"""A network with two hidden layers of SiLU units, :math:`f(x, t)`, that starts at zero.

    Its Jacobian is :math:`W_3\,\mathrm{diag}(d_2)\,W_2\,\mathrm{diag}(d_1)\,W_1` with
    :math:`d_l = \mathrm{silu}'(a_l)`. So the exact divergence

    .. math::
        \operatorname{tr} \frac{\partial f}{\partial x}
        = d_2^\top \bigl(W_2 \odot (W_1 W_3)^\top\bigr)\, d_1

    takes one product with a matrix that is the same for all points, for any D.

    Attributes:
        evaluations: how often it has been evaluated so far, but for fixed steps that compiled
            kernels take; by a solve whose blocks have steps of their own, as often as on average.
        accuracy: tolerance of the adaptive solver in float32; the usual one if None.
        rough_steps: steps of a solver of order four that does not adapt them, for the whole time
            from 0 to 1; None for the adaptive solver.

    Args:
        dim: D.
        width: units in each hidden layer.
    """

    accuracy: float | None = None

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.rough_steps: int | None = None
        self.first = nn.Linear(dim, width)
        self.time = nn.Linear(1, width, bias=False)
        self.second = nn.Linear(width, width)
        self.last = nn.Linear(width, dim)
        self.evaluations = 0
        self._network: _Network | None = None
        with torch.no_grad():
            self.first.weight.copy_(STEEPNESS * F.normalize(torch.randn(width, dim), dim=-1))
            self.first.bias.uniform_(-STEEPNESS * REACH, STEEPNESS * REACH)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, t: Tensor, x: Tensor) -> Tensor:
        """Return f(x, t) [B, D] at x [B, D] and t, a scalar or [B, 1]."""
        h2 = F.silu(self.second(F.silu(self._first(t, x))))
        field: Tensor = self.last(h2)
        return field

    def with_divergence(self, t: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return f(x, t) [B, D] and its exact divergence [B]."""
        field, d1, d2 = self._with_slopes(t, x)
        mixing = self.second.weight * (self.first.weight @ self.last.weight).t()
        return field, (d2 * (d1 @ mixing.t())).sum(-1)

    def with_estimate(self, t: Tensor, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        r"""Return f(x, t) [B, D] and Hutchinson's estimate :math:`v^\top J v` [B], v the noise."""
        field, d1, d2 = self._with_slopes(t, x)
        product = (noise @ self.first.weight.t()) * d1
        product = (product @ self.second.weight.t()) * d2
        return field, ((product @ self.last.weight.t()) * noise).sum(-1)

    def squared_error(self, t: Tensor, x: Tensor, target: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the mean of |f(x, t) - target|^2 (scalar), and its gradient by each parameter.

        Args:
            t: times [B, 1].
            x: points [B, D].
            target: what f should be there [B, D].
        """
        weight = self.first.weight
        if self._network is None or not self._network.suits(weight):
            self._network = _Network(self)
        inputs = torch.cat((x, t), 1)
        plain = type(self) is VectorField
        if plain and (quick := compiled([self._network], inputs)) is not None:
            self.evaluations += 1
            self._network.read()
            loss, gradient = quick.regress(inputs, target)
            first, bias, *rest = quick.split(gradient)
            return loss, [first[:, :-1], bias, first[:, -1:], *rest]
        with torch.enable_grad():
            loss = (self(t, x) - target).square().sum(-1).mean()
            return loss.detach(), list(torch.autograd.grad(loss, list(self.parameters())))

    def solve(
        self, x: Tensor, times: tuple[float, float], tolerance: float
    ) -> tuple[Tensor, Tensor] | None:
        """Carry x [B, D] from one time to another by compiled kernels, without gradient.

        Each block of points has steps of its own; where none is small enough its numbers are NaN,
        and torch is not asked. See `Compiled.solve`.

        Returns:
            The points at the last time [B, D], and the integral of the divergence [B]; None where
            kernels are not loaded, or do not know such a field or such numbers.
        """
        if (quick := compiled([self], x)) is None:
            return None
        z, log_det, asked = quick.solve(x, times, tolerance)
        self.evaluations += asked
        return z, log_det

    def tensors(self) -> tuple[Tensor, ...]:
        """Return all parameters."""
        return tuple(self.parameters())

    def kernel_layers(self) -> Sequence[Layer]:
        """Return the field as kernels solve it with steps that adapt; nothing for another one."""
        if type(self) is not VectorField:
            return ()
        width, dim = self.first.weight.shape
        return (Layer(lay.FIELD, width=width, mapped=tuple(range(dim))),)

    def _first(self, t: Tensor, x: Tensor) -> Tensor:
        self.evaluations += 1
        a: Tensor = self.first(x) + self.time(t.reshape(-1, 1))
        return a

    def _with_slopes(self, t: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        a1 = self._first(t, x)
        s1 = torch.sigmoid(a1)
        h1 = a1 * s1
        a2 = self.second(h1)
        s2 = torch.sigmoid(a2)
        h2 = a2 * s2
        return self.last(h2), s1 + h1 * (1 - s1), s2 + h2 * (1 - s2)


class _Network:
    """A field as compiled kernels take a network: time is one more coordinate that it reads.

    Args:
        field: of D coordinates.
    """

    def __init__(self, field: VectorField) -> None:
        self.field = field
        # Kernels need the weights of place and time in one piece.
        with torch.inference_mode(False):
            self.first = torch.cat((field.first.weight, field.time.weight), 1).detach()

    def suits(self, weight: Tensor) -> bool:
        """Tell whether it was made for weights of this kind."""
        return self.first.dtype == weight.dtype and self.first.device == weight.device

    def read(self) -> None:
        """Copy the weights of place and time as they are now."""
        parts = self.field.first.weight.detach(), self.field.time.weight.detach()
        torch.cat(parts, 1, out=self.first)

    def tensors(self) -> tuple[Tensor, ...]:
        """Return weights and biases."""
        field = self.field
        return self.first, field.first.bias, *weights_and_biases(field.second, field.last)

    def kernel_layers(self) -> Sequence[Layer]:
        """Return one layer, whose map is not used."""
        width, dim = self.field.first.weight.shape
        layer = Layer(
            lay.CONDITIONED,
            constants=(torch.zeros(1),),
            width=width,
            inputs=tuple(range(dim + 1)),
            mapped=tuple(range(dim)),
            transformer=KernelTransformer(lay.ADDITIVE, 1),
        )
        return (layer,)
