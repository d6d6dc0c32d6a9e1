"""The walk: layer by layer from the base to the data, for the state a run stands at."""

from __future__ import annotations

from concurrent.futures import Future

import streamlit as st

from flowplay.engine import EngineClosedError, Run, WorkerLostError, WorkError
from flowplay.figures import layers_figure
from flowplay.snapshot import LayerFrames
from flowplay.ui.follow import follow
from flowplay.ui.shell import engine

_WALK = "_walk"

#: Seconds between two looks at whether the worker is done.
_POLL = 0.3


def walk_view(run: Run) -> None:
    """Show the walk of a run that stands still, computed once by a worker."""
    view = run.view()
    st.subheader("Walk through the layers", anchor="walk")
    with st.container(key="layers"):
        if view.pending:
            st.caption("Pause to walk through the flow layer by layer.")
        elif view.snapshot is None or run.state is None:
            st.caption("Train the flow, then walk through it layer by layer.")
        else:
            _show(run, view.snapshot.step)


def _show(run: Run, step: int) -> None:
    key = (run.id, step)
    kept: tuple[tuple[str, int], Future[bytes]] | None = st.session_state.get(_WALK)
    if kept is None or kept[0] != key:
        kept = (key, engine().call("flowplay.training.worker:layer_frames", run.state))
        st.session_state[_WALK] = kept
    future = kept[1]
    if future.done():
        _draw(future)
        return

    def wait() -> None:
        st.caption("Computing the density after each layer…")
        if future.done():
            st.rerun()

    follow(wait, _POLL)


def _draw(future: Future[bytes]) -> None:
    try:
        frames = LayerFrames.from_bytes(future.result())
    except (WorkError, WorkerLostError, EngineClosedError) as error:
        st.session_state.pop(_WALK, None)
        st.warning(f"The walk could not be computed: {error}")
        st.button("Try again", key="walk_again")
        return
    st.caption(
        f"Step {frames.step}. Each frame is the exact density of z after one more layer, from the "
        "base Gaussian to the data. The dots are one set of draws, moved by the same layers. Axes "
        "stay fixed; the last layer is the fixed scaling to data units."
    )
    st.plotly_chart(
        layers_figure(frames),
        key="layers_chart",
        config={"displaylogo": False},
        alt=f"Animation over {len(frames.labels)} frames: the exact density of z_k and the same "
        "samples after each layer, from the base Gaussian to the data.",
    )
