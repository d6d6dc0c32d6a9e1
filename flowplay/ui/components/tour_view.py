"""The tour's bar: one line of constant height at the top, which never covers the page.

It highlights the control that a step names, moves the keyboard focus there and back, and reports
when the visitor has used it; Python decides whether the step is done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from flowplay.ui.components.registration import register

#: All words of a bar.
WORDS: Final = frozenset({"start", "leave", "skip", "go", "acted", "seen", "next"})

_HTML: Final = """
<figure role="region" aria-label="Tour">
  <span class="count" aria-hidden="true"></span>
  <span class="text" aria-live="polite"></span>
  <span class="buttons">
    <button type="button" class="main"></button>
    <button type="button" class="skip" title="Go on without doing this step.">Skip</button>
    <button type="button" class="leave"></button>
  </span>
</figure>
"""


@dataclass(frozen=True)
class Said:
    """A message of the bar: a word, and the step it is about."""

    word: str
    step: str


def tour_view(
    *,
    phase: str,
    step: str,
    count: str,
    text: str,
    main: str,
    leave: str,
    selector: str,
    part: str,
    notice: str,
    happened: bool,
    key: str,
    on_said: Callable[[], None],
) -> None:
    """Show the tour's bar; the same `key` updates it in place.

    Args:
        phase: offered, running, left or done; names the bar's look.
        step: names the step in what the bar says.
        count: where the learner is, such as 2/6.
        text: the step's one sentence.
        main: label of the first button, none if empty.
        leave: label of the last button, none if empty.
        selector: CSS selector of the control to light up, none if empty.
        part: CSS selector of what in it takes the keyboard and counts, all of it if empty.
        notice: what the bar tells of it: "act" that it is used, "look" that it is looked at
            (pointing, focus), nothing if empty.
        happened: whether what the step asks for has happened, and only has to be seen.
        key: names the element across reruns, unique on the page.
        on_said: called when the bar has said something.
    """
    _COMPONENT(
        key=key,
        data={
            "phase": phase,
            "step": step,
            "count": count,
            "text": text,
            "main": main,
            "leave": leave,
            "selector": selector,
            "part": part,
            "notice": notice,
            "happened": happened,
        },
        on_said_change=on_said,
    )


def read_said(state: Any) -> Said | None:  # noqa: ANN401
    """Return what the bar said, None if it is nothing a bar says.

    Args:
        state: of the component in `st.session_state`; whatever a browser made of it.

    Example:
        >>> read_said({"said": {"word": "start", "step": ""}})
        Said(word='start', step='')
        >>> read_said({"said": {"word": "delete everything"}}) is None
        True
    """
    said = state.get("said") if hasattr(state, "get") else None
    if not isinstance(said, dict):
        return None
    word, step = said.get("word"), said.get("step")
    if not isinstance(word, str) or word not in WORDS or not isinstance(step, str):
        return None
    return Said(word, step)


_COMPONENT: Final = register("tour_view", _HTML)
