"""What flows are made of: sections of the guide."""

from __future__ import annotations

from flowplay.guide.section import Section, Try

LAYERS: tuple[Section, ...] = (
    Section(
        "cheap-jacobians",
        "How the Jacobian stays cheap",
        "Six ways to build a layer whose determinant costs little.",
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
        "alternation",
        "Why layers must alternate",
        "What one coupling keeps, the next must transform.",
        r"""
A [[coupling]] keeps $z_1$. If *every* layer keeps the same $z_1$, then $x_1 = z_1$ after all of
them, whatever their networks compute. Its density stays the one that it had in the [[base]], a
Gaussian; only the fixed scaling to data units changes it. No training can.

More layers do not help with $x_2$ either. Given $z_1$, each affine coupling maps $z_2$ to
$a z_2 + b$, and such maps in a row are again one such map. So twelve of them can do no more than
one with a larger network: $x_2$ given $x_1$ is a Gaussian, whose mean and width depend on $x_1$.

Therefore something must change between layers: here couplings swap the two parts, in more
dimensions the coordinates are split in different ways, autoregressive layers reverse the order, and
Glow learns a linear map of all coordinates. Planar, radial, residual and continuous layers change
all coordinates at once and need nothing of that kind.

Measured on moons with the defaults: twelve couplings that keep the same part end with a gap of
0.875 nats, a single one with 0.914, and twelve that alternate with 0.02. In the picture of the
first, every vertical slice is one Gaussian.
""",
        (
            Try("Twelve couplings that keep the same part", {"order": "fixed"}),
            Try("The same twelve, alternating", {}),
        ),
    ),
    Section(
        "families",
        "The families, one card each",
        "Every family of flows here, with its formulas, costs and paper.",
        """
All formulas of Jacobians and log-dets on these cards are for the direction from z to x. If the
paper writes its formulas in the other direction, the card says so.

Every flow here starts from one Gaussian, unless you choose a mixture. Its density is positive
everywhere, and no family can [cut it into separate parts](#cutting): between parts of the data some
density always remains. Families differ in how thin these bridges are.
""",
        (),
        extra="families",
    ),
    Section(
        "costs",
        "What sampling and densities cost",
        "One pass or D passes: densities and samples in numbers, measured here.",
        """
A [[pass]] is one evaluation of a layer's network, for all points at once. "1 pass" means that all
coordinates are computed together; "D passes" means one after another. The operations
for the log-det come on top of this: the cards of the families show them separately.

The table also has times measured on this server: for 10,000 points of the plane, untrained, with
each family's default depth. In two dimensions, D passes are only two; the difference grows with D.
""",
        (
            Try("One pass per layer both ways", {"architecture": "realnvp"}),
            Try("Coupling against autoregressive in a race", {"preset": "conditioners"}, "race"),
            Try("Layers against continuous time in a race", {"preset": "continuous"}, "race"),
        ),
        extra="costs",
    ),
    Section(
        "inversion",
        "Inverses by iteration, log-dets by series",
        "When an inverse is safe, and when a log-det is biased.",
        r"""
**Conditioning.** On the way back through a flow, a small error grows at most by the inverse of the
smallest stretch. A float32 number has a relative error of up to $6 \cdot 10^{-8}$. Where the
[[condition number]] of the whole flow's Jacobian is $10^4$, the relative error of the result can be
about $10^4$ times as large: three digits remain. The determinant does not show this:
a map that stretches one direction 100 times and squeezes the other as much has $\det J = 1$.

**Inverses without a formula.** From z to x, a planar layer solves one increasing equation for each
point, and a Flow++ layer one for each coordinate that it transforms, by Newton's method between two
bounds. A residual layer $z = x + g(x)$ iterates
$x \leftarrow z - g(x)$. If the [[Lipschitz constant]] of $g$ is $L < 1$, each step multiplies the
error by at most $L$: for six digits, $L = 0.5$ needs at most 20 steps, $L = 0.97$ at most 454. The
iteration here stops when a step changes $x$ by no more than rounding errors do. If it does not get
there, an error is reported instead of a wrong result.

**The log-det as a series.** With $A = \partial g / \partial x$,

$$
\log \det(I + A) = \sum_{k=1}^{\infty} \frac{(-1)^{k+1}}{k} \operatorname{tr} A^k .
$$

Cut off after $n$ terms, it is wrong by at most $D L^{n+1} / \bigl((n+1)(1-L)\bigr)$ for each layer.
In the plane with $n = 8$ this is 0.001 nats for $L = 0.5$, but up to 5.6 nats for $L = 0.97$. The
error is a *bias*: it does not average out over points or steps. Training can even make the loss
smaller by making this error larger.

The *unbiased* estimate stops the series at a random place and divides each late term by the
probability that it is reached. Its mean is the exact log-det, at the price of noise.

Measured on circles with two seeds each, 1,000 steps: the series reports an NLL that is 0.003 to
0.014 nats too low. The mean of 20 unbiased estimates agrees with the exact NLL up to noise, but
single ones differ by 0.03 to 0.07 nats, even as means over 2,000 points. So the train curve of
the unbiased flow is rougher. Both are used in training only: pictures and [[held-out]] NLL come
from the exact determinant.
""",
        (
            Try(
                "Series, cut off after 8 terms",
                {"target": "circles", "architecture": "residual", "log_det": "series"},
            ),
            Try(
                "Unbiased estimate",
                {"target": "circles", "architecture": "residual", "log_det": "unbiased"},
            ),
        ),
    ),
)
