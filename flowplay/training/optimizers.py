"""torch's optimizers, without torch's compiler.

Their methods are wrapped so that `torch.compile` leaves them alone. At their first call the
wrappers import the compiler: 800 modules, which take a second of each start and 70 MB. Nothing
here is compiled by torch, so the methods are used as they are written.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn

_WRAPPED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


def _eager(kind: type[torch.optim.Optimizer]) -> Any:  # noqa: ANN401 - a class with `kind`'s arguments
    plain = {name: inspect.unwrap(getattr(kind, name)) for name in _WRAPPED}
    step = torch.no_grad()(inspect.unwrap(kind.step))
    return type(kind.__name__, (kind,), {**plain, "step": step})


_ADAM = _eager(torch.optim.Adam)
_ADAMW = _eager(torch.optim.AdamW)
_SGD = _eager(torch.optim.SGD)


def optimizer(
    name: str, vector: nn.Parameter | Tensor, betas: tuple[float, float], weight_decay: float
) -> torch.optim.Optimizer:
    """Return an optimizer of one vector.

    Args:
        name: `adam`, `adamw` or `sgd`, as in a config.
        vector: what it trains.
        betas: of Adam and AdamW; SGD has momentum 0.9.
        weight_decay: as torch means it for that optimizer.
    """
    made: torch.optim.Optimizer
    if name == "sgd":
        made = _SGD([vector], momentum=0.9, weight_decay=weight_decay, fused=True)
    else:
        kind = _ADAM if name == "adam" else _ADAMW
        made = kind([vector], betas=betas, weight_decay=weight_decay, fused=True)
    return made
