"""A trained flow for another interpreter: weights, config, and the lines that join them."""

from __future__ import annotations

import numpy as np
import torch
from safetensors.torch import save

from flowplay import kernels
from flowplay.problems import learns_from_draws
from flowplay.training.layer_frames import flow_of
from flowplay.training.live_run import LiveRun
from flowplay.wire import ExportedFlow, export_name

#: Points at which the snippet shows what it must give.
_PROBES = 4

_SNIPPET = '''\
"""{title}: rebuilt exactly as trained in the flowplay playground, {step} steps."""

import torch
from safetensors.torch import load_file

from flowplay.flows import Standardization, build_flow

flow = build_flow(
    {arguments},
    # Its numbers are in the file.
    standardization=Standardization(torch.zeros({dim}), torch.ones({dim})),
)
flow.load_state_dict(load_file("{file}"))
flow.eval()  # exact: training mode may estimate

x = torch.tensor(
    [
        {points}
    ]
)
print(flow.log_prob(x).tolist())
# {values}

samples = flow.sample(1000)
'''


@torch.no_grad()
def export_flow(live: LiveRun, step: int) -> ExportedFlow:
    """Write a live run's flow as files.

    Args:
        live: the run.
        step: optimizer steps it was trained for.

    Raises:
        ValueError: if the model is no flow.
    """
    config, flow = live.config, flow_of(live)
    tensors = {
        name: tensor.detach().cpu().clone().contiguous()
        for name, tensor in flow.state_dict().items()
    }
    config_json = config.model_dump_json(indent=2)
    arguments = [
        f'"{config.architecture}"',
        f"dim={flow.dim}",
        f"depth={config.depth}",
        f"width={config.width}",
        f"seed={config.seed}",
        *(["turned=True"] if learns_from_draws(config.problem()) else []),
        *(f"{name}={value!r}" for name, value in config.options.items()),
    ]
    name = export_name(config.target, config.architecture, step)
    points = live.held_out[:_PROBES]
    # As who runs the snippet, without kernels: their solver takes other steps.
    with kernels.withheld():
        values = flow.log_prob(points)
    snippet = _SNIPPET.format(
        title=f"{config.target}, {config.architecture}",
        step=step,
        arguments=",\n    ".join(arguments),
        dim=flow.dim,
        file=f"{name}.safetensors",
        points="\n        ".join(f"{[float(v) for v in p]}," for p in points),
        values=[float(v) for v in values],
    )
    weights = save(tensors, metadata={"config": config_json, "step": str(step)})
    return ExportedFlow(name, config_json, snippet, np.frombuffer(weights, np.uint8))
