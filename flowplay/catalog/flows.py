"""The families of normalizing flows, with their options, costs, papers and good defaults."""

from __future__ import annotations

from types import MappingProxyType

from flowplay.catalog.entries import FlowFamily, Paper
from flowplay.catalog.options import Choice, Recipe, Whole

PLANAR = FlowFamily(
    name="planar",
    label="Planar",
    idea="Each layer pushes space along one direction, across one soft straight line.",
    equation=r"z_{k-1} = x + \hat u\,\tanh(w^\top x + b), \qquad w^\top \hat u > -1",
    jacobian=r"\det J = 1 + \hat u^\top w\,\bigl(1 - \tanh^2(w^\top x + b)\bigr)"
    r"\quad\text{(identity plus rank one)}",
    inverse_cost="one pass, O(D)",
    forward_cost="one scalar root per point",
    use_when="To see how many simple bends make a shape; the classic first flow.",
    weakness="One bend a layer: it needs many layers, and learns slowly in more dimensions.",
    paper=Paper(
        "Rezende & Mohamed",
        "Variational Inference with Normalizing Flows",
        2015,
        "https://arxiv.org/abs/1505.05770",
    ),
    defaults=MappingProxyType({"depth": 32, "learning_rate": 1e-2}),
    conditioned=False,
)

REALNVP = FlowFamily(
    name="realnvp",
    label="RealNVP",
    idea="One coordinate stays and decides how far the other one is scaled and shifted.",
    equation=r"x_1 = z_1, \qquad x_2 = z_2\, e^{s(z_1)} + t(z_1)",
    jacobian=r"\log|\det J| = \sum_i s_i(z_1)\quad\text{(triangular)}",
    inverse_cost="one pass, O(D)",
    forward_cost="one pass, O(D)",
    use_when="The sturdy default: exact and fast both ways.",
    weakness="An affine map of a line cannot cut it: a disc never becomes rings, "
    "thin bridges of density remain between separate parts.",
    paper=Paper(
        "Dinh, Sohl-Dickstein & Bengio",
        "Density Estimation using Real NVP",
        2017,
        "https://arxiv.org/abs/1605.08803",
    ),
    defaults=MappingProxyType({"depth": 12, "learning_rate": 3e-3}),
)

RADIAL = FlowFamily(
    name="radial",
    label="Radial",
    idea="Each layer draws space towards one point, or drives it away.",
    equation=r"z = x + \frac{\hat\beta}{\alpha + r}\,(x - c), \qquad r = \|x - c\|,"
    r"\quad \hat\beta > -\alpha",
    jacobian=r"\det J = \Bigl(1 + \frac{\hat\beta}{\alpha + r}\Bigr)^{D-1}"
    r"\Bigl(1 + \frac{\hat\beta\alpha}{(\alpha + r)^2}\Bigr)\quad\text{(radius and its sphere)}",
    inverse_cost="one pass, O(D)",
    forward_cost="one quadratic equation per point",
    use_when="To see local bumps and holes; the companion of the planar flow.",
    weakness="One round bump a layer: long thin shapes need very many.",
    paper=Paper(
        "Rezende & Mohamed",
        "Variational Inference with Normalizing Flows",
        2015,
        "https://arxiv.org/abs/1505.05770",
    ),
    defaults=MappingProxyType({"depth": 32, "learning_rate": 3e-2}),
    conditioned=False,
)

NICE = FlowFamily(
    name="nice",
    label="NICE",
    idea="One coordinate stays and decides how far the other one is shifted; nothing is scaled.",
    equation=r"x_1 = z_1, \qquad x_2 = z_2 + t(z_1); \qquad \text{at the base: } x = e^{s} \odot z",
    jacobian=r"\log|\det J| = 0\ \text{in every coupling};\quad \sum_i s_i\ \text{in the scaling}",
    inverse_cost="one pass, O(D)",
    forward_cost="one pass, O(D)",
    use_when="To see what shears alone can do: area never changes on the way.",
    weakness="It keeps volume, so it can bend a density but not make it denser.",
    paper=Paper(
        "Dinh, Krueger & Bengio",
        "NICE: Non-linear Independent Components Estimation",
        2015,
        "https://arxiv.org/abs/1410.8516",
    ),
    defaults=MappingProxyType({"depth": 12, "learning_rate": 6e-3}),
)

