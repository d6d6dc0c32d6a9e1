"""The Dask cluster behind the engine: started or connected to, watched, warmed, found again.

Everything here runs in the engine's one event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from flowplay import shelf
from flowplay.engine import tasks
from flowplay.engine.local import LocalCluster, local_cluster
from flowplay.engine.tasks import one_line
from flowplay.errors import MissingDataError

# Dask's own types leave out most of what is called here.
Client: TypeAlias = Any

WATCH_SECONDS = 1.0
"""How often the list of workers is compared with the scheduler's: a new or restarted worker is in
use this late at most. Lost connections and dead workers are noticed at once, without it."""

STARTING_WATCH_SECONDS = 0.05
"""The same while workers are missing, since somebody may be waiting for them."""

ANSWER_SECONDS = 10.0
"""A scheduler that takes longer to answer is gone; a busy one answers within milliseconds."""

CONNECT_SECONDS = 3.0
"""How long one attempt to connect may take."""

FIRST_RETRY_SECONDS = 0.5
LAST_RETRY_SECONDS = 5.0
"""The pause between attempts doubles from the first to the last: a scheduler that comes back is
used within a few seconds, however long it was away."""

WORK_SECONDS = 120.0
"""Work that takes longer is taken never to end, and its worker is ended. A slice lasts less
than a second, or one step: 5 s; what a page asks for, a few seconds."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EngineStatus:
    """Whether runs can train.

    Attributes:
        phase: `ready` as soon as one worker is.
        workers: number of workers that are ready.
        message: one sentence for the page; empty when ready.
    """

    phase: Literal["starting", "ready", "unreachable"]
    workers: int
    message: str


@dataclass(frozen=True)
class Done:
    """The work returned `value` on the worker of that address, which holds it as `held`.

    It took `busy` seconds of the worker's processor.
    """

    value: object
    worker: str
    held: str
    busy: float


@dataclass(frozen=True)
class Raised:
    """The work raised, or could not be done at all; `reason` says why, without a full stop."""

    reason: str


@dataclass(frozen=True)
class Refused:
    """The work cannot be done as it is asked for; `sentence` tells the viewer why."""

    sentence: str


@dataclass(frozen=True)
class Lost:
    """No outcome came back; `blame` if the work may itself have killed its worker."""

    blame: bool


@dataclass(frozen=True)
class Missing:
    """Nothing was done, since the worker does not hold the state that a `Held` stood for."""


Outcome = Done | Raised | Refused | Lost | Missing


class _CertificatesError(Exception):
    """A connection that is to be encrypted lacks what it takes; the message is one sentence."""


class _NoAnswerError(RuntimeError):
    """A worker answered, but not by doing the work."""


