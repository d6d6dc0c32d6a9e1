"""The session's runs: one for every set of settings it has looked at, so that none is lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from flowplay.config import HotSettings, RunConfig, bounds
from flowplay.engine import Phase, Run
from flowplay.numbers import whole
from flowplay.store import StoreError
from flowplay.ui.browser import browser
from flowplay.ui.example import example
from flowplay.ui.keeping import keeper
from flowplay.ui.leaving import note_connection
from flowplay.ui.settings import (
    CLASS,
    CLASS_PAUSED,
    CLASS_RESUMES,
    RUN,
    SHARED,
    fixed_hot,
    forget_named_run,
    identity,
    locked,
    rules_now,
)
from flowplay.ui.shell import engine
from flowplay.wire import Header, RunState

if TYPE_CHECKING:
    from flowplay.store.keeper import Opened

#: Runs that a session holds; the one not looked at for longest goes first.
RUNS_PER_SESSION = 8

#: Of so many runs that were let go, a session knows why.
_NOTES = 32

#: Runs that a session keeps of pages that show several at once.
RUNS_PER_BOARD = 24

_BOARD = "_board_runs"
_RUNS = "_runs"
_LET_GO = "_runs_let_go"
_IDS = "_runs_kept"

#: Runs of sessions that are gone, still to be let go.
_ended: deque[Run] = deque()

#: Phases in which a run has more pictures to come.
ACTIVE = frozenset({Phase.WAITING, Phase.TRAINING, Phase.AWAY})


@dataclass
class _SessionRun:
    """A run that the session holds.

    Attributes:
        run: the run.
        handed: the hot settings of the widgets that it last heard of.
        given_step: the step at which it was opened, if it was trained by somebody else.
        copy_of: id of the run that it was opened as a copy of; empty for the bundled example too.
        title: what that run is called, else empty.
        note: empty, or why an earlier run of the same settings was let go.
    """

    run: Run
    handed: HotSettings
    given_step: int | None = None
    copy_of: str = ""
    title: str = ""
    note: str = ""

    @property
    def is_given(self) -> bool:
        """Whether it was trained by somebody else alone."""
        header = self.run.view().header
        return header is not None and header.step == self.given_step

    @property
    def is_example(self) -> bool:
        return self.is_given and not self.copy_of

    @property
    def is_copy(self) -> bool:
        return self.is_given and bool(self.copy_of)


Held = TypeVar("Held", Run, _SessionRun)


class _OfSession(dict[str, Held]):
    """Runs that a session holds; when the session is gone, they are to be let go.

    Streamlit tells nobody that it gives up a session. This may be deleted in any thread, at any
    moment, so it only notes what it held.
    """

    def __del__(self) -> None:
        _ended.extend(held if isinstance(held, Run) else held.run for held in self.values())


def current_run(config: RunConfig) -> Run:
    """Return the session's run of a config, opened untrained if there is none yet.

    The default config opens as the bundled example. Any other run of the session is paused:
    only what is seen trains. The hot settings are handed to the run.
    """
    _let_ended_go()
    runs = _session_runs()
    key = identity(config)
    held = runs.pop(key, None)
    if held is not None and held.run.view().phase is Phase.CLOSED:
        _note_let_go(key, held, held.run.view().message)
        held = None
    if held is None:
        note = st.session_state.setdefault(_LET_GO, {}).pop(key, "")
        held = _again(key, config)
        if held is None:
            held = _open(config)
            held.note = note
    runs[key] = held
    for other_key, other in runs.items():
        if other_key != key and other.run.view().phase in ACTIVE:
            other.run.pause()
    while len(runs) > RUNS_PER_SESSION:
        _evict(runs)
    _hand_over_hot_settings(held, config)
    if held.run.view().phase in ACTIVE and not may_train():
        # It was kept while it trained, and went on when it was opened.
        pause_with_class([held.run])
    _watch(held.run)
    return held.run


def adopt(opened: Opened, config: RunConfig, id_: str) -> None:
    """Take a run that was kept as the session's run of a config, in place of any other.

    Args:
        opened: the run.
        config: that the page shows.
        id_: under which it was asked for.
    """
    runs = _session_runs()
    key = identity(config)
    before = runs.pop(key, None)
    if before is not None and before.run.id != opened.run.id:
        _let_rest(before.run)
    header = opened.run.view().header
    held = _SessionRun(opened.run, config.hot, title=opened.title)
    if opened.id:
        _remember(key, opened.id)
    else:
        held.given_step, held.copy_of = (0 if header is None else header.step), id_
    runs[key] = held


def about(run: Run) -> dict[str, str]:
    """Return what an address says of a run, beside its settings: which one it is."""
    if (kept := keeper()) is not None and (id_ := kept.id_of(run)):
        return {RUN: id_}
    held = _held(run)
    return {SHARED: held.copy_of} if held is not None and held.copy_of else {}


def copied_from(run: Run) -> str | None:
    """Return the title of the run that this one is a copy of, empty if that has none.

    None if it is no copy, or has been trained since.
    """
    held = _held(run)
    return held.title if held is not None and held.is_copy else None


def board_runs(
    configs: Sequence[RunConfig], names: Sequence[str] = (), group: str = ""
) -> list[Run]:
    """Return runs that a page shows all at once, opened untrained where there are none yet.

    They are none of the runs that the session holds one by one: as many as a page shows are kept.

    Args:
        configs: of the runs.
        names: what tells the runs from each other, where their fixed settings do not.
        group: of the runs; see `Engine.open_run`.
    """
    _let_ended_go()
    held = _runs_of_boards()
    shown = []
    for key, config in zip(names or map(identity, configs), configs, strict=True):
        run = held.get(key)
        if run is None or run.view().phase is Phase.CLOSED:
            run = held[key] = engine().open_run(config, group=group)
            run.show()
        _watch(run, part=key)
        shown.append(run)
    for key in [key for key in held if held[key] not in shown]:
        # What is no longer shown rests; it goes on where it was if it is shown again.
        if held[key].view().phase in ACTIVE:
            held[key].pause()
    while len(held) > RUNS_PER_BOARD:
        key = next(key for key in held if held[key] not in shown)
        held.pop(key).close()
    return shown


def board_start_over(shown: Sequence[Run]) -> None:
    """Let runs of a board go, so that untrained ones take their place."""
    held = _runs_of_boards()
    for key in [key for key in held if held[key] in shown]:
        held.pop(key).close()


def shown_run() -> Run | None:
    """Return the run that the session looked at last, if any."""
    held = _shown()
    return None if held is None else held.run


def run_before() -> Run | None:
    """Return the run that was shown before the present one, if it has been trained."""
    held = list(_session_runs().values())[-2:-1]
    if not held or held[0].is_example:
        return None
    view = held[0].run.view()
    trained = view.header is not None and view.header.step > 0
    return held[0].run if trained and view.phase is not Phase.CLOSED else None


def is_example(run: Run) -> bool:
    """Tell whether a run is the bundled example and has taken no step of its own."""
    held = _held(run)
    return held is not None and held.is_example


def trained_runs() -> list[Run]:
    """Return the session's runs that have taken steps of their own."""
    return [
        held.run
        for held in _session_runs().values()
        if (header := held.run.view().header) and header.step > 0 and not held.is_given
    ]


