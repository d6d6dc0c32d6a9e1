"""The live view: buttons, progress, target, model and loss, updated in place."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import streamlit as st

from flowplay.catalog import Likelihood
from flowplay.config import RunConfig
from flowplay.engine import Phase, Run, RunView
from flowplay.figures.loss import curves_of_one_unit
from flowplay.numbers import fixed, number, whole
from flowplay.problems import Energy, Floor, ImageProblem, Posterior, Problem
from flowplay.ui import runs
from flowplay.ui.components.loss_view import loss_view
from flowplay.ui.components.settings_button import settings_button
from flowplay.ui.controls import temperature_control
from flowplay.ui.energies import bounds_chart, energy_metrics, trained_divergence
from flowplay.ui.example import TOLD, example
from flowplay.ui.follow import follow, wait_for_news
from flowplay.ui.picture_views import show_model, show_problem
from flowplay.ui.posterior import show_predictive
from flowplay.ui.settings import locked, typed_config
from flowplay.ui.sharing import share_button, share_dialog
from flowplay.ui.shell import engine
from flowplay.ui.switches import ALL_NUMBERS, PRESENT, is_on, switches
from flowplay.ui.terms import tooltip
from flowplay.ui.waiting import waiting_for
from flowplay.wire import Curve, Snapshot

#: Seconds between two looks at a run that trains: the least, and as a share of the time between two
#: snapshots. A look lasts until the next picture, so that the timer's next event waits for that.
SHORTEST_POLL = 0.12
POLL_SHARE = 0.6

#: The same while no worker is ready: they may need the cores to become so.
WAITING_POLL = 0.3

#: The most seconds that a look waits for the next picture: this share of the time between two
#: snapshots, and never less than the first.
SHORTEST_WAIT = 0.5
WAIT_SHARE = 1.5

#: Most pixels of the chart of the loss, and of two charts below each other.
_HEIGHT, _HEIGHT_OF_TWO = 400, 220

#: What the chart shows, by the likelihood of the model.
_LOSSES = {
    "exact": "negative log-likelihood, in nats",
    "bound": "upper bound of the negative log-likelihood, in nats",
    "none": "what training minimizes",
}

#: What is measured on held-out points, until the first snapshot names it.
_HELD_OUT = {"exact": "held-out NLL", "bound": "held-out bound of the NLL"}
_HELD_OUT_BITS = {"exact": "held-out bits/dim", "bound": "held-out bound of bits/dim"}

#: What the chart calls its curves and its floor, where not all numbers are shown.
_PLAIN = {"train": "training", "held_out": "unseen data"}
_PLAIN_FLOOR = "no model gets lower on average"

#: What is said of the references of a table.
_REFERENCES = {
    "gaussian": "The held-out NLL of the Gaussian with the mean and covariance of the training "
    "rows. The density of a table is not known: a model is good if it comes below this.",
    "mixture": "The held-out NLL of a mixture of Gaussians, with as many components as BIC chooses "
    "(in brackets).",
}

#: What is said of a number in bits per dimension.
_BITS = (
    "The bits that each value of an image that no training step sees would take in an ideal code. "
    "Code words of equal length take {uniform:.2f}."
)


def buttons(run: Run, *, settings: bool = False) -> None:
    """Show what can be done with the run now; the buttons never change place.

    They use the settings of the moment in which they are pressed: a field that was typed into just
    before may have changed them since the page was drawn.

    Args:
        run: the run that is shown.
        settings: whether the page has settings in its sidebar, which a button is to open.
    """
    view = run.view()
    active = view.phase in runs.ACTIVE
    with st.container(horizontal=True, key="buttons", vertical_alignment="center"):
        st.button(
            _train_label(view, is_example=runs.is_example(run)),
            key="train",
            # What failed is better begun again by the button below the reason.
            type="secondary" if view.phase is Phase.FAILED else "primary",
            icon=":material/play_arrow:",
            help="Train the model on the server, live, until the budget is used up.",
            disabled=active or (view.phase is Phase.FINISHED and locked("budget")),
            on_click=_with_settings,
            args=(runs.train,),
        )
        st.button(
            "Pause",
            key="pause",
            icon=":material/pause:",
            help="Stop training; Resume continues from here.",
            disabled=not active,
            on_click=run.pause,
        )
        st.button(
            "Step",
            key="step",
            icon=":material/skip_next:",
            help="Take one optimizer step.",
            disabled=active or (view.phase is Phase.FINISHED and locked("budget")),
            on_click=_with_settings,
            args=(runs.step,),
        )
        st.button(
            "Reset",
            key="reset",
            icon=":material/restart_alt:",
            help="Return to the untrained model.",
            on_click=_with_settings,
            args=(runs.reset,),
        )
        share_button(run)
        if runs.is_example(run):
            st.button(
                "Continue the example",
                key="continue_example",
                type="tertiary",
                icon=":material/fast_forward:",
                help="Train the run that is shown for another budget.",
                on_click=_with_settings,
                args=(runs.continue_example,),
            )
        if settings:
            with st.container(key="open_settings", width="content"):
                settings_button(key="settings_button")
    share_dialog()


def _with_settings(act: Callable[[RunConfig], None]) -> None:
    act(typed_config())


def live_view(config: RunConfig, run: Run) -> None:
    """Show the run, and follow it for as long as it has pictures to come."""
    problem = config.problem()
    drawn = run.view()
    poll = poll_seconds()
    wait = waits_for(run)

    def look() -> None:
        view = run.view()
        _show(view, run, problem)
        # Buttons and walk are outside this fragment: they need a run of the whole page.
        ended = view.phase is not drawn.phase or not view.pending
        pace_changed = not 0.6 < poll_seconds() / poll < 1.7
        if drawn.pending and (ended or pace_changed):
            st.rerun()
        wait(view)

    follow(look, poll if drawn.pending else None)


def view_switches(config: RunConfig) -> None:
    """Show what changes how much is seen, and beside samples their temperature."""
    with st.container(horizontal=True, key="view_switches", vertical_alignment="center"):
        shown = samples_toggle(config)
        temperature_control(samples=shown or not _may_hide_samples(config))
        switches(ALL_NUMBERS, PRESENT)


def samples_toggle(config: RunConfig) -> bool:
    """Let samples be drawn on the model's density, if it has one in the plane; return if so."""
    return _may_hide_samples(config) and st.toggle(
        "Show samples",
        key="show_samples",
        help="Draw points from the model. Their temperature can be changed beside this switch.",
        persist_state="session",
    )


