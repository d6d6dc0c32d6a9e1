"""What differs between two runs is only what their configs differ in."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from flowplay.config import RunConfig
from flowplay.training import new_run
from flowplay.training.live_run import LiveRun
from flowplay.training.streams import generator


def batches(config: RunConfig, steps: int = 4) -> Tensor:
    """Return the batches [steps, B, D] that a run is trained on first."""
    state = new_run(config)
    live = LiveRun(state)
    seen: list[Tensor] = []
    own = live.model.loss_and_gradient

    def noted(x: Tensor) -> tuple[Tensor, list[Tensor]]:
        seen.append(x.clone())
        return own(x)

    live.model.loss_and_gradient = noted  # type: ignore[method-assign]
    live.train(state, float("inf"), steps)
    return torch.stack(seen)


@pytest.mark.parametrize(
    "other",
    [
        {"architecture": "flow_matching"},
        {"architecture": "ffjord", "options": {"trace": "hutchinson"}},
        {"architecture": "residual", "depth": 2, "options": {"log_det": "unbiased"}},
        {"architecture": "planar", "depth": 3},
    ],
)
def test_models_that_draw_see_the_same_batches(other: dict[str, object]) -> None:
    shared = {"width": 8, "batch_size": 16, "samples": 500, "seed": 3}
    first = batches(RunConfig.model_validate({"architecture": "realnvp", "depth": 2} | shared))
    second = batches(RunConfig.model_validate(other | shared))
    assert torch.equal(first, second)
    assert not torch.equal(first[0], first[1])


def test_streams_of_a_seed_differ_and_repeat() -> None:
    draws = {
        (seed, stream): tuple(torch.rand(4, generator=generator(seed, stream)).tolist())
        for seed in (0, 1)
        for stream in ("batches", "noise", "samples")
    }
    assert len(set(draws.values())) == len(draws)
    assert draws[0, "batches"] == tuple(torch.rand(4, generator=generator(0, "batches")).tolist())


def test_batches_are_not_the_stream_of_the_initialization() -> None:
    torch.manual_seed(0)
    assert not np.allclose(torch.rand(4), torch.rand(4, generator=generator(0, "batches")))
