"""flowjax: its ready-made flows, every use of them jitted."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import paramax
from flowjax.bijections import RationalQuadraticSpline
from flowjax.distributions import Normal
from flowjax.flows import coupling_flow, masked_autoregressive_flow
from flowjax.train.losses import MaximumLikelihoodLoss

from benchmarks.libraries.base import BOUND, FloatArray, Job, Library, Standardized


class FlowjaxModel:
    """A distribution with optax's Adam; the batch is drawn inside the jitted step."""

    def __init__(self, job: Job) -> None:
        # Every run pays for its own compilation, as a new program would.
        jax.clear_caches()
        key, self.key = jr.split(jr.key(job.seed))
        self.standardized = Standardized(job.data)
        self.data = jnp.asarray(self.standardized.data)
        # As `flowjax.train.fit_to_data` divides a distribution.
        self.params, self.static = eqx.partition(
            _distribution(job, key),
            eqx.is_inexact_array,
            is_leaf=lambda leaf: isinstance(leaf, paramax.NonTrainable),
        )
        adam = optax.inject_hyperparams(optax.adam)(learning_rate=1e-3)
        clip = optax.identity() if job.clip is None else optax.clip_by_global_norm(job.clip)
        self.optimizer = optax.chain(clip, adam)
        self.state = self.optimizer.init(self.params)
        self._step, self._log_prob, self._sample = self._compiled(job.batch)

    def _compiled(self, batch_size: int) -> tuple[Any, Any, Any]:
        """Return step, density and sampling as functions of what changes."""
        loss_of, optimizer, static = MaximumLikelihoodLoss(), self.optimizer, self.static

        def step(params: Any, state: Any, key: Any, data: Any, rate: Any) -> Any:  # noqa: ANN401
            key, draw = jr.split(key)
            batch = data[jr.randint(draw, (batch_size,), 0, len(data))]
            gradient = eqx.filter_grad(loss_of)(params, static, batch)
            state[1].hyperparams["learning_rate"] = rate
            updates, state = optimizer.update(gradient, state, params)
            return eqx.apply_updates(params, updates), state, key

        def log_prob(params: Any, points: Any) -> Any:  # noqa: ANN401
            return eqx.combine(params, static).log_prob(points)

        def sample(params: Any, key: Any, n: int) -> Any:  # noqa: ANN401
            return eqx.combine(params, static).sample(key, (n,))

        return eqx.filter_jit(step), eqx.filter_jit(log_prob), eqx.filter_jit(sample)

    def prepare(self) -> None:
        """Compile the step by taking one and forgetting it."""
        rate = np.float32(0)
        jax.block_until_ready(self._step(self.params, self.state, self.key, self.data, rate))

    def step(self, rate: float) -> None:
        """Draw a batch and take one step of Adam."""
        self.params, self.state, self.key = self._step(
            self.params, self.state, self.key, self.data, np.float32(rate)
        )

    def wait(self) -> None:
        """Wait for the steps that are still to be computed."""
        jax.block_until_ready(self.params)

    def log_prob(self, points: FloatArray) -> FloatArray:
        """Return the log-density of points."""
        values = self._log_prob(self.params, jnp.asarray(self.standardized.inward(points)))
        return np.asarray(values) - np.float32(self.standardized.log_det)

    def sample(self, n: int) -> FloatArray:
        """Draw points."""
        self.key, draw = jr.split(self.key)
        return self.standardized.outward(np.asarray(self._sample(self.params, draw, n)))


def _distribution(job: Job, key: Any) -> Any:  # noqa: ANN401
    sizes: dict[str, int] = {
        "flow_layers": job.depth,
        "nn_width": job.width,
        "nn_depth": 2,
    }
    base = Normal(jnp.zeros(2))
    if job.kind == "maf":
        return masked_autoregressive_flow(key, base_dist=base, **sizes)
    if job.kind == "affine":
        return coupling_flow(key, base_dist=base, **sizes)
    # It counts the knots between the ends.
    spline = RationalQuadraticSpline(knots=job.bins - 1, interval=BOUND)
    return coupling_flow(key, base_dist=base, transformer=spline, **sizes)


LIBRARY = Library(("affine", "spline", "maf"), FlowjaxModel, version("flowjax"))
