"""The look inside a run: its layers, a point's ledger, a check-up, and files to download."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from concurrent import futures
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from flowplay.config import RunConfig
from flowplay.engine import Phase, Run
from flowplay.numbers import whole
from flowplay.problems import Energy
from flowplay.ui import runs
from flowplay.ui.components.inside_view import FARTHEST, Pick, inside_view, read_pick
from flowplay.ui.components.ledger_view import ledger_view
from flowplay.ui.downloads import download_button
from flowplay.ui.follow import follow
from flowplay.ui.gif import drawn_gif
from flowplay.ui.latent.generator import generator_section
from flowplay.ui.latent.interpolation import interpolation_section
from flowplay.ui.latent.posterior import posterior_section
from flowplay.ui.latent.samples import samples_section
from flowplay.ui.look import WORKER, Look, choose_point, chosen_point, first_point
from flowplay.ui.naming import learned_from, made_of
from flowplay.ui.opening import example_note
from flowplay.ui.runs import ACTIVE
from flowplay.ui.shell import engine, page_link
from flowplay.ui.standalone import standalone_html
from flowplay.ui.switches import PRESENT, switches
from flowplay.ui.terms import plain
from flowplay.ui.waiting import computing_layers, waiting_for
from flowplay.ui.work import (
    PATIENCE,
    NotDoneError,
    ask,
    is_there,
    keep,
    kept,
    queued,
    result_of,
    say_not_done,
    seconds_waited,
    wait,
)
from flowplay.wire import Diagnosis, ExportedFlow, LayerFrames, Ledger, export_name

#: Seconds between two looks at a run that still trains: its frames are some 300 kB.
POLL = 1.0

#: And at one that has no state yet.
FIRST_POLL = 0.25

#: And at frames that are on their way in smaller cells.
FINER_POLL = 0.3

#: Seconds within which an idle worker has taken a call.
_TAKEN = 0.1

#: What is shown of models that have no layers, by the name of the architecture.
_OWN_SECTIONS: Mapping[str, Callable[[Look], None]] = {
    "vae": posterior_section,
    "gan": generator_section,
}

_SHOWN = "_inside_shown"
_TYPED = "_typed_point"


def headline(config: RunConfig, run: Run) -> None:
    """Say which run is shown, how far it is trained, and where its settings can be changed."""
    view = run.view()
    step = 0 if view.header is None else view.header.step
    what = f"**{plain(learned_from(config))}**, {made_of(config)}"
    with st.container(horizontal=True, vertical_alignment="center"):
        # Which step is shown stands below, where it changes.
        st.markdown(what, width="content")
        page_link(
            "pages/playground.py",
            config,
            label="Change it in the Playground",
            icon=":material/tune:",
            help="Target, architecture and all other settings; this run stays as it is.",
            about=runs.about(run),
        )
        switches(PRESENT)
    with st.container():
        if example_note(run) or step > 0 or why_no_layers(config):
            return
        if view.phase not in ACTIVE and view.phase is not Phase.FAILED:
            st.info(
                "This flow is untrained: its layers change the base very little, and the last one "
                "scales it to the data. Press Train and watch the layers change."
                if config.entry.layered
                else "This model is untrained. Press Train, then look inside.",
                icon=":material/model_training:",
            )


def inside_link(config: RunConfig, run: Run) -> None:
    """Show the link to this page from another one, if the model has layers to look into."""
    if not why_no_layers(config):
        with st.container(key="see_inside"):
            page_link(
                "pages/layers.py",
                config,
                label="See inside: every layer, every point, every log-det"
                if config.entry.layered
                else "See inside: latent space and samples",
                icon=":material/layers:",
                help="Look at this run layer by layer: follow a point, read its ledger, check and "
                "download the model.",
                about=runs.about(run),
            )


def why_no_layers(config: RunConfig) -> str:
    """Say in one sentence why a config's model has no layers to look into; empty if it has."""
    if config.problem().window is None:
        return "This model has no layers to look into: its data do not lie in the plane."
    if not config.entry.layered and config.architecture not in _OWN_SECTIONS:
        label = config.entry.label
        return f"This model has no layers to look into: {label} is not a normalizing flow."
    return ""