def let_go_note() -> str:
    """Return one sentence if the run shown stands for one that was let go, else nothing.

    It stays until the run is trained or reset.
    """
    held = _shown()
    if held is None or not held.note:
        return ""
    shown = "the example" if held.is_example else "untrained"
    return f"{held.note.rstrip('.')}; the flow shown is {shown}."


def start_over(config: RunConfig) -> Run:
    """Replace the session's run of a config by an untrained one."""
    runs = _session_runs()
    key = identity(config)
    before = runs.pop(key, None)
    if before is not None:
        _let_rest(before.run)
    run = engine().open_run(config)
    st.session_state.setdefault(_IDS, {}).pop(key, None)
    runs[key] = _SessionRun(run, config.hot, note="" if before is None else before.note)
    _watch(run)
    return run


def may_train() -> bool:
    """Tell whether runs of this session may train: the teacher of its class has not paused it.

    Whatever lets a run train, or take a step, asks this first.
    """
    id_ = rules_now().about.get(CLASS)
    if id_ is None:
        return True
    # To import SQLAlchemy takes some tenths of a second.
    from flowplay.ui.classroom import recent

    try:
        found = recent(id_)
    except StoreError:
        # As it was when the page last knew.
        return CLASS_PAUSED not in st.session_state
    return found is not None and not found.paused


def pause_with_class(shown: Sequence[Run]) -> None:
    """Pause runs that are to train again when the class is resumed."""
    for run in shown:
        run.pause()
    st.session_state[CLASS_PAUSED] = True
    before = st.session_state.get(CLASS_RESUMES, ())
    st.session_state[CLASS_RESUMES] = (*before, *(run.id for run in shown))


