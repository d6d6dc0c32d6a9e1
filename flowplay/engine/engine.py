"""The engine: hands slices of all runs to the cluster in turn, and work on their states between.

One background thread with one event loop does everything; what viewers' threads call only changes
a `HostedRun` and wakes that loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from flowplay.budgets import Budgets
from flowplay.budgets import budgets as budgets_of_environment
from flowplay.engine.cluster import (
    Cluster,
    Done,
    EngineStatus,
    Lost,
    Missing,
    Outcome,
    Raised,
    Refused,
)
from flowplay.engine.dispatch import (
    HOME_ADVANTAGE,
    LEAD,
    SHORTEST_SLICE,
    Stretch,
    VirtualTimes,
    assign,
    slice_seconds,
    snapshot_interval,
    turn_seconds,
)
from flowplay.engine.errors import EngineClosedError, WorkerLostError, WorkError
from flowplay.engine.hosted import Assignment, HostedRun, SliceResult
from flowplay.engine.machine import LOST_IN_A_ROW, RunMachine
from flowplay.engine.retention import looked_at_bytes, thin_histories, to_let_go
from flowplay.engine.rounds import Rounds, group_slice_seconds
from flowplay.engine.run import Run
from flowplay.engine.tasks import Held
from flowplay.engine.viewers import PRESENCE_SECONDS, Viewers
from flowplay.limits import Limits
from flowplay.limits import limits as limits_of_environment
from flowplay.wire import Header

if TYPE_CHECKING:
    from flowplay.config import RunConfig

CLOSE_SECONDS = 15.0
"""How long `Engine.close` waits for the cluster to end."""

LAST_SLICE_SECONDS = 0.5
"""How much of that is given to the slices in flight, so that no worker is cut off in mid-answer."""

QUICK_BYTES = 2**20
"""A state of at most so many bytes is decoded within about a millisecond, which the event loop can
spare; a larger one in another thread."""

FULL = (
    "The server's memory is taken by other runs that are looked at: try again later, or lower "
    "the width or the depth."
)

logger = logging.getLogger(__name__)


class Census(NamedTuple):
    """What an engine has and has done since it began.

    Attributes:
        runs: that are held.
        training: of these, which train and are looked at.
        queue: runs and calls that wait for a worker.
        steps: optimizer steps that were taken.
        pictures: snapshots that came from training.
        picture_seconds: time between those of a run, in sum.
        workers: that are ready.
        workers_lost: workers that were lost; each was replaced, or came back.
    """

    runs: int
    training: int
    queue: int
    steps: int
    pictures: int
    picture_seconds: float
    workers: int
    workers_lost: int


@dataclass
class _Call:
    """Work on a run's state that somebody waits for."""

    name: str
    arguments: tuple[object, ...]
    future: Future[bytes]
    losses: int = 0