def inside(config: RunConfig, run: Run) -> None:
    """Show the run from inside, and follow it for as long as it trains."""
    if sentence := why_no_layers(config):
        st.info(sentence, icon=":material/layers_clear:")
        return
    if isinstance(config.problem(), Energy):
        st.caption(
            "Where this page speaks of held-out data, it shows exact draws of the density. "
            "They are known by quadrature, and training has not seen them."
        )
    drawn = run.view()
    poll = POLL if drawn.phase in ACTIVE else FIRST_POLL

    def look() -> None:
        view = run.view()
        if drawn.pending and (view.phase is not drawn.phase or not view.pending):
            # First of all: clicks in what this timer draws would be lost with it, see `follow`.
            st.rerun()
        step = 0 if view.header is None else view.header.step
        state = run.state
        if state is None and view.phase is Phase.FAILED:
            st.caption("There are no layers to show, since the run could not start.")
        elif state is None or engine().status.phase != "ready":
            waiting = waiting_for(view, config, engine().status.workers)
            told = waiting or "The layers appear as soon as a worker is ready."
            st.info(told, icon=":material/hourglass:")
        else:
            training = view.phase in ACTIVE
            # One container, slider or none: the picture must keep its place in the page.
            with st.container(key="rewind"):
                rewound = _rewind(run, step, training=training) if config.entry.layered else None
            earlier = None if rewound is None else run.earlier(rewound)
            wanted = Look(run.id, step, rewound if earlier else None, not training, state, earlier)
            if config.entry.layered:
                _show(config, wanted)
            elif training:
                st.caption(f"Step {whole(step)}, still training. Pause to look inside.")
            else:
                _OWN_SECTIONS[config.architecture](wanted)
            if not training:
                _latent_space(config, wanted)

    follow(look, poll if drawn.pending else None)


def _rewind(run: Run, step: int, *, training: bool) -> int | None:
    """Show the slider over earlier training states; return the one chosen, None for the last."""
    earlier = [s for s in run.earlier_steps if s < step]
    if training:
        st.caption(
            f"Step {whole(step)}, still training: the layers are drawn every second, in larger "
            "cells. Pause to see smaller cells and to rewind."
        )
        return None
    if not earlier:
        if step:
            st.caption(
                f"Step {whole(step)}. There are no earlier states to rewind to: up to 40 of them "
                "are kept while a flow is trained here or in the Playground."
            )
        return None
    options = [*earlier, step]
    key = f"rewind_{run.id[:6]}_{step}"
    chosen = st.select_slider(
        "Rewind training",
        options,
        value=step,
        format_func=lambda s: f"step {whole(s)}",
        key=key,
        help="Look at earlier weights of this run, at the same layer. At most 40 steps are kept, "
        "evenly spaced. The run itself is not changed.",
    )
    if chosen == step:
        st.caption(f"Shown: step {whole(step)}, the last one.")
        return None
    st.caption(
        f"Shown: step {whole(chosen)}, of a run that stands at step {whole(step)}. Picture, "
        "ledger, check-up and downloads are of the step that is shown."
    )
    return int(chosen)


def _show(config: RunConfig, look: Look) -> None:
    with st.container():
        try:
            frames, large = _frames(config, look)
        except NotDoneError as error:
            sentence = f"The layers could not be computed: {error}"
            say_not_done(sentence, "frames", look.key, button="inside_again")
            return
    st.session_state[_SHOWN] = look.run_id
    about = LayerFrames.from_bytes(frames)
    left, right = st.columns([1, 1], gap="medium")
    with left, st.container(key="inside"):
        key = f"inside_view_{look.run_id[:6]}"
        inside_view(frames, key=key, on_pick=partial(_picked, key, about.layers))
        if thinned := _thinned(about):
            st.caption(thinned)
        finer = st.container()
    with right, st.container(key="ledger"):
        _ledger(look, about)
    if large:
        with finer:
            _await_finer(config, look)
    elif look.fine:
        with st.container(key="diagnosis"):
            _diagnosis(look)
        with st.container(key="export"):
            _export(config, look, frames)


def _latent_space(config: RunConfig, look: Look) -> None:
    """Show what can be asked of a trained model: interpolation between points, and samples."""
    if config.entry.likelihood != "none":
        with st.container(key="interpolation"):
            interpolation_section(config, look)
    with st.container(key="drawn"):
        samples_section(config, look)


def _picked(key: str, layers: int) -> None:
    """Follow the point that the picture says was chosen.

    As a callback it is heard whatever part of the page is drawn next.
    """
    state: Any = st.session_state.get(key)
    sent = state.get("point") if hasattr(state, "get") else None
    if (pick := read_pick(sent, layers)) is not None:
        choose_point(pick)


def _frames(config: RunConfig, look: Look) -> tuple[bytes, bool]:
    """Return the frames of a look, and whether their cells are larger than they will be.

    Raises:
        NotDoneError: if a worker did not compute them.
    """
    if look.fine and not is_there("frames", look.key):
        with suppress(NotDoneError):
            return _result(config, replace(look, fine=False)), True
    return _result(config, look), False


