"""The text of the guide: a section an idea, with a configuration in which to try it.

Text is Markdown; `[[term]]` marks words of the glossary. What the catalog or `RunConfig` contains
is not repeated here: the page adds it to the section that names it as `extra`.
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
        "Exact likelihood, and other generative models",
        r"""
A generative model draws new points that look like the data. A normalizing flow can also
compute the probability [[density]] of any point. For most flows the result is exact up to
rounding; for continuous flows it is exact up to the tolerance of an ODE solver. It is not a bound,
and not an estimate from samples. FFJORD and flow matching are continuous flows. The card of each
family below says what is exact.

| Model | Likelihood | Sampling | Between noise and data |
|---|---|---|---|
| **Flow** of layers | exact | one pass per layer, or more | a bijection |
| **Continuous flow** | exact up to the solver's tolerance | an ODE: many passes | a bijection |
| **VAE** | lower bound (ELBO) | one pass of the decoder | a decoder and an approximate encoder |
| **GAN** | none | one pass of the generator | a generator without an inverse |
| **Diffusion** | lower bound, or as a continuous flow | many passes | noise removed in steps |

A VAE maximizes a lower bound. The worse its approximate posterior fits, the lower is the bound:

$$
\log p(x) \;\ge\; \mathbb E_{q(z\mid x)}[\log p(x\mid z)]
  - \mathrm{KL}\bigl(q(z\mid x)\,\|\,p(z)\bigr),
$$

A flow maximizes the log-likelihood itself. A GAN is trained against a discriminator, without a
likelihood. Diffusion models make very good images, but take many [[passes|pass]] for a sample. A
flow of layers samples fast, but every layer must be invertible.
""",
        (Try("Watch a density while it is learned", {}),),
    ),
    Section(
        "change-of-variables",
        "Change of variables",
        r"""
Draw $z$ from a simple [[base]], and let $x = f(z)$. The map moves probability without
changing its total. Where $f$ stretches space, the density falls; where it squeezes space, the
density rises. The factor is the determinant of the [[Jacobian]]:

$$
p_x(x) = p_z\bigl(f^{-1}(x)\bigr)\,\left|\det \frac{\partial f^{-1}}{\partial x}\right|
        = p_z(z)\,\left|\det \frac{\partial f}{\partial z}\right|^{-1}, \qquad z = f^{-1}(x),
$$

and in logarithms, where products become sums and the [[log-det]] is counted in [[nats]]:

$$
\log p_x(x) = \log p_z(z) - \log\bigl|\det J_f(z)\bigr|.
$$

Without this factor the result is not a density: in general it does not integrate to 1.
""",
        (Try("Stretch a density by hand", page="change_of_variables"),),
    ),
    Section(
        "requirements",
        "Three things a layer must be",
        r"""
1. **Invertible.** It must be a [[bijection]]: each $x$ comes from exactly one $z$, its [[latent]].
   A smooth map with an invertible Jacobian everywhere is invertible *near* each point (inverse
   function theorem). To be invertible as a whole it must also be one-to-one and onto. Layers here
   have this property for every value of their weights. Where the inverse has no formula, it is
   computed by iteration up to rounding, or by an ODE solver up to its tolerance.
2. **A tractable Jacobian.** The determinant of a general $D \times D$ matrix costs $O(D^3)$
   operations for each point. Most layers are built so that it costs $O(D)$. The exact log-det of a
   residual layer still costs $O(D^3)$, and a continuous flow integrates a trace.
3. **Expressive.** One layer can do little, but many layers together must turn a Gaussian into
   moons.

Most ordinary networks are not invertible: pooling and dropout lose information, and a ReLU maps
all negative numbers to 0. Such networks can be used as a [[conditioner]], which is never inverted.
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
The composition of bijections is a bijection. With $z_0 \to z_1 \to \dots \to z_K = x$, the chain
rule multiplies the determinants, so the log-dets add up:

$$
f = f_K \circ \dots \circ f_1, \qquad
\log p_x(x) = \log p_{z_0}(z_0) - \sum_{k=1}^{K} \log\bigl|\det J_{f_k}(z_{k-1})\bigr|.
$$

Each term is evaluated at the current value $z_{k-1}$. The walk through the layers shows these
values.
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
The loss is the [[NLL]], minus the mean log-density of the data. At each step it is estimated on a
batch:

$$
\mathcal L(\theta) = -\,\mathbb E_{x \sim p_{\text{data}}}
  \Bigl[\log p_z\bigl(f_\theta^{-1}(x)\bigr)
  + \log\bigl|\det J_{f_\theta^{-1}}(x)\bigr|\Bigr].
