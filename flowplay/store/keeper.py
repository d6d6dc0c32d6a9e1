"""The keeper: writes the live runs of a server into the store, in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, Protocol

from flowplay import shelf
from flowplay.config import HotSettings, RunConfig, bounds
from flowplay.engine import Moment, Run
from flowplay.store.classes import Classes
from flowplay.store.data import Data
from flowplay.store.errors import StoreError
from flowplay.store.ids import new_id
from flowplay.store.runs import KeptRun, Runs
from flowplay.store.store import Store
from flowplay.store.sweep import sweep
from flowplay.wire import Header

LOOK_SECONDS: Final = 0.5
"""How often the keeper looks whether a run is to be written."""

WRITE_SECONDS: Final = 2.5
"""A run that trains is written at least this often, in seconds spent training; and in seconds of
the clock too, for as long as writing takes no more than `WRITE_SHARE` of the time."""

WRITE_SHARE: Final = 0.2

SWEEP_SECONDS: Final = 60.0
"""How often what is too old, or has no room, is deleted."""

MOST_FAILURES: Final = 5
"""A writing that failed is tried again later each time, until it has failed so many times."""

LAST_RUNS: Final = 64
"""So many runs that have ended wait to be written while the database is away."""

LAST_SECONDS: Final = 5.0
"""How long a server that ends may take to write its runs."""

logger = logging.getLogger(__name__)


class OpenRun(Protocol):
    """`Engine.open_run`."""

    def __call__(
        self,
        config: RunConfig,
        state: bytes | None = None,
        snapshot: bytes | None = None,
        earlier: Mapping[int, bytes] | None = None,
    ) -> Run:
        """Open a run."""
        ...


class Opened(NamedTuple):
    """A run that was found.

    Attributes:
        run: the run.
        id: under which it is kept; empty if it is a copy, which is kept once it is trained.
        title: what the owner of the original calls it, else empty.
    """

    run: Run
    id: str
    title: str


@dataclass
class _Live:
    """A run that is kept, and what of it is written.

    Attributes:
        run: the run.
        kept: what does not change of it.
        state: the state that was written last.
        goes_on: whether it was to train on when it was written.
        hot: its settings then.
        known: steps of the earlier weights that are written; None before the first writing.
        at: when it was written, in seconds of the monotonic clock.
        seconds: of training that it had behind it then.
        tried_at: when it was written, or could not be, last.
        next_at: when it may be tried again, after it could not be written.
        failures: how often it could not be written, one time after the other.
    """

    run: Run
    kept: KeptRun
    state: bytes | None = None
    goes_on: bool = False
    hot: HotSettings | None = None
    known: frozenset[int] | None = None
    at: float = 0.0
    seconds: float = 0.0
    tried_at: float = 0.0
    next_at: float = 0.0
    failures: int = 0


class Keeper:
    """Keeps the runs of one server; any thread may call it.

    Nothing that a page or the engine does waits for a writing: the keeper looks at the runs by
    itself and writes the newest state of each. If the database is away, it tries again.

    Args:
        store: where runs are kept.
        room: bytes that the store may take.
        days: for how long what nobody looks at is kept; None sets no limit.
        class_days: for how long a class or a live link that nobody opens is kept.
        clock: monotonic time in seconds.
    """

    def __init__(
        self,
        store: Store,
        *,
        room: int,
        days: float | None = None,
        class_days: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self.runs = Runs(store)
        #: Names this process among those that share the database.
        self.host = new_id()
        self._room, self._days, self._clock = room, days, clock
        self._class_days = class_days if days is None else min(days, class_days)
        self._live: dict[str, _Live] = {}
        self._last: dict[str, _Live] = {}
        self._lock = threading.Lock()  # guards _live and _last
        # An older moment of a run is never written after a newer one.
        self._written = threading.Condition()
        self._writing: set[str] = set()
        # Of two who ask for a run at once, one opens it; hardly ever do two runs share a lock.
        self._opening = tuple(threading.Lock() for _ in range(64))
        self._look_now = threading.Event()
        self._closing = False
        self._took = 0.0  # seconds that a writing takes, smoothed
        self._swept_at: float | None = None
        self._asked_at = 0.0
        self._thread = threading.Thread(target=self._work, name="flowplay-keeper", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def close(self) -> None:
        """Write what is still to be written, for at most `LAST_SECONDS`, and end."""
        self._closing = True
        self._look_now.set()
        if self._thread.is_alive():
            self._thread.join(LAST_SECONDS)

    @property
    def message(self) -> str:
        """Why nothing can be kept or read now, in one sentence; empty if it can."""
        return self.store.message

    def keep(self, run: Run, owner: str, title: str = "") -> str:
        """Keep a run from now on; return the id under which it can be opened again.

        Args:
            run: the run.
            owner: digest of the secret of the browser that it belongs to.
            title: what it is called.
        """
        if id_ := self.id_of(run):
            return id_
        moment = run.moment()
        kept = KeptRun(new_id(), owner, run.config, moment.hot, moment.goes_on, title=title)
        with self._lock:
            self._live[kept.id] = _Live(run, kept)
        self._look_now.set()
        return kept.id

    def id_of(self, run: Run) -> str:
        """Return the id under which a run is kept, empty if it is not."""
        with self._lock:
            return next((id_ for id_, live in self._live.items() if live.run.id == run.id), "")

    def live(self, id_: str, owner: str) -> Run | None:
        """Return a run that this server holds, if it belongs to the browser."""
        with self._lock:
            live = self._live.get(id_)
        if live is None or live.kept.owner != owner or live.run.moment().closed:
            return None
        return live.run

    def config(self, id_: str, owner: str) -> RunConfig | None:
        """Return what defines a run that could be opened, with the settings of its next slice.

        Raises:
            StoreError: if the store does not answer, or another version of flowplay wrote the run.
        """
        if (run := self._live_here(id_, owner)) is not None:
            return run.config.model_copy(update=run.view().hot.model_dump())
        kept = self.runs.picture(id_)
        return None if kept is None else kept.config.model_copy(update=kept.hot.model_dump())

    def release(self, run: Run, *, to_go_on: bool = False) -> None:
        """Write a run that is about to be closed for the last time.

        Args:
            run: the run.
            to_go_on: whether it trains on when it is opened again, if it is to train now; else it
                rests in the store.
        """
        if not (id_ := self.id_of(run)):
            return
        moment = run.moment()
        with self._lock:
            live = self._live.pop(id_, None)
            if live is None or moment.closed:
                return
            goes_on = to_go_on and moment.goes_on
            live.kept = _now(live.kept, moment._replace(goes_on=goes_on))
            live.next_at, live.failures = 0.0, 0
            self._last[id_] = live
            while len(self._last) > LAST_RUNS:
                del self._last[next(iter(self._last))]
        self._look_now.set()

    def open(
        self,
        id_: str,
        owner: str,
        open_run: OpenRun,
        fixed: Mapping[str, float] | None = None,
    ) -> Opened | None:
        """Open a run that is kept; return None if there is none.

        One's own run goes on, where it trained when it was last written, and is kept under its id:
        whoever else had it does not write it any more. Anybody else's is opened as a copy that
        rests.

        Args:
            id_: of the run, or of a copy that was shared.
            owner: digest of the secret of the browser that asks.
            open_run: of the engine.
            fixed: hot settings with which a run goes on, whatever it was kept with.

        Raises:
            StoreError: if the store does not answer, or another version of flowplay wrote the run.
        """
        with self._opening[hash(id_) % len(self._opening)]:
            if (run := self._live_here(id_, owner)) is not None:
                return Opened(run, id_, "")
            self._flush(id_)
            kept = self.runs.read(id_)
            if kept is None:
                return None
            config = kept.config.model_copy(update=kept.hot.model_dump())
            own = not kept.shared and kept.owner == owner
            if own:
                self.runs.claim(id_, self.host)
            else:
                self.runs.see(id_)
            if kept.training and kept.header is not None and kept.header.finished:
                # It was given a larger budget than it has used up, just before.
                config = config.model_copy(update={"budget": _used(config, kept.header)})
            run = open_run(config, kept.state, kept.snapshot, kept.earlier)
            if not own:
                return Opened(run, "", kept.title)
            # Before it plays: no slice has other settings than it may have.
            run.set_hot(kept.hot.model_copy(update=dict(fixed or {})))
            if kept.training:
                run.play()
            live = _Live(run, replace(kept, state=None, snapshot=None, earlier={}))
            live.state, live.goes_on, live.hot = kept.state, kept.training, kept.hot
            live.known = frozenset(kept.earlier)
            live.at = live.tried_at = self._clock()
            live.seconds = 0.0 if kept.header is None else kept.header.seconds
            with self._lock:
                self._live[id_] = live
            return Opened(run, id_, kept.title)

    def share(self, run: Run, owner: str) -> str:
        """Keep a copy of a run as it is now, which does not change; return its id, for a link.

        Raises:
            StoreError: if the store does not answer.
            ValueError: if the run has no picture yet.
        """
        id_ = self.id_of(run)
        empty = KeptRun(id_, owner, run.config, run.config.hot, False)
        copied = _now(empty, run.moment())
        if id_ and (before := self.runs.picture(id_)) is not None:
            copied = replace(copied, title=before.title)
        return self.runs.share(copied)

    def share_kept(self, id_: str, owner: str) -> str:
        """Keep a copy of a run of the browser as `share` does, whether it is open here or not.

        Raises:
            StoreError: if the store does not answer, or another version of flowplay wrote the run.
            ValueError: if the browser has no such run, or it has no picture yet.
        """
        if (run := self._live_here(id_, owner)) is not None:
            return self.share(run, owner)
        kept = self.runs.read(id_)
        if kept is None or kept.owner != owner or kept.shared:
            raise ValueError("There is no such run any more.")
        return self.runs.share(kept)

    def delete(self, id_: str, owner: str) -> bool:
        """Delete a run, or a copy that was shared; return whether the browser has such a one.

        Raises:
            StoreError: if the store does not answer.
        """
        run = self.live(id_, owner)
        if not self.runs.delete(id_, owner):
            return False
        if run is not None:
            with self._lock:
                self._live.pop(id_, None)
            run.close()
        return True

    def _work(self) -> None:
        while True:
            self._look_now.wait(LOOK_SECONDS)
            self._look_now.clear()
            closing = self._closing
            try:
                self._look(everything=closing)
            except StoreError:
                # The store has said so, once; what is not written is still to be written.
                pass
            except Exception:
                logger.exception("Runs could not be written")
            if closing:
                return

    def _look(self, *, everything: bool) -> None:
        """Write every run that is due, the one that was written longest ago first."""
        self.store.open()
        if self.message:
            # Nobody may have anything to write; pages wait for it to be back.
            self.store.ping()
        # First: where there is no room left, nothing could be written.
        if self._swept_at is None or self._clock() - self._swept_at >= SWEEP_SECONDS:
            self._swept_at = self._clock()
            self._see_live()
            sweep(self.store, self._room, self._days)
            Classes(self.store).sweep(self._class_days)
        with self._lock:
            released, live = dict(self._last), dict(self._live)
        if self._clock() - self._asked_at >= WRITE_SECONDS:
            self._asked_at = self._clock()
            resting = {id_: each for id_, each in live.items() if not each.run.moment().goes_on}
            self._let_go_elsewhere(resting)
        pace = 0.0 if everything else max(WRITE_SECONDS, self._took * len(live) / WRITE_SHARE)
        turns = sorted((released | live).items(), key=lambda item: item[1].tried_at)
        for id_, each in turns:
            if everything or self._clock() >= each.next_at:
                self._take_turn(id_, each, pace)

    def _take_turn(self, id_: str, live: _Live, pace: float) -> None:
        """Write a run if it is to be written; if that fails, all others come first."""
        try:
            if self._flush(id_):
                return
            moment = live.run.moment()
            if moment.closed:
                self._forget(id_, live)
            elif _is_due(live, moment, self._clock(), pace):
                self._write(id_, live, moment)
        except StoreError:
            self._put_off(live)
            raise
        except Exception:
            self._put_off(live)
            with self._lock:
                self._last.pop(id_, None)
            logger.exception("A run could not be written")

    def _put_off(self, live: _Live) -> None:
        live.tried_at = self._clock()
        live.next_at = live.tried_at + WRITE_SECONDS * (2**live.failures - 1)
        live.failures = min(live.failures + 1, MOST_FAILURES)

    def _write(self, id_: str, live: _Live, moment: Moment) -> None:
        began = self._clock()
        with self._alone_with(id_):
            if not self._holds(id_, live):
                # It was released meanwhile, and opened again perhaps: `_flush` writes what it was.
                return
            written = self._put(_now(live.kept, moment), live.known)
        if not written:
            # It was deleted, or goes on elsewhere. Only one may train it.
            self._forget(id_, live)
            live.run.pause()
            return
        live.at = live.tried_at = self._clock()
        live.failures = 0
        self._took += 0.1 * (live.at - began - self._took)
        live.known = frozenset(moment.earlier)
        live.state, live.goes_on, live.hot = moment.state, moment.goes_on, moment.hot
        live.seconds = 0.0 if moment.header is None else moment.header.seconds

    def _put(self, kept: KeptRun, known: frozenset[int] | None) -> bool:
        digest = kept.config.own_data
        # The data of a run that begins may have gone while no run needed them.
        if known is None and digest is not None and (content := shelf.find(digest)) is not None:
            Data(self.store).put(content)
        return self.runs.write(kept, self.host, known=known)

    def _flush(self, id_: str) -> bool:
        """Write a run that was released, if it is still to be written; return whether it was."""
        with self._alone_with(id_):
            with self._lock:
                live = self._last.get(id_)
            if live is None:
                return False
            self._put(live.kept, live.known)
            with self._lock:
                self._last.pop(id_, None)
        return True

    @contextmanager
    def _alone_with(self, id_: str) -> Iterator[None]:
        """Wait until nobody else writes a run; who writes another one is not waited for."""
        with self._written:
            while id_ in self._writing:
                self._written.wait()
            self._writing.add(id_)
        try:
            yield
        finally:
            with self._written:
                self._writing.discard(id_)
                self._written.notify_all()

    def _live_here(self, id_: str, owner: str) -> Run | None:
        """Return a run as `live` does, but not if another server has taken it over."""
        if (run := self.live(id_, owner)) is None:
            return None
        with self._lock:
            live = self._live.get(id_)
        # While the store is away nobody can take it over either.
        if live is not None:
            with suppress(StoreError):
                self._let_go_elsewhere({id_: live})
        return run if self.live(id_, owner) is run else None

    def _let_go_elsewhere(self, live: Mapping[str, _Live]) -> None:
        """Let go of runs that another server has taken over: here they would stay as they were.

        Whoever has one on a page gets it from the store, with the next button that is pressed.
        """
        written = [id_ for id_, each in live.items() if each.known is not None]
        for id_ in self.runs.elsewhere(written, self.host):
            self._forget(id_, live[id_])
            live[id_].run.close()

    def _see_live(self) -> None:
        """Note that all runs which this server holds are looked at: a page may rest for hours."""
        before = self._clock() - SWEEP_SECONDS
        with self._lock:
            held = [i for i, each in self._live.items() if each.known is not None]
            resting = [id_ for id_ in held if self._live[id_].at <= before]
        self.runs.see(*resting)

    def _holds(self, id_: str, live: _Live) -> bool:
        with self._lock:
            return self._live.get(id_) is live

    def _forget(self, id_: str, live: _Live) -> None:
        with self._lock:
            if self._live.get(id_) is live:
                del self._live[id_]


def _now(kept: KeptRun, moment: Moment) -> KeptRun:
    return replace(
        kept,
        hot=moment.hot,
        training=moment.goes_on,
        state=moment.state,
        snapshot=moment.snapshot,
        header=moment.header,
        earlier=moment.earlier,
    )


def _used(config: RunConfig, header: Header) -> float:
    used = header.step if config.budget_unit == "steps" else header.seconds
    return max(used, bounds("budget")[0])


def _is_due(live: _Live, moment: Moment, now: float, pace: float) -> bool:
    """Tell whether a run is to be written: at once if it began, stopped or rests; else in turn."""
    if live.known is None or (moment.goes_on, moment.hot) != (live.goes_on, live.hot):
        return True
    if moment.state is live.state:
        return False
    if not moment.goes_on or live.state is None or now - live.at >= pace:
        return True
    trained = 0.0 if moment.header is None else moment.header.seconds
    return trained - live.seconds >= WRITE_SECONDS
