"""Glow: blocks of activation normalization, an invertible linear map and an affine coupling."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from flowplay.flows.base import Bijection
from flowplay.flows.realnvp import AffineCoupling

#: Keeps a column that does not vary from being scaled without bound.
EPSILON = 1e-6


class ActNorm(Bijection):
    r"""Scale and shift each coordinate: :math:`x = e^{s} \odot z + b`.

    The first batch that it normalizes in training mode sets s and b, so that this batch leaves
    with zero mean and unit variance; after that they are trained.

    Args:
        dim: D.

    References:
        Kingma & Dhariwal, Glow: Generative Flow with Invertible 1x1 Convolutions, 2018.
    """

    initialized: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(dim))
        self.shift = nn.Parameter(torch.zeros(dim))
        self.register_buffer("initialized", torch.tensor(False))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate: scale and shift."""
        return z * self.log_scale.exp() + self.shift, self.log_scale.sum().expand(len(z))

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalize: shift and scale back."""
        if self.training and not self.initialized:
            self._initialize(x)
        return (x - self.shift) * (-self.log_scale).exp(), -self.log_scale.sum().expand(len(x))

    @torch.no_grad()
    def _initialize(self, x: Tensor) -> None:
        self.shift.copy_(x.mean(0))
        self.log_scale.copy_((x.std(0, correction=0) + EPSILON).log())
        self.initialized.fill_(True)


class InvertibleLinear(Bijection):
    r"""A full linear map, kept as :math:`W = P L U`, :math:`z = W x` in the normalizing direction.

    P is a fixed permutation, L lower triangular with ones, U upper triangular with diagonal
    :math:`\pm e^{d}`. Then :math:`\log|\det W| = \sum_i d_i`, in O(D), and generating is two
    triangular solves. It starts by reversing the coordinates, so that the next coupling maps what
    the last one kept; a random rotation, as in the paper, mixes two coordinates less well on
    average (circles, seed 1, after 2,100 steps: a gap of 0.60 instead of 0.18 nats).

    Args:
        dim: D.

    References:
        Kingma & Dhariwal, Glow: Generative Flow with Invertible 1x1 Convolutions, 2018.
    """

    permutation: Tensor
    sign: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        permutation, lower, upper = torch.linalg.lu(torch.eye(dim).flip(0))
        diagonal = upper.diagonal()
        self.register_buffer("permutation", permutation)
        self.register_buffer("sign", diagonal.sign())
        self.lower = nn.Parameter(lower.tril(-1))
        self.upper = nn.Parameter(upper.triu(1))
        self.log_diagonal = nn.Parameter(diagonal.abs().log())

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate: undo P, solve with L, then with U."""
        lower, upper = self._factors()
        y = (z @ self.permutation).t()
        y = torch.linalg.solve_triangular(lower, y, upper=False, unitriangular=True)
        y = torch.linalg.solve_triangular(upper, y, upper=True)
        return y.t(), -self.log_diagonal.sum().expand(len(z))

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalize: multiply."""
        return x @ self.matrix().t(), self.log_diagonal.sum().expand(len(x))

    def matrix(self) -> Tensor:
        """Return W [D, D]."""
        lower, upper = self._factors()
        return self.permutation @ lower @ upper

    def _factors(self) -> tuple[Tensor, Tensor]:
        lower = self.lower.tril(-1) + torch.eye(len(self.lower)).to(self.lower)
        upper = self.upper.triu(1) + torch.diag(self.sign * self.log_diagonal.exp())
        return lower, upper


def glow(dim: int, depth: int, width: int) -> list[Bijection]:
    """Build `depth` blocks of a coupling, a linear map and an activation normalization.

    In the normalizing direction a block is met as the paper has it: normalization first.
    """
    layers: list[Bijection] = []
    for _ in range(depth):
        layers += [AffineCoupling(dim, width, swap=False), InvertibleLinear(dim), ActNorm(dim)]
    return layers
