"""Continuous flows as models of images: noise makes whole levels real numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor

from flowplay.config import RunConfig
from flowplay.errors import RefusedError
from flowplay.flows import Flow, Standardization, build_flow
from flowplay.flows.images import Logit, UniformNoise, VariationalNoise, image_glow
from flowplay.flows.images.network import Given
from flowplay.models.average import WeightAverage
from flowplay.models.base import BoundModel
from flowplay.problems import ImageProblem

#: Seed of the noise with which bounds are evaluated, so that the same weights give the same bound.
NOISE_SEED = 0

#: Values of images that are computed at once without a gradient, in all.
VALUES = 98_304

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
        shift: part of the images that training moves by one pixel, in the end.
        coarse: weight in the loss of the same images at half their resolution: the loss is then
            :math:`\sum_s \lambda_s \mathbb{E}[-\log P(x^{(s)})]`, with :math:`\lambda` = 1 for
            whole images. Only the gradient has it; the loss that is shown is that of whole images.
        given: shared with the networks of the flow where labels are given. Then an image has its
            label as one more coordinate, [B, D + 1], and P(x) stands for P(x | y).
        classes: number of labels.

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
        coarse: float = 0.0,
        given: Given | None = None,
        classes: int = 0,
    ) -> None:
        super().__init__()
        self.flow, self.noise = flow, noise
        self.shape, self.levels, self.shift = shape, levels, shift
        self.coarse = coarse
        self.given, self.classes = given, classes
        self.dim = flow.dim
        #: Images that are computed at once without a gradient, so that memory stays bounded.
        self.at_once = max(64, VALUES // self.dim)
        self.average = WeightAverage(sum(p.numel() for p in self.parameters()))

    def loss(self, x: Tensor) -> Tensor:
        """Return the mean of the bound of :math:`-\\log P(x)` (scalar, in nats), one draw each."""
        with self.told(x) as images:
            u, log_q = self._drawn(images)
            return self.flow.loss(images + u) + log_q.mean()

    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return `loss` of images x [B, D], some of them moved by a pixel, and its gradient."""
        if self.training:
            self.average.update(list(self.parameters()))
            x = self._moved(x)
        loss, gradients = self._gradient(x)
        if self.training and self.coarse:
            _, of_coarse = self._gradient(self._halved(x))
            pairs = zip(gradients, of_coarse, strict=True)
            gradients = [g + self.coarse * other for g, other in pairs]
        return loss, gradients

    def _gradient(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        # A checkpoint computes layers again in the backward pass: the label must still be there.
        with self.told(x) as images:
            if isinstance(self.noise, UniformNoise):
                return self.flow.loss_and_gradient(images + self._drawn(images)[0])
            return super().loss_and_gradient(x)

    def initialize_from(self, x: Tensor) -> None:
        """Let layers that take their start from data see levels x [n, D] with noise."""
        generator = torch.Generator().manual_seed(NOISE_SEED)
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(NOISE_SEED)  # dropout, too
            with self.told(x) as images:
                self.flow.initialize_from(images + self._drawn(images, generator)[0])

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
        """Draw n images [n, D] as levels, without gradient; of all labels in turn."""
        with self._averaged():
            z = self.flow.base_sample(n, generator, temperature)
        return self.decode(z, torch.arange(n) % self.classes if self.classes else None)

    @torch.no_grad()
    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the images [n, D] of base points z [n, D], as levels.

        Args:
            z: [n, D].
            labels: [n], where the model is given labels.
        """
        if labels is not None:
            z = torch.cat((z, labels.to(z).unsqueeze(-1)), -1)
        with self._averaged():
            parts = []
            for block in z.split(self.at_once):
                with self.told(block) as told:
                    parts.append(self.flow.forward(told)[0])
        return torch.cat(parts).floor().clamp(0, self.levels - 1)

    def encode(self, x: Tensor) -> Tensor:
        """Return base points z [B, D] of images x [B, D], from which `decode` makes them again."""
        with torch.no_grad():
            parts = []
            for block in x.split(self.at_once):
                with self.dequantized(block) as (y, _):
                    parts.append(self.flow.inverse(y)[0])
        return torch.cat(parts)

    @contextmanager
    def dequantized(self, x: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        r"""Yield :math:`y = x + u` [B, D] of images x [B, D], and :math:`\log q(u \mid x)` [B].

        Meanwhile the flow computes as it does outside of training: with the averaged weights, and
        with the labels of x where labels are given. The noise is the same for the same images.
        """
        generator = torch.Generator().manual_seed(NOISE_SEED)
        with self._averaged(), self.told(x) as images:
            u, log_q = self._drawn(images, generator)
            yield images + u, log_q

    def uniform_bound(self, x: Tensor, draws: int) -> Tensor:
        r"""Return `bound` [B] as it would be with uniform noise, whatever the model has learned."""
        generator = torch.Generator().manual_seed(NOISE_SEED)
        total = x.new_zeros(len(x))
        with self._averaged(), self.told(x) as images:
            for _ in range(draws):
                u = torch.rand(images.shape, generator=generator).to(images)
                total = total + self.flow.log_prob(images + u)
        return total / draws

    def class_bounds(self, x: Tensor, draws: int) -> Tensor:
        r"""Return importance-weighted bounds of :math:`\log P(x | y)` for every label y [B, K].

        The noise of an image is the same for all labels.

        Args:
            x: images [B, D] without their labels.
            draws: of the noise.
        """
        of_label = [
            self.importance_bound(torch.cat((x, x.new_full((len(x), 1), y)), -1), draws)
            for y in range(self.classes)
        ]
        return torch.stack(of_label, 1)

    def _log_weights(self, x: Tensor, draws: int) -> Tensor:
        """Return :math:`\\log p(x + u) - \\log q(u | x)` [draws, B]."""
        generator = torch.Generator().manual_seed(NOISE_SEED)
        with self._averaged():
            weights = [
                self._log_weight(block, generator)
                for block in x.repeat(draws, 1).split(self.at_once)
            ]
        return torch.cat(weights).view(draws, len(x))

    def _log_weight(self, x: Tensor, generator: torch.Generator) -> Tensor:
        with self.told(x) as images:
            u, log_q = self._drawn(images, generator)
            return self.flow.log_prob(images + u) - log_q

    def _halved(self, x: Tensor) -> Tensor:
        """Return the images [B, D] with every block of 2 × 2 pixels at its mean, a whole level."""
        images = x[:, : self.dim].reshape(-1, *self.shape).movedim(-1, 1)
        means = torch.nn.functional.avg_pool2d(images, 2).round()
        low = means.repeat_interleave(2, 2).repeat_interleave(2, 3).movedim(1, -1)
        return torch.cat((low.reshape(len(x), -1), x[:, self.dim :]), -1)

    def _drawn(self, x: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw noise u [B, D] for levels x [B, D]; return it with its log-density [B]."""
        u: Tensor
        log_q: Tensor
        u, log_q = self.noise(x, generator)
        return u, log_q

    @contextmanager
    def told(self, x: Tensor) -> Iterator[Tensor]:
        """Tell the networks the labels of x [B, D + 1], where they are given; yield x [B, D]."""
        if self.given is None or self.given.one_hot is not None:
            yield x[:, : self.dim]
            return
        labels = x[:, self.dim].long()
        self.given.one_hot = torch.nn.functional.one_hot(labels, self.classes).t().to(x.dtype)
        try:
            yield x[:, : self.dim]
        finally:
            self.given.one_hot = None

    def _averaged(self) -> AbstractContextManager[None]:
        return self.average.shown(list(self.parameters()), training=self.training)

    def _moved(self, x: Tensor) -> Tensor:
        """Return the images [B, D], some moved by a pixel: more and more of them, up to `shift`."""
        part = self.shift * min(1.0, float(self.average.steps) / SHIFT_STEPS)
        if not part or float(torch.rand(())) >= 2 * part:
            return x
        images = x[:, : self.dim].reshape(-1, *self.shape)
        row, column = divmod(int(torch.randint(9, ())), 3)
        h, w, _ = self.shape
        padded = torch.nn.functional.pad(images, (0, 0, 1, 1, 1, 1))
        moved = padded[:, row : row + h, column : column + w]
        half = torch.rand(len(x)) < 0.5
        either = torch.where(half[:, None, None, None], moved, images).reshape(len(x), -1)
        return torch.cat((either, x[:, self.dim :]), -1)


def build(config: RunConfig, points: Tensor) -> DequantizedFlow:
    """Build the untrained model of images [n, D] of a config: a flow with noise on the levels.

    Raises:
        RefusedError: if the config wants no noise, or its flow cannot have this shape.
    """
    problem = config.problem()
    assert isinstance(problem, ImageProblem), "the catalog lists it for images alone"
    options = dict(config.options)
    kind = options.pop("dequantization")
    shift = float(options.pop("shift"))
    coarse = float(options.pop("coarse", 0.0))
    labelled = options.pop("label", "none") == "given"
    given, classes = (Given(), len(problem.classes)) if labelled else (None, 0)
    if kind == "none":
        raise RefusedError(
            "Without noise there is nothing to learn: whole levels have no density, and a flow can "
            "put any density on them. Choose uniform or variational noise."
        )
    try:
        flow = _flow(config, problem, points, options, given, classes)
    except ValueError as error:
        raise RefusedError(str(error)) from None
    noise = UniformNoise() if kind == "uniform" else VariationalNoise(problem.shape, problem.levels)
    return DequantizedFlow(
        flow,
        noise,
        problem.shape,
        problem.levels,
        shift=shift,
        coarse=coarse,
        given=given,
        classes=classes,
    )


def _flow(
    config: RunConfig,
    problem: ImageProblem,
    points: Tensor,
    options: dict[str, Any],
    given: Given | None,
    classes: int,
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
            classes=classes,
            given=given,
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
    return Flow(
        [*flow.bijections, logit], problem.dim, base=flow.base, checkpoint=config.checkpoint
    )