GLOW = FlowFamily(
    name="glow",
    label="Glow",
    idea="Blocks of three: normalize each coordinate, mix all of them linearly, couple.",
    equation=r"z = W x,\quad W = P L U; \qquad x = e^{s} \odot z + b; \qquad \text{coupling}",
    jacobian=r"\log|\det W| = \sum_i \log|U_{ii}|, \qquad \sum_i s_i\quad\text{(O(D) each)}",
    inverse_cost="one pass, O(D²) for the mixing",
    forward_cost="one pass, two triangular solves",
    use_when="When no split of the coordinates is natural; learned mixing replaces swapping.",
    weakness="Still affine couplings: it bridges holes as RealNVP does.",
    paper=Paper(
        "Kingma & Dhariwal",
        "Glow: Generative Flow with Invertible 1×1 Convolutions",
        2018,
        "https://arxiv.org/abs/1807.03039",
    ),
    defaults=MappingProxyType({"depth": 8, "learning_rate": 6e-3}),
    depth_help="How many blocks of three layers the flow is made of.",
    depth_units=("block", "blocks"),
)

MAF = FlowFamily(
    name="maf",
    label="MAF",
    idea="Each coordinate is scaled and shifted by amounts that depend on the data before it.",
    equation=r"x_i = z_i\, e^{s_i(x_{<i})} + t_i(x_{<i})",
    jacobian=r"\log|\det J| = \sum_i s_i(x_{<i})\quad\text{(triangular)}",
    inverse_cost="one pass, O(D)",
    forward_cost="D passes, one for each coordinate",
    use_when="Density estimation: every coordinate is transformed in every layer.",
    weakness="Sampling is D times as slow as the density; affine, so it bridges holes.",
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
    idea="The masked autoregressive flow turned round: the noise before a coordinate steers it.",
    equation=r"x_i = \bigl(z_i - t_i(z_{<i})\bigr)\, e^{-s_i(z_{<i})}",
    jacobian=r"\log|\det J| = -\sum_i s_i(z_{<i})\quad\text{(triangular)}",
    inverse_cost="D passes, one for each coordinate",
    forward_cost="one pass, O(D)",
    use_when="Fast sampling, as in variational inference and speech.",
    weakness="Density, and so training by likelihood, is D times as slow as sampling.",
    paper=Paper(
        "Kingma, Salimans, Jozefowicz, Chen, Sutskever & Welling",
        "Improving Variational Inference with Inverse Autoregressive Flow",
        2016,
        "https://arxiv.org/abs/1606.04934",
    ),
    defaults=MappingProxyType({"depth": 8, "learning_rate": 3e-3}),
)

_BINS = Whole("bins", "Bins", "Pieces of each spline: more bins draw sharper bends.", 12, 2, 32)

NSF = FlowFamily(
    name="nsf",
    label="Neural spline",
    idea="One coordinate stays and draws a smooth monotone curve that bends the other one.",
    equation=r"x_1 = z_1, \qquad x_2 = g_{\theta(z_1)}(z_2),"
    r"\quad g \text{ a monotone rational-quadratic spline}",
    jacobian=r"\log|\det J| = \sum_i \log g'_{\theta(z_1)}(z_{2,i})\quad\text{(triangular)}",
    inverse_cost="one pass, O(D)",
    forward_cost="one pass, O(D); autoregressive: D passes",
    use_when="Separate parts, holes and sharp edges; the most accurate here for its size.",
    weakness="Each step costs more than an affine layer's; outside its box it is the identity.",
    paper=Paper(
        "Durkan, Bekasov, Murray & Papamakarios",
        "Neural Spline Flows",
        2019,
        "https://arxiv.org/abs/1906.04032",
    ),
    defaults=MappingProxyType({"depth": 4, "learning_rate": 5e-3}),
    options=(
        _BINS,
        Choice(
            "conditioning",
            "Conditioning",
            "Coupling keeps a half of the coordinates; autoregressive bends each by those before.",
            "coupling",
            MappingProxyType({"coupling": "Coupling", "autoregressive": "Autoregressive"}),
        ),
    ),
)

