"""The papers behind the guide: those of the families, and those behind everything else."""

from __future__ import annotations

from flowplay.catalog import ARCHITECTURES, Paper

#: Papers that are of no single family here.
PAPERS: tuple[Paper, ...] = (
    Paper(
        "Papamakarios, Nalisnick, Rezende, Mohamed & Lakshminarayanan",
        "Normalizing Flows for Probabilistic Modeling and Inference",
        2021,
        "https://arxiv.org/abs/1912.02762",
    ),
    Paper(
        "Kobyzev, Prince & Brubaker",
        "Normalizing Flows: An Introduction and Review of Current Methods",
        2020,
        "https://arxiv.org/abs/1908.09257",
    ),
    Paper(
        "Rezende & Mohamed",
        "Variational Inference with Normalizing Flows",
        2015,
        "https://arxiv.org/abs/1505.05770",
    ),
    Paper(
        "Dinh, Krueger & Bengio",
        "NICE: Non-linear Independent Components Estimation",
        2015,
        "https://arxiv.org/abs/1410.8516",
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
        "Kingma, Salimans, Jozefowicz, Chen, Sutskever & Welling",
        "Improving Variational Inference with Inverse Autoregressive Flow",
        2016,
        "https://arxiv.org/abs/1606.04934",
    ),
    Paper(
        "Papamakarios, Pavlakou & Murray",
        "Masked Autoregressive Flow for Density Estimation",
        2017,
        "https://arxiv.org/abs/1705.07057",
    ),
    Paper(
        "Kingma & Dhariwal",
        "Glow: Generative Flow with Invertible 1x1 Convolutions",
        2018,
        "https://arxiv.org/abs/1807.03039",
    ),
    Paper(
        "Chen, Rubanova, Bettencourt & Duvenaud",
        "Neural Ordinary Differential Equations",
        2018,
        "https://arxiv.org/abs/1806.07366",
    ),
    Paper(
        "Grathwohl, Chen, Bettencourt, Sutskever & Duvenaud",
        "FFJORD: Free-form Continuous Dynamics for Scalable Reversible Generative Models",
        2019,
        "https://arxiv.org/abs/1810.01367",
    ),
    Paper(
        "Chen, Behrmann, Duvenaud & Jacobsen",
        "Residual Flows for Invertible Generative Modeling",
        2019,
        "https://arxiv.org/abs/1906.02735",
    ),
    Paper(
        "Ho, Chen, Srinivas, Duan & Abbeel",
        "Flow++: Improving Flow-Based Generative Models with Variational Dequantization and "
        "Architecture Design",
        2019,
        "https://arxiv.org/abs/1902.00275",
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
)


def all_papers() -> list[Paper]:
    """Return every paper once, the oldest first; two with one address are one."""
    found = {paper.url: paper for paper in PAPERS}
    found |= {a.paper.url: a.paper for a in ARCHITECTURES.values() if a.paper.url not in found}
    return sorted(found.values(), key=lambda paper: (paper.year, paper.authors))
