"""Earlier training states of a run, thinned and bounded, so that training can be rewound."""

from __future__ import annotations

from flowplay.inside import Kept
from flowplay.wire import unpack

HISTORY_STATES = 40
"""At most so many states of a run are kept."""

HISTORY_BYTES = 8 * 2**20
"""And at most so many bytes of a run: 40 states of 50,000 weights. Larger flows keep fewer."""

ALL_HISTORIES_BYTES = 256 * 2**20
"""What the histories of all runs take together at most; the least watched forget first."""

_FIRST_GAP = 10
"""Optimizer steps between the first kept states; twice as many after each thinning."""


class History:
    """The kept states of one run, evenly spaced in optimizer steps, the newest not among them.

    Holds no more than a flow's weights and buffers of each: an optimizer's moments would take twice
    as much, and nothing trains on from here.
    """

    def __init__(self) -> None:
        self._kept: list[tuple[int, bytes]] = []
        self._gap = _FIRST_GAP
        #: Bytes that are kept; asked for all runs at every slice of any.
        self.size = 0

    @property
    def steps(self) -> list[int]:
        """The optimizer steps of which states are kept, rising."""
        return [step for step, _ in self._kept]

    def at(self, step: int) -> bytes | None:
        """Return bytes of the `Kept` weights at a step, None if they are not kept."""
        return dict(self._kept).get(step)

    def note(self, step: int, state: bytes) -> None:
        """Keep a state if it is far enough from the last one; thin out when there are too many.

        Args:
            step: optimizer steps it was trained for.
            state: bytes of a `RunState`; anything else is passed over.
        """
        if self._kept and not step >= self._kept[-1][0] + self._gap:
            return
        kept = _flow_of(step, state)
        if kept is None or 2 * len(kept) > HISTORY_BYTES:
            return
        self._kept.append((step, kept))
        self.size += len(kept)
        while len(self._kept) > HISTORY_STATES or self.size > HISTORY_BYTES:
            # The first stays: it is what training began from.
            self._kept = self._kept[::2]
            self._gap *= 2
            self.size = sum(len(data) for _, data in self._kept)

    def clear(self) -> None:
        """Forget everything."""
        self._kept = []
        self.size = 0


def _flow_of(step: int, state: bytes) -> bytes | None:
    """Take a flow's weights out of a run's state; None if there are none in these bytes."""
    try:
        # By its byte form: the class itself lives beside torch.
        header, arrays = unpack("run state", 1, state)
        held_out = float(arrays["held_out_curve"][-1, 1])
        return Kept(int(header["step"]), held_out, arrays["weights"], arrays["buffers"]).to_bytes()
    except (ValueError, KeyError, IndexError):
        return None