def _result(config: RunConfig, look: Look) -> bytes:
    frames = ask("frames", look.key, *look.frames)
    done, _ = futures.wait([frames], _TAKEN)
    if done or st.session_state.get(_SHOWN) == look.run_id:
        # An earlier picture of this run stays meanwhile; a spinner would move it.
        return wait(frames)
    if queued(frames):
        with st.spinner(computing_layers(config, 0.0, queued=True), show_time=True):
            _await_worker(frames)
    with st.spinner(computing_layers(config, 0.0), show_time=True):
        return wait(frames)


def _await_worker(call: futures.Future[bytes]) -> None:
    """Wait until a worker has taken a call, but for at most `PATIENCE`."""
    end = time.monotonic() + PATIENCE
    while queued(call) and time.monotonic() < end:
        futures.wait([call], _TAKEN)


def _await_finer(config: RunConfig, look: Look) -> None:
    """Ask for frames in smaller cells, say so, and draw the page again when they are there.

    They come last: the ledger, which takes less, would wait for them.
    """
    finer = ask("frames", look.key, *look.frames)

    def wait_for_it() -> None:
        seconds = seconds_waited("frames", look.key)
        told = computing_layers(config, seconds, queued=queued(finer))
        st.caption(f"Shown in large cells. {told}")
        if finer.done():
            st.rerun()

    follow(wait_for_it, FINER_POLL)


def _thinned(about: LayerFrames) -> str:
    """Say if not every layer has a frame of its own."""
    if len(about.states) == about.layers + 1:
        return ""
    return (
        f"{about.layers} layers are shown in {len(about.states)} frames, so that they load fast: "
        "a frame may cover several layers. The ledger has every layer."
    )


def _ledger(look: Look, about: LayerFrames) -> None:
    st.subheader("A point's ledger", anchor=False)
    chosen = chosen_point()
    point = chosen or first_point(look, about)
    if point.k > about.layers:
        point = Pick(about.layers, point.x, point.y)
    key = (look.key, point)
    arguments = (look.state, look.earlier, point.k, point.x, point.y)
    failed = ""
    ledger = None
    try:
        data = result_of("ledger", key, f"{WORKER}:ledger", *arguments)
    except NotDoneError as error:
        failed = f"The ledger could not be computed: {error}"
    else:
        ledger = Ledger.from_bytes(data)
        # From now on it is the point x of the data, whatever layer it was chosen in.
        x, y = (float(v) for v in ledger.states[-1])
        if max(abs(x), abs(y)) <= FARTHEST:
            point = Pick(about.layers, x, y)
            if chosen is not None:
                choose_point(point)
    # While it trains, the first point changes by itself, and somebody may be typing another.
    _typed_point(point, about.layers, stay=not look.fine and chosen is None)
    if ledger is None:
        say_not_done(failed, "ledger", key, button="ledger_again")
        return
    if chosen is None:
        st.caption(
            ":material/ads_click: Followed now: a sample where the density is high. Click a point "
            "of the picture, or type one, to follow that instead."
        )
    ledger_view(ledger, key="ledger_view")
    st.caption(
        "Computed in float64. In the picture, the white path runs through every z. The dashed "
        "circle lies around z before the layer; the orange ellipse is its image under the layer's "
        "Jacobian, with half axes in the ratio of σ max to σ min."
    )


