"""What a slice minimizes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from flowplay.config import RunConfig
from flowplay.errors import RefusedError
from flowplay.flows import Flow, StandardNormal
from flowplay.models import BoundModel, LikelihoodModel, Model, SamplingModel
from flowplay.problems import DataProblem, Energy, ImageProblem, learns_from_draws
from flowplay.training.data import HELD_OUT, held_out_points, training_points
from flowplay.training.streams import generator
from flowplay.wire import Exactness

#: Points from which layers that start from data take their start.
FIRST_LOOK = 4096

#: Points or draws whose density is checked after every slice.
SOUNDNESS_POINTS = 256

#: Points whose density is computed at once, so that memory stays bounded.
BLOCK = 4096


class Judged(NamedTuple):
    """A number by which a run is judged, on what no training step sees.

    Attributes:
        name: as a snapshot has it.
        label: as a legend has it.
        unit: `nats` for instance; empty where it has none.
        exactness: how it stands to what it is called.
    """

    name: str
    label: str
    unit: str
    exactness: Exactness


#: The held-out loss of a model that is trained by a bound and has its likelihood beside it.
BOUND = Judged("bound", "held-out bound of the NLL", "nats", "bound")


class Learner(Protocol):
    """What takes a step on a batch."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Return what is trained."""

    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the loss of so many points, and its gradient."""


class Objective(ABC):
    """A loss and its gradient, drawn anew for every optimizer step.

    Attributes:
        scaling_points: [n, D] points from which a model takes location and scale.
        held_out: [m, D] points that no training step sees.
    """

    scaling_points: Tensor
    held_out: Tensor

    @abstractmethod
    def name(self, model: Model) -> tuple[str, str]:
        """Return what the loss is, as a legend has it, and its unit; empty where it has none."""

    @abstractmethod
    def loss_and_gradient(
        self, model: Model, batches: torch.Generator, part: float = 1.0
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the loss (scalar) and its gradient by each parameter of the model.

        Args:
            model: in training mode.
            batches: the generator from which batches are drawn, and nothing else.
            part: of the budget that is used up, in [0, 1], as `schedule.annealed` counts it.
        """

    @abstractmethod
    def judged(self, model: Model) -> tuple[Judged, ...]:
        """Return what `judge` finds: the run's held-out loss first; nothing for some models."""

    @abstractmethod
    def judge(self, model: Model, n: int = HELD_OUT) -> list[float]:
        """Return the values of what `judged` names, from n points or draws, without gradient."""

    @abstractmethod
    def is_sound(self, model: Model) -> bool:
        """Tell whether the first few densities are finite numbers, if the model has any."""

    def settled(self, part: float) -> bool:
        """Tell whether what is minimized is what is judged, where this part of the budget is used.

        It is so by default.
        """
        return True

    def check(self, model: Model) -> None:  # noqa: B027
        """Refuse a model that cannot be trained by this; by default, none.

        Raises:
            RefusedError: if it cannot; the message is one sentence.
        """

    def initialize(self, model: Model) -> None:
        """Let layers that take their start from data see some of it; the model is in training."""
        model.initialize_from(self.scaling_points[:FIRST_LOOK])

    def on_batches(self, model: Model) -> Learner:
        """Return what takes a step on a given batch, to measure what a step costs."""
        return model


