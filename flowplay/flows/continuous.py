"""A piece of a continuous flow: an ODE integrated from one time to another, in both directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torchdiffeq import odeint

from flowplay.flows.base import Bijection
from flowplay.flows.compiled import Layer
from flowplay.flows.vector_field import VectorField
from flowplay.kernels import layout as lay

#: Relative and absolute tolerance of a step of the adaptive solver.
ADAPTIVE_TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-8}

#: How much of the roughness of fixed steps is taken from the log-det where gradients are made.
ROUGHNESS_WEIGHT = 0.1

#: The 3/8 rule: what earlier slopes count for in the point of each stage, what the slopes count for
#: in the result, and in their third difference.
_STAGES = ((), (1 / 3,), (-1 / 3, 1.0), (1.0, -1.0, 1.0))
_RULE = (1 / 8, 3 / 8, 3 / 8, 1 / 8)
_THIRD_DIFFERENCE = (1.0, -3.0, 3.0, -1.0)

_Slope = Callable[[Tensor, tuple[Tensor, Tensor]], Any]


class ContinuousLayer(Bijection):
    r"""Follow :math:`\dot z = f(z, t)` from one time to another; normalizing integrates back.

    .. math::
        \log\Bigl|\det \frac{\partial z(t_1)}{\partial z(t_0)}\Bigr|
        = \int_{t_0}^{t_1} \operatorname{tr} \frac{\partial f}{\partial z}\, dt

    The two directions are inverse to each other, and the log-det is that of the map, up to the
    solver's error. Fixed steps are used in training mode only. They are coarse, and training would
    exploit their error: the density computed with them would integrate to 2 and more instead of 1.
    So their roughness is made small too: the third differences of the four slopes of each step of
    length h, which vanish where the slope is a parabola in time,

    .. math::
        R = \sum_{\text{steps}} |h|\,\bigl(\|\Delta^3 f\|^2
        + (\Delta^3 \operatorname{tr} \partial f / \partial z)^2\bigr).

    A tenth of it is taken from the log-det's gradient, and not from its value. In evaluation mode
    the solver adapts its steps; those of compiled kernels do for each block of points. Where it
    finds none that is small enough, all numbers are NaN, or those of the block.

    Args:
        field: f, shared by all pieces of a flow.
        times: t_0 and t_1.
        solver: for training mode; `rk4` takes `steps` fixed steps of order four, `dopri5` adapts.
        steps: of the fixed solver.
        trace: for training mode; `exact`, or `hutchinson` for an estimate. It is always exact in
            evaluation mode.

    References:
        Chen, Rubanova, Bettencourt & Duvenaud, Neural Ordinary Differential Equations, 2018.
        Grathwohl, Chen, Bettencourt, Sutskever & Duvenaud, FFJORD: Free-form Continuous Dynamics
        for Scalable Reversible Generative Models, 2019.
        Pal, Ma, Shah & Rackauckas, Opening the Blackbox: Accelerating Neural Differential Equations
        by Regularizing Internal Solver Heuristics, 2021.
    """

    tolerance = 1e-5

    def __init__(
        self,
        field: VectorField,
        times: tuple[float, float],
        *,
        solver: str = "rk4",
        steps: int = 1,
        trace: str = "exact",
    ) -> None:
        super().__init__()
        self.field = field
        self.times: tuple[float, float] = times
        self.solver = solver
        self.steps = steps
        self.trace = trace

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate: integrate forward in time."""
        return self._end(z, self.times)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalize: integrate back in time."""
        return self._end(x, self.times[::-1])

    def tensors(self) -> tuple[Tensor, ...]:
        """Return all parameters of the field."""
        return tuple(self.field.parameters())

    def kernel_layers(self) -> Sequence[Layer]:
        """Return the piece as training solves it, if with fixed steps and the exact trace."""
        plain = type(self.field) is VectorField
        if not plain or self.solver != "rk4" or self.trace != "exact":
            return ()
        width, dim = self.field.first.weight.shape
        start, end = self.times[::-1]
        layer = Layer(
            lay.FIELD,
            constants=(torch.tensor([start, end, ROUGHNESS_WEIGHT]),),
            width=width,
            mapped=tuple(range(dim)),
            steps=self.steps,
        )
        return (layer,)

    def stations(self, y: Tensor, times: Sequence[float]) -> tuple[Tensor, Tensor]:
        """Follow the ODE through several times, by one adaptive solve, or one for each in kernels.

        Args:
            y: points [B, D] at the first time.
            times: n + 1 of them, rising or falling.

        Returns:
            The points at the n later times [n, B, D], and the log-det of each part [n, B].
        """
        states, log_dets = self._integrate(y, times)
        return states[1:], log_dets.diff(dim=0)

    def _end(self, y: Tensor, times: tuple[float, float]) -> tuple[Tensor, Tensor]:
        if self.training and self.solver == "rk4":
            return self._by_fixed_steps(y, *times)
        states, log_dets = self._integrate(y, times)
        return states[-1], log_dets[-1]

    def _integrate(self, y: Tensor, times: Sequence[float]) -> tuple[Tensor, Tensor]:
        """Return points [n, B, D] and log-dets since the first of n times [n, B]."""
        solver = "dopri5"
        options: dict[str, Any] = {"dtype": torch.float64}
        if not self.training and self.field.rough_steps is not None:
            solver = "explicit_adams"
            # Of a higher order the solver would not be stable.
            step_size = min(1 / self.field.rough_steps, abs(times[-1] - times[0]))
            options = {"step_size": step_size, "max_order": 4}
        tolerance = ADAPTIVE_TOLERANCE[y.dtype]
        if self.field.accuracy is not None and y.dtype == torch.float32:
            tolerance = self.field.accuracy
        adaptive = solver == "dopri5" and not self.training and not torch.is_grad_enabled()
        if adaptive and (quick := self._quickly(y, times, tolerance)) is not None:
            return quick
        try:
            states, log_dets = odeint(
                self._slope(y),
                (y, y.new_zeros(len(y))),
                torch.tensor(times, dtype=torch.float64).to(y.device),
                method=solver,
                options=options,
                rtol=tolerance,
                atol=tolerance,
            )
        except AssertionError:
            # The field is so steep that no step is small enough: there is no solution to return.
            nothing, no_log_det = self._no_numbers(y)
            return nothing.expand(len(times), -1, -1), no_log_det.expand(len(times), -1)
        return states, log_dets

    def _by_fixed_steps(self, y: Tensor, start: float, end: float) -> tuple[Tensor, Tensor]:
        """Return points and log-dets by the 3/8 rule, a Runge-Kutta method of order four."""
        slope = self._slope(y)
        step = (end - start) / self.steps
        log_det = rough = y.new_zeros(len(y))
        for k in range(self.steps):
            slopes: list[Tensor] = []
            divergences: list[Tensor] = []
            for stage, weights in enumerate(_STAGES):
                at = y
                for weight, earlier in zip(weights, slopes, strict=True):
                    at = at + step * weight * earlier
                t = y.new_full((), start + step * (k + stage / 3))
                field, divergence = slope(t, (at, log_det))
                slopes.append(field)
                divergences.append(divergence)
            y = y + step * _weighted(_RULE, slopes)
            log_det = log_det + step * _weighted(_RULE, divergences)
            of_field = _weighted(_THIRD_DIFFERENCE, slopes).square().sum(-1)
            of_divergence = _weighted(_THIRD_DIFFERENCE, divergences).square()
            rough = rough + abs(step) * (of_field + of_divergence)
        return y, log_det - ROUGHNESS_WEIGHT * (rough - rough.detach())

    def _quickly(
        self, y: Tensor, times: Sequence[float], tolerance: float
    ) -> tuple[Tensor, Tensor] | None:
        """Return what `_integrate` does, by compiled kernels; None where they cannot."""
        states, log_dets = [y], [y.new_zeros(len(y))]
        for part in pairwise(times):
            solved = self.field.solve(states[-1], part, tolerance)
            if solved is None:
                return None
            states.append(solved[0])
            log_dets.append(log_dets[-1] + solved[1])
        return torch.stack(states), torch.stack(log_dets)

    def _no_numbers(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return NaN, of which each parameter's gradient is NaN too."""
        broken = y.new_tensor(torch.nan)
        for parameter in self.field.parameters():
            broken = broken * parameter.sum()
        return y * broken, y[:, 0] * broken

    def _slope(self, y: Tensor) -> _Slope:
        field = self.field
        if self.trace == "exact" or not self.training:
            return lambda t, state: field.with_divergence(t.to(y), state[0])
        # The noise stays the same within one solve, so that the integrand is smooth. Random signs
        # give the smallest variance. Drawn on the CPU, from torch's default generator; see
        # `Bijection`.
        noise = torch.randint(2, y.shape).to(y) * 2 - 1
        return lambda t, state: field.with_estimate(t.to(y), state[0], noise)