def _may_hide_samples(config: RunConfig) -> bool:
    """Tell whether there is a picture without samples: a density in the plane."""
    return config.problem().window is not None and config.entry.likelihood != "none"


def waits_for(run: Run) -> Callable[[RunView], None]:
    """Return what a look at a run ends with: it waits until the run has another picture.

    The timer's next look, which is due by then, shows that at once. The first look is part of the
    run of the page and waits for nothing; nor does one before the first picture, since what the run
    waits for is told, and for how long.
    """
    first = True

    def wait(view: RunView) -> None:
        nonlocal first
        if not first and view.snapshot is not None and view.pending:
            longest = max(SHORTEST_WAIT, WAIT_SHARE * engine().snapshot_interval)
            wait_for_news(run, view.version, longest)
        first = False

    return wait


def poll_seconds() -> float:
    """Return the seconds between two looks at a run that trains."""
    if engine().status.phase != "ready":
        return WAITING_POLL
    return max(SHORTEST_POLL, POLL_SHARE * engine().snapshot_interval)


def _train_label(view: RunView, *, is_example: bool) -> str:
    if is_example or view.header is None or view.header.step == 0:
        return "Train"
    return "Continue" if view.phase is Phase.FINISHED else "Resume"


def _show(view: RunView, run: Run, problem: Problem) -> None:
    snapshot = None if view.snapshot is None else Snapshot.from_bytes(view.snapshot)
    if runs.is_example(run):
        # The bar is that of the run that Train starts.
        st.progress(0.0, text=TOLD)
    else:
        progress(view, snapshot, run.config)
    posterior = problem if isinstance(problem, Posterior) else None
    left, middle, *between, right = st.columns(3 if posterior is None else 4)
    with left, st.container(key="target_density"):
        st.markdown("**Target**: what is to be learned")
        show_problem(problem, key=f"target_view_{_digest(run.config)}")
    with middle, st.container(key="density"):
        _show_model(view, snapshot, run)
    if posterior is not None:
        with between[0], st.container(key="prediction"):
            show_predictive(posterior, snapshot)
    with right, st.container(key="loss"):
        _show_loss(snapshot, problem, run.config)
    _headline(snapshot, problem, run.config)


