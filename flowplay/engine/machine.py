"""One run's life as a pure state machine: commands, lease and outcomes in, slice orders out.

It knows neither threads nor Dask; time is whatever clock the caller reads. Not thread-safe: its
owner holds a lock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from flowplay.config import HotSettings, RunConfig
from flowplay.engine.dispatch import FIRST_SLICE, training_seconds
from flowplay.wire import Header

LEASE_SECONDS = 8.0
"""A run that nobody has looked at for this long gets no further slice: long enough for a dropped
websocket to come back (5 s), short enough that a closed tab stops training within 15 s."""

LOST_IN_A_ROW = 2
"""How often work is handed out again after its worker died; if a third worker in a row dies, the
run itself is taken to be the cause."""


class Phase(StrEnum):
    """What a viewer is told about a run."""

    IDLE = "idle"
    WAITING = "waiting"
    TRAINING = "training"
    PAUSED = "paused"
    FINISHED = "finished"
    FAILED = "failed"
    AWAY = "away"
    CLOSED = "closed"


@dataclass(frozen=True)
class SliceOrder:
    """What one slice shall do; it ends at the first limit given.

    Attributes:
        seconds: how long to train.
        steps: how many optimizer steps to take; 0 only takes a snapshot.
        fine: whether the snapshot is to be of high resolution.
        hot: the settings from now on; None leaves those of the state.
    """

    seconds: float | None = None
    steps: int | None = None
    fine: bool = False
    hot: HotSettings | None = None

    def to_json(self) -> dict[str, object]:
        """Return the order as JSON values, as it travels to a worker."""
        hot = None if self.hot is None else self.hot.model_dump()
        return {"seconds": self.seconds, "steps": self.steps, "fine": self.fine, "hot": hot}


@dataclass(frozen=True)
class Delay:
    """What the next picture of a run waits for.

    Attributes:
        on: a worker; the model to be built, with its first picture; training steps; a still
            picture.
        seconds: for how long.
        ahead: how many runs and other work come before it, where it waits for a worker.
    """

    on: Literal["worker", "model", "steps", "picture"]
    seconds: float
    ahead: int = 0


@dataclass(frozen=True)
class RunView:
    """What a page shows of a run at one moment.

    Attributes:
        phase: what the run is doing.
        header: of its last snapshot, None before the first; of a run that was let go too.
        snapshot: bytes of its last `Snapshot`, None before the first.
        version: rises by one with every new snapshot, so that a poller can skip old ones.
        message: empty, or one sentence on why it failed, waits or was let go.
        in_flight: whether a worker has it right now.
        pending: whether another snapshot comes by itself.
        hot: the settings of the next slice.
        delay: what that snapshot waits for, None if none comes.
        worker_seconds: time on workers that its training has taken, with its pictures, but without
            stills, also that after a single step, and without the first slice of a run that had no
            state, which builds the model.
    """

    phase: Phase
    header: Header | None
    snapshot: bytes | None
    version: int
    message: str
    in_flight: bool
    pending: bool
    hot: HotSettings
    delay: Delay | None = None
    worker_seconds: float = 0.0


class RunMachine:
    """Decides what the next slice of a run is, if any.

    Args:
        config: what defines the run.
        now: time in seconds; the first lease starts here.
        state: bytes to continue from; None starts a new run.
        snapshot: bytes of the `Snapshot` that belongs to `state`.

    Raises:
        ValueError: if `snapshot` is none of this version.
    """

    def __init__(
        self,
        config: RunConfig,
        now: float,
        state: bytes | None = None,
        snapshot: bytes | None = None,
    ) -> None:
        """Begin idle, or as finished or failed as the given snapshot is."""
        header = None if snapshot is None else Header.of(snapshot)
        self.state = state
        self.snapshot = snapshot
        self.waiting_since = now
        self.renewed_at = now
        self.in_flight: SliceOrder | None = None
        self._started_at = now  # when the slice in flight was handed out
        self._header = header
        self._version = 0 if snapshot is None else 1
        self._own = config.hot
        self._hot: HotSettings | None = None  # what a viewer has set
        self._spent: float | None = None  # the budget that is used up, while FINISHED
        # Where the run stands by itself: IDLE, TRAINING, PAUSED, FINISHED, FAILED or CLOSED.
        # WAITING and AWAY are only ways in which TRAINING or a step is held up.
        self._stand = Phase.IDLE
        self._message = ""
        self._first_slice_due = True
        self._steps_owed = 0
        self._fine_owed = False
        self._lost_in_a_row = 0
        self._around = 0.0  # what the last slice took beside training, in seconds
        self._worker_seconds = 0.0
        if header is not None and header.failure:
            self._fail(header.failure)
        elif header is not None and header.finished:
            self._stand = Phase.FINISHED
            self._spent = self._own.budget

    def play(self, now: float) -> None:
        """Train until paused or the budget is used up.

        A failed run goes on from its last good state, with the hot settings that are set now.
        """
        self.renew(now)
        if self._stand is Phase.TRAINING or not self._resume(now):
            return
        self._stand = Phase.TRAINING
        self._first_slice_due = True
        self._steps_owed = 0
        self._fine_owed = False

    def pause(self, now: float) -> None:
        """Stop after the slice in flight, then take a fine snapshot."""
        self.renew(now)
        if self._stand is not Phase.TRAINING and not self._steps_owed:
            return
        self._want(now)
        untouched = self.state is None and self.in_flight is None
        self._stand = Phase.IDLE if untouched else Phase.PAUSED
        self._steps_owed = 0
        self._fine_owed = not untouched

    def step(self, now: float) -> None:
        """Take exactly one optimizer step (more), then be paused; a failed run as in `play`."""
        self.renew(now)
        if not self._resume(now):
            return
        self._stand = Phase.PAUSED
        self._steps_owed += 1
        self._fine_owed = False

    def show(self, now: float) -> None:
        """Take a fine snapshot without training, as of a run that is not started yet."""
        self.renew(now)
        at_rest = (Phase.IDLE, Phase.PAUSED, Phase.FINISHED, Phase.FAILED)
        if self._stand in at_rest and not self._steps_owed:
            self._want(now)
            self._fine_owed = True

    def refuse(self, sentence: str) -> None:
        """Say why a command was not carried out; nothing else changes."""
        if self._stand not in (Phase.FAILED, Phase.CLOSED):
            self._message = sentence

    def set_hot(self, hot: HotSettings) -> None:
        """Use other settings from the next slice on; a finished run then needs `play`."""
        # A config is one too, but carries more.
        self._hot = HotSettings(**{name: getattr(hot, name) for name in HotSettings.model_fields})

    def renew(self, now: float) -> bool:
        """Extend the lease; return whether the run was away and wants slices again."""
        was_away = self.lapsed(now)
        self.renewed_at = now
        if was_away:
            self.waiting_since = now
        return was_away and self._wanting()

    def leave(self, now: float) -> None:
        """End the lease now: no slice follows until somebody looks again."""
        self.renewed_at = min(self.renewed_at, now - LEASE_SECONDS)

    def close(self, reason: str = "") -> None:
        """Forget everything that takes memory; no slice follows.

        Args:
            reason: a clause that says why the run was let go, if it was not on a viewer's wish.
        """
        self._stand = Phase.CLOSED
        step = 0 if self._header is None else self._header.step
        self._message = f"This run was let go at step {step:,}, since {reason}." if reason else ""
        self.snapshot = self.state = None
        self._steps_owed = 0
        self._fine_owed = False

    @property
    def version(self) -> int:
        """Rises by one with every new snapshot."""
        return self._version

    @property
    def hot(self) -> HotSettings:
        """The settings of the next slice."""
        return self._hot or self._own

    @property
    def closed(self) -> bool:
        """Whether the run was let go."""
        return self._stand is Phase.CLOSED

    @property
    def goes_on(self) -> bool:
        """Whether the run is to train until further notice, looked at or not."""
        return self._stand is Phase.TRAINING

    @property
    def header(self) -> Header | None:
        """The header of the last snapshot, None before the first."""
        return self._header

    def lapsed(self, now: float) -> bool:
        """Return whether nobody has renewed the lease for `LEASE_SECONDS`."""
        return now - self.renewed_at >= LEASE_SECONDS

    def training(self, now: float) -> bool:
        """Return whether the run is to train until further notice, and somebody looks at it."""
        return self._stand is Phase.TRAINING and not self.lapsed(now)

    def ready(self, now: float) -> bool:
        """Tell whether there is a slice to hand out now."""
        return self.in_flight is None and not self.lapsed(now) and self._wanting()

    def next_order(self, now: float, seconds: float) -> SliceOrder | None:
        """Return the slice to hand out now, None if there is none.

        Args:
            now: time in seconds.
            seconds: how long an ordinary slice lasts, with all that is not training.
        """
        if not self.ready(now):
            return None
        self._started_at = now
        order = SliceOrder(hot=self._hot)
        if self._steps_owed:
            return replace(order, steps=1, fine=self._steps_owed == 1)
        if self._stand is Phase.TRAINING:
            length = training_seconds(seconds, self._around)
            return replace(order, seconds=FIRST_SLICE if self._first_slice_due else length)
        return replace(order, steps=0, fine=True)

    def started(self, order: SliceOrder) -> None:
        """Note that `order` was handed out."""
        self.in_flight = order
        self._first_slice_due = False
        self._steps_owed = max(0, self._steps_owed - (order.steps or 0))
        if order.fine:
            self._fine_owed = False

    def succeeded(
        self, now: float, state: bytes, snapshot: bytes, header: Header, took: float
    ) -> None:
        """Take over what the slice in flight returned, `took` seconds after it was handed out.

        Args:
            now: time in seconds.
            state: bytes of the new state.
            snapshot: bytes of the `Snapshot` that belongs to it.
            header: of that snapshot.
            took: seconds from handing out the slice to its return.
        """
        order = self._returned(now)
        if self._stand is Phase.CLOSED:
            return
        trained = header.seconds - (0.0 if self._header is None else self._header.seconds)
        if order.steps != 0 and self.state is not None:
            # One that failed is back at its best state, and has less time of training than before.
            self._worker_seconds += took if order.seconds is not None else max(0.0, trained)
        if order.seconds is not None:
            self._around = max(0.0, took - trained)
        self.state = state
        self.snapshot = snapshot
        self._header = header
        self._version += 1
        self._lost_in_a_row = 0
        if header.failure:
            self._fail(header.failure)
        # A budget that was changed meanwhile is the next slice's to judge.
        elif (
            header.finished
            and self._stand is not Phase.FAILED
            and (order.hot or self._own).budget == self.hot.budget
        ):
            self._stand = Phase.FINISHED
            self._spent = self.hot.budget
            self._steps_owed = 0
            self._fine_owed = not order.fine

    def raised(self, now: float, sentence: str) -> None:
        """Note that the slice in flight failed; the last good state remains."""
        self._returned(now)
        if self._stand is not Phase.CLOSED:
            self._fail(sentence)

    def lost(self, now: float, *, blame: bool) -> None:
        """Note that the slice in flight was lost; it is handed out again from the last state.

        Args:
            now: time in seconds.
            blame: whether the slice may itself have been the reason, as when its worker died,
                unlike when the scheduler went away.
        """
        order = self._returned(now)
        if self._stand is Phase.CLOSED:
            return
        self._lost_in_a_row += blame
        if self._lost_in_a_row > LOST_IN_A_ROW:
            self._fail(
                f"The worker died {self._lost_in_a_row} times in a row on this run: "
                "it may need more memory than a worker has."
            )
        elif self._stand is not Phase.TRAINING:
            self._steps_owed += order.steps or 0
            self._fine_owed = self._fine_owed or (order.fine and not self._steps_owed)

    def view(self, now: float) -> RunView:
        """Return what a page shows."""
        return RunView(
            phase=self._phase(now),
            header=self._header,
            snapshot=self.snapshot,
            version=self._version,
            message=self._message,
            in_flight=self.in_flight is not None,
            pending=self.in_flight is not None or self._wanting(),
            hot=self.hot,
            delay=self._delay(now),
            worker_seconds=self._worker_seconds,
        )

    def _delay(self, now: float) -> Delay | None:
        """Return what the next picture waits for."""
        order = self.in_flight
        if order is None:
            return Delay("worker", now - self.waiting_since) if self._wanting() else None
        seconds = now - self._started_at
        if self.state is None:
            return Delay("model", seconds)
        return Delay("picture" if order.steps == 0 else "steps", seconds)

    def _phase(self, now: float) -> Phase:
        order = self.in_flight
        stepping = self._steps_owed > 0 or (order is not None and order.steps == 1)
        if self._stand is not Phase.TRAINING and not (self._stand is Phase.PAUSED and stepping):
            return self._stand
        if self.lapsed(now):
            return Phase.AWAY
        queued = self._stand is Phase.TRAINING and self._first_slice_due
        return Phase.WAITING if queued and order is None else Phase.TRAINING

    def _wanting(self) -> bool:
        return self._stand is Phase.TRAINING or self._steps_owed > 0 or self._fine_owed

    def _want(self, now: float) -> None:
        """Let the wait begin now, unless it has begun already."""
        if not self._wanting():
            self.waiting_since = now

    def _resume(self, now: float) -> bool:
        """Get ready to train on; return whether there is anything left to train."""
        if self._stand is Phase.CLOSED:
            return False
        if self._stand is Phase.FINISHED and self.hot.budget == self._spent:
            return False
        self._want(now)
        self._message = ""
        self._lost_in_a_row = 0
        return True

    def _returned(self, now: float) -> SliceOrder:
        assert self.in_flight is not None, "no slice is in flight"
        order, self.in_flight = self.in_flight, None
        self.waiting_since = now
        return order

    def _fail(self, sentence: str) -> None:
        self._stand = Phase.FAILED
        self._message = sentence
        self._steps_owed = 0
        self._fine_owed = False
        self._lost_in_a_row = 0