class Engine:
    """Trains runs as chained slices on Dask workers.

    Returns at once; the cluster is started or connected to in the background, and again whenever
    it is lost.

    Args:
        scheduler: address of an existing Dask scheduler, as `tcp://host:8786`; by default that of
            `FLOWPLAY_SCHEDULER`; without one, workers are started on this machine.
        workers: number of workers to start; by default `FLOWPLAY_WORKERS` or one per CPU core.
        preload: module that every worker imports before it gets work; if it has a function
            `warm`, that is called.
        work: import path of the function that trains a slice,
            `(config_json, state, order) -> (next state, snapshot)`, all bytes but the order,
            which is `SliceOrder.to_json()`.
        clock: monotonic time in seconds, for leases and turns.
        budgets: how much memory runs may take; by default those of the environment.
        limits: what visitors may take; by default those of the environment.

    Raises:
        ValueError: if the environment sets a budget that is no size, or a limit that is no number.
    """

    def __init__(
        self,
        scheduler: str | None = None,
        workers: int | None = None,
        *,
        preload: str | None = "flowplay.training.worker",
        work: str = "flowplay.training.worker:run_slice",
        clock: Callable[[], float] = time.monotonic,
        budgets: Budgets | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Start the engine's thread."""
        self.clock = clock
        self._work = work
        self._budgets = budgets or budgets_of_environment()
        self._limits = limits or limits_of_environment()
        self._runs: dict[str, HostedRun] = {}
        self._viewers = Viewers(60 * self._limits.idle_minutes)
        self._asked_at: float | None = None  # when the viewers were asked whether they are present
        self._times = VirtualTimes()  # of the engine's thread alone
        self._rounds: dict[str, Rounds] = {}  # by group; of that thread too
        self._held_back = False  # whether a run waits for others of its group
        self._calls: deque[_Call] = deque()
        self._lock = threading.Lock()  # guards _runs and _calls
        #: About how many seconds lie between two snapshots of one run, as things stand.
        self.snapshot_interval = snapshot_interval(1, 1)
        self._steps, self._pictures, self._picture_seconds = 0, 0, 0.0
        self._busy: set[str] = set()
        self._stretch = Stretch()
        # Where runs share workers: when each began its last slice, and how long that was to last.
        self._turns: dict[str, tuple[float, float]] = {}
        self._jobs: set[asyncio.Task[None]] = set()
        self._closing = False
        self._stopped = ""  # why the loop ended, if it was not asked to
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed: asyncio.Event | None = None
        self._cluster: Cluster | None = None
        self._address = scheduler or os.environ.get("FLOWPLAY_SCHEDULER") or None
        self._size = workers or int(os.environ.get("FLOWPLAY_WORKERS", "0")) or None
        self._preload = preload
        self._thread = threading.Thread(target=self._run, name="flowplay-engine", daemon=True)
        self._thread.start()

    @property
    def status(self) -> EngineStatus:
        """Whether runs can train, and a sentence for the page if not."""
        if self._stopped:
            return EngineStatus("unreachable", 0, self._stopped)
        if self._closing:
            return EngineStatus("unreachable", 0, "The server is shutting down.")
        cluster = self._cluster
        if cluster is None:
            return EngineStatus("starting", 0, "The workers are starting.")
        return cluster.status

    @property
    def starts_workers(self) -> bool:
        """Whether its workers are on this machine; otherwise a scheduler has them."""
        return self._address is None

    def census(self) -> Census:
        """Count what there is, for whoever watches the server."""
        with self._lock:
            runs, calls = list(self._runs.values()), len(self._calls)
        cluster = self._cluster
        return Census(
            runs=len(runs),
            training=sum(run.training for run in runs),
            queue=calls + sum(run.ready for run in runs),
            steps=self._steps,
            pictures=self._pictures,
            picture_seconds=self._picture_seconds,
            workers=self.status.workers,
            workers_lost=0 if cluster is None else cluster.lost,
        )

    def open_run(
        self,
        config: RunConfig,
        state: bytes | None = None,
        snapshot: bytes | None = None,
        earlier: Mapping[int, bytes] | None = None,
        group: str = "",
    ) -> Run:
        """Open a run, which does nothing yet; if the engine is closed, it is let go at once.

        Args:
            config: what defines the run.
            state: bytes of an earlier run to continue; None starts a new one.
            snapshot: bytes of the `Snapshot` that belongs to `state`.
            earlier: bytes of `EarlierWeights` by step, for its history.
            group: runs of one name get as much worker time as each other while they train.

        Raises:
            ValueError: if `snapshot` is none of this version.
        """
        hosted = HostedRun(config, self.clock, state, snapshot, earlier, group)
        with self._lock:
            closed = self._closing
            if not closed:
                self._runs[hosted.id] = hosted
        if closed:
            hosted.let_go("the server is shutting down")
        return Run(
            config,
            hosted,
            self.wake,
            lambda: self.status,
            lambda: self._refusal(hosted),
            lambda: self._ahead(hosted),
        )

    def _ahead(self, run: HostedRun) -> int:
        """Count the runs and calls that come before a run that waits for a worker."""
        with self._lock:
            runs, calls = list(self._runs.values()), len(self._calls)
        since = run.waiting_since
        earlier = (other for other in runs if other is not run and other.ready)
        return calls + sum(other.waiting_since < since for other in earlier)

    def _refusal(self, run: HostedRun) -> str:
        """Say why a run may not train beside those that do; empty if it may."""
        if run.training:
            return ""
        with self._lock:
            training = {id_ for id_, other in self._runs.items() if other.training}
        if len(training) >= self._limits.max_runs:
            return (
                f"This server trains {len(training)} runs at once, which is its limit: try again "
                "in a minute."
            )
        mine = len(training & self._viewers.beside(run.id))
        if mine >= self._limits.max_runs_per_session:
            return f"You train {mine} runs at once, which is the limit here: pause another first."
        return ""

    def watch(self, viewer: str, run: Run, present: Callable[[], bool]) -> None:
        """Take it that a viewer looks at a run, and at no other, for as long as `present()`.

        Args:
            viewer: names who looks; one who looks at several runs at once is `name/part` for each.
            run: what is looked at.
            present: tells whether the viewer is there; asked every other second in the engine's
                thread, so it must answer at once.
        """
        self._viewers.watch(viewer, run.id, present, self.clock())
        run.renew()
        self.wake()

    def leave(self, viewer: str) -> None:
        """Take it that a viewer has left: the runs that nobody else looks at get no slice more.

        Unlike one whose connection is lost, who may come back within the lease. If the viewer turns
        out to be present, its runs go on.
        """
        left = self._viewers.of(viewer) - self._viewers.present_elsewhere(viewer)
        with self._lock:
            runs = [self._runs[id_] for id_ in left if id_ in self._runs]
        for run in runs:
            run.command(RunMachine.leave)

    def look_away(self, viewer: str) -> None:
        """Take it that a viewer looks at no run any more."""
        self._viewers.look_away(viewer)

    def call(self, name: str, *arguments: object) -> Future[bytes]:
        """Do other work on a worker, before any waiting slice.

        Args:
            name: import path of the function, `package.module:function`.
            arguments: what it is called with.

        Returns:
            A future of its result. It raises `WorkError` if the function does, `WorkerLostError`
            if workers died under it, `EngineClosedError` if the engine was closed. Until it is
            done it can be cancelled: then it is not begun, or its result is dropped.
        """
        call = _Call(name, arguments, Future())
        with self._lock:
            closed = self._closing
            if not closed:
                self._calls.append(call)
        if closed:
            call.future.set_exception(EngineClosedError("The engine is closed."))
        self.wake()
        return call.future

    def is_waiting(self, call: Future[bytes]) -> bool:
        """Tell whether a call still waits for a worker."""
        with self._lock:
            return any(waiting.future is call for waiting in self._calls)

    def wake(self) -> None:
        """Let the engine look again for what can be handed out."""
        loop, changed = self._loop, self._changed
        if loop is None or changed is None:
            return  # Its first look is still to come.
        try:
            loop.call_soon_threadsafe(changed.set)
        except RuntimeError:
            # The loop has ended: there is nothing left to wake.
            logger.debug("The engine is closed.")

    def close(self) -> None:
        """End the workers and let every run go; waits until they have ended."""
        with self._lock:
            self._closing = True
        self.wake()
        if threading.current_thread() is not self._thread:
            self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except Exception:
            logger.exception("The engine stopped")
            self._stopped = "Training has stopped on an error in the engine; see the server's log."
        finally:
            with self._lock:
                self._closing = True
                calls, runs = list(self._calls), list(self._runs.values())
                self._calls.clear()
                self._runs.clear()
            for call in calls:
                _finish(call, EngineClosedError("The engine was closed."))
            for run in runs:
                run.let_go("the engine was closed")

    async def _main(self) -> None:
        self._changed = changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._cluster = cluster = Cluster(self._address, self._size, self._preload, changed.set)
        cluster.open()
        try:
            while not self._closing:
                changed.clear()
                self._ask_viewers()
                self._free_memory()
                self._hand_out(cluster)
                try:
                    async with asyncio.timeout(self._until_next_look()):
                        await changed.wait()
                except TimeoutError:
                    continue
        finally:
            if self._jobs:
                await asyncio.wait(self._jobs, timeout=LAST_SLICE_SECONDS)
            await cluster.close()
            # Without a connection every job ends by itself, as lost.
            await asyncio.gather(*self._jobs, return_exceptions=True)

    def _hand_out(self, cluster: Cluster) -> None:
        """Give every idle worker something to do: calls first, then slices in turn."""
        idle = [address for address in cluster.workers if address not in self._busy]
        while idle and (call := self._next_call()) is not None:
            worker = idle.pop()
            self._turns.pop(worker, None)
            self._start(self._do_call(cluster, call, worker), worker)
        if not idle:
            return
        with self._lock:
            runs = dict(self._runs)
        active = sum(run.training for run in runs.values())
        crowded = active > len(cluster.workers)
        stretch = self._stretch.ratio if crowded else 1.0
        # A worker that had nothing to do, or is there no more, tells nothing.
        self._turns = {w: t for w, t in self._turns.items() if crowded and w in cluster.workers}
        seconds = slice_seconds(len(cluster.workers), active, stretch)
        self.snapshot_interval = snapshot_interval(len(cluster.workers), active, stretch)
        flying = {id_ for id_, run in runs.items() if run.in_flight}
        wanting = {id_ for id_, run in runs.items() if run.ready}
        self._times.enter(wanting | flying)
        lengths = dict.fromkeys(wanting, seconds)
        lengths = self._in_rounds(runs, lengths, group_slice_seconds(len(cluster.workers), active))
        self._held_back = len(lengths) < len(wanting)
        waiting = [runs[id_].offer(self._times.used(id_)) for id_ in lengths]
        pairs = assign(waiting, idle, HOME_ADVANTAGE * seconds, LEAD * seconds)
        if len(pairs) == len(waiting):
            self._times.level()
        now = self.clock()
        for id_, worker in pairs:
            # A viewer may have paused it since it was looked at.
            if (assignment := runs[id_].begin(worker, lengths[id_])) is not None:
                before = self._turns.pop(worker, None)
                if before is not None:
                    began, ordered = before
                    self._stretch.note(ordered, now - began)
                # In a group a worker may have to wait; one step, and what builds a model, lasts as
                # long as it does.
                is_turn = assignment.order.seconds is not None and assignment.state is not None
                if is_turn and crowded and not runs[id_].group:
                    self._turns[worker] = (now, lengths[id_])
                job = self._do_slice(cluster, runs[id_], assignment, worker, lengths[id_])
                self._start(job, worker)

    def _in_rounds(
        self, runs: Mapping[str, HostedRun], lengths: dict[str, float], slice_: float
    ) -> dict[str, float]:
        """Return how long the next slices last, without those of runs that wait for their group.

        Args:
            runs: all that there are, by id.
            lengths: of the slices of the runs that are ready, in seconds.
            slice_: how long a slice of a run in a group lasts.
        """
        groups = {run.group for run in runs.values() if run.group}
        self._rounds = {name: self._rounds.get(name) or Rounds() for name in groups}
        handed = dict(lengths)
        for name, rounds in self._rounds.items():
            # Who only wants a picture, or one step, waits for nobody; and nobody waits for it, also
            # if it is to train on afterwards.
            training = {i: run for i, run in runs.items() if run.group == name and run.training}
            found = {id_: run.promised for id_, run in training.items()}
            flying = {id_: seconds for id_, seconds in found.items() if seconds is not None}
            ready = training.keys() & lengths.keys()
            for id_ in ready:
                del handed[id_]
            handed |= rounds.lengths(ready, flying, slice_)
        return handed

    def _next_call(self) -> _Call | None:
        with self._lock:
            while self._calls:
                call = self._calls.popleft()
                if not call.future.cancelled():
                    return call
                call.future.set_running_or_notify_cancel()
        return None

    def _start(self, job: Coroutine[None, None, None], worker: str | None = None) -> None:
        """Begin `job`, which occupies `worker`, if one is given, until it ends."""
        if worker is not None:
            self._busy.add(worker)
        task = asyncio.create_task(job)
        self._jobs.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._jobs.discard(task)
            if worker is not None:
                self._busy.discard(worker)
            self.wake()
            if not task.cancelled() and (error := task.exception()) is not None:
                logger.error("A job of the engine failed", exc_info=error)

        task.add_done_callback(ended)

    async def _do_slice(
        self, cluster: Cluster, run: HostedRun, assignment: Assignment, worker: str, seconds: float
    ) -> None:
        """Let a worker train a slice; whatever happens, the run is not in flight afterwards."""
        try:
            await self._train(cluster, run, assignment, worker, seconds)
        except Exception:
            logger.exception("A slice failed in the engine")
            if run.in_flight:
                run.raised("Training stopped on an error in the engine; see the server's log.")

    async def _train(
        self, cluster: Cluster, run: HostedRun, assignment: Assignment, worker: str, seconds: float
    ) -> None:
        config, details = run.config_json, assignment.order.to_json()
        outcome: Outcome = Missing()
        began = self.clock()
        arguments: tuple[object, ...]
        if assignment.held:
            arguments = (config, Held(assignment.held), details)
            outcome = await cluster.compute(self._work, arguments, worker, hold=True)
        if isinstance(outcome, Missing):
            arguments = (config, assignment.state, details)
            outcome = await cluster.compute(self._work, arguments, worker, hold=True)
        took = self.clock() - began
        ordered = None if assignment.order.seconds is None else seconds
        busy = outcome.busy if isinstance(outcome, Done) else took
        self._times.charge(run.id, turn_seconds(ordered, busy))
        builds = assignment.state is None
        # Rounds divide the time of training: one step comes with a still, which is no part of it.
        if run.group in self._rounds and ordered is not None and not builds:
            self._rounds[run.group].charge(run.id, took)
        match outcome:
            case Done(value, where, held, _):
                try:
                    result = _read_slice(value)
                except ValueError as error:
                    run.raised(_stopped_on(str(error).rstrip(".")))
                    return
                if assignment.state is None and not self._fits(result):
                    run.raised(FULL)
                    return
                if result.header.parameters > self._limits.max_parameters:
                    run.raised(
                        f"This model has {result.header.parameters:,} parameters; this server "
                        f"trains models of at most {self._limits.max_parameters:,}. Lower the "
                        "width or the depth."
                    )
                    return
                self._count(run, result)
                run.succeeded(result, where, held, took)
                self._add_to_history(run, result)
            case Raised(reason):
                run.raised(_stopped_on(reason))
            case Refused(sentence):
                run.raised(sentence)
            case Lost(blame):
                run.lost(blame=blame)
            case Missing():  # not without a `Held` argument
                run.lost(blame=True)

    def _count(self, run: HostedRun, result: SliceResult) -> None:
        """Count the steps of a slice, and the time since the run's picture before."""
        now, before = self.clock(), run.moment().header
        steps = result.header.step - (0 if before is None else before.step)
        if steps > 0:
            self._steps += steps
            if run.pictured_at is not None:
                self._pictures += 1
                self._picture_seconds += now - run.pictured_at
        run.pictured_at = now if run.training else None

    def _add_to_history(self, run: HostedRun, result: SliceResult) -> None:
        """Let the run remember a state, if it is due; a large one is decoded in another thread."""
        if not run.wants_in_history(result.header):
            return
        if len(result.state) <= QUICK_BYTES:
            run.add_to_history(result)
        else:
            self._start(self._decode(run, result))

    async def _decode(self, run: HostedRun, result: SliceResult) -> None:
        try:
            await asyncio.to_thread(run.add_to_history, result)
        except RuntimeError:
            # No thread can be started while the interpreter ends.
            logger.debug("The interpreter ends; a state is not added to its run's history.")

    async def _do_call(self, cluster: Cluster, call: _Call, worker: str) -> None:
        match await cluster.compute(call.name, call.arguments, worker):
            case Done(value=value):
                if isinstance(value, bytes):
                    _finish(call, value)
                else:
                    _finish(call, WorkError(f"{call.name} did not return bytes."))
            case Raised(reason):
                _finish(call, WorkError(f"The worker failed: {reason}."))
            case Refused(sentence):
                _finish(call, WorkError(sentence))
            case Lost(blame):
                call.losses += blame
                with self._lock:
                    closing = self._closing
                    again = call.losses <= LOST_IN_A_ROW and not closing
                    if again:
                        self._calls.appendleft(call)
                if closing:
                    _finish(call, EngineClosedError("The engine was closed."))
                elif not again:
                    _finish(
                        call, WorkerLostError("The workers died on this work, again and again.")
                    )
            case Missing():  # not without a `Held` argument
                _finish(call, WorkError(f"{call.name} was not done."))

    def _ask_viewers(self) -> None:
        """Renew the lease of every run that a viewer looks at, if that is due."""
        now = self.clock()
        if self._asked_at is not None and now - self._asked_at < PRESENCE_SECONDS:
            return
        self._asked_at = now
        looked_at = self._viewers.looked_at(now)
        with self._lock:
            runs = [self._runs[id_] for id_ in looked_at & self._runs.keys()]
        for run in runs:
            run.renew()

    def _free_memory(self) -> None:
        """Let runs go that are closed, long unseen, or unseen and too large; bound histories."""
        now = self.clock()
        with self._lock:
            runs = dict(self._runs)
        closed = {id_ for id_, run in runs.items() if run.closed}
        residents = [run.resident() for id_, run in runs.items() if id_ not in closed]
        reasons = to_let_go(
            residents, now, self._budgets.runs_memory, 60 * self._limits.idle_minutes
        )
        for id_, reason in reasons.items():
            logger.info("A run was let go, since %s.", reason)
            runs[id_].let_go(reason)
        with self._lock:
            for id_ in closed | reasons.keys():
                self._runs.pop(id_, None)
                self._times.drop(id_)
                for rounds in self._rounds.values():
                    rounds.drop(id_)
        remaining = [resident for resident in residents if resident.run not in reasons]
        thin_histories(
            {resident.run: runs[resident.run].history_bytes for resident in remaining},
            self._budgets.history_memory,
            lambda id_: runs[id_].thin_history(),
        )

    def _fits(self, result: SliceResult) -> bool:
        """Tell whether a new run of this size fits beside the runs that are looked at."""
        with self._lock:
            runs = list(self._runs.values())
        taken = looked_at_bytes(run.resident() for run in runs)
        return taken + len(result.state) + len(result.snapshot) <= self._budgets.runs_memory

    def _until_next_look(self) -> float | None:
        """Return in how many seconds viewers are to be asked or a run to be dropped, if ever."""
        now = self.clock()
        if self._held_back:
            # Nothing else tells that a slice of another run of the group takes longer than ordered.
            return SHORTEST_SLICE
        if len(self._viewers) and self._asked_at is not None:
            return max(0.0, self._asked_at + PRESENCE_SECONDS - now)
        with self._lock:
            runs = list(self._runs.values())
        seen = [run.resident().seen_at for run in runs]
        return max(1.0, min(seen) + 60 * self._limits.idle_minutes - now) if seen else None


def _read_slice(value: object) -> SliceResult:
    """Take apart what the function that trains a slice returned; of the snapshot, the header only.

    Raises:
        ValueError: if it is not a state and a snapshot, both as bytes.
    """
    match value:
        case (bytes() as state, bytes() as snapshot):
            return SliceResult(state, snapshot, Header.of(snapshot))
    raise ValueError("it returned no state and snapshot.")


def _stopped_on(reason: str) -> str:
    return f"Training stopped on an error in the worker: {reason}."


def _finish(call: _Call, result: bytes | Exception) -> None:
    """Give a call its result or error, unless it was cancelled."""
    if not call.future.set_running_or_notify_cancel():
        return
    if isinstance(result, Exception):
        call.future.set_exception(result)
    else:
        call.future.set_result(result)
