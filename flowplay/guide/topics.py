"""Every heading of the lecture's theory, and where the guide or a page has it.

A topic that belongs to a family is here if the catalog has a family of that name; otherwise it is
listed as missing.
"""

from __future__ import annotations

from dataclasses import dataclass

from flowplay.catalog import FLOW_FAMILIES


@dataclass(frozen=True)
class Topic:
    """A heading of the lecture.

    Attributes:
        heading: as the lecture has it.
        section: key of the guide's section that tells it, if any.
        page: name of a page on which one does it, if any.
        families: names in the catalog, any of which brings it.
        later: what is missing, one sentence; shown while nothing else has the topic.
    """

    heading: str
    section: str = ""
    page: str = ""
    families: tuple[str, ...] = ()
    later: str = ""

    @property
    def family(self) -> str:
        """The first of its families that the catalog has, or an empty string."""
        return next((name for name in self.families if name in FLOW_FAMILIES), "")


_LATER_FAMILY = "Not here without the family of that name."

TOPICS: tuple[Topic, ...] = (
    Topic("Change of Variables Formula", "change-of-variables", "change_of_variables"),
    Topic("Requirements for Normalizing Flows", "requirements"),
    Topic("Change of Variables in 1D", page="change_of_variables"),
    Topic("Sequential Transformations", "composition", "change_of_variables"),
    Topic("Log-Likelihood", "composition"),
    Topic("Training Objective", "training", "playground"),
    Topic("Planar Flow", families=("planar",), later=_LATER_FAMILY),
    Topic("Coupling Layers (RealNVP)", "cheap-jacobians", families=("realnvp",)),
    Topic("Affine Coupling Layer", families=("realnvp",), later=_LATER_FAMILY),
    Topic("Multi-Scale Architecture", "images"),
    Topic("Glow Architecture", families=("glow",), later=_LATER_FAMILY),
    Topic("1×1 Invertible Convolution", "cheap-jacobians", families=("glow",)),
    Topic(
        "Actnorm (Activation Normalization)",
        families=("glow",),
        later="Not here without Glow, of which it is a part.",
    ),
    Topic("Glow Block", families=("glow",), later="Not here without Glow."),
    Topic("Masked Autoregressive Flow (MAF)", "cheap-jacobians", families=("maf",)),
    Topic("Inverse Autoregressive Flow (IAF)", "cheap-jacobians", families=("iaf",)),
    Topic(
        "MADE (Masked Autoencoder for Distribution Estimation)",
        "cheap-jacobians",
        families=("maf", "iaf"),
    ),
    Topic("Continuous-Time Dynamics", "cheap-jacobians", families=("ffjord", "flow_matching")),
    Topic("Instantaneous Change of Variables", "cheap-jacobians", families=("ffjord",)),
    Topic(
        "FFJORD (Free-Form Jacobian of Reversible Dynamics)",
        families=("ffjord",),
        later="The trace is explained under cheap Jacobians; the family is not here.",
    ),
    Topic("Volume-Preserving Flows", "cheap-jacobians", families=("nice",)),
    Topic("Residual Flows", "cheap-jacobians", families=("residual",)),
    Topic(
        "Infinitesimal Flows",
        families=("ffjord",),
        later="The limit of many small residual steps; the continuous family is not here.",
    ),
    Topic("Dequantization", "images"),
    Topic("Temperature Scaling", "sampling", "playground"),
    Topic("Multi-Scale Training", "images"),
    Topic("Gradient Checkpointing", "when", "playground"),
    Topic("Bits per Dimension (BPD)", "bits"),
    Topic("Comparison with ELBO", "likelihood"),
    Topic("Conditions for Invertibility", "requirements"),
    Topic("Invertible Neural Networks (INN)", "requirements"),
    Topic("Numerical Inversion", "inversion", families=("planar",)),
    Topic("State-of-the-Art Results: Image Generation", "bits"),
    Topic("Sampling Speed", "costs"),
    Topic("Architectural Constraints", "when"),
    Topic("Sample Quality vs Likelihood", "when"),
    Topic("Computational Cost", "costs"),
    Topic("Discrete Flows", page="compress"),
    Topic("Variational Dequantization Flows", "images"),
    Topic(
        "Graphical Normalizing Flows",
        families=("graphical",),
        later="Not here without the graphical family.",
    ),
    Topic("Neural Spline Flows", families=("nsf",), later=_LATER_FAMILY),
    Topic("Variational Inference", "variational-inference", "energies"),
    Topic("Density Estimation", page="playground"),
    Topic("Image Synthesis", "images", "playground"),
    Topic("Data Compression", "bits", "compress"),
    Topic("Flows vs VAEs", "likelihood"),
    Topic("Flows vs GANs", "likelihood"),
    Topic("Flows vs Diffusion", "likelihood"),
    Topic("Key Papers", "papers"),
    Topic("Hyperparameters", "hyperparameters"),
    Topic("Debugging Tips", "debugging"),
    Topic("Computational Efficiency", "cheap-jacobians"),
    Topic("When to Use Normalizing Flows", "when"),
)


def placed() -> list[Topic]:
    """Return the topics that are on the guide, on a page, or in the catalog."""
    return [topic for topic in TOPICS if topic.section or topic.page or topic.family]


def not_yet() -> list[Topic]:
    """Return the topics that nothing here has, each with what is missing."""
    return [topic for topic in TOPICS if not (topic.section or topic.page or topic.family)]
