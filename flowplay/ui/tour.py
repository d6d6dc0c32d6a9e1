"""The tour: a list of steps, each of which ends when the visitor has done what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from flowplay.config import RunConfig
from flowplay.engine import Phase, RunView
from flowplay.numbers import fixed
from flowplay.ui import runs
from flowplay.ui.components.tour_view import Said, read_said, tour_view
from flowplay.ui.follow import follow
from flowplay.ui.look import chosen_point
from flowplay.ui.settings import session_config, typed_config
from flowplay.wire import Snapshot

#: Nats above the floor that count as near it.
NEAR = 0.15

#: Seconds between two looks at whether a step is done.
POLL = 0.7

#: On a phone the picture comes first: what is only offered stands below the pictures, on a page
#: without them at its end.
_OFFER_LAST = """<style>
@media (max-width: 640px) {
  [data-testid="stLayoutWrapper"]:has(> .st-key-tour) { order: 1; }
  [data-testid="stLayoutWrapper"]:has(> .st-key-pictures) ~ * { order: 2; }
}
</style>"""

_STATE = "_tour"
_VIEW = "tour_view"


@dataclass(frozen=True)
class Scene:
    """What a step is judged by.

    Attributes:
        config: of the run that is shown.
        begun: the same when the step began.
        view: of the run that is shown.
        example: whether that is still the bundled example.
        acted: whether the visitor has used the highlighted control since the step began.
        point: the point that See inside holds as chosen.
        begun_point: the same when the step began.
    """

    config: RunConfig
    begun: RunConfig
    view: RunView
    example: bool
    acted: bool
    point: object = None
    begun_point: object = None


def _any(_: RunConfig) -> bool:
    return True


def _has_floor(config: RunConfig) -> bool:
    has_likelihood = config.entry.likelihood != "none"
    return has_likelihood and config.problem().floor is not None


def _has_layers(config: RunConfig) -> bool:
    return config.entry.layered and config.problem().window is not None


def _has_depth(config: RunConfig) -> bool:
    return config.entry.depth_help is not None


@dataclass(frozen=True)
class Step:
    """One thing to do; it is left out if the app lacks its page.

    Attributes:
        name: unique.
        text: one sentence that says what to do.
        selector: CSS selector of the control that is highlighted.
        done: whether the step has been done.
        page: where the control is.
        part: CSS selector of the part that gets the focus and counts; the whole control if empty.
        seen: says what has happened, where the step ends only when the visitor has seen it.
        notice: "act" or "look" if `done` asks whether the visitor has used it, or looked at it.
        applies: whether it can be done with a config; if not, it is passed over.
    """

    name: str
    text: str
    selector: str
    done: Callable[[Scene], bool]
    page: str = "playground"
    part: str = ""
    seen: Callable[[Scene], str] | None = None
    notice: Literal["", "act", "look"] = ""
    applies: Callable[[RunConfig], bool] = _any


def _gap(scene: Scene) -> float:
    """Return the nats above the floor, infinite where either is not known."""
    data, floor = scene.view.snapshot, scene.config.problem().floor
    if data is None or floor is None or scene.example:
        return float("inf")
    held_out = Snapshot.from_bytes(data).measurements.get("held_out")
    return float("inf") if held_out is None else held_out.value - floor.value


def _near_floor(scene: Scene) -> str:
    """Say how near the loss has come to the floor."""
    gap = _gap(scene)
    if gap < NEAR:
        told = f"{fixed(gap, 2)} above it" if gap > 0 else "on it"
        return f"There it is: the curve is near the dashed line now, {told}. Look at the picture."
    return f"Training has ended {fixed(gap, 2)} above the dashed line."


def _trains(scene: Scene) -> bool:
    header = scene.view.header
    begun = header is not None and header.step > 0 and not scene.example
    return scene.view.phase in runs.ACTIVE or begun


STEPS: tuple[Step, ...] = (
    Step(
        "target",
        "Choose what the model is to learn: click the moons, or another target.",
        ".st-key-target",
        lambda scene: scene.acted or scene.config.target != scene.begun.target,
        notice="act",
    ),
    Step(
        "train",
        "Press Train: a worker begins to train the model.",
        ".st-key-train",
        _trains,
    ),
    Step(
        "floor",
        "Watch the curve come down to the dashed line: on average no model gets lower.",
        ".st-key-loss",
        lambda scene: _gap(scene) < NEAR or scene.view.phase is Phase.FINISHED,
        seen=_near_floor,
        applies=_has_floor,
    ),
    Step(
        "pause",
        "Press Pause: then you can look at the model layer by layer.",
        ".st-key-pause",
        lambda scene: scene.view.phase not in runs.ACTIVE,
    ),
    Step(
        "scrub",
        "Drag the picture's slider, or use its arrow keys: each layer bends the plane a little.",
        ".st-key-inside",
        lambda scene: scene.acted,
        page="layers",
        part=".way",
        notice="act",
        applies=_has_layers,
    ),
    Step(
        "point",
        "Click a point of the picture, or press Enter: a table follows it through the layers.",
        ".st-key-inside",
        lambda scene: scene.point != scene.begun_point,
        page="layers",
        part="canvas.plot",
        applies=_has_layers,
    ),
    Step(
        "ledger",
        "Read the table, its ledger: each layer stretches or squeezes the plane at the point, by "
        "the log-det in its row. Their sum, plus the log-density where the way back ends, is the "
        "log-density that the flow gives the point.",
        ".st-key-ledger",
        lambda scene: scene.acted,
        page="layers",
        part=".scroll",
        notice="look",
        applies=_has_layers,
    ),
    Step(
        "depth",
        "Change the depth: this is another model, untrained. Train it and compare.",
        ".st-key-depth",
        lambda scene: scene.config.depth != scene.begun.depth,
        applies=_has_depth,
    ),
)


@dataclass
class Tour:
    """How far a session's tour has got; it survives a change of page."""

    phase: str = "offered"
    at: int = 0
    acted: bool = False
    happened: str = ""
    go: bool = False
    begun: RunConfig | None = None
    begun_point: object = None

    def hear(self, said: Said, step: Step | None) -> None:
        """React to a message of the bar; one about another step came too late and is ignored."""
        if said.word == "start":
            self.phase = "running"
            self.begin(self.at if step is not None else 0)
        elif said.word == "leave" or (said.word == "seen" and self.phase == "offered"):
            self.phase = "left"
        elif step is not None and said.step == step.name and self.phase == "running":
            if said.word == "skip" or (said.word == "next" and self.happened):
                self.begin(self.at + 1)
            elif said.word == "acted":
                self.acted = True
            elif said.word == "go":
                self.go = True

    def begin(self, at: int) -> None:
        """Begin a step."""
        self.at, self.acted, self.go = at, False, False
        self.happened = ""
        self.begun, self.begun_point = None, None


