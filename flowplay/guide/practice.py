"""Settings and their effects; what can go wrong, how it looks, and what helps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from flowplay.config import RunConfig, bounds


@dataclass(frozen=True)
class Hyperparameter:
    """A setting of `RunConfig` with its effects."""

    title: str
    meaning: str
    span: str
    default: str
    effect: str


#: The effects of a setting, by its field of `RunConfig`.
EFFECTS: Mapping[str, str] = MappingProxyType(
    {
        "depth": "More layers can bend space further. Each costs time and memory.",
        "width": "A wider network can learn finer detail. Beyond what the shape needs, it only "
        "costs time, and with few samples it overfits sooner.",
        "learning_rate": "A higher rate learns faster, until steps are too large and the loss "
        "jumps. With a much too low rate, the flow seems unable to learn.",
        "batch_size": "A step takes longer, but often less than in proportion: measured on one "
        "core, 16 times the batch (4,096 instead of 256) took 14 times as long with RealNVP, 8 "
        "times with neural splines and 1.6 times with planar flows.",
        "warmup": "The optimizer needs some steps to estimate the size of the gradients. Without "
        "warm-up, the loss may jump at the start.",
        "clip_norm": "This limits rare, very large gradients. Set very low, it gives all gradients "
        "the same norm. With Adam the steps stay about as long as before, because Adam rescales "
        "the gradient; with SGD they all become equally short.",
        "weight_decay": "Layers with a network then tend to the identity, a shift or a fixed "
        "reordering; planar and radial layers do not. A little can reduce overfitting; too much "
        "keeps the flow from learning.",
        "samples": "Then the training NLL falls below the floor while the held-out NLL rises.",
        "temperature": "It does not change the density.",
    }
)


def hyperparameters() -> list[Hyperparameter]:
    """Return the settings with their ranges and defaults, as `RunConfig` has them."""
    found = []
    for name, effect in EFFECTS.items():
        setting = RunConfig.model_fields[name]
        low, high = bounds(name)
        found.append(
            Hyperparameter(
                title=setting.title or name,
                meaning=setting.description or "",
                span=f"{_plain(low)} – {_plain(high)}",
                default=_plain(setting.default),
                effect=effect,
            )
        )
    return found


def _plain(value: float) -> str:
    """Write a number without an exponent, in groups of three."""
    return f"{value:,.5f}".rstrip("0").rstrip(".")


@dataclass(frozen=True)
class Symptom:
    """Something that goes wrong: what the app shows, what helps, and a run in which it happens."""

    name: str
    shows: str
    helps: str
    query: Mapping[str, str] = field(default_factory=dict)


SYMPTOMS: tuple[Symptom, ...] = (
    Symptom(
        "Exploding gradient",
        "The gradient norm in the progress line jumps, and the loss too. In the end the run stops "
        "with an error message.",
        "A smaller learning rate, warm-up, and gradient clipping.",
        {"learning_rate": "0.2", "clip_norm": "1000", "warmup": "0", "schedule": "constant"},
    ),
    Symptom(
        "Overfitting",
        "The train curve falls below the dashed floor while the held-out curve rises. The picture "
        "shows peaks at single points.",
        "More samples, a narrower or shallower flow, weight decay, fewer steps.",
        {"samples": "100", "architecture": "nsf", "budget": "3000"},
    ),
    Symptom(
        "Too few layers",
        "The gap to the floor stays large, and the picture shows only a coarse shape.",
        "More depth first, then more width.",
        {"target": "spiral", "depth": "2"},
    ),
    Symptom(
        "Bridges between parts",
        "Bands of density join parts that are separate in the target, and some samples lie there. "
        "A lower temperature does not remove them.",
        "Splines or logistic mixtures instead of affine layers, or several Gaussians as the base, "
        "make bridges thinner. No flow here removes them completely.",
        {"target": "eight_gaussians", "depth": "6"},
    ),
    Symptom(
        "Learning too slowly",
        "The loss is still falling when the budget ends.",
        "A higher learning rate or a larger budget. A shallower flow takes faster steps.",
        {"learning_rate": "0.0001"},
    ),
    Symptom(
        "A loss that is not the NLL",
        "The training loss hardly falls any more, but the held-out NLL still has a gap to "
        "its floor.",
        "Compare held-out NLLs, not losses, between flows that are trained differently.",
        {"target": "spiral", "architecture": "flow_matching"},
    ),
)
