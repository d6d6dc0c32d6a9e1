"""What can be trained: every architecture with its options, costs, papers and good defaults.

Pages and the command line read this list and nothing else about a family, so that a new family
is one file in `flowplay/flows/` and one entry here. It imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True)
class Option:
    """An integer hyperparameter that only some families have, with its allowed range."""

    name: str
    label: str
    help: str
    default: int
    minimum: int
    maximum: int


@dataclass(frozen=True)
class Paper:
    """Where a family comes from."""

    authors: str
    title: str
    year: int
    url: str


@dataclass(frozen=True)
class Architecture:
    """One family of normalizing flows as a person meets it.

    `equation` and `jacobian` are LaTeX. `inverse_cost` and `forward_cost` say what the normalizing
    direction (density) and the generating direction (sampling) cost for one layer. `defaults` are
    the values of `RunConfig` fields that suit the family; `conditioned` tells whether `width`
    (hidden units of the conditioner) means anything to it.
    """

    name: str
    label: str
    idea: str
    equation: str
    jacobian: str
    inverse_cost: str
    forward_cost: str
    use_when: str
    weakness: str
    paper: Paper
    defaults: Mapping[str, int | float]
    conditioned: bool = True
    options: tuple[Option, ...] = field(default=())


PLANAR = Architecture(
    name="planar",
    label="Planar",
    idea="Each layer pushes space along one direction, across one soft straight line.",
    equation=r"z_{k-1} = x + \hat u\,\tanh(w^\top x + b), \qquad w^\top \hat u > -1",
    jacobian=r"\det J = 1 + \hat u^\top w\,\bigl(1 - \tanh^2(w^\top x + b)\bigr)"
    r"\quad\text{(identity plus rank one)}",
    inverse_cost="one pass, O(D)",
    forward_cost="one scalar root per point",
    use_when="To see how many simple bends make a shape; the classic first flow.",
    weakness="One bend a layer: it needs many layers, and learns slowly in more dimensions.",
    paper=Paper(
        "Rezende & Mohamed",
        "Variational Inference with Normalizing Flows",
        2015,
        "https://arxiv.org/abs/1505.05770",
    ),
    defaults=MappingProxyType({"depth": 32, "learning_rate": 5e-3}),
    conditioned=False,
)

REALNVP = Architecture(
    name="realnvp",
    label="RealNVP",
    idea="One coordinate stays and decides how far the other one is scaled and shifted.",
    equation=r"x_1 = z_1, \qquad x_2 = z_2\, e^{s(z_1)} + t(z_1)",
    jacobian=r"\log|\det J| = \sum_i s_i(z_1)\quad\text{(triangular)}",
    inverse_cost="one pass, O(D)",
    forward_cost="one pass, O(D)",
    use_when="The sturdy default: exact and fast both ways.",
    weakness="An affine map of a line cannot cut it: a disc never becomes rings, "
    "thin bridges of density remain between separate parts.",
    paper=Paper(
        "Dinh, Sohl-Dickstein & Bengio",
        "Density Estimation using Real NVP",
        2017,
        "https://arxiv.org/abs/1605.08803",
    ),
    defaults=MappingProxyType({"depth": 12, "learning_rate": 3e-3}),
)

NSF = Architecture(
    name="nsf",
    label="Neural spline",
    idea="One coordinate stays and draws a smooth monotone curve that bends the other one.",
    equation=r"x_1 = z_1, \qquad x_2 = g_{\theta(z_1)}(z_2),"
    r"\quad g \text{ a monotone rational-quadratic spline}",
    jacobian=r"\log|\det J| = \sum_i \log g'_{\theta(z_1)}(z_{2,i})\quad\text{(triangular)}",
    inverse_cost="one pass, O(D)",
    forward_cost="one pass, O(D)",
    use_when="Separate parts, holes and sharp edges; the most accurate here for its size.",
    weakness="Each step costs more than an affine layer's; outside its box it is the identity.",
    paper=Paper(
        "Durkan, Bekasov, Murray & Papamakarios",
        "Neural Spline Flows",
        2019,
        "https://arxiv.org/abs/1906.04032",
    ),
    defaults=MappingProxyType({"depth": 4, "learning_rate": 5e-3}),
    options=(
        Option("bins", "Bins", "Pieces of each spline: more bins draw sharper bends.", 12, 2, 32),
    ),
)

ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(
    {a.name: a for a in (PLANAR, REALNVP, NSF)}
)