FLOWPP = FlowFamily(
    name="flowpp",
    label="Flow++",
    idea="One coordinate stays and sets a mixture of soft steps that spread the other one out.",
    equation=r"z_2 = e^{a}\,\mathrm{logit}\Bigl(\sum_k \pi_k\,\sigma\bigl((x_2 - \mu_k)/s_k\bigr)"
    r"\Bigr) + b, \qquad \theta = \theta(x_1)",
    jacobian=r"\log|\det J| = \sum_i \log g'_{\theta(x_1)}(x_{2,i})\quad\text{(triangular)}",
    inverse_cost="one pass, O(D·K)",
    forward_cost="one scalar root per coordinate",
    use_when="Several modes along one line; as flexible as splines, without a box.",
    weakness="Sampling solves an equation for every coordinate of every point.",
    paper=Paper(
        "Ho, Chen, Srinivas, Duan & Abbeel",
        "Flow++: Improving Flow-Based Generative Models",
        2019,
        "https://arxiv.org/abs/1902.00275",
    ),
    defaults=MappingProxyType({"depth": 4, "learning_rate": 5e-3}),
    options=(
        Whole(
            "components",
            "Components",
            "Soft steps of each mixture: more, finer maps.",
            8,
            1,
            32,
        ),
    ),
)

_SOLVER = Choice(
    "solver",
    "Solver in training",
    "How training integrates. Pictures and held-out NLL always use the adaptive solver.",
    "rk4",
    MappingProxyType({"rk4": "Fixed (RK4)", "dopri5": "Adaptive (Dopri5)"}),
)
_STEPS = Whole(
    "substeps",
    "Steps per interval",
    "Fixed solver only: steps of order four in each interval.",
    1,
    1,
    8,
)

FFJORD = FlowFamily(
    name="ffjord",
    label="FFJORD",
    idea="A wind that changes in time blows every point from the noise to the data.",
    equation=r"\dot z = f(z, t), \qquad x = z(1) = z(0) + \int_0^1 f(z(t), t)\, dt",
    jacobian=r"\log|\det J| = \int_0^1 \mathrm{tr}\,\frac{\partial f}{\partial z}\, dt"
    r"\quad\text{(any matrix; only its trace is needed)}",
    inverse_cost="an ODE, back in time",
    forward_cost="an ODE, forward in time",
    use_when="Smooth motion without architectural limits; any network is a field.",
    weakness="Every likelihood is an ODE: many evaluations, slow steps. It never cuts space.",
    paper=Paper(
        "Grathwohl, Chen, Bettencourt, Sutskever & Duvenaud",
        "FFJORD: Free-form Continuous Dynamics",
        2019,
        "https://arxiv.org/abs/1810.01367",
    ),
    defaults=MappingProxyType({"depth": 6, "learning_rate": 2e-2}),
    depth_help="In how many equal intervals of its time the flow is integrated and shown.",
    depth_units=("interval of time", "intervals of time"),
    options=(
        _SOLVER,
        _STEPS,
        Choice(
            "trace",
            "Trace in training",
            "Exact, or Hutchinson's estimate with frozen noise; pictures are always exact.",
            "exact",
            MappingProxyType({"exact": "Exact", "hutchinson": "Hutchinson"}),
        ),
    ),
)

