"""One run's life as a pure state machine: commands, lease and outcomes in, slice orders out.

It knows neither threads nor Dask; time is whatever clock the caller reads. Not thread-safe: its
owner holds a lock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, cast

from flowplay.engine.dispatch import FIRST_SLICE, training_seconds
from flowplay.engine.history import History
from flowplay.snapshot import Snapshot

if TYPE_CHECKING:
    from flowplay.config import RunConfig

LEASE_SECONDS = 8.0
"""A run whose page has not spoken for this long gets no further slice: long enough for a dropped
websocket to come back (5 s), short enough that a closed tab stops training within 15 s."""

LOST_IN_A_ROW = 2
"""How often work is handed out again after its worker died; a run that kills a third worker in a
row is to blame itself."""


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
        learning_rate: peak rate from now on; None keeps the run's own.
        budget: total budget from now on, in the config's unit; None keeps the run's own.
        temperature: of the samples in snapshots from now on; None keeps the run's own.
        fine: whether the snapshot is to be of high resolution.
    """

    seconds: float | None = None
    steps: int | None = None
    learning_rate: float | None = None
    budget: float | None = None
    temperature: float | None = None
    fine: bool = False


@dataclass(frozen=True)
class RunView:
    """What a page shows of a run at one moment.

    Attributes:
        phase: what the run is doing.
        snapshot: its last picture and numbers, None before the first.
        version: rises by one with every new snapshot, so that a poller can skip old ones.
        message: empty, or one sentence on why it failed, waits or was closed.
        in_flight: whether a worker has it right now.
        pending: whether another snapshot comes by itself.
        learning_rate: peak rate of the next slice.
        budget: total budget, in the config's unit.
    """

    phase: Phase
    snapshot: Snapshot | None
    version: int
    message: str
    in_flight: bool
    pending: bool
    learning_rate: float
    budget: float


