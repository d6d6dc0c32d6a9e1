"""Races that answer one question each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flowplay.race.config import Race


@dataclass(frozen=True)
class Preset:
    """A race to begin with.

    Attributes:
        name: as in a link.
        title: of the race.
        text: the question, and what to look at.
        flat: the race, as in an address.
    """

    name: str
    title: str
    text: str
    flat: Mapping[str, str]

    @property
    def race(self) -> Race:
        """The race itself."""
        return Race.repair(self.flat)[0]


def _numbered(name: str, *values: object) -> dict[str, str]:
    return {f"{k}.{name}": str(value) for k, value in enumerate(values, 1)}


_ALL = (
    Preset(
        "depth",
        "Depth 2, 8 and 32",
        "The same family with more and more layers. Deep models learn more from each step, but a "
        "step takes longer. In equal time, which depth is best?",
        {"target": "pinwheel", **_numbered("depth", 2, 8, 32)},
    ),
    Preset(
        "transformers",
        "Affine against spline",
        "Two coupling flows: one scales and shifts, the other bends by a spline. The ring is a "
        "hard target for affine layers: look for a bridge of density across the hole.",
        {"target": "circles", **_numbered("architecture", "realnvp", "nsf")},
    ),
    Preset(
        "conditioners",
        "Coupling against autoregressive",
        "Each pair has the same transformer, affine or spline. Coupling leaves one coordinate as "
        "it is in each layer; autoregression changes both. Compare the times of 10,000 samples.",
        {
            "target": "spiral",
            **_numbered("architecture", "realnvp", "maf", "nsf", "nsf"),
            "4.conditioning": "autoregressive",
        },
    ),
    Preset(
        "continuous",
        "RealNVP, FFJORD, flow matching",
        "A flow in layers against two flows in continuous time. FFJORD solves an ODE in every "
        "training step. Flow matching trains the same vector field without a solver. Compare "
        "steps, and the times of densities and samples.",
        _numbered("architecture", "realnvp", "ffjord", "flow_matching"),
    ),
    Preset(
        "models",
        "Flow, VAE, GAN, diffusion",
        "Four kinds of generative models. A flow, a VAE and diffusion have a likelihood here. A "
        "GAN has none: it is judged by its samples alone. Compare the distance of samples to data, "
        "and what a sample costs.",
        {
            "target": "eight_gaussians",
            **_numbered("architecture", "nsf", "vae", "gan", "diffusion"),
        },
    ),
    Preset(
        "learning_rates",
        "Four learning rates",
        "The same model with learning rates from too small to too large. A run that diverges stops "
        "at its best state.",
        _numbered("learning_rate", 0.0001, 0.001, 0.01, 0.1),
    ),
    Preset(
        "seeds",
        "Four seeds: how much is luck?",
        "The same settings with four seeds. All that is drawn differs: the training points and "
        "their order, the held-out points, the initial weights. A smaller difference between two "
        "models than between these four may be luck.",
        _numbered("seed", 0, 1, 2, 3),
    ),
)

#: By their name, in the order of the page.
PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in _ALL}
