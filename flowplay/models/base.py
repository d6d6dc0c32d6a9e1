"""What learns: the contract between a model and training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Model(nn.Module, ABC):
    """A generative model of points [B, D], trained by a loss on batches of them.

    What a model draws while it computes its loss comes from torch's default generator, which
    training sets to a stream of the run's own. Estimates belong in training mode; in evaluation
    mode everything is as exact as the catalog says.
    """

    #: D, the dimension of the points.
    dim: int

    #: Whether `loss` is the mean negative log-likelihood, in nats: only then is it called so.
    trained_by_likelihood: bool = False

    #: Adam's memory of gradients and of their squares, if not the usual ones.
    betas: tuple[float, float] | None = None

    @abstractmethod
    def loss(self, x: Tensor) -> Tensor:
        """Return what training minimizes (scalar) on data x [B, D]."""

    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return `loss` of x [B, D], and its gradient in pieces, in the order of the parameters.

        Flattened and joined, the pieces are the gradient by the joined parameters: one piece for
        each of them, or one for all.
        What is returned is to be read, not to be differentiated again.
        """
        loss = self.loss(x)
        parameters = list(self.parameters())
        return loss.detach(), list(torch.autograd.grad(loss, parameters, materialize_grads=True))

    @abstractmethod
    def sample(
        self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw n points [n, D], without gradient.

        Args:
            n: number of points.
            temperature: scales the spread of the noise that the points are made of; 1 draws from
                the model itself.
            generator: source of randomness, for draws that can be repeated.
        """

    @contextmanager
    def quickly(self, *, judging: bool = False) -> Iterator[bool]:
        """Let densities and samples inside the block be as near as what moves needs.

        Yields whether they then are less near than otherwise; they are not, by default.

        Args:
            judging: whether the mean of log-densities is wanted, to 0.01 nats, and not a picture.
        """
        yield False

    def initialize_from(self, x: Tensor) -> None:
        """Let layers that take their start from data see some of it: x [n, D], before training."""


class LikelihoodModel(Model):
    """A model that gives points a log-density, exactly or as a lower bound."""

    @abstractmethod
    def log_prob(self, x: Tensor) -> Tensor:
        """Return the log-density [B] of data x [B, D], in nats, or its lower bound.

        Of images whose levels are whole numbers it is the log-probability.
        """

    def is_estimate(self) -> bool:
        """Tell whether `log_prob` is less exact than the catalog says, with the weights of now."""
        return False

    def density_on_axes(self, x: Tensor, y: Tensor) -> Tensor | None:
        """Return the density [H, W] at all pairs of y [H] and x [W], in 1 / (data unit)^2.

        None where that is not quicker than `log_prob` point by point, as by default.
        """
        return None


class BoundModel(LikelihoodModel):
    """A model whose log-density is an integral, of which it estimates lower bounds by draws."""

    @abstractmethod
    def bound(self, x: Tensor, draws: int) -> Tensor:
        """Return the mean over draws of the bound of log p(x) [B] of data x [B, D], in nats."""

    @abstractmethod
    def importance_bound(self, x: Tensor, draws: int) -> Tensor:
        """Return the importance-weighted bound of log p(x) [B] of data x [B, D], in nats.

        References:
            Burda, Grosse & Salakhutdinov, Importance Weighted Autoencoders, 2016.
        """


class SamplingModel(LikelihoodModel):
    """A model that knows the log-density of its own draws: what variational inference needs."""

    @abstractmethod
    def rsample_and_log_prob(
        self, n: int, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw n points; return them [n, D] and their log-density [n] in nats, with gradients.

        Both are differentiable by the parameters: the noise is drawn first, and the points are a
        function of it and of the parameters.

        Args:
            n: number of points.
            generator: source of randomness; torch's default generator if None.
        """
