"""The text of the guide: a section an idea, with a configuration in which to try it.

Text is Markdown; `[[term]]` marks words of the glossary. What the catalog or `RunConfig` knows is
not written here again: the page puts it under the section that names its `extra`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Try:
    """A link: what to look at, and the Playground's settings for it; or another page."""

    label: str
    query: Mapping[str, str] = field(default_factory=dict)
    page: str = "playground"


@dataclass(frozen=True)
class Section:
    """One idea. `key` is its anchor; `extra` names what the page puts below the text."""

    key: str
    title: str
    text: str
    tries: tuple[Try, ...]
    extra: str = ""


SECTIONS: tuple[Section, ...] = (
    Section(
        "likelihood",
        "Exact likelihood, and who else has one",
        r"""
A generative model draws new points that look like the data. A normalizing flow can also say, for
any point, how likely it finds it: its [[density]] is exact, not a bound and not an estimate.

| Model | Likelihood | Sampling | From noise to data |
|---|---|---|---|
| **Flow** | exact | one pass (some need more) | a bijection: one latent a point |
| **VAE** | lower bound (ELBO) | one pass of the decoder | a decoder, an approximate way back |
| **GAN** | none | one pass of the generator | a generator without a way back |
| **Diffusion** | lower bound; exact by its ODE | many steps | noise removed step by step |

A VAE maximizes a bound that is looser the worse its approximate posterior fits:

$$
\log p(x) \;\ge\; \mathbb E_{q(z\mid x)}[\log p(x\mid z)]
  - \mathrm{KL}\bigl(q(z\mid x)\,\|\,p(z)\bigr),
$$

while a flow's log-likelihood is computed outright. A GAN is trained by a judge instead and has no
number to compare by. Diffusion models make the best images today and pay with many steps a sample;
flows pay for their one pass with layers that must be invertible.
""",
        (Try("See an exact density form", {}),),
    ),
    Section(
        "change-of-variables",
        "Change of variables",
        r"""
Draw $z$ from a simple [[base]], and let $x = f(z)$. Probability is carried along, not made: where
$f$ stretches, the density falls; where it squeezes, it rises. The factor is the determinant of the
[[Jacobian]]:

$$
p_x(x) = p_z\bigl(f^{-1}(x)\bigr)\,\left|\det \frac{\partial f^{-1}}{\partial x}\right|
        = p_z(z)\,\left|\det \frac{\partial f}{\partial z}\right|^{-1}, \qquad z = f^{-1}(x),
$$

and in logarithms, where products become sums and the [[log-det]] is counted in [[nats]]:

$$
\log p_x(x) = \log p_z(z) - \log\bigl|\det J_f(z)\bigr|.
$$

Without that factor nothing holds: the "density" no longer integrates to 1.
""",
        (Try("Stretch a density by hand", page="change_of_variables"),),
    ),
    Section(
        "requirements",
        "Three things a layer must be",
        r"""
1. **Invertible.** A [[bijection]]: each $x$ comes from exactly one $z$, its [[latent]]. A smooth
   map whose Jacobian is nowhere singular is invertible *near* each point (inverse function
   theorem); to be invertible everywhere it must also be one-to-one and reach everything. Layers
   here are built so that this holds for every value of their weights. Where the way back has no
   formula, it is solved to a stated tolerance.
2. **A tractable Jacobian.** A general $D \times D$ determinant costs $O(D^3)$, at every training
   step. Layers are shaped so that it costs $O(D)$: see below.
3. **Expressive.** One layer is weak; a stack of them must still bend a Gaussian into moons.

Ordinary networks fail the first: pooling and dropout throw information away, and a ReLU flattens
half of its inputs. They come back inside a [[conditioner]], which never has to be inverted.
""",
        (
            Try("A weak layer, stacked 32 times", {"architecture": "planar"}),
            Try("The same with a single one", {"architecture": "planar", "depth": "1"}),
        ),
    ),
    Section(
        "composition",
        "Composition",
        r"""
Bijections in a row are a bijection. With $z_0 \to z_1 \to \dots \to z_K = x$, the chain rule
multiplies determinants, so log-dets add up:

$$
f = f_K \circ \dots \circ f_1, \qquad
\log p_x(x) = \log p_{z_0}(z_0) - \sum_{k=1}^{K} \log\bigl|\det J_{f_k}(z_{k-1})\bigr|.
$$

Each term is taken where the point has got to, which is what the walk through the layers shows.
""",
        (
            Try("Stack maps of the line", page="change_of_variables"),
            Try("Walk through 16 layers", {"depth": "16"}),
        ),
    ),
    Section(
        "training",
        "Training is maximum likelihood",
        r"""
The loss is the [[NLL]]: minus the mean log-density of the data,

$$
\mathcal L(\theta) = -\,\mathbb E_{x \sim p_{\text{data}}}
  \Bigl[\log p_z\bigl(f_\theta^{-1}(x)\bigr)
  + \log\bigl|\det J_{f_\theta^{-1}}(x)\bigr|\Bigr].
$$

The first term pulls data towards the middle of the base; the second pays for collapsing everything
there. Nothing else is added: no second loss, no pairs of noise and data.

The loss is the [[KL divergence]] to the truth plus the target's entropy, so it cannot fall below
that [[entropy floor]], which the Playground draws as a dashed line. On [[held-out]] points, what
remains above it is what the flow has still to learn. Data are standardized first
([[standardization]] is the flow's last, fixed layer), so log-densities stay in data units.
""",
        (
            Try("Watch the loss meet its floor", {"target": "moons"}),
            Try("A harder target", {"target": "spiral", "architecture": "nsf"}),
        ),
    ),
    Section(
        "cheap-jacobians",
        "How the Jacobian stays cheap",
        r"""
- **[[Triangular|triangular]].** [[Coupling|coupling]] layers keep $z_1$ and change $z_2$ by what
  $z_1$ says: $x_1 = z_1,\; x_2 = z_2 \odot e^{s(z_1)} + t(z_1)$, so that
  $\log|\det J| = \sum_i s_i(z_1)$ in $O(D)$, both ways in one pass. Autoregressive layers let every
  coordinate depend on all before it: $x_i = z_i\, e^{\alpha_i(x_{<i})} + \mu_i(x_{<i})$. Masks
  (MADE) compute all $\alpha_i, \mu_i$ in one pass when $x$ is known, which makes densities fast and
  sampling $D$ passes long; conditioning on $z_{<i}$ instead (IAF) turns that round.
- **Identity plus low rank.** $\det(I + u w^\top) = 1 + w^\top u$: planar and radial layers.
- **An invertible matrix.** A mixing of coordinates, kept as $P L (U + \operatorname{diag} s)$, has
  $\log|\det W| = \sum_i \log|s_i|$; on images the same small matrix is used at each of the
  $H \times W$ places and counts as often.
- **Volume-preserving.** Additive coupling (NICE) has $\det J = 1$: exact and simple, but it can
  only move probability, not concentrate it, except in its last scaling.
- **Identity plus a contraction.** $x = z + g(z)$ is invertible if the [[Lipschitz constant]] of $g$
  is below 1. It is *not* volume-preserving:
  $\log\det(I + A) = \operatorname{Tr} A - \tfrac12 \operatorname{Tr} A^2 + \dots$
- **Continuous time.** A point follows $\dot z = f(z, t)$, and its log-density obeys
  $\frac{\mathrm d}{\mathrm dt} \log p(z(t)) = -\operatorname{Tr}\frac{\partial f}{\partial z}$. The
  trace costs $O(D)$ vector products; Hutchinson's estimate
  $\operatorname{Tr} A = \mathbb E[\epsilon^\top A\, \epsilon]$ needs one, and is unbiased for the
  log-density. The way back is the same equation, run backwards.
""",
        (
            Try("Affine coupling on circles", {"target": "circles"}),
            Try("Spline coupling on circles", {"target": "circles", "architecture": "nsf"}),
        ),
    ),
    Section(
        "families",
        "The families, one card each",
        "What each is, from the same list that the Playground reads.",
        (),
        extra="families",
    ),
    Section(
        "costs",
        "What sampling and densities cost",
        """
Theory counts passes: $O(1)$ if all coordinates go at once, $O(D)$ if one after another. Below it
stand times of this server, for 10,000 points of the plane and each family's own default depth,
untrained. In two dimensions $O(D)$ is only two passes: the difference grows with $D$.
""",
        (Try("The fastest both ways", {"architecture": "realnvp"}),),
        extra="costs",
    ),
    Section(
        "hyperparameters",
        "Settings and their effects",
        """
Ranges and defaults are those the Playground accepts; some families bring their own. Change one at a
time, with the same seed, and compare the gap to the floor.
""",
        (
            Try("Shallow: depth 2", {"depth": "2"}),
            Try("Deep: depth 24", {"depth": "24"}),
            Try("A learning rate too high", {"learning_rate": "0.1"}),
        ),
        extra="hyperparameters",
    ),
    Section(
        "debugging",
        "When it does not learn",
        """
Four checks first. **Log-det:** finite, and never of a singular layer. **Way back:**
$f^{-1}(f(z))$ returns $z$ up to rounding; the tests of every layer here hold it. **Likelihood:**
the held-out NLL falls, and nears its floor. **Samples:** look at them. Then the symptoms, each
with a run that has it:
""",
        (),
        extra="symptoms",
    ),
    Section(
        "sampling",
        "Sampling, temperature, latents",
        r"""
To sample, draw $z \sim \mathcal N(0, \tau^2 I)$ and send it forward. The [[temperature]] $\tau$ is
1 for the model itself; below it, samples are more typical and less varied; above, the reverse.

Since every point has exactly one latent, one can also edit there: average two latents to blend two
points, or move along a direction that stands for a property. No encoder needs to be trained.
""",
        (
            Try("Cool samples: temperature 0.6", {"temperature": "0.6"}),
            Try("Hot samples: temperature 1.5", {"temperature": "1.5"}),
        ),
    ),
    Section(
        "bits",
        "Bits per dimension",
        r"""
To compare models of data with different sizes, the likelihood is counted in bits and divided by the
number of dimensions:

$$
\text{bpd} = -\frac{\mathbb E[\log p(x)]}{D \log 2}.
$$

It is what an ideal code spends on each number: [[bits per dimension]] *is* compression. For bytes,
guessing blindly costs 8. Bytes are discrete; a continuous density could be driven to infinity on
them. So noise uniform over one step is added before training (*dequantization*), which turns the
density's NLL into an upper bound on the true code length; a learned noise (*variational
dequantization*) tightens it.

As their papers report, on CIFAR-10: Glow 3.35, Residual Flow 3.28, Flow++ 3.08; on 64 × 64
ImageNet: Glow 3.81, Flow++ 3.69; on 256 × 256 CelebA-HQ in 5 bits: Glow 1.03. Here data are points
of the plane with no last digit, so the Playground counts in nats.
""",
        (Try("Two dimensions, in nats", {"target": "swiss_roll"}),),
        extra="bits",
    ),
    Section(
        "when",
        "When to use a flow, and when not",
        """
**Use one** when the density itself is the goal: density estimation, anomaly detection (an anomaly's
score is $-\\log p(x)$), lossless compression, simulation-based science, a flexible posterior in
variational inference; when one fast pass must make a sample; when the way back matters.

**Use something else** when only the look of samples counts (diffusion, GANs), when the data must be
squeezed into few numbers (a VAE: a flow keeps $\\dim z = \\dim x$), when data are discrete (flows
over integers exist, but are a topic of their own), or when memory is short: deep stacks keep many
activations, unless they are recomputed on the way back.

**And beware:** a high likelihood does not promise good samples, nor the reverse, and a flow may
find strangers likelier than its own training data. Most of an image's likelihood lies in detail no
eye sees.
""",
        (
            Try("Separate parts: splines", {"target": "eight_gaussians", "architecture": "nsf"}),
            Try("Sharp edges", {"target": "checkerboard", "architecture": "nsf"}),
        ),
    ),
    Section(
        "words",
        "Words",
        "The same explanations stand wherever a dotted word does: point at it, tap it, or reach it "
        "by keyboard.",
        (),
        extra="words",
    ),
    Section(
        "papers",
        "Key papers",
        "The oldest first.",
        (),
        extra="papers",
    ),
    Section(
        "topics",
        "Where each topic lives, and what is not here yet",
        "Every heading of the lecture behind this guide.",
        (),
        extra="topics",
    ),
)