class RunMachine:
    """Decides what the next slice of a run is, if any.

    Args:
        config: what defines the run.
        now: time in seconds; the first lease starts here.
        state: bytes to continue from; None starts a new run.
        snapshot: the picture that belongs to `state`.
    """

    def __init__(
        self,
        config: RunConfig,
        now: float,
        state: bytes | None = None,
        snapshot: Snapshot | None = None,
    ) -> None:
        """Begin idle, or as finished or failed as the given snapshot is."""
        self.config_json = config.model_dump_json()
        self.state = state
        self.history = History()
        self.home: str | None = None
        self.waiting_since = now
        self.renewed_at = now
        self.in_flight: SliceOrder | None = None
        self._config = config
        self._snapshot = snapshot
        self._version = 0 if snapshot is None else 1
        self._learning_rate: float | None = None
        self._budget: float | None = None
        self._temperature: float | None = None
        self._spent: float | None = None  # the `_budget` that is used up, while FINISHED
        # Where the run stands by itself: IDLE, TRAINING, PAUSED, FINISHED, FAILED or CLOSED.
        # WAITING and AWAY are only ways in which TRAINING or a step is held up.
        self._stand = Phase.IDLE
        self._message = ""
        self._first_slice_due = True
        self._steps_owed = 0
        self._fine_owed = False
        self._lost_in_a_row = 0
        self._around = 0.0  # what the last slice took beside training, in seconds
        if snapshot is not None and snapshot.failure:
            self._fail(snapshot.failure)
        elif snapshot is not None and snapshot.finished:
            self._stand = Phase.FINISHED

    def play(self, now: float) -> None:
        """Train until paused or the budget is used up; also tries a failed run once more."""
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
        """Take exactly one optimizer step (more), then be paused."""
        self.renew(now)
        if not self._resume(now):
            return
        self._stand = Phase.PAUSED
        self._steps_owed += 1
        self._fine_owed = False

    def show(self, now: float) -> None:
        """Take a fine snapshot without training, as of a run that is not started yet."""
        self.renew(now)
        if self._stand in (Phase.IDLE, Phase.PAUSED, Phase.FINISHED) and not self._steps_owed:
            self._want(now)
            self._fine_owed = True

    def set_learning_rate(self, rate: float) -> None:
        """Use another peak learning rate from the next slice on.

        Raises:
            ValueError: if a config would not accept it.
        """
        self._learning_rate = cast(float, self._checked("learning_rate", rate))

    def set_budget(self, budget: float) -> None:
        """Use another total budget, in the config's unit, from the next slice on.

        Raises:
            ValueError: if a config would not accept it.
        """
        self._budget = cast(float, self._checked("budget", budget))

    def set_temperature(self, temperature: float) -> None:
        """Draw the samples of the next snapshots at another temperature.

        Raises:
            ValueError: if a config would not accept it.
        """
        self._temperature = cast(float, self._checked("temperature", temperature))

    def renew(self, now: float) -> bool:
        """Extend the lease; return whether the run was away and wants slices again."""
        was_away = self.lapsed(now)
        self.renewed_at = now
        if was_away:
            self.waiting_since = now
        return was_away and self._wanting()

    def close(self, message: str = "") -> None:
        """Forget everything that takes memory; no slice follows."""
        self._stand = Phase.CLOSED
        self._message = message
        self._snapshot = self.state = None
        self.history.clear()
        self._steps_owed = 0
        self._fine_owed = False

    @property
    def closed(self) -> bool:
        """Whether the run was let go."""
        return self._stand is Phase.CLOSED

    def lapsed(self, now: float) -> bool:
        """Return whether nobody has renewed the lease for `LEASE_SECONDS`."""
        return now - self.renewed_at >= LEASE_SECONDS

    def active(self, now: float) -> bool:
        """Return whether the run takes part in the sharing of workers."""
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
        order = SliceOrder(
            learning_rate=self._learning_rate,
            budget=self._budget,
            temperature=self._temperature,
        )
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
        self, now: float, state: bytes, snapshot: Snapshot, worker: str, took: float
    ) -> None:
        """Take over what the slice in flight returned, `took` seconds after it was handed out."""
        order = self._landed(now)
        if self._stand is Phase.CLOSED:
            return
        self.state = state
        self.history.note(snapshot.step, state)
        self.home = worker
        if order.seconds is not None:
            before = 0.0 if self._snapshot is None else self._snapshot.seconds
            self._around = max(0.0, took - (snapshot.seconds - before))
        self._snapshot = snapshot
        self._version += 1
        self._lost_in_a_row = 0
        if snapshot.failure:
            self._fail(snapshot.failure)
        # A budget that was changed meanwhile is the next slice's to judge.
        elif snapshot.finished and order.budget == self._budget:
            self._stand = Phase.FINISHED
            self._spent = self._budget
            self._steps_owed = 0
            self._fine_owed = not order.fine

    def raised(self, now: float, sentence: str) -> None:
        """Note that the slice in flight failed; the last good state is kept."""
        self._landed(now)
        if self._stand is not Phase.CLOSED:
            self._fail(sentence)

    def lost(self, now: float, *, blame: bool) -> None:
        """Note that the slice in flight was lost; it is handed out again from the last state.

        Args:
            now: time in seconds.
            blame: whether the slice may itself have been the reason, as when its worker died,
                unlike when the scheduler went away.
        """
        order = self._landed(now)
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
        rate, budget = self._learning_rate, self._budget
        return RunView(
            phase=self._phase(now),
            snapshot=self._snapshot,
            version=self._version,
            message=self._message,
            in_flight=self.in_flight is not None,
            pending=self.in_flight is not None or self._wanting(),
            learning_rate=self._config.learning_rate if rate is None else rate,
            budget=self._config.budget if budget is None else budget,
        )

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
        if self._stand is Phase.FINISHED and self._budget == self._spent:
            return False
        self._want(now)
        self._message = ""
        self._lost_in_a_row = 0
        return True

    def _landed(self, now: float) -> SliceOrder:
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

    def _checked(self, name: str, value: float) -> object:
        values = self._config.model_dump() | {name: value}
        return getattr(type(self._config).model_validate(values), name)
