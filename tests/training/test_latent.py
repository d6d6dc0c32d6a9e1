"""What See inside shows of VAE, GAN and diffusion: posteriors, lattices, interpolation, samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from flowplay.config import RunConfig
from flowplay.errors import RefusedError
from flowplay.flows import Flow
from flowplay.models.diffusion import Diffusion
from flowplay.models.gan import GAN
from flowplay.training import new_run
from flowplay.training.latent import (
    LATENT_CELLS,
    REACH,
    generator_view,
    interpolation_view,
    plane_view,
    posterior_view,
)
from flowplay.training.live_run import LiveRun
from flowplay.training.sampling import sampled_by, sampled_view, sampling_cost


def trained(architecture: str, steps: int = 40, **settings: object) -> LiveRun:
    flat = {"architecture": architecture, "budget": steps, "samples": 2000, "width": 16} | settings
    state = new_run(RunConfig.from_flat(flat))
    live = LiveRun(state)
    live.train(state, math.inf, steps)
    return live


@pytest.mark.parametrize("latent", [1, 2])
def test_the_true_posterior_integrates_to_one_and_its_divergence_is_the_gap_of_the_bound(
    latent: int,
) -> None:
    live = trained("vae", latent=latent)
    x = tuple(live.held_out[0].tolist())
    view = posterior_view(live, x)
    cell = (2 * REACH / LATENT_CELLS) ** latent
    log_p = view.log_posterior.astype(np.float64)
    assert cell * np.exp(log_p).sum() == pytest.approx(1, abs=0.02)
    axis = REACH * (2 * (np.arange(LATENT_CELLS) + 0.5) / LATENT_CELLS - 1)
    log_q = [
        -0.5 * ((axis - mean) / std) ** 2 - math.log(std * math.sqrt(2 * math.pi))
        for mean, std in zip(view.mean, view.std, strict=True)
    ]
    # Across is the first axis, up the second.
    both = log_q[0] if latent == 1 else log_q[0][None, :] + log_q[1][:, None]
    divergence = float(cell * (np.exp(both) * (both - log_p)).sum())
    assert view.log_prob - view.bound == pytest.approx(divergence, abs=0.05)


@pytest.mark.parametrize("architecture", ["realnvp", "diffusion", "vae"])
def test_a_way_leads_from_one_point_to_the_other_with_the_model_s_own_densities(
    architecture: str,
) -> None:
    live = trained(architecture)
    view = interpolation_view(live, (-0.5, 0.5), (1.0, 0.25))
    assert np.allclose(view.paths[1][[0, -1]], view.ends, atol=1e-5)
    assert isinstance(live.model, Flow) == np.allclose(view.paths[0][[0, -1]], view.ends, atol=0.01)
    assert live.likelihood is not None
    with torch.inference_mode():
        expected = live.likelihood.log_prob(torch.from_numpy(view.paths.reshape(-1, 2)))
    assert np.allclose(view.log_prob.ravel(), expected.numpy(), atol=0.05)


def test_a_model_without_latents_of_points_refuses_a_way() -> None:
    with pytest.raises(RefusedError, match="no point of the plane a latent"):
        interpolation_view(trained("gan", steps=1), (0.0, 0.0), (1.0, 1.0))


def test_cells_that_a_generator_turns_over_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    live = trained("gan", steps=1)
    view = generator_view(live)
    assert 0 <= view.share <= 0.5
    assert view.judged.shape == (96, 96)
    folding = lambda self, z: torch.stack((z[:, 0].abs(), z[:, 1]), -1)  # noqa: E731
    monkeypatch.setattr(GAN, "generate", folding)
    folded = generator_view(live)
    assert folded.share == pytest.approx(0.5, abs=1e-6)
    assert folded.turned.mean() == pytest.approx(0.5, abs=0.03)
    plain = lambda self, z: z.flip(-1)  # noqa: E731
    monkeypatch.setattr(GAN, "generate", plain)
    assert generator_view(live).share == 0, "one orientation everywhere is no fold"


def test_the_plane_of_a_model_without_a_likelihood_is_empty() -> None:
    assert plane_view(trained("gan", steps=1)).density.size == 0
    assert plane_view(trained("vae", steps=1)).density.shape == (96, 96)


def test_another_sampler_is_used_only_as_long_as_it_is_asked_for() -> None:
    live = trained("diffusion")
    model = live.model
    assert isinstance(model, Diffusion)
    with sampled_by(live, "heun", 3):
        assert (model.sampler, model.sample_steps) == ("heun", 3)
    assert model.sampler == "ode"
    few, many = (sampled_view(live, 1.0, "heun", steps) for steps in (2, 9))
    assert (few.evaluations, many.evaluations) == (4, 18)
    assert sampled_view(live, 1.0, "ancestral", 5).evaluations == 5
    assert set(many.metrics) == {"sliced_w2", "energy_distance", "precision", "recall"}


def test_a_temperature_of_zero_puts_all_samples_at_one_place() -> None:
    view = sampled_view(trained("realnvp"), 0.0, None, 0)
    assert np.ptp(view.points, axis=0).max() < 1e-5


def test_more_steps_cost_more_and_come_nearer() -> None:
    view = sampling_cost(trained("diffusion", steps=300))
    heun = [row for row in view.rows if row["sampler"] == "heun"]
    assert [row["evaluations"] for row in heun] == sorted(row["evaluations"] for row in heun)
    ancestral = [row["sliced_w2"] for row in view.rows if row["sampler"] == "ancestral"]
    assert ancestral[-1] < 0.5 * ancestral[0]
    assert view.data < min(ancestral)
    with pytest.raises(RefusedError, match="Only diffusion"):
        sampling_cost(trained("vae", steps=1))


def test_a_run_that_comes_from_another_worker_knows_how_long_a_look_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("flowplay.training.live_run._JUDGING", {})
    live = trained("diffusion", steps=1, depth=3)
    live.judging_seconds = 0.75
    assert LiveRun(new_run(live.config)).judging_seconds == 0.75
    assert LiveRun(new_run(live.config.model_copy(update={"depth": 4}))).judging_seconds == 0
