"""What flows are good for: sections of the guide."""

from __future__ import annotations

from flowplay.guide.section import Section, Try

USING: tuple[Section, ...] = (
    Section(
        "sampling",
        "Sampling, temperature, latents",
        "What the temperature changes, and what one can do with latents.",
        r"""
To sample, draw $z \sim \mathcal N(0, \tau^2 I)$ and compute $x = f(z)$. With [[temperature]]
$\tau = 1$ the samples come from the model itself. With $\tau < 1$, the $z$ lie nearer to 0, and
the samples vary less. If the base is a mixture, $\tau$ multiplies the standard deviation of each
of its Gaussians; their means stay. Cooler samples are **not** always more likely under the target:
where the data have a hole, the middle of the base is often mapped into the hole or to a bridge.
Measured with the defaults, from $\tau = 1$ to $\tau = 0.2$: for neural splines on circles, the
samples off the rings went from 2 % to 8 %, and their mean log-density under the target from −0.98
to −1.84. For RealNVP on eight Gaussians, the samples off the Gaussians went from 2.4 % to 6.8 %
with one seed, and from 2.0 % to 1.7 % with another. Off means: less likely under the target than
99.9 % of real points.

Every point has exactly one latent, so one can also edit points through their latents: average two
latents to blend two points, or move a latent along a direction that changes one property. No
encoder has to be trained. In high dimension, the average of two independent latents has too small
a norm: its length is about $\sqrt{D/2}$ where those of the base have $\sqrt D$. Interpolate on the
sphere, or rescale the average.
""",
        (
            Try("Cool samples: temperature 0.6", {"temperature": "0.6"}),
            Try("Hot samples: temperature 1.5", {"temperature": "1.5"}),
        ),
    ),
    Section(
        "bits",
        "Bits per dimension",
        "From nats to bits per dimension, and what dequantization is.",
        r"""
To compare models on data of different sizes, the likelihood is counted in bits and divided by the
number of dimensions. A density also depends on the units of the data, so the width $\delta$ of the
steps in which the data are written must be known:

$$
\text{bpd} = \frac{-\mathbb E[\log p(x)]}{D \log 2} - \log_2 \delta.
$$

For bytes from 0 to 255, $\delta = 1$ and the last term is 0. If the same pixels are scaled to
$[0, 1]$, then $\delta = 1/256$, and the last term adds 8 bits.

It is the mean length of an ideal code for each number: [[bits per dimension]] measure compression.
A uniform guess of a byte costs 8 bits. Bytes are discrete: a continuous density could become
arbitrarily high at these values. So uniform noise as wide as one step is added before training
(*dequantization*). Then the NLL of the density is an upper bound on the code length of the
discrete data. A learned noise (*variational dequantization*) makes the bound tighter.

Figures from papers of 2018 and 2019, in bits per dimension. CIFAR-10: Glow 3.35, Residual Flow
3.28, Flow++ 3.08. 64 × 64 ImageNet: Glow 3.81, Flow++ 3.69. 256 × 256 CelebA-HQ with 5 bits per
colour: Glow 1.03. Flow++ uses variational dequantization, the others uniform noise. The data of
the Playground are real numbers and not written in steps, so it counts in nats.
""",
        (Try("Two dimensions, in nats", {"target": "swiss_roll"}),),
        extra="bits",
    ),
    Section(
        "when",
        "When to use a flow, and when not",
        "What flows are good for, and where other models are better.",
        """
**Use a flow** when you need the density itself: for density estimation, lossless compression,
simulation-based inference, or a flexible posterior in variational inference. Use it when samples
must be fast, or when every point needs an exact latent.

**Use something else** when only the quality of samples counts (diffusion, GANs), when the data
must be described by few numbers (a VAE; a flow has $\\dim z = \\dim x$), or when the data are
discrete (there are flows over integers, but not here yet). Deep flows keep many activations in
memory; *gradient checkpointing*, a setting of the Playground, recomputes them instead.

**Anomaly detection** needs care. The usual score of an anomaly is $-\\log p(x)$. But a flow can
give points of another data set a higher density than its own training data (Nalisnick et al.,
2019): much of an image's likelihood comes from details that the eye does not see. Test such a
score on known anomalies.

**Samples and likelihood** are different goals: a high likelihood does not promise good samples,
and good samples do not promise a high likelihood (Theis et al., 2016).
""",
        (
            Try("Separate parts: splines", {"target": "eight_gaussians", "architecture": "nsf"}),
            Try("Sharp edges", {"target": "checkerboard", "architecture": "nsf"}),
        ),
    ),
)
