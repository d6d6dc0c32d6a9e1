"""What the kernels and those who call them have in common: a chain of layers as a table of numbers.

A chain is one array of int32: a row of `COLUMNS` numbers for each layer, in normalizing order, and
behind all rows the lists of coordinates that they refer to. Weights are one vector in generating
order, as the parameters of a flow are; constants another.
"""

from __future__ import annotations

import math

#: What `run_chain` does: write z and the log-determinants; or, with gradients of the weights added
#: to what is there, the mean negative log-likelihood but for its constant, into the first of the
#: log-determinants; or the gradient of x, from those of z and of the log-determinants; or, from z,
#: x and the log-determinants of the other direction; or, of one layer's network alone, the mean
#: squared distance of what it makes of x to z, in place of the likelihood; or, of a field alone, z
#: and the log-determinants by steps that adapt, and in place of the gradient of x how often the
#: field was evaluated for a point, on average.
NORMALIZE, LIKELIHOOD, DIFFERENTIATE, GENERATE, REGRESS, SOLVE = range(6)

# The first column says what a layer is.
SCALING, LINEAR, CONDITIONED, RESIDUAL, FIELD = range(5)

#: What the columns of a row mean.
#:
#: - KIND: one of the above.
#: - WEIGHTS, CONSTANTS: where those of the layer begin.
#: - X, Z: rows of its input and its result in the work space; OWN: rows of its own.
#: - LEARNED: of a scaling: 0 for constants, 1 for log-scales, 2 for log-scales and shifts.
#: - WIDTH, INPUTS, MAPPED: hidden units; how many coordinates the network reads, and are mapped.
#: - LISTS: where the list of coordinates begins: those that are read, or `ONES`, then those that
#:   are mapped; of a linear layer its permutation.
#: - TRANSFORMER, PARAMETERS, PIECES: the map, its parameters, its bins or components; of a field
#:   the steps of its solver, 0 where they adapt.
#: - KEPT: rows that the transformer keeps for each coordinate; see `kept_rows`.
#: - HIDDEN: rows of its own for hidden units: their values and, for gradients, their slopes.
#: - MASKED: how many weights are multiplied by masks, which are constants; 0 for none.
#: - PASSES: how often the network is asked where the layer generates.
#: - TURNED: whether the layer generates where the chain normalizes, and the other way round.
(
    KIND,
    WEIGHTS,
    CONSTANTS,
    X,
    Z,
    OWN,
    LEARNED,
    WIDTH,
    INPUTS,
    MAPPED,
    LISTS,
    TRANSFORMER,
    PARAMETERS,
    PIECES,
    KEPT,
    HIDDEN,
    MASKED,
    PASSES,
    TURNED,
) = range(19)
COLUMNS = 19

#: In a list of coordinates that a network reads: not a coordinate, but the number 1.
ONES = -1

# Transformers.
ADDITIVE, AFFINE, SPLINE, MIXTURE = range(4)

#: Rows of scratch that a transformer needs.
SCRATCH = 8

#: Transformers that a layer may be turned with, where gradients follow.
TURNING = (ADDITIVE, AFFINE)

#: Rows of the Jacobian that a residual block of two coordinates keeps.
JACOBIAN = 4

#: Most steps towards the root of a mixture; `roots.py` allows as many.
MOST_ROOT_STEPS = 200

#: A layer scales by factors from e^-LOG_SCALE_BOUND to e^LOG_SCALE_BOUND: enough for thin shapes,
#: without overflow.
LOG_SCALE_BOUND = 3.0

#: Least share of a spline's box that a bin takes, and least derivative at a knot.
MIN_BIN = 1e-2
MIN_DERIVATIVE = 1e-2

#: softplus of this plus MIN_DERIVATIVE is 1: zero parameters give the identity.
IDENTITY_DERIVATIVE = math.log(math.expm1(1 - MIN_DERIVATIVE))


def kept_rows(transformer: int, pieces: int) -> int:
    """Return how many rows a transformer keeps for each coordinate beside its parameters."""
    return {ADDITIVE: 0, AFFINE: 1, SPLINE: 9, MIXTURE: 7 * pieces + 2}[transformer]


def residual_size(width: int) -> int:
    """Return how many numbers a residual block uses that do not grow with the number of points."""
    return 13 * width + 16


def field_rows(width: int, dim: int, steps: int) -> int:
    """Return how many rows a field has of its own.

    Of each step where it is evaluated, and third differences; hidden units with two derivatives
    each, and what M makes of slopes; the four slopes or their gradients, the divergence, the
    gradient of the point, and f again. Where steps adapt: hidden units; seven slopes with their
    divergences; the result, and its error.
    """
    if not steps:
        return 7 * width + 9 * (dim + 1)
    return steps * (5 * dim + 1) + 7 * width + 6 * dim + 1


#: A solve that evaluates its field more often is given up.
MOST_EVALUATIONS = 10_000

#: No residual block's Lipschitz constant exceeds this.
LIPSCHITZ = 0.97

#: The derivative of a SiLU lies within 1/2 ± this.
SLOPE_RADIUS = 0.59984

#: Prevents a division by 0 for units with zero weights.
NO_UNIT = 1e-12
