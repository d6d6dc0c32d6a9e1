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
arbitrarily high at these values. So noise is added before training: see [images](#images).

An *integer flow* needs no noise. Its couplings move whole numbers to whole numbers, so it gives
discrete data a probability, and an entropy coder makes a file of that length.

Figures from papers of 2018 and 2019, in bits per dimension. CIFAR-10: Glow 3.35, Residual Flow
3.28, Flow++ 3.08. 64 × 64 ImageNet: Glow 3.81, Flow++ 3.69. 256 × 256 CelebA-HQ with 5 bits per
colour: Glow 1.03. Flow++ uses variational dequantization, the others uniform noise. In the
Playground, images are counted in bits per dimension. Points of the plane are real numbers and not
written in steps, so they are counted in nats.
""",
        (
            Try("Two dimensions, in nats", {"target": "swiss_roll"}),
            Try(
                "Compress digits without loss",
                {"target": "digits", "architecture": "idf"},
                page="compress",
            ),
        ),
        extra="bits",
    ),
    Section(
        "images",
        "Images: scales, and noise on the levels",
        "Squeeze, steps, split; and why whole numbers need noise.",
        r"""
An image is a grid of positions with one number for each channel. A flow of images works on
several scales. At each scale:

1. **Squeeze.** Each block of 2 × 2 pixels becomes one position with four times the channels. This
   only changes the order of the numbers, so its [[log-det]] is 0.
2. **Steps.** ActNorm scales and shifts each channel, a 1 × 1 convolution mixes the channels, and a
   [[coupling]] transforms half of them. Its [[conditioner]] is a convolutional network.
3. **Split.** Half of the channels, $y$, leave the flow. Their density is a Gaussian whose mean and
   standard deviation a network computes from the channels $h$ that stay. The next scale goes on
   with $h$ alone, at half the resolution.

The log-density is the sum over all scales:

$$
\log p(x) = \log p(h_L) + \sum_{l=1}^{L-1} \log p(y_l \mid h_l)
  + \sum_{l=1}^{L} \log\left|\det \frac{\partial h_l}{\partial h_{l-1}}\right| .
$$

Here $\partial h_l$ means all channels before the split. The early scales hold fine details, the
last one the coarse shape. The loss can also count images at half their resolution, with a weight
(the setting *Half resolution*).

**Why noise.** The levels of an image are whole numbers. A density can grow without bound at these
few values, so its likelihood means nothing. With noise $u$ in $[0, 1)$ on every number, a flow
learns a density of $v = x + u$, and

$$
\log P(x) \ \ge\ \mathbb E_{u \sim q(u \mid x)}\bigl[\log p(x + u) - \log q(u \mid x)\bigr].
$$

With **uniform** noise $\log q = 0$. With **variational** dequantization $q$ is a small conditional
flow, trained together with $p$. What is lost is $\mathrm{KL}\bigl(q(u \mid x)\,\|\,p(u \mid
x)\bigr)$, and a better $q$ loses less. So the Playground calls this figure a bound. With $K$ draws,
$\log \frac1K \sum_k p(x + u_k) / q(u_k \mid x)$ is on average a tighter bound. Measured on test
digits after 448 steps of the default, the median of three seeds was 1.881 bits per dimension as
the plain bound, and 1.826 with 64 weighted draws.

An integer flow needs no noise: its probability is exact.
""",
        (
            Try("Digits, with learned noise", {"target": "digits", "architecture": "glow"}),
            Try(
                "Digits, with uniform noise",
                {"target": "digits", "architecture": "glow", "dequantization": "uniform"},
            ),
            Try(
                "Digits of a given label",
                {"target": "digits", "architecture": "glow", "label": "given"},
            ),
            Try("Digits as flat vectors", {"target": "digits", "architecture": "maf"}),
            Try("Digits, whole numbers only", {"target": "digits", "architecture": "idf"}),
            Try("Digits by a VAE, to compare", {"target": "digits", "architecture": "vae"}),
            Try(
                "Images of your own",
                {"target": "own_images", "architecture": "glow"},
                page="images",
            ),
        ),
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
words or other symbols without an order. For whole numbers there are integer flows. Deep flows keep
many activations in memory; *gradient checkpointing*, a setting of the Playground, recomputes them
instead.

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
            Try(
                "Anomalies, and where likelihood deceives",
                {"target": "moons", "architecture": "nsf"},
                page="anomalies",
            ),
        ),
    ),
)
