"""Numbers and claims of the guide's text, each computed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from flowplay.flows import build_flow
from flowplay.flows.residual import SERIES_TERMS
from flowplay.guide import SECTIONS
from flowplay.kernels.layout import LIPSCHITZ

TEXT = {section.key: section.text for section in SECTIONS}


def shown(key: str, *numbers: str) -> None:
    """Assert that a section says these numbers."""
    for number in numbers:
        assert number in TEXT[key], number


def test_the_log_det_by_hand() -> None:
    z = torch.tensor([0.5, 1.0], dtype=torch.float64)

    def coupling(z: torch.Tensor) -> torch.Tensor:
        """One whose network gives s, t and their slopes at z₁ = 0.5 as the text says."""
        s = 0.3 + 0.4 * (z[0] - 0.5)
        t = -0.2 + 0.1 * (z[0] - 0.5)
        return torch.stack([z[0], z[1] * s.exp() + t])

    x = coupling(z)
    jacobian = torch.autograd.functional.jacobian(coupling, z)
    log_det = math.log(abs(float(torch.linalg.det(jacobian))))
    base = -math.log(2 * math.pi) - float(z.square().sum()) / 2
    assert log_det == pytest.approx(0.3)
    shown("by-hand", f"{x[1]:.4f}", f"{jacobian[1, 0]:.4f}", f"{jacobian[1, 1]:.4f}")
    shown("by-hand", f"{base:.4f}", f"{base - log_det:.4f}")


def test_densities_may_exceed_1_and_entropies_may_be_negative() -> None:
    shown("negative-nll", f"{math.log(100):.1f}", f"{2 * math.log(100):.1f}")
    std = 1 / math.sqrt(2 * math.pi * math.e)
    shown("negative-nll", f"{std:.3f}")


def test_couplings_that_keep_the_same_part_are_together_one_affine_coupling() -> None:
    flow = build_flow("realnvp", depth=12, width=8, order="fixed").double()
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    z2 = torch.linspace(-2, 2, 9, dtype=torch.float64)
    with torch.no_grad():
        x, _ = flow.forward(torch.stack([torch.full_like(z2, 0.7), z2], 1))
    torch.testing.assert_close(x[:, 0], torch.full_like(z2, 0.7))
    bend = x[:, 1].diff().diff()
    torch.testing.assert_close(bend, torch.zeros_like(bend))
    assert abs(float(x[1, 1] - x[0, 1]) - 0.5) > 1e-3, "the layers do something"


@pytest.mark.parametrize("t", [0.1, 0.5, 0.9])
def test_the_velocity_of_flow_matching_follows_from_the_score(t: float) -> None:
    """For Gaussian data both are known: x ~ N(m, s²), z ~ N(0, 1)."""
    m, s = 1.3, 0.4
    y = np.linspace(-2, 3, 11)
    mean, variance = t * m, t**2 * s**2 + (1 - t) ** 2
    velocity = m + (t * s**2 - (1 - t)) / variance * (y - mean)
    score = -(y - mean) / variance
    np.testing.assert_allclose((y + (1 - t) * score) / t, velocity, rtol=1e-12)


def test_points_that_follow_the_mean_velocity_arrive_at_the_data() -> None:
    m, s = 1.3, 0.4
    points = np.array([-1.0, 0.0, 1.0])
    for t in (np.arange(2000) + 0.5) / 2000:
        variance = t**2 * s**2 + (1 - t) ** 2
        points = points + (m + (t * s**2 - (1 - t)) / variance * (points - t * m)) / 2000
    np.testing.assert_allclose(points, m + s * np.array([-1.0, 0.0, 1.0]), atol=2e-3)


def test_how_many_steps_a_fixed_point_takes() -> None:
    for contraction in (0.5, LIPSCHITZ):
        steps = math.ceil(math.log(1e-6) / math.log(contraction))
        shown("inversion", f"L = {contraction}", f"{steps}")


def test_the_cut_off_series_is_wrong_by_no_more_than_said() -> None:
    n, dim = SERIES_TERMS, 2

    def bound(lipschitz: float) -> float:
        return dim * lipschitz ** (n + 1) / ((n + 1) * (1 - lipschitz))

    shown("inversion", f"{bound(0.5):.3f}", f"{bound(0.97):.1f}", f"n = {n}")
    random = np.random.default_rng(0)
    for lipschitz in (0.5, 0.97):
        for _ in range(50):
            a = random.normal(size=(dim, dim))
            a *= lipschitz / np.linalg.norm(a, 2)
            series = sum(
                (-1) ** (k + 1) / k * np.trace(np.linalg.matrix_power(a, k))
                for k in range(1, n + 1)
            )
            exact = np.linalg.slogdet(np.eye(dim) + a)[1]
            assert abs(series - exact) <= bound(lipschitz) + 1e-12
