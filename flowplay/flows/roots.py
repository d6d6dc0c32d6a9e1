"""Roots of increasing scalar functions, elementwise, for bijections without a closed inverse."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

MAX_ITERATIONS = 200


class NotConvergedError(ArithmeticError):
    """A numeric inverse did not reach its tolerance, so that there is no result."""


def increasing_root(
    function: Callable[[Tensor], tuple[Tensor, Tensor]], lower: Tensor, upper: Tensor
) -> Tensor:
    r"""Solve :math:`f(a) = 0` elementwise for increasing f; gradients reach what f depends on.

    Newton's method inside a shrinking bracket, with bisection where a Newton step would leave the
    bracket or is not at most half as long as the step before, until no element moves by more than a
    few units of rounding. The last step is taken with gradients: by the implicit function theorem,
    the result of one Newton step from the root has the derivative of the root.

    Args:
        function: a -> (f(a), f'(a)), elementwise, f' > 0.
        lower: brackets with f(lower) <= 0.
        upper: brackets with f(upper) >= 0, the same shape.

    Returns:
        The roots, the shape of the brackets; first derivatives are exact.

    Raises:
        NotConvergedError: if some element still moves after `MAX_ITERATIONS`.

    Example:
        >>> y = torch.tensor([8.0], dtype=torch.float64, requires_grad=True)
        >>> low, high = torch.zeros(1).double(), torch.full((1,), 9.0).double()
        >>> root = increasing_root(lambda a: (a**3 - y, 3 * a**2), low, high)
        >>> round(root.item(), 12), round(torch.autograd.grad(root, y)[0].item(), 6)
        (2.0, 0.083333)
    """
    with torch.no_grad():
        root = _bracketed_newton(function, lower, upper)
    value, slope = function(root)
    return root - value / slope.detach()


def _bracketed_newton(
    function: Callable[[Tensor], tuple[Tensor, Tensor]], lower: Tensor, upper: Tensor
) -> Tensor:
    lower, upper = lower.clone(), upper.clone()
    epsilon = torch.finfo(lower.dtype).eps
    a = (lower + upper) / 2
    step = upper - lower
    for _ in range(MAX_ITERATIONS):
        value, slope = function(a)
        upper = torch.where(value >= 0, a, upper)
        lower = torch.where(value <= 0, a, lower)
        newton = a - value / slope
        fast = (newton > lower) & (newton < upper) & ((newton - a).abs() <= step / 2)
        moved = torch.where(fast, newton, (lower + upper) / 2)
        # A bracket of neighbouring floats cannot shrink further, however long the Newton step is.
        step = torch.minimum((moved - a).abs(), upper - lower)
        a = moved
        if bool((step <= 4 * epsilon * (1 + a.abs())).all()):
            return a
    raise NotConvergedError(
        f"A monotone root moved by {step.max().item():.1e} after {MAX_ITERATIONS} iterations."
    )