def show_tour(page: str) -> None:
    """Show the tour's bar above a page.

    Args:
        page: name of that page, as in its address; empty for the first one.
    """
    here = page or "playground"
    tour: Tour = st.session_state.setdefault(_STATE, Tour())
    steps = _steps()
    if tour.go:
        tour.go = False
        st.switch_page(f"pages/{steps[tour.at].page}.py")
    if tour.phase == "running":
        _advance(tour, steps, here)
    with st.container(key="tour"):
        _draw(tour, steps, here)
        if tour.phase != "running":
            st.html(_OFFER_LAST)

        def watch() -> None:
            if _advance(tour, steps, here):
                st.rerun()

        if tour.phase == "running":
            follow(watch, POLL)


def _steps() -> list[Step]:
    """Return the steps whose pages this app has."""
    pages = _pages()
    return [step for step in STEPS if step.page in pages]


def _pages() -> set[str]:
    context = get_script_run_ctx()
    if context is None:
        return {"playground"}
    known = context.pages_manager.get_pages().values()
    return {"playground", *(str(page["url_pathname"]) for page in known)} - {""}


def _advance(tour: Tour, steps: list[Step], here: str) -> bool:
    """Go past all steps that are done or cannot be done; return whether the bar changes."""
    before = tour.at, bool(tour.happened)
    while tour.at < len(steps) and (scene := _scene(tour)) is not None:
        step = steps[tour.at]
        if step.applies(scene.config):
            if step.page != here or not step.done(scene):
                break
            if step.seen is not None:
                # What has happened stays so, whatever the loss does next.
                tour.happened = tour.happened or step.seen(scene)
                break
        tour.begin(tour.at + 1)
    if tour.at >= len(steps):
        tour.phase = "done"
    return (tour.at, bool(tour.happened)) != before


def _scene(tour: Tour) -> Scene | None:
    """Return what the session shows; None before its first page has been drawn."""
    if session_config() is None:
        return None
    # The page comes after the bar and has not read its widgets yet.
    config = typed_config()
    point = chosen_point()
    if tour.begun is None:
        tour.begun, tour.begun_point = config, point
    run = runs.shown_run()
    if run is None:
        return None
    return Scene(
        config=config,
        begun=tour.begun,
        view=run.view(),
        example=runs.is_example(run),
        acted=tour.acted,
        point=point,
        begun_point=tour.begun_point,
    )


def _draw(tour: Tour, steps: list[Step], here: str) -> None:
    step = steps[tour.at] if tour.phase == "running" else None
    elsewhere = step is not None and step.page != here
    text, main, leave = _words(tour, steps, step)
    happened = step is not None and bool(tour.happened)
    tour_view(
        phase=tour.phase,
        step=step.name if step else tour.phase,
        count=f"{tour.at + 1}/{len(steps)}" if step else "",
        text=text,
        main=main,
        leave=leave,
        selector=step.selector if step and not elsewhere else "",
        part=step.part if step else "",
        notice=step.notice if step else "",
        happened=happened,
        key=_VIEW,
        on_said=_hear,
    )


def _words(tour: Tour, steps: list[Step], step: Step | None) -> tuple[str, str, str]:
    """Return the bar's sentence, and the labels of its first and last button."""
    if step is not None and tour.happened:
        return tour.happened, "I have seen it", "Leave"
    if step is not None:
        return step.text, "Take me there", "Leave"
    if tour.phase == "offered":
        return (
            f"New here? See a flow learn in {len(steps)} steps; you do each of them yourself.",
            "Start the tour",
            "No, thanks",
        )
    if tour.phase == "done":
        return (
            "That was the tour. The guide has the ideas behind it, each with a run to try.",
            "Once more",
            "Close",
        )
    return "", "Resume the tour" if 0 < tour.at < len(steps) else "Tour", ""


def _hear() -> None:
    tour: Tour = st.session_state.setdefault(_STATE, Tour())
    said = read_said(st.session_state.get(_VIEW))
    if said is None:
        return
    steps = _steps()
    tour.hear(said, steps[tour.at] if tour.at < len(steps) else None)
