"""The engine: hands slices of all runs to the cluster in turn, and work on their states between.

One background thread with one event loop does everything; what viewers' threads call only touches
a run's state machine and wakes that loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from flowplay.engine.cluster import Cluster, Done, EngineStatus, Lost, Missing, Outcome, Raised
from flowplay.engine.dispatch import (
    HOME_ADVANTAGE,
    Waiting,
    assign,
    slice_seconds,
    snapshot_interval,
)
from flowplay.engine.errors import EngineClosedError, WorkerLostError, WorkError
from flowplay.engine.history import ALL_HISTORIES_BYTES
from flowplay.engine.run import LOST_IN_A_ROW, Phase, RunMachine, RunView, SliceOrder
from flowplay.engine.tasks import Held
from flowplay.snapshot import Snapshot

if TYPE_CHECKING:
    from flowplay.config import RunConfig

RUN_KEPT_SECONDS = 30 * 60.0
"""A run nobody has watched for this long is let go: about a break between two lessons."""

RUNS_KEPT = 200
"""At most this many runs are kept while some of them are unwatched: at about a megabyte each, less
than half of what importing torch would take."""

CLOSE_SECONDS = 15.0
"""How long `Engine.close` waits for the cluster to end."""

LAST_SLICE_SECONDS = 0.5
"""How much of that is given to the slices in flight, so that no worker is cut off in mid-answer."""

logger = logging.getLogger(__name__)


@dataclass
class _Call:
    """Work on a run's state that somebody waits for."""

    name: str
    arguments: tuple[object, ...]
    future: Future[bytes]
    losses: int = 0