def _typed_point(point: Pick, layers: int, *, stay: bool = False) -> None:
    """Show the fields of a point of the data; they hold the point that is followed.

    Args:
        point: the point that is followed.
        layers: of the flow.
        stay: whether fields that hold a point already keep it.
    """
    held = st.session_state.get(_TYPED)
    if point.k == layers and held != point and not (stay and held is not None):
        st.session_state[_TYPED] = point
        st.session_state["point_x"], st.session_state["point_y"] = point.x, point.y
    for name in ("point_x", "point_y"):
        st.session_state.setdefault(name, 0.0)
    with (
        st.form("typed_point", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        for name, label in (("point_x", "x₁"), ("point_y", "x₂")):
            st.number_input(
                label,
                -FARTHEST,
                FARTHEST,
                # A run of the page that is cut off may be the one that tells the browser the value.
                st.session_state[name] or 0.0,
                step=0.1,
                format="%.4f",
                key=name,
                help="A coordinate of the point x of the data that is followed.",
                persist_state="session",
                width=140,
            )
        st.form_submit_button(
            "Follow x",
            key="follow_point",
            help="Show the ledger of this point.",
            on_click=_choose_typed,
            args=(layers,),
        )


def _choose_typed(layers: int) -> None:
    x, y = (float(st.session_state[name] or 0.0) for name in ("point_x", "point_y"))
    choose_point(Pick(layers, x, y))


def _diagnosis(look: Look) -> None:
    st.subheader("Check-up", anchor=False)
    try:
        data = result_of("diagnosis", look.key, f"{WORKER}:diagnosis", look.state, look.earlier)
    except NotDoneError as error:
        sentence = f"The check-up could not be done: {error}"
        say_not_done(sentence, "diagnosis", look.key, button="diagnosis_again")
        return
    found = Diagnosis.from_bytes(data)
    lines = []
    for check in found.checks:
        verdict = (
            ":green[:material/check_circle: fine]"
            if check["fine"]
            else ":orange[:material/search: look here]"
        )
        lines.append(f"- {verdict} **{check['name']}**: {check['value']}. {check['sentence']}")
    st.markdown("\n".join(lines))
    st.caption(
        f"Measured at step {whole(found.step)} over 2,000 held-out points, in float32; condition "
        "numbers and saturation over 500 of them."
    )
    with st.expander("Layer by layer", icon=":material/table_rows:"):
        rows = [
            {
                "layer": f"{k} {name}",
                "smallest log|det|": float(low),
                "largest log|det|": float(high),
                "moves the data by": float(move),
            }
            for k, (name, (low, high), move) in enumerate(
                zip(found.names, found.ranges, found.moves, strict=True), start=1
            )
        ]
        st.dataframe(
            rows,
            hide_index=True,
            column_config={
                "smallest log|det|": st.column_config.NumberColumn(
                    format="%.3f", help="Over held-out data, in nats: how much it shrinks area."
                ),
                "largest log|det|": st.column_config.NumberColumn(
                    format="%.3f", help="Over held-out data, in nats: how much it grows area."
                ),
                "moves the data by": st.column_config.NumberColumn(
                    format="%.3f",
                    help="Root mean square distance, in standard deviations of the data.",
                ),
            },
        )


def _export(config: RunConfig, look: Look, frames: bytes) -> None:
    st.subheader("Downloads", anchor=False)
    at = look.step if look.rewound is None else look.rewound
    name = export_name(config.target, config.architecture, at)
    what = f"{config.problem().label}, learned by {config.entry.label}"
    title = f"{what}: layer by layer, step {whole(at)}"
    exported, failed = None, ""
    try:
        exported = _exported(look)
    except NotDoneError as error:
        failed = f"The weights could not be written: {error}"
    # No click on a download waits for a worker: Streamlit could not say why it failed.
    with st.container(horizontal=True):
        download_button(
            "Animation (HTML)",
            partial(standalone_html, frames, title),
            f"{name}.html",
            "text/html",
            key="export_html",
            icon=":material/movie:",
            help="This picture with its controls, as one file that needs no network.",
        )
        gif_failed = _gif_button(look, frames, f"{name}.gif")
        if exported is not None:
            st.download_button(
                "Weights",
                exported.weights.tobytes(),
                f"{name}.safetensors",
                "application/octet-stream",
                key="export_weights",
                icon=":material/deployed_code:",
                help="The weights that are shown, as .safetensors; the metadata hold the config.",
                on_click="ignore",
            )
        st.download_button(
            "Config",
            json.dumps({"step": at, "config": config.model_dump(mode="json")}, indent=2),
            f"{name}.json",
            "application/json",
            key="export_config",
            icon=":material/data_object:",
            help="Everything that defines this run, and the step that is shown, as JSON.",
            on_click="ignore",
        )
    if failed:
        say_not_done(failed, "export", look.key, button="export_again")
    if gif_failed:
        st.warning(gif_failed, icon=":material/error:")
    if exported is not None:
        with st.expander("Python that rebuilds this flow", icon=":material/code:"):
            st.code(exported.snippet, language="python")


def _gif_button(look: Look, frames: bytes, name: str) -> str:
    """Offer to draw the GIF, then the file; return why it could not be drawn, if it could not."""
    drawn = kept("gif", look.key)
    place = st.empty()
    failed = ""
    if drawn is None and place.button(
        "Draw a GIF",
        key="draw_gif",
        icon=":material/gif_box:",
        help="Density, grid and samples from the base to the data, as a GIF that repeats. "
        "Drawing takes a few seconds.",
    ):
        with place, st.spinner("Drawing…"):
            try:
                drawn = drawn_gif(frames)
            except NotDoneError as error:
                failed = str(error)
            else:
                keep("gif", look.key, drawn)
    if drawn is not None:
        place.download_button(
            "Animation (GIF)",
            drawn,
            name,
            "image/gif",
            key="export_gif",
            icon=":material/gif_box:",
            help="Density, grid and samples from the base to the data, as a GIF that repeats.",
            on_click="ignore",
        )
    return failed


def _exported(look: Look) -> ExportedFlow:
    data = result_of("export", look.key, f"{WORKER}:exported_flow", look.state, look.earlier)
    return ExportedFlow.from_bytes(data)
