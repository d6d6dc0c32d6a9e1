"""The families of normalizing flows, with their options, costs, papers and good defaults."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from flowplay.catalog.entries import FlowFamily, Paper
from flowplay.catalog.options import Choice, Recipe, Whole


def jacobian(matrix: str, log_det: str) -> str:
    """Write the Jacobian of the generating direction, and below it its log-det, as LaTeX."""
    return (
        r"\begin{aligned} \frac{\partial x}{\partial z} &= "
        + matrix
        + r" \\ \log\Bigl|\det\frac{\partial x}{\partial z}\Bigr| &= "
        + log_det
        + r" \end{aligned}"
    )


_ODE_JACOBIAN = (
    r"\begin{aligned} \frac{\partial x}{\partial z} &= M(1), \qquad"
    r"\dot M = \frac{\partial f}{\partial z}\,M, \quad M(0) = I \\"
    r"\log\Bigl|\det\frac{\partial x}{\partial z}\Bigr| &="
    r"\int_0^1 \mathrm{tr}\,\frac{\partial f}{\partial z}\bigl(z(t), t\bigr)\, dt \end{aligned}"
)

PLANAR = FlowFamily(
    name="planar",
    label="Planar",
    group="Simplest",
    idea="Each layer shifts points along one direction, by a tanh of one projection of the point.",
    equation=r"z = x + \hat u\,\tanh(w^\top x + b), \qquad w^\top \hat u > -1",
    jacobian=jacobian(
        r"\bigl(I + h'\,\hat u\,w^\top\bigr)^{-1}, \quad h' = 1 - \tanh^2(w^\top x + b)",
        r"-\log\bigl(1 + h'\,w^\top\hat u\bigr)",
    ),
    in_paper="The paper applies this formula from z to x. Here it runs from x to z, so that the "
    "density of a data point has a closed form.",
    inverse_cost="no network: one formula",
    forward_cost="no network: one scalar equation per point",
    log_det_cost="O(D)",
    use_when="To see how many simple bends make a shape. It is one of the first normalizing flows.",
    weakness="Each layer bends along one direction only, so many layers are needed.",
    paper=Paper(
        "Rezende & Mohamed",
        "Variational Inference with Normalizing Flows",
        2015,
        "https://arxiv.org/abs/1505.05770",
    ),
    turns=True,
    defaults=MappingProxyType({"depth": 32, "learning_rate": 1e-2}),
    conditioned=False,
)

REALNVP = FlowFamily(
    name="realnvp",
    label="RealNVP",
    group="Coupling",
    idea="Keeps one part of the coordinates. From it a network computes how the rest is scaled "
    "and shifted.",
    equation=r"x_1 = z_1, \qquad x_2 = z_2\, e^{s(z_1)} + t(z_1)",
    jacobian=jacobian(
        r"\begin{pmatrix} I & 0 \\ \partial x_2 / \partial z_1 & \mathrm{diag}\,e^{s(z_1)}"
        r"\end{pmatrix}",
        r"\sum_i s_i(z_1)",
    ),
    in_paper="The paper writes a formula of this form from x to z. Its scale and shift are those "
    "of the inverse map.",
    inverse_cost="1 pass",
    forward_cost="1 pass",
    log_det_cost="O(D)",
    use_when="A good first choice: both directions are fast.",
    weakness="Affine layers leave thicker bridges of density between separate parts than splines "
    "do.",
    paper=Paper(
        "Dinh, Sohl-Dickstein & Bengio",
        "Density Estimation using Real NVP",
        2017,
        "https://arxiv.org/abs/1605.08803",
    ),
    turns=True,
    defaults=MappingProxyType({"depth": 12, "learning_rate": 3e-3}),
    options=(
        Choice(
            "order",
            "Order",
            "Alternating: the part that a layer keeps is transformed by the next. Fixed: all "
            "layers keep the same part, so that its density never changes.",
            "alternating",
            MappingProxyType({"alternating": "Alternating", "fixed": "Fixed"}),
        ),
    ),
)

RADIAL = FlowFamily(
    name="radial",
    label="Radial",
    group="Simplest",
    idea="Each layer pulls points towards a centre, or pushes them away from it.",
    equation=r"z = x + \frac{\hat\beta}{\alpha + r}\,(x - c), \qquad r = \|x - c\|,"
    r"\quad \hat\beta > -\alpha",
    jacobian=jacobian(
        r"\Bigl(a\,I - \frac{\hat\beta\,(x - c)(x - c)^\top}{r\,(\alpha + r)^2}\Bigr)^{-1},"
        r"\quad a = 1 + \frac{\hat\beta}{\alpha + r}",
        r"-(D - 1) \log a - \log\Bigl(1 + \frac{\hat\beta\alpha}{(\alpha + r)^2}\Bigr)",
    ),
    in_paper="The paper applies this formula from z to x. Here it runs from x to z, so that the "
    "density of a data point has a closed form.",
    inverse_cost="no network: one formula",
    forward_cost="no network: one quadratic equation per point",
    log_det_cost="O(D)",
    use_when="To see local expansion and contraction. It comes from the same paper as the planar "
    "flow.",
    weakness="Each layer changes one round region: long thin shapes need very many layers.",
    paper=Paper(
        "Rezende & Mohamed",
        "Variational Inference with Normalizing Flows",
        2015,
        "https://arxiv.org/abs/1505.05770",
    ),
    turns=True,
    defaults=MappingProxyType({"depth": 32, "learning_rate": 3e-2}),
    conditioned=False,
)

NICE = FlowFamily(
    name="nice",
    label="NICE",
    group="Coupling",
    idea="Keeps one part of the coordinates. From it a network computes how the rest is shifted; "
    "no coupling scales.",
    equation=r"\begin{aligned} \text{scaling:}\quad & x = e^{s} \odot z \\"
    r"\text{coupling:}\quad & x_1 = z_1, \quad x_2 = z_2 + t(z_1) \end{aligned}",
    jacobian=r"\begin{aligned}"
    r"\text{scaling:}\quad & \frac{\partial x}{\partial z} = \mathrm{diag}\,e^{s}, &"
    r"\log\Bigl|\det\frac{\partial x}{\partial z}\Bigr| &= \sum_i s_i \\"
    r"\text{coupling:}\quad & \frac{\partial x}{\partial z} ="
    r"\begin{pmatrix} I & 0 \\ \partial t / \partial z_1 & I \end{pmatrix}, &"
    r"\log\Bigl|\det\frac{\partial x}{\partial z}\Bigr| &= 0"
    r"\end{aligned}",
    in_paper="The paper writes the map from x to z, where the scaling comes last. From z to x it "
    "is the first layer.",
    inverse_cost="1 pass",
    forward_cost="1 pass",
    log_det_cost="none in a coupling: it is 0",
    use_when="To see what shifts alone can do: no coupling changes areas.",
    weakness="The log-det is the same for all points: no place can be squeezed more than another.",
    paper=Paper(
        "Dinh, Krueger & Bengio",
        "NICE: Non-linear Independent Components Estimation",
        2015,
        "https://arxiv.org/abs/1410.8516",
    ),
    turns=True,
    defaults=MappingProxyType({"depth": 12, "learning_rate": 6e-3}),
)

GLOW = FlowFamily(
    name="glow",
    label="Glow",
    group="Coupling",
    idea="Blocks of three layers: an affine coupling, a linear map of all coordinates, a scale "
    "and shift of each.",
    equation=r"\begin{aligned} \text{coupling:}\quad & y_1 = z_1, \quad "
    r"y_2 = z_2\, e^{s'(z_1)} + t(z_1) \\"
    r"\text{linear:}\quad & v = W^{-1} y, \quad W = P L U \\"
    r"\text{normalization:}\quad & x = e^{s} \odot v + b \end{aligned}",
    jacobian=jacobian(
        r"\mathrm{diag}\,e^{s}\; W^{-1}\, \frac{\partial y}{\partial z}",
        r"\sum_i s_i - \sum_i \log|U_{ii}| + \sum_i s'_i(z_1)",
    ),
    in_paper="The paper writes all three layers from x to z. Here only W is written in that "
    "direction.",
    inverse_cost="1 pass, and a product with W: O(D²)",
    forward_cost="1 pass, and two triangular systems: O(D²)",
    log_det_cost="O(D)",
    use_when="When no split of the coordinates is natural: the mixing of coordinates is learned.",
    weakness="Affine layers leave thicker bridges of density between separate parts than splines "
    "do.",
    paper=Paper(
        "Kingma & Dhariwal",
        "Glow: Generative Flow with Invertible 1x1 Convolutions",
        2018,
        "https://arxiv.org/abs/1807.03039",
    ),
    turns=True,
    defaults=MappingProxyType({"depth": 8, "learning_rate": 6e-3}),
    depth_help="How many blocks of three layers the flow is made of.",
    depth_units=("block", "blocks"),
)

MAF = FlowFamily(
    name="maf",
    label="MAF",
    group="Autoregressive",
    idea="Each coordinate is scaled and shifted by amounts that depend on the data coordinates "
    "before it.",
    equation=r"x_i = z_i\, e^{s_i(x_{<i})} + t_i(x_{<i})",
    jacobian=jacobian(
        r"L \text{ triangular}, \quad L_{ii} = e^{s_i(x_{<i})}",
        r"\sum_i s_i(x_{<i})",
    ),
    inverse_cost="1 pass",
    forward_cost="D passes, one for each coordinate",
    log_det_cost="O(D)",
    use_when="Density estimation: the density takes one pass, and every layer transforms every "
    "coordinate.",
    weakness="Sampling takes D passes per layer. Affine layers leave thicker bridges of density "
    "between separate parts than splines do.",
    paper=Paper(
        "Papamakarios, Pavlakou & Murray",
        "Masked Autoregressive Flow for Density Estimation",
        2017,
        "https://arxiv.org/abs/1705.07057",
    ),
    defaults=MappingProxyType({"depth": 8, "learning_rate": 5e-3}),
)

IAF = FlowFamily(
    name="iaf",
    label="IAF",
    group="Autoregressive",
    idea="Each coordinate is scaled and shifted by amounts that depend on the noise coordinates "
    "before it.",
    equation=r"x_i = \bigl(z_i - t_i(z_{<i})\bigr)\, e^{-s_i(z_{<i})}",
    jacobian=jacobian(
        r"L \text{ triangular}, \quad L_{ii} = e^{-s_i(z_{<i})}",
        r"-\sum_i s_i(z_{<i})",
    ),
    in_paper="The paper writes the same map as xᵢ = σᵢ zᵢ + μᵢ. Here it is the inverse of a MAF "
    "layer.",
    inverse_cost="D passes, one for each coordinate",
    forward_cost="1 pass",
    log_det_cost="O(D)",
    use_when="When many samples are needed, as in variational inference: a sample takes one pass.",
    weakness="The density, and with it training by likelihood, takes D passes per layer. Affine "
    "layers leave thicker bridges of density between separate parts than splines do.",
    paper=Paper(
        "Kingma, Salimans, Jozefowicz, Chen, Sutskever & Welling",
        "Improving Variational Inference with Inverse Autoregressive Flow",
        2016,
        "https://arxiv.org/abs/1606.04934",
    ),
    defaults=MappingProxyType({"depth": 8, "learning_rate": 3e-3}),
)

_BINS = Whole("bins", "Bins", "Pieces of each spline: more bins allow sharper bends.", 12, 2, 32)

NSF = FlowFamily(
    name="nsf",
    label="Neural spline",
    group="Coupling",
    idea="Keeps one part of the coordinates. From it a network computes a monotone spline for "
    "each of the others.",
    equation=r"x_1 = z_1, \qquad x_2 = g_{\theta(z_1)}(z_2),"
    r"\quad g \text{ a monotone rational-quadratic spline}",
    jacobian=jacobian(
        r"\begin{pmatrix} I & 0 \\ \partial x_2 / \partial z_1 & \mathrm{diag}\,g'(z_2)"
        r"\end{pmatrix}",
        r"\sum_i \log g'_{\theta(z_1)}(z_{2,i})",
    ),
    inverse_cost="1 pass",
    forward_cost="1 pass; autoregressive: D passes",
    log_det_cost="O(D)",
    use_when="Separate parts, holes and sharp edges.",
    weakness="A layer takes longer than an affine one. Outside the box from −4 to 4 a spline is "
    "the identity.",
    paper=Paper(
        "Durkan, Bekasov, Murray & Papamakarios",
        "Neural Spline Flows",
        2019,
        "https://arxiv.org/abs/1906.04032",
    ),
    turns=True,
    defaults=MappingProxyType({"depth": 4, "learning_rate": 5e-3}),
    options=(
        _BINS,
        Choice(
            "conditioning",
            "Conditioning",
            "Coupling transforms one half of the coordinates given the other; autoregressive "
            "transforms each coordinate given those before it.",
            "coupling",
            MappingProxyType({"coupling": "Coupling", "autoregressive": "Autoregressive"}),
        ),
    ),
)

FLOWPP = FlowFamily(
    name="flowpp",
    label="Flow++",
    group="Coupling",
    idea="Keeps one part of the coordinates. A mixture-of-logistics CDF transforms each of the "
    "others.",
    equation=r"\begin{aligned} x_1 &= z_1, \qquad z_2 = g_{\theta(z_1)}(x_2) \\"
    r"g(x) &= e^{a}\,\mathrm{logit}\Bigl(\sum_k \pi_k\,\sigma\bigl((x - \mu_k)/s_k\bigr)\Bigr) + b,"
    r"\quad \theta = (\pi, \mu, s, a, b) \end{aligned}",
    jacobian=jacobian(
        r"\begin{pmatrix} I & 0 \\ \partial x_2 / \partial z_1 & \mathrm{diag}\,1 / g'(x_2)"
        r"\end{pmatrix}",
        r"-\sum_i \log g'_{\theta(z_1)}(x_{2,i})",
    ),
    in_paper="The paper, too, writes g from x to z. There its log-det has a plus sign.",
    inverse_cost="1 pass",
    forward_cost="1 pass, and one scalar equation per coordinate",
    log_det_cost="O(D·K) for K components",
    use_when="Separate parts and sharp edges. The [[CDF]] of a mixture changes points "
    "everywhere, a spline only inside its box.",
    weakness="Sampling solves an equation for each coordinate of each point.",
    paper=Paper(
        "Ho, Chen, Srinivas, Duan & Abbeel",
        "Flow++: Improving Flow-Based Generative Models with Variational Dequantization and "
        "Architecture Design",
        2019,
        "https://arxiv.org/abs/1902.00275",
    ),
    turns=True,
    defaults=MappingProxyType({"depth": 4, "learning_rate": 5e-3}),
    options=(
        Whole(
            "components",
            "Components",
            "Logistic components of each mixture: more of them allow finer maps.",
            8,
            1,
            32,
        ),
    ),
)

_SOLVER = Choice(
    "solver",
    "Solver in training",
    "How training solves the ODE. Pictures and held-out NLL always use the adaptive solver.",
    "rk4",
    MappingProxyType({"rk4": "Fixed (RK4)", "dopri5": "Adaptive (Dopri5)"}),
)
_STEPS = Whole(
    "substeps",
    "Steps per interval",
    "Fixed solver only: Runge–Kutta steps of order four in each interval.",
    1,
    1,
    8,
)

_COUPLING = Choice(
    "coupling",
    "Pairs",
    "Which draw of the noise moves to which point of a batch. Paths of sorted and of optimal "
    "pairs cross less often than those of pairs at random, so the field is simpler to learn. "
    "Optimal pairs, found within groups of 256 points, take longer.",
    "sorted",
    MappingProxyType({"sorted": "Sorted", "optimal": "Optimal", "independent": "At random"}),
    before="independent",
)

FFJORD = FlowFamily(
    name="ffjord",
    label="FFJORD",
    group="Continuous",
    idea="A time-dependent vector field moves points from the noise (t = 0) to the data (t = 1).",
    equation=r"\dot z = f(z, t), \qquad x = z(1) = z(0) + \int_0^1 f(z(t), t)\, dt",
    jacobian=_ODE_JACOBIAN,
    inverse_cost="several passes: an ODE, solved back in time",
    forward_cost="several passes: an ODE, solved forward in time",
    log_det_cost="one trace per pass: here one matrix product; in general D vector products, or "
    "1 with Hutchinson's estimate",
    exactness="Pictures, samples and held-out NLL are exact up to the solver's tolerance. "
    "Training takes fixed steps by default, which are less accurate; a penalty keeps the field "
    "smooth within each of them. Hutchinson's trace is "
    "random; its mean is right, because the noise has E[εεᵀ] = I.",
    use_when="Few limits on the network: the field only has to be Lipschitz continuous in z.",
    weakness="Density, sampling and each training step solve an ODE, so they take many passes.",
    paper=Paper(
        "Grathwohl, Chen, Bettencourt, Sutskever & Duvenaud",
        "FFJORD: Free-form Continuous Dynamics for Scalable Reversible Generative Models",
        2019,
        "https://arxiv.org/abs/1810.01367",
    ),
    step_note="each of them solves a differential equation",
    defaults=MappingProxyType({"depth": 6, "learning_rate": 2e-2}),
    depth_help="Number of equal time intervals in which the ODE is solved and shown.",
    depth_units=("interval of time", "intervals of time"),
    options=(
        _SOLVER,
        _STEPS,
        Choice(
            "trace",
            "Trace in training",
            "Exact, or Hutchinson's random estimate. Pictures and held-out NLL use the exact "
            "trace.",
            "exact",
            MappingProxyType({"exact": "Exact", "hutchinson": "Hutchinson"}),
        ),
    ),
)

FLOW_MATCHING = FlowFamily(
    name="flow_matching",
    label="Flow matching",
    group="Continuous",
    idea="A vector field as in FFJORD, trained by regression on straight paths from noise to data.",
    equation=r"\min_f\ \mathbb{E}\,\bigl\|f\bigl((1-t)\,z + t\,x,\ t\bigr) - (x - z)\bigr\|^2",
    jacobian=_ODE_JACOBIAN,
    inverse_cost="several passes: an ODE, solved back in time",
    forward_cost="several passes: an ODE, solved forward in time",
    log_det_cost="one trace per pass: here one matrix product; in general D vector products",
    exactness="Density and samples are exact up to the solver's tolerance.",
    use_when="Cheap training steps: each takes one pass, and no ODE is solved.",
    weakness="A lower loss does not always mean a lower NLL. Density and sampling solve an ODE.",
    paper=Paper(
        "Lipman, Chen, Ben-Hamu, Nickel & Le",
        "Flow Matching for Generative Modeling",
        2023,
        "https://arxiv.org/abs/2210.02747",
    ),
    defaults=MappingProxyType({"depth": 8, "learning_rate": 2e-2, "batch_size": 512}),
    depth_help="Number of equal time intervals in which the ODE is solved and shown.",
    depth_units=("interval of time", "intervals of time"),
    options=(_COUPLING,),
    mixable=False,
    loss_name="flow-matching loss",
    loss="It is trained by the flow-matching loss, which is not a likelihood. The held-out NLL "
    "is computed by solving the ODE.",
)

RESIDUAL = FlowFamily(
    name="residual",
    label="Residual",
    idea="From x to z, each layer adds the output of a network with Lipschitz constant below 1.",
    equation=r"z = x + g(x), \qquad \mathrm{Lip}(g) \le 0.97",
    jacobian=r"\begin{aligned} \frac{\partial x}{\partial z} &= (I + A)^{-1},"
    r"\qquad A = \frac{\partial g}{\partial x} \\"
    r"\log\Bigl|\det\frac{\partial x}{\partial z}\Bigr| &= -\log\det(I + A)"
    r" = -\sum_{k \ge 1} \frac{(-1)^{k+1}}{k}\,\mathrm{tr}\,A^k \end{aligned}",
    in_paper="The paper, too, writes the layer from x to z. There its log-det has a plus sign.",
    inverse_cost="1 pass",
    forward_cost="several passes: a fixed-point iteration",
    log_det_cost="O(D³) for the exact determinant; the series takes one vector product per term",
    exactness="Pictures, samples and held-out NLL are exact up to rounding. In training, the "
    "cut-off series is biased; the unbiased estimate is random, and its mean is right.",
    use_when="When every coordinate should depend on every other: there are no masks and no split.",
    weakness="The bound on the Lipschitz constant limits each layer, so many are needed. "
    "Sampling iterates.",
    paper=Paper(
        "Chen, Behrmann, Duvenaud & Jacobsen",
        "Residual Flows for Invertible Generative Modeling",
        2019,
        "https://arxiv.org/abs/1906.02735",
    ),
    turns=True,
    defaults=MappingProxyType({"depth": 10, "learning_rate": 1e-2}),
    options=(
        Choice(
            "log_det",
            "Log-det in training",
            "The exact determinant, its power series cut off after 8 terms, or an unbiased random "
            "estimate. Pictures and held-out NLL use the exact determinant.",
            "exact",
            MappingProxyType({"exact": "Exact", "series": "Series", "unbiased": "Unbiased"}),
        ),
    ),
)

GRAPHICAL = FlowFamily(
    name="graphical",
    label="Graphical",
    group="Autoregressive",
    idea="Each coordinate is transformed by a spline that depends on its parents in a graph, and "
    "on nothing else.",
    equation=r"x_i = g_{\theta_i(x_{\mathrm{pa}(i)})}(z_i)",
    jacobian=r"\begin{aligned} \Bigl(\frac{\partial x}{\partial z}\Bigr)_{ij} &= 0"
    r"\ \text{ unless } j = i \text{ or } j \text{ is an ancestor of } i \\"
    r"\log\Bigl|\det\frac{\partial x}{\partial z}\Bigr| &="
    r"\sum_i \log g'_{\theta_i(x_{\mathrm{pa}(i)})}(z_i) \end{aligned}",
    in_paper="The paper writes the transformation of each coordinate from x to z. There its "
    "log-det has the opposite sign.",
    inverse_cost="1 pass",
    forward_cost="D passes, whatever the graph",
    log_det_cost="O(D)",
    exactness="Density and samples are exact up to rounding. While a learned graph is trained, "
    "noise replaces a part of each parent, and a penalty for open edges is added to the gradient.",
    use_when="To state which coordinate may depend on which: x₁ → x₂, x₂ → x₁, or independence.",
    weakness="A missing edge that the data need costs likelihood. The likelihood cannot tell the "
    "direction of an edge: both directions can fit the same density.",
    paper=Paper(
        "Wehenkel & Louppe",
        "Graphical Normalizing Flows",
        2021,
        "https://arxiv.org/abs/2006.02548",
    ),
    defaults=MappingProxyType({"depth": 3, "learning_rate": 5e-3}),
    options=(
        Choice(
            "edges",
            "Graph",
            "Which coordinate may depend on which. Learned: the edge x₁ → x₂ stays only if it "
            "raises "
            "the likelihood enough.",
            "forward",
            MappingProxyType(
                {
                    "forward": "x₁ → x₂",
                    "backward": "x₂ → x₁",
                    "none": "Independent",
                    "learned": "Learned",
                }
            ),
        ),
        _BINS,
    ),
)

#: The option of every flow that is trained by its likelihood.
BASE_COMPONENTS = Whole(
    "base_components",
    "Gaussians of the base",
    "With 1 the flow starts from the standard normal N(0, I). With more it starts from a mixture "
    "of that many Gaussians, which are learned too: separate parts of the data can then come from "
    "separate Gaussians. An energy that is learned by the reverse KL needs 1.",
    1,
    1,
    16,
)

_SINGLE = (
    PLANAR,
    RADIAL,
    NICE,
    REALNVP,
    GLOW,
    MAF,
    IAF,
    NSF,
    FLOWPP,
    FFJORD,
    FLOW_MATCHING,
    RESIDUAL,
    GRAPHICAL,
)

#: The option that says what a mixed flow is made of.
RECIPE = Recipe(
    "recipe",
    "Recipe",
    "Families and their numbers of layers, from base to data, for example: planar 2, nsf 4.",
    "planar 2, nsf 4",
    families=tuple(f.name for f in _SINGLE if f.mixable),
)

MIXED = FlowFamily(
    name="mixed",
    label="Mixed",
    idea="Layers of several families in one flow, as the recipe lists them.",
    equation=r"x = z_K, \qquad z_k = f_k(z_{k-1}), \qquad z_0 = z",
    jacobian=jacobian(
        r"\prod_{k=K}^{1} \frac{\partial z_k}{\partial z_{k-1}}",
        r"\sum_{k=1}^{K} \log\Bigl|\det\frac{\partial z_k}{\partial z_{k-1}}\Bigr|",
    ),
    inverse_cost="the sum over its layers",
    forward_cost="the sum over its layers",
    log_det_cost="the sum over its layers",
    exactness="As exact as its layers.",
    use_when="To see what a few layers of another kind change.",
    weakness="In each direction it takes the time of all its layers together.",
    paper=Paper(
        "Papamakarios, Nalisnick, Rezende, Mohamed & Lakshminarayanan",
        "Normalizing Flows for Probabilistic Modeling and Inference",
        2021,
        "https://arxiv.org/abs/1912.02762",
    ),
    defaults=MappingProxyType({"learning_rate": 5e-3}),
    depth_help=None,
    mixable=False,
    options=(RECIPE,),
)


def _with_base(family: FlowFamily) -> FlowFamily:
    """Offer a mixture as the base; flow matching would not train its means."""
    if family is FLOW_MATCHING:
        return family
    return replace(family, options=(*family.options, BASE_COMPONENTS))


#: All families, in the order in which a page lists them.
FAMILIES: tuple[FlowFamily, ...] = tuple(_with_base(f) for f in (*_SINGLE, MIXED))