def pieces(
    field: VectorField, depth: int, *, solver: str, steps: int, trace: str
) -> list[ContinuousLayer]:
    """Divide the time from 0 (base) to 1 (data) into `depth` equal pieces that share one field."""
    return [
        ContinuousLayer(
            field, (k / depth, (k + 1) / depth), solver=solver, steps=steps, trace=trace
        )
        for k in range(depth)
    ]


def joined(layers: Sequence[ContinuousLayer]) -> ContinuousLayer:
    """Return one piece for the whole time of neighbours that share a field, in generating order.

    One solve takes half of the evaluations that several take: each begins with steps that are too
    small, and ends with one that is cut off.
    """
    first, last = layers[0], layers[-1]
    whole = ContinuousLayer(
        first.field,
        (first.times[0], last.times[1]),
        solver=first.solver,
        steps=sum(layer.steps for layer in layers),
        trace=first.trace,
    )
    return whole.train(first.training)


def _weighted(weights: Sequence[float], slopes: Sequence[Tensor]) -> Tensor:
    total = weights[0] * slopes[0]
    for weight, slope in zip(weights[1:], slopes[1:], strict=True):
        total = total + weight * slope
    return total


def evaluations(flow: nn.Module) -> int:
    """Return how often the vector fields of a flow have been evaluated so far."""
    return sum(m.evaluations for m in flow.modules() if isinstance(m, VectorField))
