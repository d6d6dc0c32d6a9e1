"""A run as the engine holds it: what `Run` and `Engine` share, and the one lock between them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from typing import NamedTuple

from flowplay.config import HotSettings, RunConfig
from flowplay.engine.dispatch import Waiting
from flowplay.engine.history import History, earlier_weights
from flowplay.engine.machine import RunMachine, RunView, SliceOrder
from flowplay.engine.retention import Resident
from flowplay.wire import Header


class SliceResult(NamedTuple):
    """What a worker made of a slice.

    Attributes:
        state: bytes of the new state.
        snapshot: bytes of the `Snapshot` that belongs to it.
        header: of that snapshot.
    """

    state: bytes
    snapshot: bytes
    header: Header


class Assignment(NamedTuple):
    """A slice that is handed out to a worker.

    Attributes:
        order: what it shall do.
        state: bytes to go on from; None begins the run.
        held: name under which this worker may hold these bytes already, else empty.
    """

    order: SliceOrder
    state: bytes | None
    held: str


class Moment(NamedTuple):
    """All that it takes to go on from a run later, as it is at one moment.

    Attributes:
        state: bytes of its last good state, None before the first.
        snapshot: bytes of the `Snapshot` that belongs to it.
        header: of that snapshot.
        hot: the settings of its next slice.
        goes_on: whether it is to train until further notice.
        closed: whether it was let go, and holds nothing any more.
        earlier: bytes of `EarlierWeights` by step.
    """

    state: bytes | None
    snapshot: bytes | None
    header: Header | None
    hot: HotSettings
    goes_on: bool
    closed: bool
    earlier: dict[int, bytes]


class HostedRun:
    """A run's state machine and history behind a lock; any thread may call it.

    Only `wait_for_picture` and `wait_for_news` wait for anything but that lock, which is never held
    for longer than it takes to change a few fields: nothing is sent, decoded or computed under it.

    Args:
        config: what defines the run.
        clock: monotonic time in seconds.
        state: bytes to continue from; None starts a new run.
        snapshot: bytes of the `Snapshot` that belongs to `state`.
        earlier: bytes of `EarlierWeights` by step, for its history.
        group: names the runs that get as much worker time as each other; empty for none.

    Raises:
        ValueError: if `snapshot` is none of this version.
    """

    def __init__(
        self,
        config: RunConfig,
        clock: Callable[[], float],
        state: bytes | None = None,
        snapshot: bytes | None = None,
        earlier: Mapping[int, bytes] | None = None,
        group: str = "",
    ) -> None:
        self.id = uuid.uuid4().hex
        self.group = group
        self.config_json = config.model_dump_json()
        self._clock = clock
        self._lock = threading.Lock()
        self._answered = threading.Condition(self._lock)
        self._machine = RunMachine(config, clock(), state, snapshot)
        self._history = History()
        self._history.restore(earlier or {})
        self._home: str | None = None  # the worker that returned the state
        #: When its last picture came, if it trained then; of the engine's thread alone.
        self.pictured_at: float | None = None
        self._held = ""  # what that worker calls the state, if it holds it
        self._begun = (0.0, 0.0)  # when its slice in flight was handed out, and how long it lasts

    # What a viewer's thread calls.

    def command(self, command: Callable[[RunMachine, float], None]) -> None:
        """Let a viewer's command change the machine."""
        with self._lock:
            command(self._machine, self._clock())

    def renew(self) -> bool:
        """Extend the lease; return whether the run was away and wants slices again."""
        with self._lock:
            return self._machine.renew(self._clock())

    def view(self) -> RunView:
        """Return what a page shows."""
        with self._lock:
            return self._machine.view(self._clock())

    def wait_for_picture(self, seconds: float) -> None:
        """Wait until there is a snapshot, or none will come, for at most so long."""
        with self._answered:
            self._answered.wait_for(self._is_answered, seconds)

    def wait_for_news(self, version: int, seconds: float) -> bool:
        """Wait for a snapshot of another version; return whether there is one, or none will come.

        Args:
            version: that was seen.
            seconds: the most that it takes.
        """

        def is_news() -> bool:
            machine = self._machine
            ended = machine.closed or not machine.view(self._clock()).pending
            return ended or machine.version != version

        with self._answered:
            return self._answered.wait_for(is_news, seconds)

    @property
    def state(self) -> bytes | None:
        """The last good state, None before the first."""
        with self._lock:
            return self._machine.state

    def moment(self) -> Moment:
        """Return all that it takes to go on from the run later."""
        with self._lock:
            machine = self._machine
            return Moment(
                state=machine.state,
                snapshot=machine.snapshot,
                header=machine.header,
                hot=machine.hot,
                goes_on=machine.goes_on,
                closed=machine.closed,
                earlier=self._history.all(),
            )

    @property
    def earlier_steps(self) -> list[int]:
        """The optimizer steps whose weights the history holds, rising."""
        with self._lock:
            return self._history.steps

    def earlier(self, step: int) -> bytes | None:
        """Return bytes of the `EarlierWeights` at a step, None if the history lacks them."""
        with self._lock:
            return self._history.at(step)

    # What the engine calls.

    @property
    def training(self) -> bool:
        """Whether the run is to train until further notice, and somebody looks at it."""
        with self._lock:
            return self._machine.training(self._clock())

    @property
    def in_flight(self) -> bool:
        """Whether a slice is handed out."""
        with self._lock:
            return self._machine.in_flight is not None

    @property
    def ready(self) -> bool:
        """Whether there is a slice to hand out now."""
        with self._lock:
            return self._machine.ready(self._clock())

    @property
    def waiting_since(self) -> float:
        """Since when the run waits for its next slice, in seconds of the clock."""
        with self._lock:
            return self._machine.waiting_since

    @property
    def closed(self) -> bool:
        """Whether the run was let go."""
        with self._lock:
            return self._machine.closed

    @property
    def promised(self) -> float | None:
        """Worker seconds that the slice in flight will have taken, None if none is of training.

        A single step is not: with it comes a still, which may take many times as long.
        """
        with self._lock:
            order = self._machine.in_flight
            if order is None or order.seconds is None:
                return None
            # A slice that builds the model is not counted, however long it takes.
            if self._machine.state is None:
                return 0.0
            at, seconds = self._begun
            return max(seconds, self._clock() - at)

    def offer(self, used: float) -> Waiting:
        """Return what dispatching needs to know of a run that is ready.

        Args:
            used: its virtual time.
        """
        with self._lock:
            return Waiting(self.id, used, self._machine.waiting_since, self._home)

    def begin(self, worker: str, seconds: float) -> Assignment | None:
        """Hand out the next slice, None if there is none (any more).

        Args:
            worker: address of the worker that gets it.
            seconds: how long an ordinary slice lasts, with all that is not training.
        """
        with self._lock:
            order = self._machine.next_order(self._clock(), seconds)
            if order is None:
                return None
            self._machine.started(order)
            self._begun = (self._clock(), seconds)
            held = self._held if worker == self._home else ""
            return Assignment(order, self._machine.state, held)

    def succeeded(self, result: SliceResult, worker: str, held: str, took: float) -> None:
        """Take over what the slice in flight returned.

        Args:
            result: what it returned.
            worker: address of the worker that did it.
            held: the name under which that worker holds the new state, else empty.
            took: seconds from handing it out to its return.
        """
        with self._lock:
            self._machine.succeeded(self._clock(), *result, took)
            if result.header.failure:
                self._history.forget_after(result.header.step)
            self._home, self._held = worker, held
            self._answered.notify_all()

    def raised(self, sentence: str) -> None:
        """Note that the slice in flight failed; the last good state remains."""
        with self._lock:
            # What the worker holds now, if anything, is not the state that the run goes on from.
            self._held = ""
            self._machine.raised(self._clock(), sentence)
            self._answered.notify_all()

    def lost(self, *, blame: bool) -> None:
        """Note that the slice in flight was lost; `blame` as in `RunMachine.lost`."""
        with self._lock:
            self._held = ""
            self._machine.lost(self._clock(), blame=blame)
            self._answered.notify_all()

    def wants_in_history(self, header: Header) -> bool:
        """Tell from a snapshot's header whether its state is to be added to the history."""
        with self._lock:
            return not self._machine.closed and self._history.wants(header)

    def add_to_history(self, result: SliceResult) -> None:
        """Add a state to the history; it is decoded here, outside of the lock."""
        weights = earlier_weights(result.state)
        with self._lock:
            if not self._machine.closed:
                self._history.add(result.header.step, weights)

    @property
    def history_bytes(self) -> int:
        """Bytes of all earlier weights."""
        with self._lock:
            return self._history.size

    def thin_history(self) -> int:
        """Drop half of the earlier weights, the last one only if nobody looks at the run.

        Returns:
            The bytes that are dropped, 0 if there is nothing to drop.
        """
        with self._lock:
            freed = self._history.thin()
            if not freed and self._machine.lapsed(self._clock()):
                freed = self._history.size
                self._history.clear()
            return freed

    def let_go(self, reason: str = "") -> None:
        """Forget everything that takes memory; `reason` as in `RunMachine.close`."""
        with self._lock:
            if not self._machine.closed:
                self._machine.close(reason)
                self._history.clear()
                self._answered.notify_all()

    def _is_answered(self) -> bool:
        machine = self._machine
        there = machine.snapshot is not None or machine.closed
        return there or not machine.view(self._clock()).pending

    def resident(self) -> Resident:
        """Return what the run takes in memory, and when somebody looked at it last."""
        with self._lock:
            machine = self._machine
            parts = tuple(part for part in (machine.state, machine.snapshot) if part is not None)
            return Resident(
                run=self.id,
                seen_at=machine.renewed_at,
                looked_at=not machine.lapsed(self._clock()),
                parts=parts,
            )
