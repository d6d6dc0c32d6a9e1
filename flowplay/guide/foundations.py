"""What a flow is: sections of the guide."""

from __future__ import annotations

from flowplay.guide.section import Section, Try

FOUNDATIONS: tuple[Section, ...] = (
    Section(
        "likelihood",
        "Exact likelihood, and other generative models",
        "What a flow can do that other generative models cannot, and what it costs.",
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

A VAE maximizes a lower bound. Its encoder gives an approximate posterior $q(z \mid x)$; the worse
this fits, the lower is the bound:

$$
\begin{aligned} \log p(x) \ge{}& \mathbb E_{q(z\mid x)}[\log p(x\mid z)] \\
  &- \mathrm{KL}\bigl(q(z\mid x)\,\|\,p(z)\bigr). \end{aligned}
$$

A flow maximizes the log-likelihood itself. A GAN is trained against a discriminator, without a
likelihood. Diffusion models make very good images, but take many [[passes|pass]] for a sample. Most
flows of layers take few, but every layer must be invertible.
""",
        (
            Try("Watch a density while it is learned", {}),
            Try("Flow, VAE, GAN and diffusion in one race", {"preset": "models"}, "race"),
        ),
        extra="comparison",
    ),
    Section(
        "change-of-variables",
        "Change of variables",
        "How a map moves probability: the one formula behind every flow.",
        r"""
Draw $z$ from a simple [[base]], and let $x = f(z)$. The map moves probability without
changing its total. Where $f$ stretches space, the density falls; where it squeezes space, the
density rises. The factor is the determinant of the [[Jacobian]]:

$$
\begin{aligned} p_x(x) &= p_z\bigl(f^{-1}(x)\bigr)\,
  \left|\det \frac{\partial f^{-1}}{\partial x}\right| \\
  &= p_z(z)\,\left|\det \frac{\partial f}{\partial z}\right|^{-1},
  \quad z = f^{-1}(x), \end{aligned}
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
        "Invertible, with a cheap Jacobian, and still able to learn shapes.",
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
        "Many simple layers in a row: their log-dets add up.",
        r"""
The composition of bijections is a bijection. With $z_0 \to z_1 \to \dots \to z_K = x$, the chain
rule multiplies the determinants, so the log-dets add up:

$$
\begin{aligned} f &= f_K \circ \dots \circ f_1, \\
\log p_x(x) &= \log p_{z_0}(z_0) \\
  &\quad - \sum_{k=1}^{K} \log\bigl|\det J_{f_k}(z_{k-1})\bigr|. \end{aligned}
$$

Each term is evaluated at the current value $z_{k-1}$. *See inside* shows these values for any
point.
""",
        (
            Try("Stack maps of the line", page="change_of_variables"),
            Try("Walk through 16 layers", {"depth": "16"}),
        ),
    ),
    Section(
        "by-hand",
        "A log-det by hand",
        "One affine coupling at one point, with all numbers.",
        r"""
Take one affine coupling, $x_1 = z_1$ and $x_2 = z_2\, e^{s(z_1)} + t(z_1)$, and the point $z =
(0.5,\ 1)$. Let its network give $s = 0.3$ and $t = -0.2$ there, with the derivatives $s' = 0.4$ and
$t' = 0.1$ with respect to $z_1$. Then

$$
\begin{aligned} x_1 &= 0.5 \\ x_2 &= 1 \cdot e^{0.3} - 0.2 \\
  &= 1.3499 - 0.2 = 1.1499. \end{aligned}
$$

The [[Jacobian]] has four entries. The upper right one is 0, since $x_1$ does not depend on $z_2$:

$$
\begin{aligned} J &= \begin{pmatrix} 1 & 0 \\ z_2\, e^{s} s' + t' & e^{s} \end{pmatrix} \\
  &= \begin{pmatrix} 1 & 0 \\ 0.6399 & 1.3499 \end{pmatrix} \\
\det J &= 1 \cdot 1.3499 - 0 \cdot 0.6399 \\ &= 1.3499 \\
\log|\det J| &= 0.3 = s. \end{aligned}
$$

The derivatives of the network appear only in the entry that is multiplied by 0. So nobody has to
compute them, and the network may be of any kind.

The layer makes areas 1.35 times as large here, so the density is divided by 1.35. With the density
of the base at $z$,

$$
\begin{aligned} \log p_z(z) &= -\log 2\pi - \tfrac12 (0.5^2 + 1^2) \\ &= -2.4629 \\
\log p_x(x) &= -2.4629 - 0.3 = -2.7629. \end{aligned}
$$

*See inside* does the same below its ledger, for the point and the layer that you choose.
""",
        (Try("Choose a point of your own flow", page="layers"),),
    ),
    Section(
        "negative-nll",
        "A negative NLL is allowed",
        "Densities can exceed 1, and their logarithms depend on units.",
        r"""
A probability is at most 1. A [[density]] is probability *per area* and can be any positive number:
if all points lie evenly in a square of side 0.1, it is $1 / 0.01 = 100$ there. Then
$\log p(x) = 4.6$, and the [[NLL]] is $-4.6$ nats. Nothing is wrong.

The same holds for the entropy of a density, the *differential entropy* $h = -\mathbb E[\log p(x)]$.
A Gaussian of one dimension has $h = \tfrac12 \log(2\pi e\, \sigma^2)$: it is 0 for
$\sigma = 0.242$, and negative for a smaller $\sigma$. Unlike the entropy of a discrete variable, it
is not the number of bits needed to write $x$ down: a real number has infinitely many digits.

It also depends on the units. If all coordinates are multiplied by $c$, densities are divided by
$|c|^D$, so that

$$
h(cX) = h(X) + D \log |c|.
$$

From metres to centimetres, the entropy of points of the plane grows by $2 \log 100 = 9.2$ nats. So
compare NLLs only for the same data in the same units. The gap between NLL and entropy is a
[[KL divergence]]. Both terms change by the same number, so the gap stays as it is. Try it with
the moons:
""",
        (Try("Narrow moons: the floor is negative", {"noise": "0.02"}),),
        extra="units",
    ),
)