def let_train(shown: Sequence[Run], command: Callable[[Run], None] = Run.play) -> None:
    """Let runs that a page shows at once train, or take a step each, if they may."""
    if may_train():
        for run in shown:
            command(run)


def train(config: RunConfig, *, once_resumed: bool = False) -> None:
    """Do what the Train button says: start, resume, or go on for another budget.

    A failed run goes on from its last good state, with the hot settings of the config.

    Args:
        config: of the run.
        once_resumed: whether a run that may not train now begins when its class is resumed.
    """
    run = _seen_run(config)
    may = may_train()
    if not may and not once_resumed:
        return
    if is_example(run):
        run = start_over(config)
    elif run.view().phase is Phase.FINISHED:
        _extend_budget(run, config.budget)
    if may:
        run.play()
    else:
        pause_with_class([run])
    _keep(run)


def continue_example(config: RunConfig) -> None:
    """Train the bundled example for another budget."""
    run = _seen_run(config)
    if not may_train():
        return
    _extend_budget(run, config.budget)
    run.play()
    _keep(run)


def go_on_with(config: RunConfig) -> None:
    """Let the run that is shown go on with another target, from the weights that it has.

    It is another run from then on: the one before rests, as it was, and is the session's still.

    Args:
        config: that of the run shown, but for its target.
    """
    held = _shown()
    moment = None if held is None else held.run.moment()
    if not may_train():
        return
    if moment is None or moment.state is None or moment.header is None:
        return
    before = RunState.from_bytes(moment.state)
    runs, key = _session_runs(), identity(config)
    if (replaced := runs.pop(key, None)) is not None:
        _let_rest(replaced.run)
    held_before = _shown()
    assert held_before is not None, "the run shown has another target"
    held_before.run.pause()
    run = engine().open_run(config, before.with_target(config).to_bytes())
    st.session_state.setdefault(_IDS, {}).pop(key, None)
    runs[key] = _SessionRun(run, config.hot)
    _watch(run)
    _extend_budget(run, config.budget, moment.header)
    run.play()
    _keep(run)


def changed_at(run: Run) -> int | None:
    """Return the step at which a run got the data that it learns, None if it began with them."""
    state = run.state
    changes = [] if state is None else RunState.changes_of_data(state)
    return changes[-1] if changes else None


def step(config: RunConfig) -> None:
    """Take one optimizer step; of a failed run as in `train`."""
    run = _seen_run(config)
    if not may_train():
        return
    if is_example(run):
        run = start_over(config)
    elif run.view().phase is Phase.FINISHED:
        _extend_budget(run, 1)
    run.step()
    _keep(run)


def reset(config: RunConfig) -> None:
    """Return to the untrained flow and show it."""
    _seen_run(config)
    start_over(config).show()


def _session_runs() -> dict[str, _SessionRun]:
    """Return the session's runs by identity, the one looked at last at the end."""
    if _RUNS not in st.session_state:
        st.session_state[_RUNS] = _OfSession[_SessionRun]()
    runs: dict[str, _SessionRun] = st.session_state[_RUNS]
    return runs


def _runs_of_boards() -> dict[str, Run]:
    if _BOARD not in st.session_state:
        st.session_state[_BOARD] = _OfSession[Run]()
    held: dict[str, Run] = st.session_state[_BOARD]
    return held


def _let_ended_go() -> None:
    """Let the runs of sessions that are gone go, but for those that somebody else looks at.

    What is kept rests in the store as it was: opened again, it trains on if it did.
    """
    while _ended:
        try:
            run = _ended.popleft()
        except IndexError:  # another session was quicker
            return
        if run.looked_at:
            continue
        if (kept := keeper()) is not None:
            kept.release(run, to_go_on=True)
        run.close()


def _shown() -> _SessionRun | None:
    return next(reversed(_session_runs().values()), None)


def _held(run: Run) -> _SessionRun | None:
    return next((held for held in _session_runs().values() if held.run.id == run.id), None)


def _keep(run: Run) -> None:
    """Keep a run from now on, and wait for no other."""
    forget_named_run()
    kept, held = keeper(), _held(run)
    if kept is not None and held is not None:
        _remember(identity(run.config), kept.keep(run, browser(), held.title))


def _remember(key: str, id_: str) -> None:
    """Remember under which id the run of some settings is kept: the engine may let it go."""
    ids: dict[str, str] = st.session_state.setdefault(_IDS, {})
    ids.pop(key, None)
    ids[key] = id_
    while len(ids) > _NOTES:
        ids.pop(next(iter(ids)))


