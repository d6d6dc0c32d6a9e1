"""The density that a flow starts from: a mixture of Gaussians, with its exact density."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from flowplay.catalog import FLOW_FAMILIES
from flowplay.config import RunConfig
from flowplay.errors import RefusedError
from flowplay.flows import Flow, GaussianMixture, Standardization, StandardNormal, build_flow
from flowplay.training import new_run
from flowplay.training.ledger import point_ledger

#: A family whose layers are all links, and one whose layers are none.
FAMILIES = ("realnvp", "planar")


def moved(dim: int = 2, components: int = 3) -> GaussianMixture:
    """Return a mixture that is not symmetric any more, in float64."""
    base = GaussianMixture(dim, components).double()
    noise = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in base.parameters():
            parameter.add_(
                0.4 * torch.randn(parameter.shape, generator=noise, dtype=parameter.dtype)
            )
    return base


def test_the_mixture_has_the_density_that_scipy_says() -> None:
    base = moved(dim=3)
    z = torch.randn(50, 3, dtype=torch.float64)
    expected = sum(
        float(weight) * stats.multivariate_normal(mean.numpy(), float(std) ** 2).pdf(z.numpy())
        for weight, mean, std in zip(
            base.weights().detach(), base.means().detach(), base.stds().detach(), strict=True
        )
    )
    np.testing.assert_allclose(base.log_prob(z).detach().exp(), expected, rtol=1e-12)


def test_in_the_plane_the_first_mixture_has_the_variance_of_standardized_data() -> None:
    base = GaussianMixture(2, 8)
    covariance = base.means().T @ base.means() / 8 + base.stds()[0] ** 2 * torch.eye(2)
    torch.testing.assert_close(covariance.detach(), torch.eye(2))


@pytest.mark.parametrize("base", [StandardNormal(2), moved()], ids=["normal", "mixture"])
def test_the_gradient_by_hand_is_that_of_autograd(base: StandardNormal | GaussianMixture) -> None:
    z = torch.randn(2, 7, dtype=torch.float64, requires_grad=True)
    log_prob, g_z, g_parameters = base.log_prob_and_gradient(z.detach(), 0.3)
    expected = base.log_prob(z.t())
    wanted = torch.autograd.grad(-0.3 * expected.sum(), [z, *base.parameters()])
    torch.testing.assert_close(log_prob, expected.detach())
    for found, right in zip([g_z, *g_parameters], wanted, strict=True):
        torch.testing.assert_close(found, right)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_flow_with_a_mixture_is_trained_by_its_exact_likelihood(name: str) -> None:
    flow = build_flow(name, depth=2, width=8, base_components=3).double()
    x = torch.randn(9, 2, dtype=torch.float64)
    value, gradients = flow.loss_and_gradient(x)
    loss = -flow.log_prob(x).mean()
    wanted = torch.autograd.grad(loss, list(flow.parameters()), materialize_grads=True)
    torch.testing.assert_close(value, loss.detach())
    for found, right in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(found, right)


def test_the_density_of_a_flow_with_a_mixture_integrates_to_one() -> None:
    flow = build_flow("nsf", depth=2, width=8, base_components=3)
    flow.base = moved().float()
    line = torch.linspace(-6, 6, 301)
    grid = torch.cartesian_prod(line, line)
    with torch.no_grad():
        total = flow.eval().log_prob(grid).double().exp().sum() * (line[1] - line[0]) ** 2
    assert float(total) == pytest.approx(1, abs=2e-3)


def test_samples_are_of_the_mixture_and_cool_to_its_means() -> None:
    flow = build_flow("realnvp", depth=1, width=4, base_components=3)
    flow.base = moved().float()
    drawn = flow.base_sample(20_000, torch.Generator().manual_seed(0))
    means, weights = flow.base.means().detach(), flow.base.weights().detach()
    torch.testing.assert_close(drawn.mean(0), weights @ means, atol=0.03, rtol=0)
    cold = flow.base_sample(5_000, torch.Generator().manual_seed(0), 0.0)
    nearest = torch.cdist(cold, means).min(1)
    assert float(nearest.values.max()) < 1e-6
    share = torch.bincount(nearest.indices, minlength=3) / len(cold)
    torch.testing.assert_close(share, weights, atol=0.03, rtol=0)


def test_the_ledger_of_a_mixture_adds_up() -> None:
    flow = build_flow("realnvp", depth=2, width=8, base_components=2)
    ledger = point_ledger(flow, 2, (0.5, -1.0))
    base = flow.base.log_prob(torch.from_numpy(ledger.states[:1])).item()
    assert ledger.base_log_prob == pytest.approx(base, abs=1e-6)
    assert ledger.total == pytest.approx(ledger.log_prob, abs=1e-9)


@pytest.mark.parametrize("name", [n for n in FLOW_FAMILIES if n != "flow_matching"])
def test_the_default_is_the_standard_normal_without_a_parameter(name: str) -> None:
    flow = build_flow(name, depth=2, width=8)
    assert isinstance(flow.base, StandardNormal)
    assert not list(flow.base.parameters())
    assert not any("base" in key for key in flow.state_dict())
    assert isinstance(build_flow(name, depth=2, width=8, base_components=2).base, GaussianMixture)


def test_flow_matching_offers_no_mixture() -> None:
    with pytest.raises(ValueError, match="base_components"):
        build_flow("flow_matching", base_components=2)


def test_a_fixed_order_never_changes_the_part_that_is_kept() -> None:
    flow = build_flow("realnvp", depth=6, width=8, order="fixed", seed=1)
    flow = Flow([*flow.bijections, Standardization(torch.ones(2), 2 * torch.ones(2))], 2)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape))
    z = torch.randn(100, 2)
    x, _ = flow.forward(z)
    torch.testing.assert_close(x[:, 0], 1 + 2 * z[:, 0])
    assert not torch.allclose(x[:, 1], 1 + 2 * z[:, 1], atol=0.1)


def test_a_mixture_is_refused_where_its_weights_would_get_no_gradient() -> None:
    config = RunConfig(target="u1", depth=2, width=8, options={"base_components": 2})
    with pytest.raises(RefusedError, match="Set Gaussians of the base to 1"):
        new_run(config)
