"""A point's ledger: its way through the layers, and how its log-density adds up."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from flowplay.flows import Flow, standard_normal_log_prob
from flowplay.inside import Ledger
from flowplay.training.inside import layer_name


def double(flow: Flow) -> Flow:
    """Return a flow in float64 on the CPU, so that four decimals of a sum are right.

    A copy, unless it is that already.
    """
    tensors = [*flow.parameters(), *(b for b in flow.buffers() if b.is_floating_point())]
    if all(t.dtype == torch.float64 and t.device.type == "cpu" for t in tensors):
        return flow
    return copy.deepcopy(flow).double().cpu()


def point_ledger(
    flow: Flow, k: int, y: tuple[float, float], *, step: int = 0, token: str = ""
) -> Ledger:
    r"""Follow the point that stands at y in the picture of z_k through all layers, in float64.

    It is first carried to x = z_K; the ledger is that of x, from the inverse direction of every
    layer, so that its sum is `log_prob(x)`.

    Args:
        flow: in any dtype; a float64 copy does the work.
        k: 0 (the base) to K (the data).
        y: where the point stands in z_k.
        step: optimizer steps the flow had been trained for.
        token: names its training state.

    Raises:
        ValueError: if there is no such layer, or the point or its way is not of finite numbers.
        NotConvergedError: if a numeric inverse is not solved there.

    Example:
        >>> from flowplay.flows import build_flow
        >>> flow = build_flow("realnvp", depth=2, width=8)
        >>> ledger = point_ledger(flow, 2, (0.5, -1.0))
        >>> round(ledger.total - ledger.log_prob, 9)
        0.0
    """
    last = len(flow.bijections)
    if not 0 <= k <= last:
        raise ValueError(f"k must be between 0 and {last}, got {k}.")
    flow = double(flow)
    point = torch.tensor([y], dtype=torch.float64)
    if not torch.isfinite(point).all():
        raise ValueError("A point needs finite coordinates.")
    with torch.no_grad():
        for bijection in flow.bijections[k:]:
            point, _ = bijection(point)
        states, log_dets = flow.inverse_states(point)
        log_prob = flow.log_prob(point)
    if not (torch.isfinite(states).all() and torch.isfinite(log_dets).all()):
        raise ValueError("The flow carries this point beyond all numbers.")
    jacobians = layer_jacobians(flow, states)
    return Ledger(
        token=token,
        step=step,
        names=[layer_name(b) for b in flow.bijections],
        base_log_prob=float(standard_normal_log_prob(states[0])),
        log_prob=float(log_prob),
        states=states[:, 0].numpy(),
        log_dets=log_dets[:, 0].numpy(),
        jacobians=jacobians.numpy(),
        singular_values=torch.linalg.svdvals(jacobians).numpy(),
    )


def layer_jacobians(flow: Flow, states: Tensor) -> Tensor:
    r"""Return :math:`\partial z_k / \partial z_{k-1}` [K, D, D] of every layer by autograd.

    Args:
        flow: the flow.
        states: z_0 … z_K [K + 1, 1, D] of one point.
    """
    found = []
    with torch.enable_grad():
        for bijection, state in zip(flow.bijections, states[:-1], strict=True):
            z = state.detach().clone().requires_grad_()
            x, _ = bijection(z)
            rows = [
                torch.autograd.grad(x[0, i], z, retain_graph=True)[0][0] for i in range(flow.dim)
            ]
            found.append(torch.stack(rows))
    if not found:
        return states.new_zeros(0, flow.dim, flow.dim)
    return torch.stack(found).detach()
