"""What learns images of whole numbers, with options and defaults that suit them."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Final

from flowplay.catalog.entries import Architecture, FlowFamily, Paper
from flowplay.catalog.flows import GLOW, MAF, NSF, REALNVP, jacobian
from flowplay.catalog.options import Choice, Real, Whole
from flowplay.catalog.others import BETA, VAE

_BUILD = "flowplay.models.images:build"
_EXACTNESS = "Noise makes whole levels real numbers, so what is shown is a bound."

DEQUANTIZATION = Choice(
    "dequantization",
    "Dequantization",
    "The noise that makes whole levels real numbers: uniform, or learned for each pixel. Without "
    "noise the density has no bound, and training is refused.",
    "variational",
    MappingProxyType({"uniform": "Uniform", "variational": "Variational", "none": "None"}),
)

LABEL = Choice(
    "label",
    "Label",
    "Whether the label of an image is given: then its probability given the label is learned, "
    "images of a chosen label can be drawn, and Bayes' rule makes a classifier of it.",
    "none",
    MappingProxyType({"none": "Not given", "given": "Given"}),
)

COMPONENTS = Whole("components", "Components", "Logistics of each mixture.", 3, 1, 32)

DROPOUT = Real(
    "dropout", "Dropout", "Part of the networks' units left out in training.", 0.1, 0.0, 0.5
)

_COARSE = Real(
    "coarse",
    "Half resolution",
    "Weight of images at half their resolution in the loss. Each step then takes twice as long.",
    0.0,
    0.0,
    1.0,
)

_SHIFT = Real(
    "shift",
    "Moved images",
    "Part of the images that training moves by one pixel in the end, against overfitting.",
    0.5,
    0.0,
    0.5,
)


def _flat(family: FlowFamily) -> FlowFamily:
    """Return a family that learns an image as one vector, with noise added to its levels."""
    return replace(
        family,
        likelihood="bound",
        build=_BUILD,
        exactness=_EXACTNESS,
        defaults=MappingProxyType(
            {**family.defaults, "depth": 4, "learning_rate": 2e-3, "batch_size": 64}
        ),
        options=(*family.options, DEQUANTIZATION, _SHIFT),
    )


GLOW_OF_IMAGES = replace(
    GLOW,
    idea="At each scale: squeeze, then steps of normalization, 1 × 1 convolution and coupling, "
    "then half of the channels are split off.",
    equation=r"\begin{aligned} \text{split:}\quad & y = \mu(h) + \sigma(h) \odot \epsilon \\"
    r"\text{coupling:}\quad & y_1 = z_1, \quad y_2 = f(z_2;\, z_1) \\"
    r"\text{1 × 1:}\quad & v = W^{-1} y \text{ at each position}, \quad W = P L U \\"
    r"\text{normalization:}\quad & x = e^{s} \odot v + b \end{aligned}",
    jacobian=jacobian(
        r"\mathrm{diag}\,e^{s}\; W^{-1}\, \frac{\partial y}{\partial z} \text{ of a step}",
        r"n \Bigl(\sum_c s_c - \sum_c \log|U_{cc}|\Bigr)"
        r" + \sum_i \log \frac{\partial f_i}{\partial z_i} \text{ (n positions)};"
        r" \text{ a split adds } \sum_i \log \sigma_i(h)",
    ),
    in_paper="The paper writes all layers from x to z. Here only W is written in that direction. "
    "f is affine, or the mixture of Flow++.",
    inverse_cost="1 pass, and a product with W at each position",
    forward_cost="1 pass, and two triangular systems at each position; a mixture also solves an "
    "equation for each number",
    use_when="Images: it keeps their two dimensions, and its scales hold coarse and fine parts.",
    weakness="What it learns is a bound. Samples of a small model are rough.",
    likelihood="bound",
    build=_BUILD,
    exactness=_EXACTNESS,
    defaults=MappingProxyType(
        {
            "depth": 6,
            "width": 64,
            "learning_rate": 0.016,
            "batch_size": 64,
            "optimizer": "adamw",
            "weight_decay": 0.05,
        }
    ),
    depth_help="Steps of normalization, 1 × 1 convolution and coupling at each scale.",
    depth_units=("step at each scale", "steps at each scale"),
    options=(
        Whole("scales", "Scales", "How often the image is squeezed to half its side.", 2, 1, 3),
        Choice(
            "coupling",
            "Coupling",
            "Affine, or the distribution function of a mixture of logistics, as in Flow++.",
            "mixture",
            MappingProxyType({"affine": "Affine", "mixture": "Mixture"}),
        ),
        COMPONENTS,
        DROPOUT,
        DEQUANTIZATION,
        LABEL,
        _COARSE,
        _SHIFT,
    ),
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
    depth_help=None,
    loss_name="NLL",
    options=(
        Whole(
            "couplings",
            "Couplings",
            "How many couplings move the values. Without any, an autoregressive model is left.",
            4,
            0,
            16,
        ),
        COMPONENTS,
        DROPOUT,
    ),
)

_BEST_ON_PHOTOGRAPHS: Final = {"couplings": 0, "dropout": 0.0}

VAE_OF_IMAGES = replace(
    VAE,
    idea="A decoder turns a latent z into a probability of each level of each pixel. An encoder "
    "says which z may have made an image.",
    equation=r"P(x) = \int \prod_d P(x_d \mid z)\, \mathcal{N}(z;\, 0, I)\, dz",
    exactness="Samples are exact. What is shown is a bound: the integral over the latent is not "
    "known. Levels need no noise, since the decoder gives probabilities.",
    use_when="To compare with flows: its z has fewer numbers than an image.",
    weakness="Given z, pixels are independent, so samples look speckled. Its likelihood is a "
    "bound, and not as tight as that of a flow.",
    defaults=MappingProxyType(
        {"width": 256, "learning_rate": 2e-3, "batch_size": 64, "optimizer": "adamw"}
    ),
    build="flowplay.models.image_vae:build",
    likelihood="bound",
    loss="Trained by the ELBO, a lower bound of the log-likelihood, which is also what is shown.",
    options=(
        Whole("latent", "Latent", "Axes of the latent z.", 16, 1, 64),
        Choice(
            "posterior",
            "Posterior",
            "What the encoder takes for the z of an image: a Gaussian, or a flow of a Gaussian.",
            "gaussian",
            MappingProxyType(
                {"gaussian": "Gaussian", "planar": "Planar flow", "iaf": "Autoregressive (IAF)"}
            ),
        ),
        Whole(
            "posterior_layers",
            "Posterior layers",
            "Layers of the posterior's flow; a Gaussian has none.",
            4,
            1,
            16,
        ),
        BETA,
        COMPONENTS,
        DROPOUT,
    ),
)

#: Of the values that were tried on patches of a photograph, those that came to the fewest bits.
INTEGER_FLOW_OF_PHOTOGRAPHS = replace(
    INTEGER_FLOW,
    idea="A prior gives each value a probability from the values before it. Couplings can move "
    "whole numbers by whole steps; on photographs it does better without.",
    defaults=MappingProxyType(
        {**INTEGER_FLOW.defaults, "width": 64, "learning_rate": 3e-3, "batch_size": 32}
    ),
    options=tuple(
        replace(option, default=_BEST_ON_PHOTOGRAPHS.get(option.name, option.default))
        for option in INTEGER_FLOW.options
    ),
)

#: In the order of the picker.
ON_IMAGES: tuple[Architecture, ...] = (
    GLOW_OF_IMAGES,
    *map(_flat, (REALNVP, MAF, NSF)),
    INTEGER_FLOW,
    VAE_OF_IMAGES,
)

#: The same names, with what suits images whose neighbouring pixels are alike.
ON_PHOTOGRAPHS: tuple[Architecture, ...] = tuple(
    INTEGER_FLOW_OF_PHOTOGRAPHS if entry is INTEGER_FLOW else entry for entry in ON_IMAGES
)