class LossOnData(Objective):
    """The loss of the model on a batch of training points, drawn with replacement.

    It is the mean negative log-likelihood, in nats, or a loss of the model's own.

    Args:
        config: the run's config.
        device: where the points are put.
    """

    def __init__(self, config: RunConfig, device: torch.device) -> None:
        self.scaling_points = training_points(config).to(device)
        self.held_out = held_out_points(config).to(device)
        self._config = config
        self._device = device
        self._batch_size = config.batch_size
        self._loss_name = config.entry.loss_name

    def name(self, model: Model) -> tuple[str, str]:
        """Name the negative log-likelihood, or else the loss as the catalog does."""
        if not model.trained_by_likelihood:
            return self._loss_name, ""
        exact = self._config.entry.likelihood == "exact"
        if isinstance(self._config.problem(), ImageProblem):
            return "train" if exact else "train bound", "nats"
        return "train NLL" if exact else "train bound of the NLL", "nats"

    def loss_and_gradient(
        self, model: Model, batches: torch.Generator, part: float = 1.0
    ) -> tuple[Tensor, list[Tensor]]:
        """Draw a batch, and ask the model."""
        return model.loss_and_gradient(self.batch(batches))

    def batch(self, batches: torch.Generator) -> Tensor:
        """Draw a batch of training points [B, D]."""
        points = self.scaling_points
        index = torch.randint(len(points), (self._batch_size,), generator=batches)
        return points[index.to(points.device)]

    def judged(self, model: Model) -> tuple[Judged, ...]:
        """Name the held-out NLL, or the bound of it, where there is one."""
        likelihood = self._config.entry.likelihood
        if not isinstance(model, LikelihoodModel) or likelihood == "none":
            return ()
        of = "" if likelihood == "exact" else "bound of "
        images = isinstance(self._config.problem(), ImageProblem)
        label = f"held-out {of}bits/dim" if images else f"held-out {of and 'bound of the '}NLL"
        first = Judged("held_out", label, "nats", likelihood)
        # Of a model with both, the density is an integral that can be had exactly.
        both = likelihood == "exact" and isinstance(model, BoundModel)
        return (first, BOUND) if both else (first,)

    @torch.inference_mode()
    def judge(self, model: Model, n: int = HELD_OUT) -> list[float]:
        """Return the mean of -log_prob over n held-out points, in nats."""
        if not isinstance(model, LikelihoodModel):
            return []
        points = self._held_out(n)
        found = [held_out_nll(model, points)]
        if BOUND in self.judged(model) and isinstance(model, BoundModel):
            found.append(-float(model.bound(points, 1).double().mean()))
        return found

    @torch.inference_mode()
    def is_sound(self, model: Model) -> bool:
        """Look at the first held-out points, if the likelihood is what trains.

        That of other models may take as long as a slice, and is looked at when they are judged.
        """
        if not isinstance(model, LikelihoodModel) or not model.trained_by_likelihood:
            return True
        return bool(model.log_prob(self.held_out[:SOUNDNESS_POINTS]).isfinite().all())

    def _held_out(self, n: int) -> Tensor:
        points = self.held_out
        return points if n == HELD_OUT else held_out_points(self._config, n).to(self._device)


class EnergyJudge:
    r"""Judges a model q by an energy: both divergences, and importance sampling.

    With draws :math:`x_i \sim q`, weights :math:`w_i = e^{-U(x_i)} / q(x_i)`, and
    :math:`\log Z` by quadrature,

    .. math::
        \mathrm{ELBO} = \frac1n \sum_i \log w_i, \qquad
        \mathrm{KL}(q\|p) = \log Z - \mathrm{ELBO}, \qquad
        \log \hat Z = \log \frac1n \sum_i w_i, \qquad
        \mathrm{ESS} = \frac{(\sum_i w_i)^2}{n \sum_i w_i^2}

    The forward divergence is the mean of :math:`\log p - \log q` over exact points of the target.
    Draws and points are the same at every step, so that curves differ only by what was learned.

    Args:
        config: of a run on an energy.
        device: where the model is.

    References:
        Burda, Grosse & Salakhutdinov, Importance Weighted Autoencoders, 2016.
    """

    reverse = Judged("kl", "KL(q‖p)", "nats", "estimate")
    forward = Judged("forward_kl", "KL(p‖q)", "nats", "estimate")
    others = (
        Judged("elbo", "ELBO", "nats", "estimate"),
        Judged("log_z", "importance-weighted log Z", "nats", "estimate"),
        Judged("ess", "effective sample size", "", "estimate"),
    )

    def __init__(self, config: RunConfig, device: torch.device) -> None:
        self.energy = energy_of(config)
        self._config = config
        self._device = device

    def log_unnormalized(self, x: Tensor) -> Tensor:
        """Return -U [n] at points x [n, 2], in nats."""
        value: Tensor = self.energy.log_unnormalized(x[:, 0], x[:, 1], torch)
        return value

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the target's log-density [n] at points x [n, 2], in nats."""
        return self.log_unnormalized(x) - self.energy.log_z

    @torch.no_grad()
    def draws(self, model: SamplingModel, n: int) -> Tensor:
        """Return the log-weights [n] of n draws, float64."""
        x, log_q = model.rsample_and_log_prob(n, generator(self._config.seed, "judgement"))
        return self.log_unnormalized(x.double()) - log_q.double()

    @torch.inference_mode()
    def forward_kl(self, model: LikelihoodModel, n: int) -> float:
        """Return the forward divergence, from n exact points."""
        points = held_out_points(self._config, n).to(self._device)
        log_q = torch.cat([model.log_prob(block) for block in points.split(BLOCK)])
        return float((self.log_prob(points.double()) - log_q.double()).mean())

    def judge(self, model: SamplingModel, n: int) -> dict[str, float]:
        """Return all values by name."""
        log_w = self.draws(model, n)
        elbo = float(log_w.mean())
        sums = torch.logsumexp(log_w, 0), torch.logsumexp(2 * log_w, 0)
        count = torch.tensor(float(n)).log()
        return {
            "kl": self.energy.log_z - elbo,
            "forward_kl": self.forward_kl(model, n),
            "elbo": elbo,
            "log_z": float(sums[0] - count),
            "ess": float((2 * sums[0] - sums[1] - count).exp()),
        }


