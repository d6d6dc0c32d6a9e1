"""The live view: buttons, progress, the target beside the model, and the loss, updated in place."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from flowplay.catalog import ARCHITECTURES, Architecture
from flowplay.config import RunConfig
from flowplay.engine import Phase, Run, RunView
from flowplay.figures import describe_density
from flowplay.pictures import density_scale, target_density
from flowplay.snapshot import Snapshot, encode_density
from flowplay.targets import Target, make_target
from flowplay.ui import runs
from flowplay.ui.components.density_view import density_view
from flowplay.ui.components.loss_view import loss_view
from flowplay.ui.follow import follow
from flowplay.ui.shell import engine
from flowplay.ui.terms import tooltip

#: Seconds between two looks at a run that trains: shortest, and as a share of the time in which it
#: makes a picture. Looking more often would take the time from the training.
SHORTEST_POLL = 0.12
POLL_SHARE = 0.6

#: The same while no worker is ready: they may need the cores to become so.
WAITING_POLL = 0.3

#: Cells of the target's picture.
_TARGET_CELLS = 192


def buttons(config: RunConfig, run: Run) -> None:
    """Show what can be done with the run now; the buttons never change place."""
    view = run.view()
    active = view.phase in runs.ACTIVE
    with st.container(horizontal=True, key="buttons", vertical_alignment="center"):
        st.button(
            _train_label(view, is_example=runs.is_example(run)),
            key="train",
            type="primary",
            icon=":material/play_arrow:",
            help="Train the flow on the server, live, until the budget is used up.",
            disabled=active or view.phase is Phase.FAILED,
            on_click=runs.train,
            args=(config,),
        )
        st.button(
            "Pause",
            key="pause",
            icon=":material/pause:",
            help="Stop training; Resume goes on from here.",
            disabled=not active,
            on_click=run.pause,
        )
        st.button(
            "Step",
            key="step",
            icon=":material/skip_next:",
            help="Take one optimizer step.",
            disabled=active or view.phase is Phase.FAILED,
            on_click=runs.step,
            args=(config,),
        )
        st.button(
            "Reset",
            key="reset",
            icon=":material/restart_alt:",
            help="Return to the untrained flow.",
            on_click=runs.reset,
            args=(config,),
        )
        if runs.is_example(run):
            st.button(
                "Continue the example",
                key="continue_example",
                type="tertiary",
                icon=":material/fast_forward:",
                help="Train the run that is shown for another budget.",
                on_click=runs.continue_example,
                args=(config,),
            )


def live_view(config: RunConfig, run: Run) -> None:
    """Show the run, and follow it for as long as it has pictures to come."""
    target = make_target(config.target, config.noise)
    drawn = run.view()
    poll = _poll_seconds()

    def look() -> None:
        run.renew()
        view = run.view()
        _show(view, run, target)
        # Buttons and walk stand outside: they are drawn anew when the run begins or ends.
        ended = view.phase is not drawn.phase or not view.pending
        pace_changed = not 0.6 < _poll_seconds() / poll < 1.7
        if drawn.pending and (ended or pace_changed):
            st.rerun()

    follow(look, poll if drawn.pending else None)


def _poll_seconds() -> float:
    if engine().status.phase != "ready":
        return WAITING_POLL
    return max(SHORTEST_POLL, POLL_SHARE * engine().snapshot_interval)


def _train_label(view: RunView, *, is_example: bool) -> str:
    if is_example or view.snapshot is None or view.snapshot.step == 0:
        return "Train"
    return "Continue" if view.phase is Phase.FINISHED else "Resume"


def _show(view: RunView, run: Run, target: Target) -> None:
    snapshot = view.snapshot
    st.progress(_part(view, run.config), text=_progress_line(view, run.config))
    _headline(snapshot, target)
    left, middle, right = st.columns(3)
    with left, st.container(key="target_density"):
        _show_target(target)
    with middle, st.container(key="density"):
        _show_model(snapshot, run, target)
    with right, st.container(key="loss"):
        _show_loss(snapshot, target, ARCHITECTURES[run.config.architecture])


def _show_target(target: Target) -> None:
    st.markdown("**Target**: what the flow learns")
    density = target_density(target, _TARGET_CELLS)
    density_view(
        target_code(target),
        bounds=target.bounds,
        scale=density_scale(target),
        alt=describe_density(f"{target.label}, the target's exact density", density, target.bounds),
        key=f"target_view_{target.name}_{target.noise}",
        note="Exact density",
    )


def target_code(target: Target) -> NDArray[np.uint8]:
    """Return the target's exact density [cells, cells] as the picture's codes."""
    return encode_density(target_density(target, _TARGET_CELLS), density_scale(target))


def _show_model(snapshot: Snapshot | None, run: Run, target: Target) -> None:
    st.markdown("**Model**: what the flow says")
    if snapshot is None:
        st.info(
            "The untrained flow appears as soon as a worker is ready.", icon=":material/hourglass:"
        )
        return
    with_samples = bool(st.session_state.get("show_samples"))
    density_view(
        snapshot.density,
        bounds=snapshot.bounds,
        scale=snapshot.density_scale,
        alt=f"The model's exact density at step {snapshot.step}, on the target's colour scale. "
        f"Held-out NLL {snapshot.held_out_nll:.3f} nats.",
        key="density_view",
        points=snapshot.samples if with_samples else None,
        note="Exact density, not an estimate from samples",
        frame_id=f"{run.id[:6]}-{snapshot.step}-{len(snapshot.density)}",
    )


def _show_loss(snapshot: Snapshot | None, target: Target, family: Architecture) -> None:
    st.markdown("**Loss**: negative log-likelihood, in nats")
    if snapshot is None:
        return
    loss_view(
        snapshot.train_curve,
        snapshot.held_out_curve,
        entropy=target.entropy,
        alt=f"Loss against optimizer step. At step {snapshot.step}: train {family.loss_name} "
        f"{snapshot.train_loss:.3f}, held-out NLL {snapshot.held_out_nll:.3f}, "
        f"entropy floor {target.entropy:.3f} nats.",
        key="loss_chart",
        height=320,
    )
    if family.loss:
        st.caption(family.loss)


def _headline(snapshot: Snapshot | None, target: Target) -> None:
    with st.container(horizontal=True, key="headline"):
        held_out = f"{snapshot.held_out_nll:.3f}" if snapshot else "…"
        gap = f"{snapshot.held_out_nll - target.entropy:.3f}" if snapshot else "…"
        parameters = f"{snapshot.parameters:,}".replace(",", " ") if snapshot else "…"
        st.metric(
            "Held-out NLL",
            held_out,
            help=tooltip(
                "The NLL of points that no training step sees, taken anew every few pictures "
                "while it trains.",
                "NLL",
                "nats",
            ),
        )
        st.metric(
            "Gap to floor",
            gap,
            help=tooltip(
                f"Held-out NLL minus the target's entropy ({target.entropy:.3f}): an estimate of "
                "the KL divergence, in nats.",
                "KL divergence",
                "entropy floor",
            ),
        )
        st.metric("Parameters", parameters, help="Numbers that training adjusts.")


def _part(view: RunView, config: RunConfig) -> float:
    if view.snapshot is None:
        return 0.0
    used = view.snapshot.step if config.budget_unit == "steps" else view.snapshot.seconds
    return min(1.0, used / view.budget)


def _progress_line(view: RunView, config: RunConfig) -> str:
    if view.message:
        return view.message
    snapshot = view.snapshot
    if snapshot is None:
        return "Waiting for a worker…"
    if snapshot.step == 0:
        return "Untrained: about the base Gaussian, scaled to the data."
    family = ARCHITECTURES[config.architecture]
    # In nats it stands in the chart.
    loss = f"{family.loss_name} {snapshot.train_loss:.3f} · " if family.loss else ""
    return (
        f"{view.phase.value.capitalize()} · step {snapshot.step:,} · "
        f"{snapshot.steps_per_second:.0f} steps/s · {snapshot.seconds:.1f} s · "
        f"{loss}gradient norm {snapshot.grad_norm:.2f} · learning rate {snapshot.learning_rate:.2g}"
    )
