"""What flows cannot do as they are, and what helps: sections of the guide."""

from __future__ import annotations

from flowplay.guide.section import Section, Try

BEYOND: tuple[Section, ...] = (
    Section(
        "cutting",
        "Why a flow cannot cut, and what helps",
        "One connected base, two separate parts: a bridge always remains.",
        r"""
The density of the Gaussian [[base]] is positive everywhere. A flow maps the whole space one-to-one
onto the whole space, smoothly, with a finite [[log-det]] at every point. So the density of
$x = f(z)$ is positive everywhere too. If the data lie in two separate parts, a path of positive
density between them always remains. It is called a bridge.

A bridge can hold little probability. But if it holds only $\epsilon$, then $f$ must stretch a thin
strip of the base, of probability $\epsilon$, over the whole gap. The smaller $\epsilon$, the
steeper the map, and the larger its [[condition number]] there. Affine layers are limited in this
more than splines.

What helps:

- **A [[mixture]] as the base.** Start from $K$ Gaussians,
  $p(z) = \sum_k \pi_k\, \mathcal N(z; \mu_k, \sigma_k^2 I)$. The density is still a formula, so
  $\log p(x)$ stays exact. Between the Gaussians the density is low already, and the flow only has
  to move these regions into the gaps. Weights $\pi_k$, means $\mu_k$ and standard deviations
  $\sigma_k$ are learned. The density between is low, but not 0: nothing is really cut. All flows
  of the plane that are trained by their likelihood have the setting *Gaussians of the base*.
- **Augmentation.** Add coordinates of noise $e$ and learn a flow of $(x, e)$. From $z$ to $x$ alone
  the map need not be one-to-one any more, so it can do more. The price: the
  density of $x$ alone has no formula, only a lower bound,
  $\log p(x) \ge \mathbb E_{e \sim q(e \mid x)}[\log p(x, e) - \log q(e \mid x)]$, where
  $q(e \mid x)$ is the density from which the noise is drawn. This is not here.
- **Another base that is learned**, or layers that draw random numbers: not here either.

What a mixture gains, measured: gap to the floor, and share of samples that are less likely under
the target than 99.9 % of real points. Means over three seeds, defaults, 2,000 steps:

| Target, flow | From one Gaussian | From a mixture |
|---|---|---|
| Eight Gaussians, RealNVP | 0.214 nats, 1.9 % off | of 8: 0.014 nats, 0.1 % off |
| Eight Gaussians, neural splines | 0.045 nats, 0.8 % off | of 8: 0.017 nats, 0.1 % off |
| Moons, RealNVP | 0.018 nats, 0.9 % off | of 2: 0.010 nats, 0.3 % off |
| Circles, RealNVP | 0.093 nats, 2.1 % off | of 2: 0.216 nats, 7.2 % off |
| Circles, neural splines | 0.027 nats, 1.9 % off | of 2: 0.024 nats, 1.6 % off |

So a mixture helps if each of its Gaussians can become one part of the data. The eight of the base
start on a circle, as those of the target lie, so this case is an easy one. Two Gaussians side by
side do not fit one ring inside another: there, RealNVP does worse with them.
""",
        (
            Try(
                "Eight Gaussians from one",
                {"target": "eight_gaussians", "architecture": "realnvp"},
            ),
            Try(
                "Eight Gaussians from eight",
                {
                    "target": "eight_gaussians",
                    "architecture": "realnvp",
                    "base_components": "8",
                },
            ),
        ),
    ),
    Section(
        "matching",
        "Why flow matching works, and diffusion",
        "A regression on random straight lines gives the right vector field.",
        r"""
Flow matching draws $z$ from the base and $x$ from the data, goes straight from one to the other,
$x_t = (1 - t)\, z + t\, x$, and trains a network to predict the velocity of this line:

$$
\min_f\ \mathbb E\, \bigl\| f(x_t, t) - (x - z) \bigr\|^2 .
$$

The lines of different pairs cross, so one field cannot follow all of them. Why is the result right?

**The best answer is a mean.** A squared error is smallest at the conditional mean,

$$
u_t(y) = \mathbb E\,[\,x - z \mid x_t = y\,].
$$

So the smallest loss is not 0: it is the variance of $x - z$ that remains when $x_t$ is known.

**The mean moves the density as the lines do.** For any smooth function $\varphi$,

$$
\begin{aligned} \frac{\mathrm d}{\mathrm dt}\, \mathbb E\, \varphi(x_t)
&= \mathbb E\bigl[\nabla\varphi(x_t) \cdot (x - z)\bigr] \\
&= \mathbb E\bigl[\nabla\varphi(x_t) \cdot u_t(x_t)\bigr]. \end{aligned}
$$

The second step only takes the mean over all lines that meet at one place. It says that the density
$p_t$ of $x_t$ obeys $\partial_t p_t + \nabla \cdot (p_t\, u_t) = 0$. Points that follow
$\dot y = u_t(y)$ from the base have exactly these densities $p_t$, and at $t = 1$ that of the data.
These points do not follow the lines: two lines can be at the same place at the same time, but two
solutions of one ODE never can.

**Pairs need not be independent.** The argument asks only that $z$ has the distribution of the base,
and $x$ that of the data. Where pairs are near to each other, fewer lines cross, less variance
remains, and points move on straighter paths. Here the draws of a batch are sorted, as its points
are, and paired in this order; the option "Pairs" can also find the shortest lines in groups of 256
points, or pair at random.

**Diffusion is close to it.** A diffusion model adds Gaussian noise to the data,
$x_t = \alpha_t x + \sigma_t z$. Here $\alpha_t = t$ and $\sigma_t = 1 - t$. Its network learns
$\mathbb E[z \mid x_t]$, or the [[score]] $\nabla \log p_t = -\mathbb E[z \mid x_t] / \sigma_t$. The
velocity follows from the score, for $t > 0$:

$$
u_t(y) = \frac{y + (1 - t)\, \nabla \log p_t(y)}{t}.
$$

So with independent pairs both learn the same field, but give different weights to the errors at
different times. A diffusion model can be sampled by its ODE, as here, or by an equation with fresh
noise in each step.

FFJORD has the same kind of field, but trains it by the likelihood, which solves the ODE in each
step. Many fields lead to the same density at $t = 1$. Flow matching is trained towards the one of
its pairs; the likelihood prefers none.
""",
        (
            Try(
                "Train a field by regression",
                {"target": "eight_gaussians", "architecture": "flow_matching"},
            ),
            Try(
                "The same with pairs at random",
                {
                    "target": "eight_gaussians",
                    "architecture": "flow_matching",
                    "coupling": "independent",
                },
            ),
            Try(
                "Train a field by likelihood",
                {"target": "eight_gaussians", "architecture": "ffjord"},
            ),
        ),
    ),
    Section(
        "conditional",
        "Conditional flows",
        "A density of x for every value of c.",
        r"""
Often the density of $x$ should depend on something known, $c$: a class, a measurement, the past of
a series. Then every [[conditioner]] gets $c$ as another input. For each $c$ the map $z \to x$ is a
[[bijection]], and

$$
\begin{aligned} \log p(x \mid c) &= \log p_z\bigl(f^{-1}(x; c)\bigr) \\
  &\quad + \log\left|\det \frac{\partial f^{-1}(x; c)}{\partial x}\right| . \end{aligned}
$$

The Jacobian contains only derivatives with respect to $x$. So $c$ costs nothing in the log-det, the
networks need not be invertible in it, and $c$ may have any dimension. The loss is the mean of
$-\log p(x \mid c)$ over pairs $(x, c)$. One network then serves all values of $c$. Between values
that it has seen it interpolates, without a guarantee.

Uses: samples of a chosen class; simulation-based inference, where $c$ is the observation and $x$
the parameters; forecasts; the posterior of a VAE, where $x$ is its latent. With $p(x \mid c)$
and the share $p(c)$ of every class, Bayes' rule gives $p(c \mid x)$.

You have already met one. The chain rule, $p(x_1, x_2) = p(x_1)\, p(x_2 \mid x_1)$, makes every
triangular flow a sequence of conditional flows of one coordinate each. In the graphical family the
edge $x_1 \to x_2$ is exactly this $c$: with it, the spline of $x_2$ depends on $c = x_1$; without
it, $x_2$ has the same density for all $x_1$.
""",
        (
            Try("x₂ given x₁", {"architecture": "graphical"}),
            Try("The same without the edge", {"architecture": "graphical", "edges": "none"}),
        ),
    ),
    Section(
        "variational-inference",
        "Variational inference: learning without data",
        "An energy instead of data: the reverse KL, and what it misses.",
        r"""
Often a density is known only up to its constant: $p(x) = e^{-U(x)} / Z$, with an [[energy]] $U$
that can be computed and a $Z$ that cannot. A posterior is one: prior times likelihood is known, the
evidence $Z$ is not. A flow $q$ can learn such a density without data, from its own draws:

$$
\begin{aligned} \mathrm{KL}(q\,\|\,p)
  &= \mathbb E_{x \sim q}\bigl[\log q(x) + U(x)\bigr] + \log Z \\
  &= \log Z - \mathrm{ELBO}. \end{aligned}
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
)