class ReverseKL(Objective):
    r"""The reverse divergence of a model q from an energy, on the model's own draws.

    .. math::
        \mathrm{KL}(q\|p) = \mathbb{E}_{x \sim q}\bigl[\log q(x) + U(x)\bigr] + \log Z

    While it anneals, the gradient is that of :math:`\log q + \beta U`, with :math:`\beta` rising
    from 0.01 to 1 in the first part of the budget; the value is always that of :math:`\beta = 1`.
    The constant :math:`\log Z` by quadrature only makes the value one of a divergence: it has no
    gradient.

    Args:
        config: of a run on an energy.
        device: where the model is.

    References:
        Rezende & Mohamed, Variational Inference with Normalizing Flows, 2015 (equation 20).
    """

    #: The factor of the energy at the first step.
    FIRST_BETA = 0.01

    def __init__(self, config: RunConfig, device: torch.device) -> None:
        self._judge = EnergyJudge(config, device)
        mean, std = map(torch.from_numpy, self._judge.energy.start)
        corners = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
        self.scaling_points = (mean + std * corners).to(device)
        self.held_out = held_out_points(config).to(device)
        self._batch_size = config.batch_size
        self._label = config.entry.label

    def name(self, model: Model) -> tuple[str, str]:
        """Name the divergence."""
        return "train KL(q‖p)", "nats"

    def beta(self, part: float) -> float:
        """Return the factor of the energy where this part of the budget is used up."""
        annealing = self._judge.energy.annealing
        share = 1.0 if annealing == 0 else min(1.0, part / annealing)
        return self.FIRST_BETA + (1 - self.FIRST_BETA) * share

    def settled(self, part: float) -> bool:
        """Tell whether the energy has its full weight."""
        return part >= self._judge.energy.annealing

    def loss_and_gradient(
        self, model: Model, batches: torch.Generator, part: float = 1.0
    ) -> tuple[Tensor, list[Tensor]]:
        """Draw a batch from the model, in one pass."""
        return self._loss_and_gradient(model, self._batch_size, batches, self.beta(part))

    def _loss_and_gradient(
        self, model: Model, n: int, batches: torch.Generator | None, beta: float
    ) -> tuple[Tensor, list[Tensor]]:
        assert isinstance(model, SamplingModel), "a model that has no draws is refused at its start"
        x, log_q = model.rsample_and_log_prob(n, batches)
        log_p = self._judge.log_unnormalized(x)
        loss = (log_q - beta * log_p).mean()
        parameters = list(model.parameters())
        gradient = torch.autograd.grad(loss, parameters, materialize_grads=True)
        value = loss.detach() + (beta - 1) * log_p.detach().mean() + self._judge.energy.log_z
        return value, list(gradient)

    def judged(self, model: Model) -> tuple[Judged, ...]:
        """Name the divergence, and what importance sampling tells."""
        return self._names

    _names = (
        EnergyJudge.reverse._replace(name="held_out"),
        *EnergyJudge.others,
        EnergyJudge.forward,
    )

    def judge(self, model: Model, n: int = HELD_OUT) -> list[float]:
        """Draw n points from the model."""
        assert isinstance(model, SamplingModel), "a model that has no draws is refused at its start"
        found = self._judge.judge(model, n)
        return [found["kl" if j.name == "held_out" else j.name] for j in self._names]

    @torch.no_grad()
    def is_sound(self, model: Model) -> bool:
        """Look at a few draws."""
        assert isinstance(model, SamplingModel), "a model that has no draws is refused at its start"
        return bool(self._judge.draws(model, SOUNDNESS_POINTS).isfinite().all())

    def check(self, model: Model) -> None:
        """Refuse a model without draws that have a log-density, or with a loss of its own."""
        if not isinstance(model, SamplingModel) or not model.trained_by_likelihood:
            raise RefusedError(
                f"{self._label} cannot be trained by the reverse KL: it learns from data, and an "
                "energy has none. Choose the forward KL, which learns from draws of the target, or "
                "another architecture."
            )
        if isinstance(model, Flow) and not isinstance(model.base, StandardNormal):
            # A draw's Gaussian is chosen at random: through that choice goes no gradient.
            raise RefusedError(
                f"{self._label} cannot be learned from a mixture by the reverse KL: the weights of "
                "its Gaussians would get no gradient. Set Gaussians of the base to 1, or choose "
                "the forward KL."
            )

    @torch.no_grad()
    def initialize(self, model: Model) -> None:
        """Let layers see draws of the base pass, in the direction of training."""
        assert isinstance(model, SamplingModel), "a model that has no draws is refused at its start"
        model.rsample_and_log_prob(FIRST_LOOK, torch.Generator().manual_seed(0))

    def on_batches(self, model: Model) -> Learner:
        """Return what draws as many points as a batch has."""
        return _OnDraws(model, self)


