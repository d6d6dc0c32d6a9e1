"""Continuous flows as models of images: noise makes whole levels real numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from flowplay.config import RunConfig
from flowplay.errors import RefusedError
from flowplay.flows import Flow, Standardization, build_flow
from flowplay.flows.chain import BLOCK
from flowplay.flows.images import Logit, UniformNoise, VariationalNoise, image_glow
from flowplay.models.average import WeightAverage
from flowplay.models.base import BoundModel
from flowplay.problems import ImageProblem

#: Seed of the noise with which bounds are evaluated, so that the same weights give the same bound.
NOISE_SEED = 0

#: Steps until the whole part of images is moved: moved images help a long run and hurt a short one.
SHIFT_STEPS = 3000


class DequantizedFlow(BoundModel):
    r"""A flow of levels with noise, :math:`y = x + u`, with a lower bound of :math:`\log P(x)`.

    .. math::
        \log P(x) = \log \int_{[0, 1)^D} p(x + u)\,du
        \ge \mathbb{E}_{q(u \mid x)}\bigl[\log p(x + u) - \log q(u \mid x)\bigr]

    Training minimizes the bound with one draw of the noise. Outside of training, everything is
    that of the running average of the weights.

    Args:
        flow: of y [B, D], whose last layer is a `Logit`.
        noise: draws u, and tells its log-density.
        shape: H, W, C.
        levels: number of levels.
        shift: part of the images that training moves by one pixel.

    References:
        Theis, van den Oord & Bethge, A note on the evaluation of generative models, 2016.
        Ho, Chen, Srinivas, Duan & Abbeel, Flow++: Improving Flow-Based Generative Models with
        Variational Dequantization and Architecture Design, 2019.
        Burda, Grosse & Salakhutdinov, Importance Weighted Autoencoders, 2016.
    """

    trained_by_likelihood = True

    def __init__(
        self,
        flow: Flow,
        noise: UniformNoise | VariationalNoise,
        shape: tuple[int, int, int],
        levels: int,
        *,
        shift: float = 0.0,
    ) -> None:
        super().__init__()
        self.flow, self.noise = flow, noise
        self.shape, self.levels, self.shift = shape, levels, shift
        self.dim = flow.dim
        self.average = WeightAverage(sum(p.numel() for p in self.parameters()))

    def loss(self, x: Tensor) -> Tensor:
        """Return the mean of the bound of :math:`-\\log P(x)` (scalar, in nats), one draw each."""
        u, log_q = self._drawn(x)
        return self.flow.loss(x + u) + log_q.mean()

    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return `loss` of images x [B, D], some of them moved by a pixel, and its gradient."""
        if self.training:
            self.average.update(list(self.parameters()))
            x = self._moved(x)
        if isinstance(self.noise, UniformNoise):
            return self.flow.loss_and_gradient(x + self._drawn(x)[0])
        return super().loss_and_gradient(x)

    def initialize_from(self, x: Tensor) -> None:
        """Let layers that take their start from data see levels x [n, D] with noise."""
        generator = torch.Generator().manual_seed(NOISE_SEED)
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(NOISE_SEED)  # dropout, too
            self.flow.initialize_from(x + self._drawn(x, generator)[0])

    def log_prob(self, x: Tensor) -> Tensor:
        r"""Return an estimate of the bound of :math:`\log P(x)` [B] in nats, from one draw.

        The noise is the same for the same number of images.
        """
        return self.bound(x, draws=1)

    def bound(self, x: Tensor, draws: int) -> Tensor:
        r"""Return the mean over draws of the bound of :math:`\log P(x)` [B], in nats."""
        return self._log_weights(x, draws).mean(0)

    def importance_bound(self, x: Tensor, draws: int) -> Tensor:
        r"""Return the importance-weighted bound of :math:`\log P(x)` [B], in nats.

        .. math:: \log P(x) \ge \mathbb{E} \log \frac1k \sum_{i=1}^k \frac{p(x + u_i)}{q(u_i|x)}

        With more draws k it is tighter; with one it is the bound of `bound`.
        """
        return self._log_weights(x, draws).logsumexp(0) - math.log(draws)

    def sample(
        self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw n images [n, D] as levels, without gradient."""
        return self.decode(temperature * self.flow.base_sample(n, generator))

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Return the images [n, D] of base points z [n, D], as levels."""
        with self._averaged():
            y, _ = self.flow.forward(z)
        return y.floor().clamp(0, self.levels - 1)

    def _log_weights(self, x: Tensor, draws: int) -> Tensor:
        """Return :math:`\\log p(x + u) - \\log q(u | x)` [draws, B]."""
        generator = torch.Generator().manual_seed(NOISE_SEED)
        with self._averaged():
            weights = [
                self.flow.log_prob(block + u) - log_q
                for block in x.repeat(draws, 1).split(BLOCK)
                for u, log_q in [self._drawn(block, generator)]
            ]
        return torch.cat(weights).view(draws, len(x))

    def _drawn(self, x: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw noise u [B, D] for levels x [B, D]; return it with its log-density [B]."""
        u: Tensor
        log_q: Tensor
        u, log_q = self.noise(x, generator)
        return u, log_q

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        if self.training:
            yield
        else:
            with self.average.applied(list(self.parameters())):
                yield

    def _moved(self, x: Tensor) -> Tensor:
        """Return the images [B, D], some moved by a pixel: more and more of them, up to `shift`."""
        part = self.shift * min(1.0, float(self.average.steps) / SHIFT_STEPS)
        if not part or float(torch.rand(())) >= 2 * part:
            return x
        images = x.view(-1, *self.shape)
        row, column = divmod(int(torch.randint(9, ())), 3)
        h, w, _ = self.shape
        padded = torch.nn.functional.pad(images, (0, 0, 1, 1, 1, 1))
        moved = padded[:, row : row + h, column : column + w]
        half = torch.rand(len(x)) < 0.5
        return torch.where(half[:, None, None, None], moved, images).reshape(len(x), -1)


def build(config: RunConfig, points: Tensor) -> DequantizedFlow:
    """Build the untrained model of images [n, D] of a config: a flow with noise on the levels.

    Raises:
        RefusedError: if the config wants no noise, or its flow cannot have this shape.
    """
    problem = config.problem()
    assert isinstance(problem, ImageProblem), "the catalog lists it for images alone"
    options = dict(config.options)
    kind = options.pop("dequantization")
    shift = float(options.pop("shift", 0.0))
    if kind == "none":
        raise RefusedError(
            "Without noise there is nothing to learn: whole levels have no density, and a flow can "
            "put any density on them. Choose uniform or variational noise."
        )
    try:
        flow = _flow(config, problem, points, options)
    except ValueError as error:
        raise RefusedError(str(error)) from None
    noise = UniformNoise() if kind == "uniform" else VariationalNoise(problem.shape, problem.levels)
    return DequantizedFlow(flow, noise, problem.shape, problem.levels, shift=shift)


def _flow(
    config: RunConfig, problem: ImageProblem, points: Tensor, options: dict[str, int | float | str]
) -> Flow:
    logit = Logit(problem.levels)
    if config.architecture == "glow":
        layers = image_glow(
            problem.shape,
            scales=int(options["scales"]),
            steps=config.depth,
            width=config.width,
            coupling=str(options["coupling"]),
            components=int(options["components"]),
            dropout=float(options["dropout"]),
        )
        return Flow([*layers, logit], problem.dim, checkpoint=config.checkpoint)
    with torch.no_grad():
        lines, _ = logit.inverse(points + torch.rand_like(points))
    flow = build_flow(
        config.architecture,
        dim=problem.dim,
        depth=config.depth,
        width=config.width,
        seed=config.seed,
        standardization=Standardization.of(lines),
        checkpoint=config.checkpoint,
        **options,
    )
    return Flow([*flow.bijections, logit], problem.dim, checkpoint=config.checkpoint)