def _digest(config: RunConfig) -> str:
    """Return what tells one target's picture from another's."""
    options = "_".join(f"{name}_{value}" for name, value in sorted(config.target_options.items()))
    return f"{config.target}_{options}"


def _show_model(view: RunView, snapshot: Snapshot | None, run: Run) -> None:
    st.markdown("**Model**: what it has learned so far")
    if snapshot is None and view.phase is Phase.FAILED:
        st.caption("There is no picture, since the run could not start.")
        return
    if snapshot is None:
        # For what it waits stands above.
        st.info("The untrained model appears here, once it is built.", icon=":material/hourglass:")
        return
    samples = bool(st.session_state.get("show_samples"))
    replay = example().replay if runs.is_example(run) and not samples else None
    show_model(snapshot, run=run.id[:6], samples=samples, key="density_view", replay=replay)


def _loss_of(problem: Problem, likelihood: Likelihood) -> str:
    if likelihood == "none":
        return _LOSSES[likelihood]
    if isinstance(problem, Energy):
        return f"{trained_divergence(problem)}, in nats, estimated"
    if isinstance(problem, ImageProblem):
        return ("" if likelihood == "exact" else "upper bound of the ") + "bits per dimension"
    return _LOSSES[likelihood]


def _show_loss(snapshot: Snapshot | None, problem: Problem, config: RunConfig) -> None:
    architecture = config.entry
    energy = problem if isinstance(problem, Energy) else None
    loss = _loss_of(problem, architecture.likelihood) if is_on(ALL_NUMBERS) else "lower is better"
    st.markdown(f"**Loss**: {loss}")
    if snapshot is None:
        return
    # Only a likelihood has a floor.
    floor = None if architecture.likelihood == "none" else problem.floor
    if (mixture := snapshot.measurements.get("mixture")) is not None:
        floor = Floor(mixture.value, mixture.label)
    at_least = "" if floor is None else f", {floor.label} {fixed(floor.value)} nats"
    height = _HEIGHT if energy is None else _HEIGHT_OF_TWO
    told = ", ".join(f"{m.label} {fixed(m.value)}" for m in snapshot.measurements.values())
    plain = not is_on(ALL_NUMBERS) and energy is None and architecture.likelihood != "none"
    named = "" if floor is None else floor.label
    if plain and floor is not None and floor == problem.floor:
        named = _PLAIN_FLOOR
    loss_view(
        _plain(snapshot.curves) if plain else snapshot.curves,
        entropy=None if floor is None else floor.value,
        floor=named,
        numbered=named != _PLAIN_FLOOR,
        names=(_PLAIN["train"], _PLAIN["held_out"]) if plain else ("train", "held-out"),
        alt="Loss against optimizer step. "
        f"At step {whole(snapshot.header.step)}: {told}{at_least}.",
        key="loss_chart",
        height=height,
    )
    if energy is not None:
        bounds_chart(snapshot, energy, key="bounds_chart", height=height)
    if architecture.loss:
        st.caption(architecture.loss)


def _plain(curves: Mapping[str, Curve]) -> dict[str, Curve]:
    """Name the curves of the loss in plain words, without their unit."""
    shown = curves_of_one_unit(curves)
    return {name: replace(curve, label=_PLAIN[name], unit="") for name, curve in shown.items()}


@dataclass(frozen=True)
class _Metric:
    """A number of the headline, as it is shown."""

    label: str
    value: str
    help: str


def _headline(snapshot: Snapshot | None, problem: Problem, config: RunConfig) -> None:
    with st.container(horizontal=True, key="headline"):
        shown = _metrics(snapshot, problem, config)
        if not is_on(ALL_NUMBERS):
            shown = [m for m in shown if m.label.startswith("Gap")] or shown[:1]
        for metric in shown:
            st.metric(metric.label, metric.value, help=metric.help)


def figures_of(snapshot: Snapshot, config: RunConfig) -> list[tuple[str, str]]:
    """Return what a run is judged by, as label and value."""
    shown = _metrics(snapshot, config.problem(), config)[:-1]
    return [(metric.label, metric.value) for metric in shown]


