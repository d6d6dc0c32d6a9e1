"""The papers that the guide cites: those of the families, and others."""

from __future__ import annotations

from flowplay.catalog import ARCHITECTURES, Paper

#: Papers that no family of the catalog cites.
PAPERS: tuple[Paper, ...] = (
    Paper(
        "Kobyzev, Prince & Brubaker",
        "Normalizing Flows: An Introduction and Review of Current Methods",
        2020,
        "https://arxiv.org/abs/1908.09257",
    ),
    Paper(
        "Germain, Gregor, Murray & Larochelle",
        "MADE: Masked Autoencoder for Distribution Estimation",
        2015,
        "https://arxiv.org/abs/1502.03509",
    ),
    Paper(
        "Theis, van den Oord & Bethge",
        "A Note on the Evaluation of Generative Models",
        2016,
        "https://arxiv.org/abs/1511.01844",
    ),
    Paper(
        "Chen, Rubanova, Bettencourt & Duvenaud",
        "Neural Ordinary Differential Equations",
        2018,
        "https://arxiv.org/abs/1806.07366",
    ),
    Paper(
        "Hoogeboom, Peters, van den Berg & Welling",
        "Integer Discrete Flows and Lossless Compression",
        2019,
        "https://arxiv.org/abs/1905.07376",
    ),
    Paper(
        "Nalisnick, Matsukawa, Teh, Gorur & Lakshminarayanan",
        "Do Deep Generative Models Know What They Don't Know?",
        2019,
        "https://arxiv.org/abs/1810.09136",
    ),
    Paper(
        "Behrmann, Grathwohl, Chen, Duvenaud & Jacobsen",
        "Invertible Residual Networks",
        2019,
        "https://arxiv.org/abs/1811.00995",
    ),
    Paper(
        "Izmailov, Kirichenko, Finzi & Wilson",
        "Semi-Supervised Learning with Normalizing Flows",
        2020,
        "https://arxiv.org/abs/1912.13025",
    ),
    Paper(
        "Huang, Dinh & Courville",
        "Augmented Normalizing Flows: Bridging the Gap Between Generative Flows and Latent "
        "Variable Models",
        2020,
        "https://arxiv.org/abs/2002.07101",
    ),
    Paper(
        "Winkler, Worrall, Hoogeboom & Welling",
        "Learning Likelihoods with Conditional Normalizing Flows",
        2019,
        "https://arxiv.org/abs/1912.00042",
    ),
    Paper(
        "Song, Sohl-Dickstein, Kingma, Kumar, Ermon & Poole",
        "Score-Based Generative Modeling through Stochastic Differential Equations",
        2021,
        "https://arxiv.org/abs/2011.13456",
    ),
    Paper(
        "Behrmann, Vicol, Wang, Grosse & Jacobsen",
        "Understanding and Mitigating Exploding Inverses in Invertible Neural Networks",
        2021,
        "https://arxiv.org/abs/2006.09347",
    ),
)


def all_papers() -> list[Paper]:
    """Return every paper once, the oldest first; two with one address are one."""
    found = {paper.url: paper for paper in PAPERS}
    found |= {a.paper.url: a.paper for a in ARCHITECTURES.values() if a.paper.url not in found}
    return sorted(found.values(), key=lambda paper: (paper.year, paper.authors))