class Cluster:
    """Keeps a cluster at hand for as long as it is open.

    Args:
        scheduler: address of an existing scheduler; None embeds a cluster in this process.
        workers: number of processes of the embedded cluster; None takes one per CPU core.
        preload: module that every worker imports before it is given work.
        notify: called when `workers` or `status` changed.
    """

    def __init__(
        self,
        scheduler: str | None,
        workers: int | None,
        preload: str | None,
        notify: Callable[[], None],
    ) -> None:
        """Prepare; nothing starts before `open`."""
        self.status = EngineStatus("starting", 0, "The workers are starting.")
        #: How many workers were lost.
        self.lost = 0
        self._scheduler = scheduler
        self._size = workers
        self._preload = preload
        self._notify = notify
        self._client: Client = None
        self._local: LocalCluster | None = None
        self._closing = False
        self._pause = FIRST_RETRY_SECONDS  # before the next attempt
        self._keeper: asyncio.Task[None] | None = None
        self._look = asyncio.Event()
        self._warming: dict[str, asyncio.Task[None]] = {}
        #: Workers that are warm; each one's event is set when it or the way to it is lost.
        self._ready: dict[str, asyncio.Event] = {}

    @property
    def workers(self) -> tuple[str, ...]:
        """Addresses of the workers that are warm."""
        return tuple(self._ready)

    def open(self) -> None:
        """Start or connect in the background."""
        self._keeper = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        """Start or connect, and do so again whenever the cluster is lost, until `close`."""
        while not self._closing:
            try:
                async with self._connected() as client:
                    await self._watch(client)
            except Exception as error:
                # Whatever it is, the page must say so and the next attempt may succeed.
                logger.warning("No Dask cluster: %s", one_line(error))
                known = isinstance(error, _CertificatesError)
                reason = str(error) if known else self._unreachable()
            else:
                reason = self._unreachable()
            self._set_status("unreachable", reason)
            if not self._closing:
                await asyncio.sleep(self._pause)
                self._pause = min(2 * self._pause, LAST_RETRY_SECONDS)

    async def close(self) -> None:
        """End the cluster and give up all work that is under way."""
        # A cancellation alone would not do: Dask swallows one that comes while it connects.
        self._closing = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    async def compute(
        self, name: str, arguments: tuple[object, ...], worker: str, *, hold: bool = False
    ) -> Outcome:
        """Do the work of the import path `name` on `worker`; see `tasks.work`.

        Dask is not left to move it elsewhere when the worker dies: the other workers have work
        already.
        """
        client: Client = self._client
        gone = self._ready.get(worker)
        if client is None or gone is None:
            return Lost(blame=False)
        limit = asyncio.timeout(WORK_SECONDS)
        try:
            async with limit:
                asked = client, worker, name, arguments, hold
                report = await _unless(gone, self._ask(*asked))
                if report.wanted:
                    await self._hand_over(client, worker, report.wanted)
                    report = await _unless(gone, self._ask(*asked))
        except MissingDataError as error:
            return Refused(str(error))
        except (OSError, _NoAnswerError) as error:
            if limit.expired():
                logger.warning("Work on %s took too long; the worker is ended.", worker)
                self._drop(worker)
                await self._end(client, worker)
                return Lost(blame=True)
            logger.info("Lost a result: %s", one_line(error))
            self._drop(worker)
            self._look.set()
            return Lost(blame=self._client is client and client.status == "running")
        except Exception as error:
            return Raised(one_line(error))
        if report.refused:
            return Refused(report.error)
        if report.error:
            return Raised(report.error)
        if report.wanted:
            return Raised("The worker does not keep the data of this run.")
        if report.missing:
            return Missing()
        return Done(report.value, report.worker, report.held, report.busy)

    async def _ask(
        self, client: Client, worker: str, name: str, arguments: tuple[object, ...], hold: bool
    ) -> tasks.Report:
        """Let a worker do work; what the work itself raises is in the report.

        Raises:
            OSError: if the worker or the way to it is gone.
            _NoAnswerError: if the worker does not take work any more, as while it closes.
        """
        report: tasks.Report = await self._call(client, worker, tasks.work, name, arguments, hold)
        return report

    async def _hand_over(self, client: Client, worker: str, digest: str) -> None:
        """Give a worker data that it lacks.

        Raises:
            MissingDataError: if they are not here either.
            OSError: if the worker or the way to it is gone.
        """
        # A store may have to be asked.
        content = await asyncio.to_thread(shelf.get, digest)
        await self._call(client, worker, tasks.take_data, content)

    async def _end(self, client: Client, worker: str) -> None:
        """End a worker whose thread does not come back; its event loop still answers."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._call(client, worker, tasks.end)
        except Exception as error:
            logger.info("Ended %s: %s", worker, one_line(error))

    async def _call(
        self,
        client: Client,
        worker: str,
        function: Callable[..., object],
        *arguments: object,
    ) -> Any:  # noqa: ANN401
        """Call a function in a worker's event loop directly, as `Client.run` does.

        A task would pass through four processes' books, at twice the time between two slices and a
        third more work for this process.

        Raises:
            OSError: if the worker or the way to it is gone.
            _NoAnswerError: if the function raises, or the worker does not take work any more.
        """
        from distributed.protocol.pickle import dumps

        message = {
            "function": dumps(function),
            "args": dumps(arguments),
            "kwargs": None,
            "wait": True,
        }
        if self._scheduler is None:
            answer = await client.rpc(worker).run(**message)
        else:
            # Workers on other machines may be reachable for the scheduler only.
            answer = await client.scheduler.proxy(msg={"op": "run", **message}, worker=worker)
        if answer["status"] != "OK":
            raise _NoAnswerError(answer["exception_text"])
        return answer["result"]

    def _drop(self, worker: str) -> None:
        """Give nothing more to a worker that is lost, and give up what it has."""
        if (gone := self._ready.pop(worker, None)) is not None:
            self.lost += 1
            gone.set()
            self._tell()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Client]:
        async with AsyncExitStack() as stack:
            address = self._scheduler
            if address is None:
                self._set_status("starting", "The workers are starting.")
                self._local = await stack.enter_async_context(
                    local_cluster(self._size, self._preload)
                )
                address = self._local.address
            stack.callback(self._forget)
            self._client = await stack.enter_async_context(_client(address))
            yield self._client

    def _forget(self) -> None:
        """Give up all workers and what they have."""
        self._client = None
        self._local = None
        for task in self._warming.values():
            task.cancel()
        self._warming.clear()
        for gone in self._ready.values():
            gone.set()
        self._ready.clear()

    async def _watch(self, client: Client) -> None:
        """Keep the list of warm workers true; return when the connection is lost."""
        self._tell()
        while client.status == "running" and not self._closing and self._kept_running():
            self._look.clear()
            answer = asyncio.ensure_future(client.scheduler.ncores_running())
            async with asyncio.timeout(ANSWER_SECONDS):
                present = set(await answer)
            for address in self._ready.keys() - present:
                self._drop(address)
            for address in present - self._ready.keys() - self._warming.keys():
                self._warming[address] = asyncio.create_task(self._warm(client, address))
            for address in self._warming.keys() - present:
                self._warming.pop(address).cancel()
            pause = STARTING_WATCH_SECONDS if self._awaited() else WATCH_SECONDS
            try:
                async with asyncio.timeout(pause):
                    await self._look.wait()
            except TimeoutError:
                continue

    def _kept_running(self) -> bool:
        """Tell whether somebody sees to it that there are workers."""
        return self._local is None or self._local.running

    def _awaited(self) -> bool:
        """Tell whether a worker is about to come."""
        wanted = 1 if self._local is None else self._local.size
        return len(self._ready) < wanted

    async def _warm(self, client: Client, address: str) -> None:
        """Make one worker ready, trying again while it is present but cannot be warmed."""
        pause = FIRST_RETRY_SECONDS
        warm = f"{tasks.__name__}:{tasks.warm.__name__}"
        while True:
            try:
                report = await self._ask(client, address, warm, (self._preload,), hold=False)
                reason = report.error
            except OSError as error:
                # It ended meanwhile; if it is listed still, the next look tries again.
                logger.info("Lost a worker: %s", one_line(error))
                del self._warming[address]
                return
            except Exception as error:
                reason = one_line(error)
            if not reason:
                self._ready[address] = asyncio.Event()
                self._pause = FIRST_RETRY_SECONDS
                del self._warming[address]
                self._tell()
                return
            logger.warning("Worker %s cannot be warmed: %s", address, reason)
            if not self._ready:
                self._set_status(
                    "starting",
                    f"The workers cannot load {self._preload} ({reason}); trying again.",
                )
            await asyncio.sleep(pause)
            pause = min(2 * pause, LAST_RETRY_SECONDS)

    def _tell(self) -> None:
        """Set the status to what the list of workers says."""
        if self._ready:
            self._set_status("ready", "")
        elif self.status.phase != "starting":
            message = (
                "The workers are being restarted."
                if self._scheduler is None
                else f"Connected to {self._scheduler}, waiting for a worker there."
            )
            self._set_status("starting", message)

    def _unreachable(self) -> str:
        if self._scheduler is None:
            return "The workers cannot be started; trying again."
        return f"Cannot reach the Dask scheduler at {self._scheduler}; trying again."

    def _set_status(self, phase: Literal["starting", "ready", "unreachable"], text: str) -> None:
        self.status = EngineStatus(phase, len(self._ready), text)
        self._notify()


async def _unless(event: asyncio.Event, answer: Awaitable[tasks.Report]) -> tasks.Report:
    """Await an answer, but raise `ConnectionError` as soon as `event` is set."""
    result = asyncio.ensure_future(answer)
    gone = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait((result, gone), return_when=asyncio.FIRST_COMPLETED)
        # Dask cancels what is on its way when it closes a connection.
        if result.done() and not result.cancelled():
            return result.result()
        raise ConnectionError("the worker or the connection to the scheduler is gone")
    finally:
        result.cancel()
        gone.cancel()


@asynccontextmanager
async def _client(address: str) -> AsyncIterator[Client]:
    """Connect to a scheduler.

    A `tls://` address takes the certificates that Dask's own configuration names.

    Raises:
        OSError: if it does not answer.
        _CertificatesError: if there are none, or they cannot be read.
    """
    import distributed

    if address.startswith("tls://"):
        _check_certificates(address)

    # It writes a traceback whenever a scheduler goes away; that is told in one sentence here.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    client = distributed.Client(  # type: ignore[no-untyped-call, unused-ignore]
        address, asynchronous=True, timeout=CONNECT_SECONDS, set_as_default=False
    )
    try:
        yield await client
    finally:
        await client.close(timeout=2)


def _check_certificates(address: str) -> None:
    """Check that Dask's configuration names certificates that can be read.

    Raises:
        _CertificatesError: if it does not.
    """
    from distributed.security import Security

    try:
        found = Security().get_connection_args("client").get("ssl_context")
    except OSError as error:  # which an `SSLError` is too
        raise _CertificatesError(
            f"The certificates for the scheduler at {address} cannot be read ({one_line(error)})."
        ) from error
    if found is None:
        raise _CertificatesError(
            f"The scheduler at {address} needs certificates: set ca-file, client.cert and "
            "client.key under distributed.comm.tls in Dask's configuration."
        )