class Run:
    """A viewer's handle on one run. Every method returns at once and may be called by any thread.

    Attributes:
        id: names the run within its engine.
        config: what defines the run.
    """

    def __init__(self, engine: Engine, config: RunConfig, machine: RunMachine) -> None:
        """Made by `Engine.open_run`."""
        self.id = uuid.uuid4().hex
        self.config = config
        self._engine = engine
        self._machine = machine
        self._lock = threading.Lock()
        self._held = ""  # what its worker calls the state it holds of this run

    def play(self) -> None:
        """Train until paused or the budget is used up; also tries a failed run once more."""
        self._command(self._machine.play)

    def pause(self) -> None:
        """Stop after the slice in flight, then take a fine snapshot."""
        self._command(self._machine.pause)

    def step(self) -> None:
        """Take exactly one optimizer step, then be paused."""
        self._command(self._machine.step)

    def show(self) -> None:
        """Take a fine snapshot without training, as of a run that is not started yet."""
        self._command(self._machine.show)

    def set_learning_rate(self, rate: float) -> None:
        """Use another peak learning rate from the next slice on.

        Raises:
            ValueError: if a config would not accept it.
        """
        with self._lock:
            self._machine.set_learning_rate(rate)

    def set_budget(self, budget: float) -> None:
        """Use another total budget, in the config's unit; a finished run then needs `play`.

        Raises:
            ValueError: if a config would not accept it.
        """
        with self._lock:
            self._machine.set_budget(budget)

    def set_temperature(self, temperature: float) -> None:
        """Draw the samples of the next snapshots at another temperature; `show` takes one now.

        Raises:
            ValueError: if a config would not accept it.
        """
        with self._lock:
            self._machine.set_temperature(temperature)

    def renew(self) -> None:
        """Say that somebody is watching; without it the run gets no slice after 8 s."""
        with self._lock:
            back = self._machine.renew(self._engine.clock())
        if back:
            self._engine.wake()

    def view(self) -> RunView:
        """Return what a page shows."""
        with self._lock:
            view = self._machine.view(self._engine.clock())
        status = self._engine.status
        if status.phase != "ready" and view.phase in (Phase.WAITING, Phase.TRAINING):
            return replace(view, phase=Phase.WAITING, message=status.message)
        return view

    @property
    def state(self) -> bytes | None:
        """The last good state, None before the first."""
        with self._lock:
            return self._machine.state

    @property
    def kept_steps(self) -> list[int]:
        """Optimizer steps of which earlier states are kept, rising and thinned."""
        with self._lock:
            return self._machine.history.steps

    def kept(self, step: int) -> bytes | None:
        """Return bytes of the `flowplay.inside.Kept` weights at a step, None if not kept."""
        with self._lock:
            return self._machine.history.at(step)

    def close(self) -> None:
        """Let the run go: its state and pictures are forgotten."""
        self._let_go("")
        self._engine.wake()

    def _let_go(self, message: str) -> None:
        with self._lock:
            self._machine.close(message)

    def _command(self, command: Callable[[float], None]) -> None:
        with self._lock:
            command(self._engine.clock())
        self._engine.wake()


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
            which is a dict of the fields of `SliceOrder`.
        clock: monotonic time in seconds, for leases and turns.
    """

    def __init__(
        self,
        scheduler: str | None = None,
        workers: int | None = None,
        *,
        preload: str | None = "flowplay.training.worker",
        work: str = "flowplay.training.worker:run_slice",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the engine's thread."""
        self.clock = clock
        self._work = work
        self._runs: dict[str, Run] = {}
        self._calls: deque[_Call] = deque()
        self._lock = threading.Lock()  # guards _runs and _calls
        #: About how many seconds lie between two snapshots of one run, as things stand.
        self.snapshot_interval = snapshot_interval(1, 1)
        self._busy: set[str] = set()
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
        cluster = self._cluster
        if cluster is None:
            return EngineStatus("starting", 0, "The workers are starting.")
        return cluster.status

    def open_run(
        self, config: RunConfig, state: bytes | None = None, snapshot: Snapshot | None = None
    ) -> Run:
        """Open a run, which does nothing yet.

        Args:
            config: what defines the run.
            state: bytes of an earlier run to continue; None starts a new one.
            snapshot: the picture that belongs to `state`.
        """
        run = Run(self, config, RunMachine(config, self.clock(), state, snapshot))
        with self._lock:
            self._runs[run.id] = run
        return run

    def call(self, name: str, *arguments: object) -> Future[bytes]:
        """Do other work on a worker, before any waiting slice.

        Args:
            name: import path of the function, `package.module:function`.
            arguments: what it is called with.

        Returns:
            A future of its result. It raises `WorkError` if the function does, `WorkerLostError`
            if workers died under it, `EngineClosedError` if the engine was closed.
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
                _fail(call, EngineClosedError("The engine was closed."))
            for run in runs:
                run._let_go("The engine was closed.")

    async def _main(self) -> None:
        self._changed = changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._cluster = cluster = Cluster(self._address, self._size, self._preload, changed.set)
        cluster.open()
        try:
            while not self._closing:
                changed.clear()
                self._let_go()
                self._bound_histories()
                self._hand_out(cluster)
                try:
                    async with asyncio.timeout(self._until_next_let_go()):
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
            self._start(worker, self._do_call(cluster, call, worker))
        if not idle:
            return
        with self._lock:
            runs = dict(self._runs)
        now = self.clock()
        machines = [run._machine for run in runs.values()]
        active = sum(machine.active(now) for machine in machines)
        seconds = slice_seconds(len(cluster.workers), active)
        self.snapshot_interval = snapshot_interval(len(cluster.workers), active)
        waiting = [
            Waiting(id_, run._machine.waiting_since, run._machine.home)
            for id_, run in runs.items()
            if run._machine.ready(now)
        ]
        for id_, worker in assign(waiting, idle, HOME_ADVANTAGE * seconds):
            run = runs[id_]
            with run._lock:
                # A viewer may have paused it since it was looked at.
                order = run._machine.next_order(now, seconds)
                if order is None:
                    continue
                run._machine.started(order)
                state = run._machine.state
            self._start(worker, self._do_slice(cluster, run, state, order, worker))

    def _next_call(self) -> _Call | None:
        with self._lock:
            while self._calls:
                call = self._calls.popleft()
                if call.future.running() or call.future.set_running_or_notify_cancel():
                    return call
        return None

    def _start(self, worker: str, job: Coroutine[None, None, None]) -> None:
        """Let `job` occupy `worker` until it ends."""
        self._busy.add(worker)
        task = asyncio.create_task(job)
        self._jobs.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._jobs.discard(task)
            self._busy.discard(worker)
            self.wake()
            if not task.cancelled() and (error := task.exception()) is not None:
                logger.error("A job of the engine failed", exc_info=error)

        task.add_done_callback(ended)

    async def _do_slice(
        self, cluster: Cluster, run: Run, state: bytes | None, order: SliceOrder, worker: str
    ) -> None:
        config, details = run._machine.config_json, asdict(order)
        outcome: Outcome = Missing()
        began = self.clock()
        if worker == run._machine.home and run._held:
            arguments = (config, Held(run._held), details)
            outcome = await cluster.compute(self._work, arguments, worker, hold=True)
        if isinstance(outcome, Missing):
            outcome = await cluster.compute(self._work, (config, state, details), worker, hold=True)
        run._held = outcome.held if isinstance(outcome, Done) else ""
        if isinstance(outcome, Done):
            try:
                after, snapshot = _read_slice(outcome.value)
            except ValueError as error:
                outcome = Raised(str(error).rstrip("."))
        now = self.clock()
        with run._lock:
            match outcome:
                case Done(worker=where):
                    run._machine.succeeded(now, after, snapshot, where, now - began)
                case Raised(reason):
                    run._machine.raised(
                        now, f"Training stopped on an error in the worker: {reason}."
                    )
                case Lost(blame):
                    run._machine.lost(now, blame=blame)
                case Missing():  # not without a `Held` argument
                    run._machine.lost(now, blame=True)

    async def _do_call(self, cluster: Cluster, call: _Call, worker: str) -> None:
        match await cluster.compute(call.name, call.arguments, worker):
            case Done(value=value):
                if isinstance(value, bytes):
                    call.future.set_result(value)
                else:
                    _fail(call, WorkError(f"{call.name} did not return bytes."))
            case Raised(reason):
                _fail(call, WorkError(f"The worker failed: {reason}."))
            case Lost(blame):
                call.losses += blame
                with self._lock:
                    closing = self._closing
                    again = call.losses <= LOST_IN_A_ROW and not closing
                    if again:
                        self._calls.appendleft(call)
                if closing:
                    _fail(call, EngineClosedError("The engine was closed."))
                elif not again:
                    _fail(call, WorkerLostError("The workers died on this work, again and again."))
            case Missing():  # not without a `Held` argument
                _fail(call, WorkError(f"{call.name} was not done."))

    def _let_go(self) -> None:
        """Drop the runs that are closed, long unwatched, or unwatched and too many."""
        now = self.clock()
        with self._lock:
            runs = sorted(self._runs.values(), key=lambda run: run._machine.renewed_at)
            for run in runs:
                machine = run._machine
                old = now - machine.renewed_at >= RUN_KEPT_SECONDS
                crowded = len(self._runs) > RUNS_KEPT and machine.lapsed(now)
                if machine.closed or old or crowded:
                    del self._runs[run.id]
                    if not machine.closed:
                        run._let_go("Nobody watched this run for a while, so it was let go.")

    def _bound_histories(self) -> None:
        """Let the runs that nobody has looked at for longest forget how they were trained."""
        with self._lock:
            runs = sorted(self._runs.values(), key=lambda run: -run._machine.renewed_at)
        room = ALL_HISTORIES_BYTES
        for run in runs:
            with run._lock:
                room -= run._machine.history.size
                if room < 0:
                    run._machine.history.clear()

    def _until_next_let_go(self) -> float | None:
        """Return in how many seconds the next run is to be dropped, None if there is none."""
        with self._lock:
            renewed = [run._machine.renewed_at for run in self._runs.values()]
        if not renewed:
            return None
        return max(1.0, min(renewed) + RUN_KEPT_SECONDS - self.clock())


def _read_slice(value: object) -> tuple[bytes, Snapshot]:
    """Take apart what the function that trains a slice returned.

    Raises:
        ValueError: if it is not a state and a snapshot, both as bytes.
    """
    match value:
        case (bytes() as state, bytes() as snapshot):
            return state, Snapshot.from_bytes(snapshot)
    raise ValueError("it returned no state and snapshot.")


def _fail(call: _Call, error: Exception) -> None:
    # A future nobody waits for any more may have been cancelled.
    if not call.future.cancelled():
        call.future.set_exception(error)