def _metrics(snapshot: Snapshot | None, problem: Problem, config: RunConfig) -> list[_Metric]:
    likelihood = config.entry.likelihood
    bound = likelihood == "bound"
    if isinstance(problem, Energy) and likelihood != "none":
        shown = [_Metric(*metric) for metric in energy_metrics(snapshot, problem)]
        return [*shown, _parameters(snapshot)]
    held_out = None if snapshot is None else snapshot.measurements.get("held_out")
    train = None if snapshot is None else snapshot.measurements.get("train")
    shown = []
    if likelihood != "none":
        label = _held_out_label(problem, likelihood) if held_out is None else held_out.label
        shown.append(
            _Metric(
                label[:1].upper() + label[1:],
                "…" if held_out is None else fixed(held_out.value),
                _held_out_help(problem, bound=bound),
            )
        )
        if (floor := problem.floor) is not None:
            shown.append(
                _Metric(
                    "Gap to floor (upper bound)" if bound else "Gap to floor",
                    "…" if held_out is None else fixed(held_out.value - floor.value),
                    tooltip(
                        f"Held-out NLL minus the target's entropy ({fixed(floor.value)}): an "
                        "estimate of the KL divergence, in nats."
                        + (" From a bound of the NLL: an upper bound of that." * bound),
                        "KL divergence",
                        "entropy floor",
                    ),
                )
            )
    else:
        label = config.entry.loss_name if train is None else train.label
        shown.append(
            _Metric(
                label[:1].upper() + label[1:],
                "…" if train is None else fixed(train.value),
                "The mean over the last steps. This model gives no likelihood, so its loss cannot "
                "be compared with that of other models.",
            )
        )
    for name in ("gaussian", "mixture"):
        if snapshot is not None and (found := snapshot.measurements.get(name)) is not None:
            label = found.label[:1].upper() + found.label[1:]
            shown.append(_Metric(label, fixed(found.value), _REFERENCES[name]))
    return [*shown, _parameters(snapshot)]


def _parameters(snapshot: Snapshot | None) -> _Metric:
    parameters = "…" if snapshot is None else whole(snapshot.header.parameters)
    return _Metric("Parameters", parameters, "Numbers that training adjusts.")


def _held_out_label(problem: Problem, likelihood: Likelihood) -> str:
    return (_HELD_OUT_BITS if isinstance(problem, ImageProblem) else _HELD_OUT)[likelihood]


def _held_out_help(problem: Problem, *, bound: bool) -> str:
    of_bound = " This model gives an upper bound of it." * bound
    if isinstance(problem, ImageProblem):
        return _BITS.format(uniform=math.log2(problem.levels)) + of_bound
    return tooltip(
        "The NLL of points that no training step sees, measured every few pictures while it "
        "trains." + of_bound,
        "NLL",
        "nats",
    )


def progress(view: RunView, snapshot: Snapshot | None, config: RunConfig) -> None:
    """Show how much of its budget a run has used, and how fast it trains."""
    st.progress(_part(view, config), text=_progress_line(view, snapshot, config))


def _part(view: RunView, config: RunConfig) -> float:
    if view.header is None:
        return 0.0
    used = view.header.step if config.budget_unit == "steps" else view.header.seconds
    return min(1.0, used / view.hot.budget)


def _progress_line(view: RunView, snapshot: Snapshot | None, config: RunConfig) -> str:
    failed = view.phase is Phase.FAILED  # Its message stands in a box of its own.
    if view.message and not failed:
        return view.message
    waiting = waiting_for(view, config, engine().status.workers)
    if snapshot is None:
        return "Not started." if failed else waiting or "Waiting for a worker…"
    header = snapshot.header
    if header.step == 0:
        begins = view.phase in runs.ACTIVE
        resting = "Stopped: the untrained model is shown." if failed else "Untrained."
        return waiting or ("The training begins…" if begins else resting)
    done = f"{view.phase.value.capitalize()} · step {whole(header.step)}"
    if config.budget_unit == "steps":
        done += f" of {whole(view.hot.budget)}"
    if waiting:
        return f"{done} · {waiting}"
    if not is_on(ALL_NUMBERS):
        return done
    train = snapshot.measurements.get("train")
    # In nats it stands in the chart.
    own = train is not None and not train.unit
    loss = f"{train.label} {fixed(train.value)} · " if train is not None and own else ""
    return (
        f"{done} · {fixed(header.steps_per_second, 0)} steps/s · {fixed(header.seconds, 1)} s · "
        f"{loss}gradient norm {fixed(header.gradient_norm, 2)} · "
        f"learning rate {number(header.learning_rate)}"
    )