def _let_rest(run: Run) -> None:
    """Close a run; where it is kept, its last state is."""
    if (kept := keeper()) is not None:
        kept.release(run)
    run.close()


def _again(key: str, config: RunConfig) -> _SessionRun | None:
    """Open the session's run of these settings again if it was let go and is kept, else None."""
    id_ = st.session_state.get(_IDS, {}).get(key)
    kept = keeper()
    if id_ is None or kept is None:
        return None
    try:
        opened = kept.open(id_, browser(), engine().open_run, fixed_hot())
    except StoreError:
        return None
    # A copy is of a run that is another browser's by now.
    return None if opened is None or not opened.id else _SessionRun(opened.run, config.hot)


def _open(config: RunConfig) -> _SessionRun:
    bundled = example()
    if identity(config) == identity(bundled.config):
        # With its own config, so that the hot settings that differ are handed over.
        run = engine().open_run(bundled.config, bundled.state, bundled.snapshot, bundled.history)
        header = run.view().header
        assert header is not None, "the example has a picture"
        return _SessionRun(run, bundled.config.hot, header.step)
    run = engine().open_run(config)
    run.show()
    return _SessionRun(run, config.hot)


def _watch(run: Run, part: str = "") -> None:
    """Let the engine see for itself how long this session's page is open.

    Args:
        run: what is looked at.
        part: of the page, where it shows several runs at once.
    """
    context = get_script_run_ctx()
    if context is not None:
        session = context.session_id
        viewer = f"{session}/{part}" if part else session
        note_connection(session)
        engine().watch(viewer, run, lambda: _is_open(session))


def _is_open(session: str) -> bool:
    """Tell whether a session has its websocket; without a server, as in tests, it is taken so."""
    return not runtime.exists() or bool(runtime.get_instance().is_active_session(session))


def _evict(runs: dict[str, _SessionRun]) -> None:
    """Close the run that was not looked at for longest."""
    key = next(iter(runs))
    held = runs.pop(key)
    header = held.run.view().header
    step = 0 if header is None else header.step
    why = f"{RUNS_PER_SESSION} others were looked at since"
    _note_let_go(key, held, f"This run was let go at step {whole(step)}, since {why}.")
    _let_rest(held.run)


def _note_let_go(key: str, held: _SessionRun, message: str) -> None:
    """Remember why a run was let go, if it was trained in this session."""
    header = held.run.view().header
    if header is None or header.step == 0 or held.is_given or not message:
        return
    notes: dict[str, str] = st.session_state.setdefault(_LET_GO, {})
    notes[key] = message
    while len(notes) > _NOTES:
        notes.pop(next(iter(notes)))


def _seen_run(config: RunConfig) -> Run:
    """Return the session's run of a config, and forget a note that has been shown with it.

    A note of a run that this opens has not been shown yet; it stays.
    """
    before = _session_runs().get(identity(config))
    run = current_run(config)
    if before is not None and before is _shown():
        before.note = ""
    return run


def _extend_budget(run: Run, more: float, header: Header | None = None) -> None:
    """Let a run train for so much more, if it has used up its budget.

    Args:
        run: the run.
        more: in the unit of its budget.
        header: of what it goes on from; by default that of its last picture.
    """
    view = run.view()
    header = header or view.header
    assert header is not None, "a run without a picture has not used its budget"
    if locked("budget"):
        return
    used = header.step if run.config.budget_unit == "steps" else header.seconds
    if used < view.hot.budget:
        return
    budget = min(used + more, bounds("budget")[1])
    _set_hot(run, {"budget": budget})


def _hand_over_hot_settings(held: _SessionRun, config: RunConfig) -> None:
    """Tell a run about the settings that changed since it last heard of them.

    What is locked it is told whenever it has another value: it may have been kept with that, or
    another tab may have set it.
    """
    before, after = held.handed.model_dump(), config.hot.model_dump()
    changed = {name: value for name, value in after.items() if value != before[name]}
    used = held.run.view().hot.model_dump()
    changed |= {name: value for name, value in fixed_hot().items() if value != used[name]}
    if not changed:
        return
    # The others stay as they are: a budget may have been extended.
    _set_hot(held.run, changed)
    held.handed = config.hot
    if "temperature" in changed and held.run.view().phase not in ACTIVE:
        held.run.show()


def _set_hot(run: Run, changed: dict[str, float]) -> None:
    run.set_hot(HotSettings.model_validate(run.view().hot.model_dump() | changed))
