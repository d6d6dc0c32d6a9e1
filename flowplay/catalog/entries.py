"""What an entry of the catalog says of something that can learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from flowplay.catalog.options import Option

Likelihood = Literal["exact", "bound", "none"]
"""What a model's `log_prob` is: the log-density itself, a lower bound of it, or not there."""

Data = Literal["points", "images", "photographs"]
"""What a problem gives to learn from: points of a continuous space, or images of whole numbers."""


@dataclass(frozen=True)
class Paper:
    """Where a family comes from."""

    authors: str
    title: str
    year: int
    url: str


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Something that can learn, as a person meets it.

    Attributes:
        name: as in a URL.
        label: as on a page.
        idea: one sentence.
        use_when: what it is good for.
        weakness: what it is not good for.
        paper: where it comes from.
        defaults: values of `RunConfig` fields that suit it.
        build: import path `package.module:function` of what makes the model of a run,
            `(config, points) -> flowplay.models.Model`.
        likelihood: what its `log_prob` is.
        conditioned: whether `width` (hidden units of its networks) means anything to it.
        depth_help: what `depth` counts; None where it means nothing.
        depth_units: what it counts, one and several.
        loss_name: of what is trained.
        loss: one sentence on it, if it is not the negative log-likelihood.
        group: of the picker that it stands in; groups come in the order of their first entry.
        step_note: why its steps take long, as a clause; empty if they do not.
        options: settings of its own.
        equation: what it is in one formula, as LaTeX; that of a layer for a flow.
        exactness: what is exact, and what is estimated.
        layered: whether it is made of layers that each have a density, to be looked into.
        is_flow: whether pages list it among normalizing flows, or apart from them.
    """

    name: str
    label: str
    idea: str
    use_when: str
    weakness: str
    paper: Paper
    defaults: Mapping[str, int | float | str]
    build: str
    likelihood: Likelihood
    conditioned: bool = True
    depth_help: str | None = "How many layers the model is made of."
    depth_units: tuple[str, str] = ("layer", "layers")
    loss_name: str = "loss"
    loss: str = ""
    group: str = "Other models"
    step_note: str = ""
    options: tuple[Option, ...] = ()
    equation: str = ""
    exactness: str = ""
    layered: bool = False
    is_flow: bool = True


@dataclass(frozen=True, kw_only=True)
class FlowFamily(Architecture):
    """A family of normalizing flows.

    A cost in passes counts how often a layer evaluates its network for a set of points. What the
    log-det costs beyond that is counted in operations per point.

    Attributes:
        jacobian: of a layer in the generating direction, with its log-det, as LaTeX.
        in_paper: how the paper writes the same map, if otherwise.
        inverse_cost: what the normalizing direction (density) costs for one layer, in passes.
        forward_cost: what the generating direction (sampling) costs for one layer, in passes.
        log_det_cost: what the log-det costs beyond the passes, in operations.
        turns: whether its layers stand the other way round where a flow learns from its own draws,
            so that these are the cheap direction.
        mixable: whether a recipe may list it.
    """

    equation: str
    jacobian: str
    in_paper: str = ""
    inverse_cost: str
    forward_cost: str
    log_det_cost: str
    exactness: str = "Density and samples are exact up to rounding."
    turns: bool = False
    mixable: bool = True
    build: str = "flowplay.models.flow:build"
    likelihood: Likelihood = "exact"
    group: str = "More flows"
    depth_help: str | None = "How many layers the flow is made of."
    loss_name: str = "NLL"
    layered: bool = True
