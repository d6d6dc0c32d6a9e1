"""How flows are trained: sections of the guide."""

from __future__ import annotations

from flowplay.guide.section import Section, Try

LEARNING: tuple[Section, ...] = (
    Section(
        "training",
        "Training is maximum likelihood",
        "The loss is minus the log-density of the data; the floor is the entropy.",
        r"""
The loss is the [[NLL]], minus the mean log-density of the data. At each step it is estimated on a
batch:

$$
\begin{aligned} \mathcal L(\theta) = -\,\mathbb E_{x \sim p_{\text{data}}}
  \Bigl[&\log p_z\bigl(f_\theta^{-1}(x)\bigr) \\
  &+ \log\bigl|\det J_{f_\theta^{-1}}(x)\bigr|\Bigr]. \end{aligned}
$$

The first term moves the latents of the data towards the middle of the base. The second term
keeps the flow from mapping all of them to one point.

Not every flow here is trained on exactly this loss:

- **Flow matching** has a loss of its own, which is not a likelihood.
- **FFJORD** computes the loss with fixed solver steps by default, and adds to the gradient a
  penalty for rough steps. Its trace may be estimated.
- **Residual flows** may take a cut-off or a random power series for the log-det.
- A **graphical flow** with a learned graph adds noise, and to the gradient a penalty for edges.
- An **energy** has no data: a flow learns it from its own draws, by
  [another loss](#variational-inference).
- **Images** are whole numbers: with noise on them, the loss is a [bound](#images).

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
        "hyperparameters",
        "Settings and their effects",
        "What each setting does, its range and its default.",
        """
Ranges and defaults are those of the Playground; some families have their own defaults. Change one
setting at a time, keep the seed, and compare the gap to the floor.
""",
        (
            Try("Shallow: depth 2", {"depth": "2"}),
            Try("Deep: depth 24", {"depth": "24"}),
            Try("A learning rate too high", {"learning_rate": "0.1"}),
            Try("Depth 2, 8 and 32 in a race", {"preset": "depth"}, "race"),
            Try("Four learning rates in a race", {"preset": "learning_rates"}, "race"),
            Try("How much is luck: four seeds in a race", {"preset": "seeds"}, "race"),
        ),
        extra="hyperparameters",
    ),
    Section(
        "debugging",
        "When it does not learn",
        "Symptoms of a run that goes wrong, and what helps.",
        """
Check four things first; the check-up on *See inside* does the first three.

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
        "exercises",
        "Exercises",
        "Five goals that this page checks, for yourself or for a class.",
        """
Each exercise has a goal in numbers. Open its link, change whatever the task leaves free, and
train. Only the noise of the target must stay at its default. This page looks at the runs that you
trained in this session, and says what they reached. A link alone reaches nothing: only training
does. The gap is the [[held-out]] NLL minus the [[entropy floor]]. The NLL is estimated from 2,000
points, so another sample would give a slightly different gap.
""",
        (),
        extra="exercises",
    ),
)
