"""What learns images of whole numbers, with options and defaults that suit them."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from flowplay.catalog.entries import Architecture, FlowFamily, Paper
from flowplay.catalog.flows import MAF, NSF, REALNVP
from flowplay.catalog.options import Real, Whole


def _flat(family: FlowFamily) -> FlowFamily:
    """Return a family that learns an image as one vector, with noise added to its levels."""
    return replace(
        family,
        likelihood="bound",
        defaults=MappingProxyType(
            {**family.defaults, "depth": 4, "learning_rate": 2e-3, "batch_size": 64}
        ),
        exactness="Noise makes the levels continuous, so what is shown is a bound.",
    )


INTEGER_FLOW = Architecture(
    name="idf",
    label="Integer flow",
    idea="Couplings move whole numbers by whole steps. A prior then gives each value a probability "
    "from the values before it.",
    use_when="Lossless compression: it needs no noise on the levels, its probabilities are exact, "
    "and a codec can use them.",
    weakness="Steps are rounded, so gradients of the couplings are only approximate: more "
    "couplings make it worse here. Samples are made value by value.",
    paper=Paper(
        "Hoogeboom, Peters, van den Berg & Welling",
        "Integer Discrete Flows and Lossless Compression",
        2019,
        "https://arxiv.org/abs/1905.07376",
    ),
    defaults=MappingProxyType(
        {
            "depth": 4,
            "width": 96,
            "learning_rate": 6e-3,
            "batch_size": 64,
            "optimizer": "adamw",
            "weight_decay": 0.03,
            "clip_norm": 10.0,
        }
    ),
    build="flowplay.models.idf:build",
    likelihood="exact",
    depth_help="How many couplings move the values.",
    depth_units=("coupling", "couplings"),
    loss_name="NLL",
    options=(
        Whole("components", "Components", "Logistics of each mixture.", 3, 1, 32),
        Real(
            "dropout", "Dropout", "Part of the networks' units left out in training.", 0.1, 0.0, 0.5
        ),
    ),
)

#: In the order of the picker.
ON_IMAGES: tuple[Architecture, ...] = (*map(_flat, (REALNVP, MAF, NSF)), INTEGER_FLOW)
