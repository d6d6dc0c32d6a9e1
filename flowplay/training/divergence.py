"""When training has diverged though its numbers are finite."""

from __future__ import annotations

import numpy as np

from flowplay.wire import RunState

#: Steps for which a run must have been broken: high learning rates break it for a while, too.
PATIENCE = 100

#: A loss is broken if it is above the best one by half of what was learned until then, and by so
#: many nats for each dimension, or where the loss has no unit, by so large a share of the first.
LOST = 0.5
MARGIN = 0.25
SHARE = 0.5

#: Where nothing is held out, this many times as large as the first is broken.
FAR = 1_000.0


def diverged_since(
    state: RunState, *, by_likelihood: bool, settled: bool, finished: bool
) -> int | None:
    r"""Tell since which step a run has been broken for too long, None if it has not.

    With the untrained model's held-out loss :math:`l_0` and the lowest one :math:`l_*`, in nats, a
    step is broken if its held-out loss is above

    .. math:: l_* + \max\bigl(\tfrac12 (l_0 - l_*),\ \tfrac14 D\bigr)

    and its train loss is, too: a model that overfits has a low one. At the end of the budget two
    judgements in a row are enough.

    Args:
        state: just judged.
        by_likelihood: whether the train loss is of the kind of the held-out loss.
        settled: whether the loss is already the one that is judged, unlike while an energy anneals.
        finished: whether the budget is used up.
    """
    if not settled or state.train_loss is None or not len(state.train_curve):
        return None
    if state.best_loss is None:
        first = abs(float(state.train_curve[0, 1]))
        far = abs(state.train_loss) > FAR * (1 + first)
        return state.step if far and len(state.train_curve) > 1 else None
    steps, losses = state.held_out_curve[:, 0], state.held_out_curve[:, 1]
    learned = float(losses[0]) - state.best_loss
    limit = state.best_loss + max(LOST * learned, MARGIN * state.config.problem().dim)
    of_train = limit if by_likelihood else (1 + SHARE) * float(state.train_curve[0, 1])
    if losses[-1] <= limit or state.train_loss <= of_train:
        return None
    fine = int(np.flatnonzero(losses <= limit).max(initial=0))
    bad = steps[fine + 1 :]
    long = bad[-1] - bad[0] >= PATIENCE or (finished and len(bad) > 1)
    return int(bad[0]) if long else None
