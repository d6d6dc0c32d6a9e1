"""Settings and their effects; what can go wrong, where it shows, and what helps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from flowplay.config import RunConfig, bounds


@dataclass(frozen=True)
class Hyperparameter:
    """A setting of `RunConfig` with what more of it does."""

    title: str
    meaning: str
    span: str
    default: str
    effect: str


#: What turning a setting does; a test holds that these are fields of `RunConfig`.
EFFECTS: Mapping[str, str] = MappingProxyType(
    {
        "depth": "More layers bend space further, and each costs time and memory.",
        "width": "A wider conditioner draws finer detail; beyond what the shape needs it only "
        "costs, and overfits sooner on few samples.",
        "learning_rate": "Higher learns faster until steps overshoot and the loss jumps; too low "
        "looks like a flow that cannot learn.",
        "batch_size": "Larger batches calm the gradient and cost proportionally more a step.",
        "warmup": "Lets the optimizer find its scale before steps grow; too short shows as a spike "
        "at the start.",
        "clip_norm": "Cuts off the rare huge gradient; set too low it makes every step the same "
        "length.",
        "weight_decay": "Pulls the flow towards the identity: some of it fights overfitting, much "
        "of it keeps the shape from forming.",
        "samples": "Few samples let the training NLL fall below the floor while the held-out NLL "
        "rises.",
        "temperature": "Changes samples, never the density: below 1 they are typical and less "
        "varied, above 1 varied and less typical.",
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
    """Something that goes wrong, where the app shows it, what helps, and a run that has it."""

    name: str
    shows: str
    helps: str
    query: Mapping[str, str] = field(default_factory=dict)


SYMPTOMS: tuple[Symptom, ...] = (
    Symptom(
        "Exploding gradient",
        "The gradient norm in the progress line jumps, and the loss with it; in the end the run "
        "stops with a sentence.",
        "A smaller learning rate, warm-up, and gradient clipping.",
        {"learning_rate": "0.2", "clip_norm": "1000", "warmup": "0", "schedule": "constant"},
    ),
    Symptom(
        "Overfitting",
        "The train curve falls below the dashed floor while the held-out curve turns upwards; "
        "the picture shows blobs on single points.",
        "More samples, a narrower or shallower flow, weight decay, fewer steps.",
        {"samples": "100", "architecture": "nsf", "budget": "3000"},
    ),
    Symptom(
        "Too few layers",
        "The gap to the floor stays, and the picture keeps a coarse shape.",
        "More depth first, then width.",
        {"target": "spiral", "depth": "2"},
    ),
    Symptom(
        "Bridges between parts",
        "Thin bands of density join parts that are separate in the target.",
        "A family that bends more than affinely, as splines do; a continuous map never cuts a "
        "bridge altogether.",
        {"target": "eight_gaussians", "depth": "6"},
    ),
    Symptom(
        "Learning too slowly",
        "The loss is still falling when the budget ends.",
        "A higher learning rate or a larger budget; a shallower flow takes quicker steps.",
        {"learning_rate": "0.0001"},
    ),
    Symptom(
        "Samples worse than the loss",
        "The NLL is near its floor, yet some samples lie far off.",
        "Show samples at a lower temperature; judge the density by the picture, not by eye alone.",
        {"temperature": "0.7"},
    ),
)
