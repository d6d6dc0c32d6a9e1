"""A point's ledger: its way through the layers, and how its log-density adds up."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from flowplay.flows import Flow
from flowplay.training.layer_frames import layer_name
from flowplay.wire import Ledger


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
    """Return the ledger of the point that stands at y in the picture of z_k; see `point_ledgers`.

    Example:
        >>> from flowplay.flows import build_flow
        >>> flow = build_flow("realnvp", depth=2, width=8)
        >>> ledger = point_ledger(flow, 2, (0.5, -1.0))
        >>> round(ledger.total - ledger.log_prob, 9)
        0.0
    """
    points = torch.tensor([y], dtype=torch.float64)
    return point_ledgers(flow, k, points, step=step, token=token)[0]


def point_ledgers(flow: Flow, k: int, y: Tensor, *, step: int = 0, token: str = "") -> list[Ledger]:
    r"""Follow points through all layers, in float64.

    They are first carried to x = z_K; the ledger is that of x, from the inverse direction of every
    layer, so that its sum is `log_prob(x)`.

    Args:
        flow: in any dtype; a float64 copy does the work.
        k: 0 (the base) to K (the data).
        y: [B, 2] float64, where the points stand in z_k.
        step: optimizer steps the flow had been trained for.
        token: names its training state.

    Returns:
        A ledger for each point.

    Raises:
        ValueError: if there is no such layer, or a point or its way is not of finite numbers.
        NotConvergedError: if a numeric inverse is not solved there.
    """
    last = len(flow.bijections)
    if not 0 <= k <= last:
        raise ValueError(f"k must be between 0 and {last}, got {k}.")
    if not torch.isfinite(y).all():
        raise ValueError("A point needs finite coordinates.")
    flow = double(flow)
    x = y
    with torch.no_grad():
        for bijection in flow.bijections[k:]:
            x, _ = bijection(x)
        states, log_dets = flow.inverse_states(x)
        base_log_prob = flow.base.log_prob(states[0])
        log_prob = flow.log_prob(x)
    if not (torch.isfinite(states).all() and torch.isfinite(log_dets).all()):
        raise ValueError("The flow carries this point beyond all numbers.")
    jacobians = layer_jacobians(flow, states)
    return [
        Ledger(
            token=token,
            step=step,
            names=[layer_name(b) for b in flow.bijections],
            base_log_prob=float(base_log_prob[i]),
            log_prob=float(log_prob[i]),
            states=states[:, i].numpy(),
            log_dets=log_dets[:, i].numpy(),
            jacobians=jacobians[:, i].numpy(),
            singular_values=torch.linalg.svdvals(jacobians[:, i]).numpy(),
        )
        for i in range(len(y))
    ]


def layer_jacobians(flow: Flow, states: Tensor) -> Tensor:
    r"""Return :math:`\partial z_k / \partial z_{k-1}` [K, B, D, D] of every layer by autograd.

    Args:
        flow: the flow, which treats every point by itself.
        states: z_0 … z_K [K + 1, B, D].
    """
    found = []
    with torch.enable_grad():
        for bijection, state in zip(flow.bijections, states[:-1], strict=True):
            z = state.detach().clone().requires_grad_()
            x, _ = bijection(z)
            rows = [
                torch.autograd.grad(x[:, i].sum(), z, retain_graph=True)[0] for i in range(flow.dim)
            ]
            found.append(torch.stack(rows, 1))
    if not found:
        return states.new_zeros(0, states.shape[1], flow.dim, flow.dim)
    return torch.stack(found).detach()