class _OnDraws:
    def __init__(self, model: Model, objective: ReverseKL) -> None:
        self._model = model
        self._objective = objective

    def parameters(self) -> Iterator[nn.Parameter]:
        return self._model.parameters()

    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        return self._objective._loss_and_gradient(self._model, len(x), None, 1.0)


class ForwardKL(LossOnData):
    r"""The forward divergence of a model from an energy: maximum likelihood on exact draws of it.

    .. math:: \mathrm{KL}(p\|q) = \mathbb{E}_{x \sim p}\bigl[\log p(x) - \log q(x)\bigr]

    Args:
        config: of a run on an energy.
        device: where the points are put.
    """

    def __init__(self, config: RunConfig, device: torch.device) -> None:
        super().__init__(config, device)
        self._judge = EnergyJudge(config, device)

    def name(self, model: Model) -> tuple[str, str]:
        """Name the divergence, or else the loss as the catalog does."""
        label, unit = super().name(model)
        return ("train KL(p‖q)", unit) if model.trained_by_likelihood else (label, unit)

    def loss_and_gradient(
        self, model: Model, batches: torch.Generator, part: float = 1.0
    ) -> tuple[Tensor, list[Tensor]]:
        """Draw a batch, ask the model, and compare with the target's log-density."""
        points = self.batch(batches)
        loss, gradient = model.loss_and_gradient(points)
        if model.trained_by_likelihood:
            loss = loss + self._judge.log_prob(points).mean()
        return loss, gradient

    def judged(self, model: Model) -> tuple[Judged, ...]:
        """Name the divergence, and what importance sampling tells where there are densities."""
        own = super().judged(model)
        if not own:
            return ()
        first = EnergyJudge.forward._replace(name="held_out")
        if own[0].exactness == "bound":
            first = first._replace(label="bound of KL(p‖q)", exactness="bound")
        return (first, *self._others(model))

    def judge(self, model: Model, n: int = HELD_OUT) -> list[float]:
        """Look at n held-out points, and at n draws of the model."""
        if isinstance(model, SamplingModel):
            found = self._judge.judge(model, n)
            return [found["forward_kl"], *(found[j.name] for j in self._others(model))]
        return [self._judge.forward_kl(model, n)] if isinstance(model, LikelihoodModel) else []

    @staticmethod
    def _others(model: Model) -> tuple[Judged, ...]:
        return (
            (*EnergyJudge.others, EnergyJudge.reverse) if isinstance(model, SamplingModel) else ()
        )


def held_out_nll(model: LikelihoodModel, points: Tensor) -> float:
    """Return the mean of -log_prob over points [n, D], in nats."""
    with torch.inference_mode():
        return float(-model.log_prob(points).double().mean())


def energy_of(config: RunConfig) -> Energy:
    """Return the energy of a config.

    Raises:
        RefusedError: if its problem is none.
    """
    problem = config.problem()
    if not isinstance(problem, Energy):
        raise RefusedError(f"{problem.label} is not an energy.")
    return problem


def objective_of(config: RunConfig, device: torch.device) -> Objective:
    """Return what a run of this config minimizes.

    Raises:
        RefusedError: if nothing is known of how to learn its problem.
    """
    problem = config.problem()
    if learns_from_draws(problem):
        return ReverseKL(config, device)
    if isinstance(problem, Energy):
        return ForwardKL(config, device)
    if isinstance(problem, DataProblem):
        return LossOnData(config, device)
    raise RefusedError(f"{problem.label} has no data to train on.")
