"""Earlier weights of a run, thinned and bounded, so that training can be rewound."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import pairwise

from flowplay.wire import EarlierWeights, Header, RunState

HISTORY_STATES = 40
"""The history of a run has at most so many states."""

HISTORY_BYTES = 8 * 2**20
"""And takes at most so many bytes: 40 states of 50,000 weights. Larger flows have fewer."""

_FIRST_GAP = 10
"""Optimizer steps between the first states; twice as many after each thinning."""

_WEIGHT_BYTES = 4  # float32

logger = logging.getLogger(__name__)


class History:
    """Earlier states of one run, evenly spaced in optimizer steps, the newest not among them.

    Holds no more than the weights and buffers of each: an optimizer's moments would take twice
    as much, and nothing trains on from here.
    """

    def __init__(self) -> None:
        self._states: list[tuple[int, bytes]] = []
        self._gap = _FIRST_GAP
        self._newest = -_FIRST_GAP  # step of the last state that was wanted
        self._refused = False  # a state could not be read, or was too large
        #: Bytes that it holds; asked for all runs at every slice of any.
        self.size = 0

    @property
    def steps(self) -> list[int]:
        """The optimizer steps whose weights it holds, rising."""
        return [step for step, _ in self._states]

    def all(self) -> dict[int, bytes]:
        """Return bytes of all `EarlierWeights` that it holds, by step."""
        return dict(self._states)

    def restore(self, states: Mapping[int, bytes]) -> None:
        """Begin with what `all` returned of an earlier history of the same run."""
        self._states = sorted(states.items())
        self.size = sum(map(len, states.values()))
        steps = self.steps
        if steps:
            self._newest = steps[-1]
            gaps = [after - before for before, after in pairwise(steps)]
            self._gap = max(_FIRST_GAP, *gaps) if gaps else _FIRST_GAP

    def at(self, step: int) -> bytes | None:
        """Return bytes of the `EarlierWeights` at a step, None if it does not hold them."""
        return dict(self._states).get(step)

    def wants(self, header: Header) -> bool:
        """Tell from a snapshot's header whether the state that belongs to it is to be added.

        That is so if it is far enough from the last one, and so small that another one has room.
        """
        return (
            not self._refused
            and header.step >= self._newest + self._gap
            and 2 * _WEIGHT_BYTES * header.parameters <= HISTORY_BYTES
        )

    def add(self, step: int, weights: bytes | None) -> None:
        """Add what `earlier_weights` made of a state, and thin out if there are too many.

        Args:
            step: optimizer steps it was trained for.
            weights: bytes of `EarlierWeights`; None if the state could not be read. After that,
                or if they are too large, no other state of this run is wanted.
        """
        # Only the decoded state tells how large its buffers are.
        if weights is None or 2 * len(weights) > HISTORY_BYTES:
            self._refused = True
            return
        if step < self._newest + self._gap:
            return
        self._newest = step
        self._states.append((step, weights))
        self.size += len(weights)
        while len(self._states) > HISTORY_STATES or self.size > HISTORY_BYTES:
            self.thin()

    def thin(self) -> int:
        """Drop every other state but the first, which training began from; return their bytes."""
        if len(self._states) < 2:
            return 0
        before = self.size
        self._states = self._states[::2]
        self._gap *= 2
        self.size = sum(len(data) for _, data in self._states)
        return before - self.size

    def forget_after(self, step: int) -> None:
        """Drop all states beyond a step, to which the run has gone back."""
        self._states = [(at, data) for at, data in self._states if at <= step]
        self.size = sum(len(data) for _, data in self._states)
        self._newest = self._states[-1][0] if self._states else -self._gap

    def clear(self) -> None:
        """Forget all states."""
        self._states = []
        self.size = 0


def earlier_weights(state: bytes) -> bytes | None:
    """Take the weights out of a run's state, as bytes of `EarlierWeights`.

    Returns None, after a line in the log, if the bytes are no `RunState` of this version.
    """
    try:
        run = RunState.from_bytes(state)
    except ValueError as error:
        logger.warning("A run has no history, since its state cannot be read: %s", error)
        return None
    held_out = None if run.judgement is None else float(run.judgement[1])
    earlier = EarlierWeights(run.step, run.train_loss, held_out, run.weights, run.buffers)
    return earlier.to_bytes()