FLOW_MATCHING = FlowFamily(
    name="flow_matching",
    label="Flow matching",
    idea="The same wind, learned by asking which way straight lines from noise to data go.",
    equation=r"\min_f\ \mathbb{E}\,\bigl\|f\bigl((1-t)\,z + t\,x,\ t\bigr) - (x - z)\bigr\|^2",
    jacobian=r"\log|\det J| = \int_0^1 \mathrm{tr}\,\frac{\partial f}{\partial z}\, dt"
    r"\quad\text{(exact, by integrating afterwards)}",
    inverse_cost="an ODE, back in time",
    forward_cost="an ODE, forward in time",
    use_when="Cheap steps: training needs no solver. The way large models are trained today.",
    weakness="Its loss is not the NLL: it can fall while the likelihood does not rise.",
    paper=Paper(
        "Lipman, Chen, Ben-Hamu, Nickel & Le",
        "Flow Matching for Generative Modeling",
        2023,
        "https://arxiv.org/abs/2210.02747",
    ),
    defaults=MappingProxyType({"depth": 8, "learning_rate": 1e-2}),
    depth_help="In how many equal intervals of its time the flow is integrated and shown.",
    depth_units=("interval of time", "intervals of time"),
    mixable=False,
    loss_name="flow-matching loss",
    loss="Trained by the flow-matching loss, which is no likelihood. The held-out NLL is exact.",
)

RESIDUAL = FlowFamily(
    name="residual",
    label="Residual",
    idea="Each layer adds a small push from a network too gentle to fold space.",
    equation=r"z = x + g(x), \qquad \mathrm{Lip}(g) \le 0.97",
    jacobian=r"\log|\det J| = \log\det\Bigl(I + \frac{\partial g}{\partial x}\Bigr)"
    r" = \sum_k \frac{(-1)^{k+1}}{k}\,\mathrm{tr}\Bigl(\frac{\partial g}{\partial x}\Bigr)^k",
    inverse_cost="one pass and a determinant",
    forward_cost="a fixed-point iteration per point",
    use_when="Free-form layers: every coordinate moves with every other, nothing is masked.",
    weakness="The bound on the slope makes each layer weak, so many are needed; sampling iterates.",
    paper=Paper(
        "Chen, Behrmann, Duvenaud & Jacobsen",
        "Residual Flows for Invertible Generative Modeling",
        2019,
        "https://arxiv.org/abs/1906.02735",
    ),
    defaults=MappingProxyType({"depth": 10, "learning_rate": 1e-2}),
    options=(
        Choice(
            "log_det",
            "Log-det in training",
            "The exact determinant, its power series cut off, or the unbiased random series.",
            "exact",
            MappingProxyType({"exact": "Exact", "series": "Series", "unbiased": "Unbiased"}),
        ),
    ),
)

GRAPHICAL = FlowFamily(
    name="graphical",
    label="Graphical",
    idea="Each coordinate is bent by its parents in a graph, and by nothing else.",
    equation=r"x_i = g_{\theta_i(x_{\mathrm{pa}(i)})}(z_i)",
    jacobian=r"J_{ij} = 0\ \text{unless } j = i \text{ or } j \text{ is an ancestor of } i",
    inverse_cost="one pass, O(D)",
    forward_cost="as many passes as the longest path has nodes",
    use_when="To build in, or to ask, what depends on what: x₁ → x₂, or independence.",
    weakness="A wrong graph costs likelihood that no training wins back.",
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
            "Which coordinate may steer which; learned opens x₁ → x₂ only if it is worth it.",
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
    "Families and their numbers of layers, from the base to the data: planar 2, nsf 4.",
    "planar 2, nsf 4",
    families=tuple(f.name for f in _SINGLE if f.mixable),
)

MIXED = FlowFamily(
    name="mixed",
    label="Mixed",
    idea="Layers of several families in one flow, by your recipe.",
    equation=r"x = (f_K \circ \dots \circ f_1)(z)",
    jacobian=r"\log|\det J| = \sum_k \log|\det J_k|\quad\text{(each by its own rule)}",
    inverse_cost="the sum of its layers'",
    forward_cost="the sum of its layers'",
    use_when="To see what a few layers of another kind change.",
    weakness="As slow as the slowest of its layers.",
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

#: All families, in the order in which a page lists them.
FAMILIES: tuple[FlowFamily, ...] = (*_SINGLE, MIXED)
