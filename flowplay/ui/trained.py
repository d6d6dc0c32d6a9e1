"""A run that has learned for a while, as a page looks at it, and what workers find in it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TypeVar

import streamlit as st

from flowplay.config import RunConfig
from flowplay.engine import Run, RunView
from flowplay.numbers import whole
from flowplay.ui.follow import follow
from flowplay.ui.look import WORKER
from flowplay.ui.runs import ACTIVE
from flowplay.ui.work import NotDoneError, result_of, say_not_done
from flowplay.wire import Packed

PackedT = TypeVar("PackedT", bound=Packed)

_POLL = 1.0


@dataclass(frozen=True)
class Trained:
    """A state of a run that has learned for a while.

    Attributes:
        config: of the run.
        run_id: of the run.
        step: of the state.
        state: its bytes.
    """

    config: RunConfig
    run_id: str
    step: int
    state: bytes

    def found(self, kind: type[PackedT], function: str, *arguments: Hashable) -> PackedT | None:
        """Return what a worker finds in the state; None if it failed, which is then said.

        Args:
            kind: of the result.
            function: of `training/worker.py`, called with the state first.
            *arguments: the others.
        """
        data = self.asked(function, *arguments)
        return None if data is None else kind.from_bytes(data)

    def asked(self, function: str, *arguments: Hashable) -> bytes | None:
        """Return the bytes that a worker answers; None if it failed, which is then said."""
        named = tuple(hash(a) if isinstance(a, bytes) else a for a in arguments)
        key = (self.run_id, hash(self.state), named)
        sent = [list(a) if isinstance(a, tuple) else a for a in arguments]
        try:
            with st.spinner("A worker computes…", show_time=False):
                return result_of(function, key, f"{WORKER}:{function}", self.state, *sent)
        except NotDoneError as error:
            say_not_done(str(error), function, key, button=f"{function}_again")
            return None


def wait_for(run: Run, drawn: RunView, *, first: bool) -> None:
    """Run the page again when the run has its first step, or begins or ends to train.

    Args:
        run: the run.
        drawn: as the page shows it. What changed while workers were asked is not missed, if this
            was looked at before the first part of the page was drawn.
        first: whether the page waits for the first step.
    """

    def look() -> None:
        view = run.view()
        begun = first and view.header is not None and view.header.step > 0
        if begun or view.phase is not drawn.phase:
            st.rerun()

    follow(look, _POLL if drawn.phase in ACTIVE else None)


def stands_at(step: int, *, active: bool, key: str) -> None:
    """Say which step is shown, and offer to look again while the run trains.

    Args:
        step: that is shown.
        active: whether the run trains.
        key: of the button.
    """
    st.caption(
        f"Step {whole(step)}"
        + (", still training: press Look again for the newest weights." if active else ".")
    )
    if active:
        st.button(
            "Look again",
            key=key,
            icon=":material/refresh:",
            help="Shows this page with the weights as they are now.",
        )