$$

The first term moves the latents of the data towards the middle of the base. The second term
keeps the flow from mapping all of them to one point.

Not every flow here is trained on exactly this loss:

- **Flow matching** has a loss of its own, which is not a likelihood.
- **FFJORD** computes the loss with fixed solver steps by default, and the trace may be estimated.
- **Residual flows** may take a cut-off or a random power series for the log-det.
- A **graphical flow** with a learned graph adds noise, and to the gradient a penalty for edges.

The held-out NLL is computed without these approximations, but on a sample of points: repeated with
other points, it would vary a little.

The expected NLL is the [[KL divergence]] from the true density to the model plus the target's
entropy. So it cannot be below this [[entropy floor]], which the Playground draws as a dashed line.
On [[held-out]] points, the gap to the floor estimates what the flow has not learned. The NLL on a
small training set can go far below the floor: then the flow overfits. Data are standardized first
([[standardization]] is the flow's last layer and is not trained), so log-densities are in data
units.
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
- **[[Triangular|triangular]].** [[Coupling|coupling]] layers keep $z_1$ and transform $z_2$ with
  parameters computed from $z_1$. An affine coupling is
  $x_1 = z_1,\; x_2 = z_2 \odot e^{s(z_1)} + t(z_1)$. Its log-det $\sum_i s_i(z_1)$ takes $O(D)$
  operations, and each direction takes one [[pass]]. In autoregressive layers every coordinate
  depends on all before it: $x_i = z_i\, e^{s_i(x_{<i})} + t_i(x_{<i})$. If $x$ is known, a network
  with masked weights (MADE) computes all $s_i, t_i$ in one pass. So the density takes one pass and
  sampling $D$ passes. If $s_i, t_i$ depend on $z_{<i}$ instead (IAF), the two costs are exchanged.
- **Identity plus rank one.** $\det(I + u w^\top) = 1 + w^\top u$: planar layers. The Jacobian of a
  radial layer is a *multiple* of the identity plus rank one, which is as cheap.
- **An invertible matrix.** A linear mixing of the coordinates, kept as $W = P L U$, has
  $\log|\det W| = \sum_i \log|U_{ii}|$. On images the same small matrix is used at each of the
  $H \times W$ places, so its log-det counts $H \cdot W$ times.
- **Volume-preserving.** Additive coupling (NICE) has $\det J = 1$. It moves points without
  changing their density. Only the one scaling layer, the first from $z$ to $x$, changes densities,
  and it changes all by the same factor.
- **Identity plus a contraction.** $z = x + g(x)$ is invertible if the [[Lipschitz constant]] of
  $g$ is below 1. It is not volume-preserving: with $A = \partial g / \partial x$,
  $\log\det(I + A) = \operatorname{Tr} A - \tfrac12 \operatorname{Tr} A^2 + \dots$ The exact
  determinant costs $O(D^3)$.
- **Continuous time.** A point follows $\dot z = f(z, t)$ with a field that is Lipschitz continuous
  in $z$. Its log-density changes by
  $\frac{\mathrm d}{\mathrm dt} \log p(z(t)) = -\operatorname{Tr}\frac{\partial f}{\partial z}$.
  For a general network the exact trace takes $D$ vector products. Hutchinson's estimate
  $\operatorname{Tr} A = \mathbb E[\epsilon^\top A\, \epsilon]$ takes one. It is unbiased if the
  noise has $\mathbb E[\epsilon\epsilon^\top] = I$. The inverse solves the same equation backwards
  in time.
""",
        (
            Try("Affine coupling on circles", {"target": "circles"}),
            Try("Spline coupling on circles", {"target": "circles", "architecture": "nsf"}),
        ),
    ),
    Section(
        "families",
        "The families, one card each",
        """
All formulas of Jacobians and log-dets on these cards are for the direction from z to x. If the
paper writes its formulas in the other direction, the card says so.

Every flow here starts from one Gaussian, whose density is positive everywhere. A continuous map
with a continuous inverse cannot cut such a density into separate parts: between parts of the data,
some density always remains. This holds for every family. Families differ in how thin these bridges
are.
""",
        (),
        extra="families",
    ),
    Section(
        "variational-inference",
        "Variational inference: learning without data",
        r"""
Often a density is known only up to its constant: $p(x) = e^{-U(x)} / Z$, with an [[energy]] $U$
that can be computed and a $Z$ that cannot. A posterior is one: prior times likelihood is known, the
evidence $Z$ is not. A flow $q$ can learn such a density without data, from its own draws:

$$
\mathrm{KL}(q\,\|\,p) = \mathbb E_{x \sim q}\bigl[\log q(x) + U(x)\bigr] + \log Z
= \log Z - \mathrm{ELBO}.
$$

The constant has no gradient, so training needs no $Z$: it raises the [[ELBO]], a lower bound of
$\log Z$. In the plane $Z$ is also computed here by quadrature, so that the page can draw the exact
target, and the floor of the loss: 0 nats of [[KL divergence]].

- **Direction.** Each step draws $x = f(z)$ and needs $\log q$ at these points only, in one pass.
  So the generating direction should be the cheap one: IAF was made for this. Layers of planar,
  radial and most other families stand the other way round here, as in the paper on variational
  inference with flows.
- **Modes.** $\mathrm{KL}(q\|p)$ punishes mass where $p$ has none, and little else. A model may
  settle in one mode and leave others out (mode-seeking). Maximum likelihood makes
  $\mathrm{KL}(p\|q)$ small, which punishes missing mass (mass-covering), but needs data.
- **Annealing.** With the factor $\beta$ of the energy rising from 0.01 to 1 the model first covers
  everything. Without it modes are lost more often.
- **Importance sampling.** Draws weighted by $e^{-U} / q$ correct what $q$ gets wrong, and estimate
  $\log Z$. The [[effective sample size]] says how many draws that leaves. It cannot tell of modes
  in which no draw lies.
""",
        (
            Try("The four energies of the paper, with 2, 8 and 32 planar layers", page="energies"),
            Try("Forward and reverse KL on two modes", {"board": "divergences"}, "energies"),
            Try(
                "A posterior, and its data to change",
                {"target": "posterior_logistic", "architecture": "iaf"},
            ),
        ),
    ),
    Section(
        "costs",
        "What sampling and densities cost",
        """
A [[pass]] is one evaluation of a layer's network, for all points at once. "1 pass" means that all
coordinates are computed together; "D passes" means one after another. The operations
for the log-det come on top of this: the cards of the families show them separately.

The table also has times measured on this server: for 10,000 points of the plane, untrained, with
each family's default depth. In two dimensions, D passes are only two; the difference grows with D.
""",
        (Try("One pass per layer both ways", {"architecture": "realnvp"}),),
        extra="costs",
    ),
    Section(
        "hyperparameters",
        "Settings and their effects",
        """
Ranges and defaults are those of the Playground; some families have their own defaults. Change one
setting at a time, keep the seed, and compare the gap to the floor.
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
Check four things first; the check-up on the Layers page does the first three.

- **Jacobian:** its [[condition number]] tells how much rounding errors can grow in the inverse. The
  determinant does not tell this.
- **Inverse:** $f(f^{-1}(x))$ returns $x$ up to small errors.
- **Likelihood:** the held-out NLL falls towards its floor.
- **Samples:** look at them.

Then compare with these symptoms. Each has a run that shows it:
""",
        (),
        extra="symptoms",
    ),
    Section(
        "sampling",
        "Sampling, temperature, latents",
        r"""
To sample, draw $z \sim \mathcal N(0, \tau^2 I)$ and compute $x = f(z)$. With [[temperature]]
$\tau = 1$ the samples come from the model itself. With $\tau < 1$, the $z$ lie nearer to 0, and
the samples vary less. They are **not** always more likely under the target: where the data have a
hole, the middle of the base is often mapped into the hole or to a bridge. Measured with the
defaults, from $\tau = 1$ to $\tau = 0.2$: for neural splines on circles, the samples off the rings
went from 2 % to 8 %, and their mean log-density under the target from −0.98 to −1.84. For RealNVP
on eight Gaussians, the samples off the Gaussians went from 3.3 % to 8.8 % with one seed, and from
2.7 % to 2.0 % with another. Off means: less likely under the target than 99.9 % of real points.

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
    Section(
        "words",
        "Words",
        "Words with a dotted line have these explanations everywhere: point at the word, tap it, "
        "or reach it by keyboard.",
        (),
        extra="words",
    ),
    Section(
        "papers",
        "Key papers",
        "Sorted by year.",
        (),
        extra="papers",
    ),
    Section(
        "topics",
        "Where each topic is, and what is not here yet",
        "All headings of the lecture on which this guide is based.",
        (),
        extra="topics",
    ),
)
