"""The walk: an animation over the layers of a run's last state, from the base to the data."""

from __future__ import annotations

from concurrent.futures import Future

import streamlit as st

from flowplay.engine import Run
from flowplay.figures import density_told, layers_figure
from flowplay.numbers import whole
from flowplay.ui.components.heatmap_keeper import heatmap_keeper
from flowplay.ui.follow import follow
from flowplay.ui.look import Look
from flowplay.ui.waiting import computing_layers
from flowplay.ui.work import NotDoneError, ask, queued, say_not_done, seconds_waited, wait
from flowplay.wire import LayerFrames

#: Seconds between two looks at whether the worker is done. The page is drawn anew then: not while a
#: browser still draws it for the first time.
_POLL = 1.0


def walk_view(run: Run) -> None:
    """Show the walk of a run that does not train, computed once by a worker."""
    if not run.config.entry.layered or run.config.problem().window is None:
        return
    view = run.view()
    with st.container(key="layers_title"):
        st.subheader("Walk through the layers", anchor="walk")
    with st.container(key="layers"):
        if view.pending:
            st.caption("Pause to walk through the layers.")
        elif view.header is None or run.state is None:
            st.caption("The walk appears with the first picture of the model.")
        else:
            _show(Look(run.id, view.header.step, None, True, run.state, None), run)


def _show(look: Look, run: Run) -> None:
    future = ask("frames", look.key, *look.frames)
    if future.done():
        _draw(future, look)
        return

    def wait_for_it() -> None:
        seconds = seconds_waited("frames", look.key)
        st.caption(computing_layers(run.config, seconds, queued=queued(future)))
        if future.done():
            st.rerun()

    follow(wait_for_it, _POLL)


def _draw(future: Future[bytes], look: Look) -> None:
    try:
        frames = LayerFrames.from_bytes(wait(future))
    except NotDoneError as error:
        sentence = f"The walk could not be computed: {error}"
        say_not_done(sentence, "frames", look.key, button="walk_again")
        return
    st.caption(
        f"Step {whole(frames.step)}: {density_told(frames, 'z')} after each layer, from the base "
        "to the data, and samples of the base, mapped by the same layers. The axes do not change. "
        "The last layer is the fixed scaling to data units."
    )
    st.plotly_chart(
        layers_figure(frames),
        key="layers_chart",
        config={"displayModeBar": False},
        alt=f"Animation over {len(frames.states)} frames: {density_told(frames, 'z_k')} and the "
        "same samples after each layer, from the base to the data.",
    )
    with st.container(key="layers_keeper"):
        heatmap_keeper(key="heatmap_keeper")
