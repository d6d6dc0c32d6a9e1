"""Generative models that are no families of flows: VAE, diffusion and GAN."""

from __future__ import annotations

from types import MappingProxyType

from flowplay.catalog.entries import Architecture, Paper
from flowplay.catalog.options import Choice, Real, Whole

BETA = Real(
    "beta",
    "β",
    "Factor of the divergence between encoder and base in training. 1 is the ELBO.",
    1.0,
    0.0,
    4.0,
)

VAE = Architecture(
    name="vae",
    label="VAE",
    idea="A decoder turns a latent z into a Gaussian of x. An encoder says which z may have "
    "made an x.",
    equation=r"p(x) = \int \mathcal{N}\bigl(x;\, \mu(z),\, \sigma^2(z)\bigr)\,"
    r"\mathcal{N}(z;\, 0, I)\, dz",
    exactness="Samples are exact. The training loss is a bound; in the plane the true density is "
    "an integral over the latent, computed by quadrature, and both are shown. A decoder too steep "
    "for the quadrature has an estimate.",
    use_when="Data that need fewer numbers than they have coordinates: the latent may be smaller "
    "than x. Both directions take one pass.",
    weakness="The likelihood itself is not trained, only a bound of it. Noise of the decoder blurs "
    "samples.",
    paper=Paper(
        "Kingma & Welling",
        "Auto-Encoding Variational Bayes",
        2014,
        "https://arxiv.org/abs/1312.6114",
    ),
    defaults=MappingProxyType({"width": 64, "learning_rate": 0.01}),
    build="flowplay.models.vae:build",
    likelihood="exact",
    is_flow=False,
    depth_help=None,
    loss_name="−ELBO",
    loss="Trained by the ELBO, a lower bound of the log-likelihood. The held-out NLL is a "
    "quadrature over the latent.",
    options=(
        Whole("latent", "Latent", "Axes of the latent z; the data have two.", 2, 1, 2),
        BETA,
    ),
)

DIFFUSION = Architecture(
    name="diffusion",
    label="Diffusion",
    idea="A network learns to remove Gaussian noise of every strength. Removing it bit by bit "
    "makes data of noise.",
    equation=r"\frac{dx}{d\sigma} = \frac{x - D(x;\, \sigma)}{\sigma}",
    exactness="Density and samples of the probability-flow ODE are exact up to the solver's error. "
    "The other samplers are approximate.",
    use_when="Samples of high quality from a loss that is simple to train.",
    weakness="Its loss is not a likelihood, and a sample takes many evaluations of the network.",
    paper=Paper(
        "Karras, Aittala, Aila & Laine",
        "Elucidating the Design Space of Diffusion-Based Generative Models",
        2022,
        "https://arxiv.org/abs/2206.00364",
    ),
    defaults=MappingProxyType({"depth": 12, "width": 128, "learning_rate": 5e-3}),
    build="flowplay.models.diffusion:build",
    likelihood="exact",
    layered=True,
    is_flow=False,
    depth_help="Intervals of the noise level, in which pictures show the flow. All share one "
    "network.",
    depth_units=("interval", "intervals"),
    loss_name="denoising loss",
    loss="Trained by denoising, which needs no solver. The held-out NLL is that of the "
    "probability-flow ODE: exact at rest, within 0.01 nats while it trains.",
    options=(
        Choice(
            "sampler",
            "Sampler",
            "ODE: solved to a tolerance. Heun: the same ODE in a number of steps. Ancestral: each "
            "step removes noise and adds less of it.",
            "ode",
            MappingProxyType({"ode": "ODE", "heun": "Heun", "ancestral": "Ancestral"}),
        ),
        Whole(
            "sample_steps",
            "Sampling steps",
            "Steps of the samplers Heun and Ancestral; Heun evaluates the network twice in each.",
            20,
            1,
            200,
        ),
    ),
)

GAN = Architecture(
    name="gan",
    label="GAN",
    idea="A generator makes points of noise. A discriminator learns to tell them from data, and "
    "the generator learns to fool it.",
    equation=r"\min_G \max_D\; \mathbb{E}\,\log D(x) + \mathbb{E}\,\log\bigl(1 - D(G(z))\bigr)",
    exactness="Samples only: the generator is no bijection, so no density can be computed.",
    use_when="Sharp samples in one pass, where no likelihood is needed.",
    weakness="It may leave out parts of the data, and its losses do not tell how good it is.",
    paper=Paper(
        "Goodfellow et al.",
        "Generative Adversarial Nets",
        2014,
        "https://arxiv.org/abs/1406.2661",
    ),
    defaults=MappingProxyType({"width": 64, "learning_rate": 2e-3, "schedule": "cosine"}),
    build="flowplay.models.gan:build",
    likelihood="none",
    is_flow=False,
    depth_help=None,
    loss_name="discriminator's loss",
    loss="The loss of the discriminator, with its penalty. It does not say how good samples are.",
    options=(
        Choice(
            "gan_loss",
            "Objective",
            "Non-saturating with R1, a penalty on the discriminator's slope at data; with a "
            "gradient penalty between data and samples; without any penalty; or the distance of "
            "Wasserstein with the gradient penalty.",
            "r1",
            MappingProxyType(
                {
                    "r1": "R1",
                    "gradient_penalty": "Gradient penalty",
                    "plain": "No penalty",
                    "wasserstein": "Wasserstein-GP",
                }
            ),
        ),
        Real("penalty", "Penalty", "Factor γ of the penalty.", 0.3, 0.0, 10.0),
        Whole("noise_dim", "Noise", "Axes of the noise z of the generator.", 2, 1, 8),
    ),
)

#: In the order of the picker, after the flows.
OTHERS: tuple[Architecture, ...] = (VAE, DIFFUSION, GAN)
