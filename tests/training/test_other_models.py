"""VAE, diffusion and GAN: their densities, bounds and gradients, and the metrics of samples."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from typing import ClassVar

import numpy as np
import ot  # type: ignore[import-untyped]
import pytest
import torch
from scipy.stats import energy_distance as scipy_energy_distance
from sklearn.neighbors import NearestNeighbors
from torch.distributions import MultivariateNormal

from flowplay.catalog import ARCHITECTURES
from flowplay.codes import encode_density
from flowplay.config import RunConfig
from flowplay.grids import cell_centres
from flowplay.models import LikelihoodModel, Model
from flowplay.models import vae as vae_module
from flowplay.models.diffusion import Diffusion
from flowplay.models.gan import GAN
from flowplay.models.gaussian_mixture import GaussianMixture
from flowplay.models.vae import VAE, gaussian_log_prob
from flowplay.problems.base import FloatArray
from flowplay.training import new_run, slices
from flowplay.training import sample_metrics as metrics
from flowplay.training.live_run import LiveRun
from flowplay.training.objectives import LossOnData
from flowplay.training.picture_makers import (
    FINE_CELLS,
    FINE_SOLVED_CELLS,
    density_picture,
    model_density,
)
from flowplay.training.snapshots import take_snapshot
from flowplay.training.streams import generator


def trained(architecture: str, steps: int = 40, **settings: object) -> LiveRun:
    config = RunConfig.from_flat(
        {"architecture": architecture, "budget": steps, "samples": 2000} | settings
    )
    state = new_run(config)
    live = LiveRun(state)
    live.train(state, math.inf, steps)
    return live


def mass(model: Model, cells: int) -> float:
    assert isinstance(model, LikelihoodModel)
    side = torch.linspace(-6, 6, cells)
    grid = torch.cartesian_prod(side, side)
    with torch.inference_mode():
        log_prob = torch.cat([model.log_prob(part) for part in grid.split(4096)])
    return float(log_prob.double().exp().sum()) * float(side[1] - side[0]) ** 2


def vae_of(live: LiveRun) -> VAE:
    assert isinstance(live.model, VAE)
    return live.model


@pytest.mark.parametrize("latent", [1, 2])
def test_the_density_of_a_vae_integrates_to_one(latent: int) -> None:
    live = trained("vae", latent=latent)
    assert mass(live.model, 81) == pytest.approx(1, abs=0.005)


def test_more_nodes_of_the_quadrature_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    live = trained("vae", steps=150)
    with torch.inference_mode():
        x = live.held_out[:300]
        found = vae_of(live).log_prob(x)
        nodes = 600
        monkeypatch.setattr(vae_module, "NODES", {2: (nodes, nodes)})
        finer = vae_of(live).log_prob(x)
    assert float((found - finer).square().mean().sqrt()) < 0.01
    assert float(found.mean()) == pytest.approx(float(finer.mean()), abs=1e-3)


def linear_vae(latent: int, slope: float, log_std: float) -> tuple[LiveRun, MultivariateNormal]:
    """Return a VAE whose decoder is N(W z + b, σ² I), and its density in data units."""
    live = LiveRun(new_run(RunConfig.from_flat({"architecture": "vae", "latent": latent})))
    model = vae_of(live)
    with torch.no_grad():
        model.decoder.last.weight.zero_()
        model.decoder.last.bias[:2] = torch.tensor([0.3, -0.2])
        model.decoder.last.bias[2:] = log_std
        model.decoder.straight.weight.mul_(slope)
        middle, log_stds = model.decoder(torch.zeros(1, latent))
        w, shift = model.decoder.straight.weight.double(), middle[0].double()
        covariance = w @ w.T + torch.diag(torch.exp(2 * log_stds[0].double()))
        # x = m + S y, with S diagonal.
        corners = model.standardization.forward(torch.tensor([[0.0, 0.0], [1.0, 1.0]]))[0].double()
    scale = torch.diag(corners[1] - corners[0])
    return live, MultivariateNormal(corners[0] + scale @ shift, scale @ covariance @ scale)


@pytest.mark.parametrize(
    ("latent", "slope", "log_std", "steep"),
    [(2, 1.0, -1.0, False), (2, 0.5, -3.0, False), (2, 3.0, -8.0, True), (1, 3.0, -3.0, False)],
)
def test_the_quadrature_is_that_of_a_linear_decoder_or_says_that_it_is_an_estimate(
    latent: int, slope: float, log_std: float, steep: bool
) -> None:
    live, known = linear_vae(latent, slope, log_std)
    x = known.sample((4000,)).float()
    with torch.inference_mode():
        off = vae_of(live).log_prob(x).double() - known.log_prob(x.double())
    assert vae_of(live).is_estimate() == steep
    # The quadrature ends at 4.5 standard deviations of the latent: only points there are off more.
    assert (float(off.abs().quantile(0.99)) > 0.05) == steep
    kind = "estimate" if steep else "exact"
    picture = density_picture(live, new_run(live.config), fine=True)
    assert picture is not None
    measured = take_snapshot(live, new_run(live.config), fine=False).measurements
    assert (live.exactness, picture.exactness, measured["held_out"].exactness) == (kind,) * 3
    assert measured["bound"].exactness == "bound"


def test_a_mixture_leaves_out_only_what_does_not_count() -> None:
    rng = torch.Generator().manual_seed(0)
    mean, log_std = torch.randn(500, 2, generator=rng), torch.randn(500, 2, generator=rng) - 3
    mixture = GaussianMixture(torch.full((500,), -math.log(500)), mean, log_std)
    x = 3 * torch.randn(700, 2, generator=rng)
    each = torch.distributions.Normal(mean.double(), log_std.double().exp())
    all_of_them = each.log_prob(x[:, None].double()).sum(-1).logsumexp(1) - math.log(500)
    assert torch.allclose(mixture.log_prob(x).double(), all_of_them, rtol=1e-4, atol=1e-3)


def test_the_picture_of_a_vae_is_that_of_its_log_density() -> None:
    model = vae_of(trained("vae", width=16))
    x, y = torch.linspace(-2, 3, 20), torch.linspace(-1, 2, 15)
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).reshape(-1, 2)
    with torch.inference_mode():
        expected = model.log_prob(grid).exp().reshape(15, 20)
    assert torch.allclose(model.density_on_axes(x, y), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_the_elbo_of_a_vae_is_below_its_log_likelihood(seed: int) -> None:
    live = trained("vae", steps=30, seed=seed, width=16)
    x = live.held_out[:200]
    with torch.inference_mode():
        elbo, exact = vae_of(live).bound(x, 64), vae_of(live).log_prob(x)
        better = vae_of(live).importance_bound(x, 64)
    assert float(elbo.mean()) < float(better.mean()) <= float(exact.mean()) + 0.01


def test_the_elbo_of_a_vae_is_that_of_an_independent_estimate() -> None:
    live = trained("vae", width=16)
    vae, x = vae_of(live).requires_grad_(False), live.held_out[:20]
    y, log_det = vae.standardization.inverse(x)
    mean, log_std = vae.encoder(y)
    posterior = torch.distributions.Normal(mean, log_std.exp())
    z = posterior.sample((1000,))
    center, log_scale = vae.decoder(z.reshape(-1, 2))
    likelihood = torch.distributions.Normal(center, log_scale.exp())
    log_x = likelihood.log_prob(y.repeat(1000, 1)).sum(-1).view(1000, 20)
    log_z = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(-1)
    estimate = (log_x + log_z - posterior.log_prob(z).sum(-1)).mean(0) + log_det
    assert torch.allclose(vae.bound(x, 1000), estimate, atol=0.25)
    assert float(vae.bound(x, 1000).mean()) == pytest.approx(float(estimate.mean()), abs=0.05)


def test_the_log_density_of_a_diagonal_gaussian() -> None:
    x, mean, log_std = torch.randn(3, 5, 2)
    expected = torch.distributions.Normal(mean, log_std.exp()).log_prob(x).sum(-1)
    assert torch.allclose(gaussian_log_prob(x, mean, log_std), expected, atol=1e-5)


def test_beta_changes_the_gradient_of_a_vae_and_not_its_value() -> None:
    losses = []
    for beta in (1, 4):
        vae = vae_of(trained("vae", steps=1, beta=beta)).train().requires_grad_(False)
        torch.manual_seed(0)
        losses.append(float(vae.loss(torch.zeros(8, 2))))
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


def diffusion_of(live: LiveRun) -> Diffusion:
    assert isinstance(live.model, Diffusion)
    return live.model


def test_the_density_of_diffusion_integrates_to_one() -> None:
    live = trained("diffusion", width=16, depth=4)
    assert mass(live.model, 81) == pytest.approx(1, abs=0.01)


def test_the_divergence_of_diffusion_is_the_trace_of_its_jacobian() -> None:
    field = diffusion_of(trained("diffusion", width=16, depth=2)).double().field
    for time in (0.1, 0.5, 0.95):
        t, x = torch.tensor(time, dtype=torch.float64), torch.randn(6, 2, dtype=torch.float64)
        value, divergence = field.with_divergence(t, x)
        jacobian = torch.autograd.functional.jacobian(lambda y, t=t: field(t, y).sum(0), x)
        assert torch.allclose(torch.einsum("iji->j", jacobian), divergence)
        assert torch.allclose(value, field(t, x))


def test_levels_of_diffusion_lie_between_base_and_data() -> None:
    flow = diffusion_of(trained("diffusion", width=32, depth=3))
    x = torch.randn(50, 2)
    with torch.inference_mode():
        first, last = flow.layer_log_prob(0, x), flow.layer_log_prob(4, x)
        states, log_dets = flow.inverse_states(x)
        z, log_det = flow.inverse(x)
    assert torch.allclose(first, flow.base.log_prob(x))
    assert torch.allclose(last, flow.log_prob(x))
    # One solve and one after the other are the same map, each up to the solver's error.
    assert torch.allclose(states[0], z, atol=0.02)
    assert torch.allclose(log_dets.sum(0), log_det, atol=0.02)


def test_the_density_of_diffusion_is_that_of_a_finer_solver() -> None:
    flow = diffusion_of(trained("diffusion", width=32, depth=3))
    x = flow.sample(100, 1.5, torch.Generator().manual_seed(0))
    with torch.inference_mode():
        found = flow.log_prob(x).double()
        # In float64 the tolerance is 1e-8.
        exact = flow.double().log_prob(x.double())
    # The tolerance is one of the root mean square over the batch, at each step.
    assert float((found - exact).square().mean().sqrt()) < 0.02
    assert float(found.mean()) == pytest.approx(float(exact.mean()), abs=0.005)


def test_a_moving_picture_of_diffusion_is_near_and_says_that_it_is_an_estimate() -> None:
    live = trained("diffusion", steps=150, width=32, depth=3)
    flow, x = diffusion_of(live), live.held_out[:200]
    with torch.inference_mode():
        exact = flow.log_prob(x).exp()
        before = flow.field.evaluations
        with flow.quickly() as rough:
            assert rough
            quick = flow.log_prob(x).exp()
        assert flow.field.evaluations - before < 30
        assert torch.equal(flow.log_prob(x).exp(), exact)
    assert float((quick - exact).square().mean().sqrt()) < 0.01 * float(exact.max())
    assert float((quick - exact).abs().max()) < 0.1 * float(exact.max())
    state = new_run(live.config)
    for fine, exactness in ((False, "estimate"), (True, "exact")):
        picture = density_picture(live, state, fine)
        assert picture is not None
        assert picture.exactness == exactness


def test_the_still_of_diffusion_has_fewer_cells_and_is_solved_to_the_tolerance() -> None:
    live = trained("diffusion", steps=150, width=32, depth=3)
    problem = live.config.problem()
    assert problem.window is not None
    still = density_picture(live, new_run(live.config), fine=True)
    assert still is not None
    assert still.exactness == "exact"
    assert still.code.shape == (FINE_SOLVED_CELLS, FINE_SOLVED_CELLS)
    assert FINE_SOLVED_CELLS < FINE_CELLS / 1.9
    centres = cell_centres(problem.window, FINE_SOLVED_CELLS)
    exact = model_density(diffusion_of(live), centres, live.device)
    assert np.array_equal(still.code, encode_density(exact, still.scale))


def test_the_held_out_loss_of_diffusion_is_near_while_it_trains_and_exact_at_rest() -> None:
    state, _ = slices.train_slice(
        new_run(RunConfig(architecture="diffusion", width=32, depth=3)), steps=150
    )
    before = replace(state, held_out_curve=state.held_out_curve[:1])
    found = {}
    for still, exactness in ((False, "estimate"), (True, "exact")):
        live = LiveRun(before)
        evaluations = diffusion_of(live).field.evaluations
        before, live = slices._judge(before, before, live, still=still)
        assert diffusion_of(live).field.evaluations > evaluations
        measured = take_snapshot(live, before, fine=False).measurements["held_out"]
        assert measured.exactness == exactness
        assert len(before.held_out_curve) == 2
        found[exactness] = measured.value
    assert found["estimate"] == pytest.approx(found["exact"], abs=0.01)
    assert found["exact"] == state.held_out_curve[-1, 1]
    again, _ = slices._judge(before, before, LiveRun(before), still=False)
    assert again is before, "what is known exactly is not looked at roughly"


def test_samplers_of_diffusion_draw_from_one_distribution() -> None:
    drawn = {
        sampler: trained("diffusion", width=16, sampler=sampler, sample_steps=100)
        .model.sample(1000, 1.0, torch.Generator().manual_seed(0))
        .double()
        for sampler in ("ode", "heun", "ancestral")
    }
    assert torch.allclose(drawn["ode"], drawn["heun"], atol=0.15)
    assert metrics.energy_distance(drawn["ode"], drawn["ancestral"]) < 0.02


@pytest.mark.parametrize("loss", ["r1", "gradient_penalty", "plain", "wasserstein"])
def test_each_network_of_a_gan_has_the_gradient_of_its_own_loss(loss: str) -> None:
    gan = trained("gan", steps=3, width=8, gan_loss=loss).model.double()
    assert isinstance(gan, GAN)
    gan.train()
    x = torch.randn(16, 2).double()
    torch.manual_seed(0)
    value, pieces = gan.loss_and_gradient(x)
    torch.manual_seed(0)
    expected_value = gan.loss(x)
    of_discriminator = list(gan.discriminator.parameters())
    own = torch.autograd.grad(expected_value, of_discriminator, materialize_grads=True)
    torch.manual_seed(0)
    z = torch.randn(16, gan.latent).double()
    score = gan.discriminator(gan.generator(z))
    fooled = -score if loss == "wasserstein" else torch.nn.functional.softplus(-score)
    of_generator = torch.autograd.grad(fooled.mean(), list(gan.generator.parameters()))
    assert float(value) == pytest.approx(float(expected_value.detach()), abs=1e-12)
    for found, expected in zip(pieces, [*of_generator, *own], strict=True):
        torch.testing.assert_close(found, expected, atol=1e-12, rtol=1e-9)


@pytest.mark.parametrize(
    ("architecture", "settings"),
    [("vae", {}), ("vae", {"latent": 1}), ("vae", {"beta": 0.3}), ("diffusion", {})],
)
def test_the_gradient_without_a_graph_is_that_of_autograd(
    architecture: str, settings: dict[str, float]
) -> None:
    model = trained(architecture, steps=3, width=8, **settings).model.double()
    x = torch.randn(16, 2).double()
    torch.manual_seed(0)
    value, pieces = model.loss_and_gradient(x)
    torch.manual_seed(0)
    expected_value, expected = Model.loss_and_gradient(model, x)
    assert float(value) == pytest.approx(float(expected_value.detach()), abs=1e-12)
    for found, wanted in zip(pieces, expected, strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-12, rtol=1e-9)


def test_all_contestants_see_the_same_batches() -> None:
    hashes = set()
    for name in ARCHITECTURES:
        config = RunConfig(architecture=name, samples=500, batch_size=64, seed=3)
        objective = LossOnData(config, torch.device("cpu"))
        source = generator(config.seed, "batches")
        digest = hashlib.sha256()

        class Watching(torch.nn.Module):
            seen: ClassVar[list[torch.Tensor]] = []

            def loss_and_gradient(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
                self.seen.append(x)
                return x.sum(), []

        watching = Watching()
        for _ in range(5):
            torch.randn(3)  # what a model draws comes from another stream
            objective.loss_and_gradient(watching, source)  # type: ignore[arg-type]
        for batch in Watching.seen:
            digest.update(batch.numpy().tobytes())
        hashes.add(digest.hexdigest())
    assert len(hashes) == 1


def test_sliced_wasserstein_is_that_of_pot() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 2)), rng.normal(1, 2, size=(300, 2))
    lines = metrics.directions(2).numpy().T
    expected = ot.sliced_wasserstein_distance(x, y, projections=lines, p=2)
    assert metrics.sliced_wasserstein(*map(torch.from_numpy, (x, y))) == pytest.approx(expected)


def test_energy_distance_is_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=300), rng.normal(1, 2, size=200)
    found = metrics.energy_distance(*(torch.from_numpy(v)[:, None] for v in (x, y)))
    assert found == pytest.approx(scipy_energy_distance(x, y) ** 2)


def test_precision_and_recall_are_those_of_nearest_neighbours() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 2)), rng.normal(1, 1, size=(250, 2))

    def covered(points: FloatArray, by: FloatArray) -> float:
        reach = NearestNeighbors(n_neighbors=4).fit(by).kneighbors(by)[0][:, -1]
        return float((np.linalg.norm(points[:, None] - by, axis=-1) <= reach).any(1).mean())

    found = metrics.precision_and_recall(torch.from_numpy(x), torch.from_numpy(y))
    assert found == pytest.approx((covered(x, y), covered(y, x)))


def test_modes_that_are_left_out_are_counted() -> None:
    centres = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0], [5.0, 5.0]])
    data = np.repeat(centres, 100, 0)
    samples = np.concatenate([np.repeat(centres[:3], 100, 0), np.repeat(centres[3:], 10, 0)])
    assert metrics.modes_found(samples, data, centres, 0.5) == 0.75
    assert metrics.modes_found(data, data, centres, 0.5) == 1


def test_metrics_say_what_data_against_data_come_to() -> None:
    found = metrics.sample_metrics(trained("gan", steps=2, width=8, target="eight_gaussians"))
    assert set(found) == {"sliced_w2", "energy_distance", "precision", "recall", "modes"}
    assert found["modes"]["data"] == 1
    assert found["sliced_w2"]["data"] < found["sliced_w2"]["value"]
    assert 0 < found["sliced_w2"]["error"] < 0.1
