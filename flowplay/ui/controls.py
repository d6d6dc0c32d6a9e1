"""The controls of a run: a widget for every field of `RunConfig`, explained by its own tooltip.

A widget tells the browser the value of its key only in the run of the page that sets it, and that
run may be cut off. So each is given the value once more, as what it shows at first.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any, get_args

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from flowplay.catalog import (
    Architecture,
    Choice,
    DataName,
    Option,
    Real,
    Whole,
    architectures_for,
)
from flowplay.config import RunConfig, bounds
from flowplay.figures import data_uri, family_icon, thumbnail
from flowplay.numbers import number, whole
from flowplay.problems import PROBLEMS, Energy, make_problem
from flowplay.ui.pace import measured_for, reference_step, time_to_picture
from flowplay.ui.picture_views import small_picture
from flowplay.ui.settings import follow_architecture, follow_target, locked
from flowplay.ui.terms import tooltip

#: Words of the glossary that a control's tooltip explains.
_WORDS = {
    "architecture": ("bijection", "base"),
    "width": ("conditioner",),
    "samples": ("overfitting",),
    "temperature": ("base",),
}

#: What is said of the times to a picture, where they stand.
_TIMES = (
    " The times are estimates, measured on moons with default settings, until the held-out NLL was "
    "less than 0.15 nats above the floor: a benchmark on another machine, scaled by how fast this "
    "server trains RealNVP now. Another target may take longer or shorter."
)

#: So many architectures are seen at once without groups.
_ONE_GROUP = 6

#: Pixels of a target's thumbnail, twice what is shown, for sharp screens.
_THUMBNAIL = 112


def target_picker() -> None:
    """Show the targets to choose from, each with a small picture."""
    groups: dict[str, list[str]] = {}
    for name, problem in PROBLEMS.items():
        groups.setdefault(problem.group, []).append(name)
    # A link may have chosen a target of another group.
    shown = st.session_state["target_group"] = PROBLEMS[st.session_state["target"]].group
    if len(groups) > 1:
        st.segmented_control(
            "Kind of target",
            list(groups),
            default=shown,
            required=True,
            key="target_group",
            disabled=locked("target"),
            label_visibility="collapsed",
            help="Targets that are known by their points; data of your own; energies, "
            "which are densities that are known up to their constant, learned without data; or "
            "images of whole levels.",
            on_change=_open_group,
            args=(groups,),
        )
    st.radio(
        "Target: what is to be learned",
        groups[shown],
        groups[shown].index(st.session_state["target"]),
        format_func=_labelled,
        key="target",
        disabled=locked("target"),
        label_visibility="collapsed",
        horizontal=True,
        on_change=follow_target,
        persist_state="session",
    )


def _open_group(groups: dict[str, list[str]]) -> None:
    """Choose the first target of a newly chosen group."""
    st.session_state["target"] = groups[st.session_state["target_group"]][0]
    follow_target()


@functools.cache
def target_thumbnail(name: str) -> str:
    """Return the address of a target's picture, empty if it has none in the plane."""
    values = small_picture(make_problem(name), _THUMBNAIL)
    return "" if values is None else data_uri(thumbnail(values, _THUMBNAIL))


def _labelled(name: str) -> str:
    label, picture = PROBLEMS[name].label, target_thumbnail(name)
    return f"![]({picture}) {label}" if picture else label


def architecture_picker(known: Mapping[str, Architecture]) -> None:
    """Show the architectures to choose from in groups, each with a picture and how long it takes.

    Args:
        known: what learns the chosen target.
    """
    timed = measured_for(st.session_state["target"])
    groups: dict[str, list[str]] = {}
    for name, entry in known.items():
        groups.setdefault(entry.group, []).append(name)
    if len(known) > _ONE_GROUP:
        # A link may have chosen an architecture of another group.
        chosen = known[st.session_state["architecture"]].group
        st.session_state["architecture_group"] = chosen
        st.pills(
            "Kind of architecture",
            list(groups),
            default=chosen,
            required=True,
            key="architecture_group",
            disabled=locked("architecture"),
            help="Simplest: one bend per layer. Coupling: a part of the coordinates stays and "
            "decides what happens to the rest. Autoregressive: each coordinate depends on those "
            "before it. Continuous: points flow through time. The pictures show what one layer "
            "makes of a square grid." + _TIMES * timed,
            on_change=_open_architectures,
            args=(groups,),
        )
    else:
        chosen, groups = "", {"": list(known)}
    reference = reference_step() if timed else None
    st.radio(
        "Architecture",
        groups[chosen],
        groups[chosen].index(st.session_state["architecture"]),
        format_func=lambda name: _with_icon(known[name]),
        captions=[time_to_picture(name, reference) for name in groups[chosen]],
        key="architecture",
        disabled=locked("architecture"),
        help=_help("architecture"),
        on_change=follow_architecture,
        persist_state="session",
    )


def _open_architectures(groups: dict[str, list[str]]) -> None:
    """Choose the first architecture of a newly chosen group."""
    st.session_state["architecture"] = groups[st.session_state["architecture_group"]][0]
    follow_architecture()


def _with_icon(entry: Architecture) -> str:
    icon = family_icon(entry.name)
    return f"![]({icon}) {_architecture_label(entry)}" if icon else _architecture_label(entry)


def settings() -> DeltaGenerator:
    """Show all other controls; return the place below the architecture, for a note on it."""
    known = architectures_for(PROBLEMS[st.session_state["target"]].gives)
    architecture_picker(known)
    architecture = known[st.session_state["architecture"]]
    place = st.container()
    model_controls(architecture)
    _budget()
    with st.expander("Training", icon=":material/tune:"):
        rate_control()
        batch_control()
        optimizer_controls()
        st.toggle(
            _title("checkpoint"),
            st.session_state["checkpoint"],
            key="checkpoint",
            disabled=locked("checkpoint"),
            help=_help("checkpoint"),
            persist_state="session",
        )
    with st.expander("Data and seed", icon=":material/scatter_plot:"):
        data_controls(st.session_state["target"], points=not _learns_from_draws())
        seed_control()
        _choice("device", {"auto": "Auto", "cpu": "CPU", "cuda": "CUDA"})
    return place


def model_controls(architecture: Architecture, prefix: str = "") -> None:
    """Show what says how large a model is, and its own options.

    Args:
        architecture: as it learns the target.
        prefix: stands before each name in a widget's key, where a page shows other settings than
            those of the session; so for all controls here.
    """
    if architecture.depth_help is not None:
        _slider("depth", architecture.depth_help, prefix)
    if architecture.conditioned:
        _scale("width", _doublings("width"), prefix=prefix)
    for option in architecture.options:
        _option(option, prefix)


def rate_control(prefix: str = "") -> None:
    """Show the learning rate."""
    rates = _one_two_five("learning_rate")
    _scale("learning_rate", rates, format_func=_plain, prefix=prefix)


def batch_control(prefix: str = "") -> None:
    """Show the number of points of a step."""
    _scale("batch_size", _doublings("batch_size"), format_func=_grouped, prefix=prefix)


def optimizer_controls(prefix: str = "") -> None:
    """Show how a gradient becomes a step."""
    _choice("optimizer", {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}, prefix)
    _choice("schedule", {"cosine": "Cosine", "constant": "Constant"}, prefix)
    _scale("warmup", [0, *_one_two_five("warmup")], format_func=_grouped, prefix=prefix)
    decays = [0.0, *_one_two_five("weight_decay", 1e-5)]
    _scale("weight_decay", decays, format_func=_plain, prefix=prefix)
    _scale("clip_norm", _one_two_five("clip_norm"), format_func=_plain, prefix=prefix)


def data_controls(target: str, prefix: str = "", *, points: bool = True) -> None:
    """Show the options of a target, and how many points there are to train on."""
    for option in PROBLEMS[target].options:
        _option(option, prefix)
    if points:
        _scale("samples", _one_two_five("samples"), format_func=_grouped, prefix=prefix)


def temperature_control(*, samples: bool) -> None:
    """Show the temperature of samples; it cannot be moved where no samples are shown."""
    low, high = bounds("temperature")
    st.slider(
        _title("temperature"),
        float(low),
        float(high),
        float(st.session_state["temperature"]),
        step=0.05,
        key="temperature",
        disabled=locked("temperature") or not samples,
        help=_help("temperature"),
        persist_state="session",
        width=240,
    )


def seed_control(prefix: str = "") -> None:
    """Show the seed."""
    low, high = bounds("seed")
    st.number_input(
        _title("seed"),
        int(low),
        int(high),
        st.session_state[f"{prefix}seed"],
        step=1,
        key=f"{prefix}seed",
        disabled=locked("seed"),
        help=_help("seed"),
        persist_state="session",
    )


def _architecture_label(entry: Architecture) -> str:
    """Name an architecture; other models than flows, which stand last, say that they are none."""
    return entry.label if entry.is_flow else f"{entry.label} (not a flow)"


def _learns_from_draws() -> bool:
    """Tell whether the chosen target is learned without data."""
    energy = issubclass(PROBLEMS[st.session_state["target"]], Energy)
    return energy and st.session_state.get("divergence") == "reverse"


def _budget() -> None:
    low, high = bounds("budget")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(
            _title("budget"),
            float(low),
            float(high),
            float(st.session_state["budget"]),
            step=100.0 if st.session_state["budget_unit"] == "steps" else 1.0,
            format="%.0f",
            key="budget",
            disabled=locked("budget"),
            help=_help("budget"),
            persist_state="session",
        )
        st.segmented_control(
            _title("budget_unit"),
            ["steps", "seconds"],
            default=st.session_state["budget_unit"],
            required=True,
            key="budget_unit",
            disabled=locked("budget_unit"),
            help=_help("budget_unit"),
            label_visibility="collapsed",
            persist_state="session",
        )


def _option(option: Option, prefix: str = "") -> None:
    """Show the widget of an architecture's or a target's own option, by its kind."""
    name, text, key = option.name, option.help, f"{prefix}{option.name}"
    match option:
        case DataName():
            pass  # it stands beside the target
        case Real(minimum=low, maximum=high):
            st.slider(
                option.label,
                low,
                high,
                float(st.session_state[key]),
                step=0.01,
                key=key,
                help=text,
                disabled=locked(name),
                persist_state="session",
            )
        case Whole(minimum=low, maximum=high):
            st.slider(
                option.label,
                low,
                high,
                st.session_state[key],
                key=key,
                help=text,
                disabled=locked(name),
                persist_state="session",
            )
        case Choice(choices=labels):
            st.segmented_control(
                option.label,
                list(labels),
                default=st.session_state[key],
                format_func=lambda value: labels[value],
                required=True,
                key=key,
                help=text,
                disabled=locked(name),
                persist_state="session",
            )
        case _:
            st.text_input(
                option.label,
                st.session_state[key],
                key=key,
                help=text,
                disabled=locked(name),
                persist_state="session",
            )


def _slider(name: str, text: str, prefix: str = "") -> None:
    low, high = bounds(name)
    st.slider(
        _title(name),
        int(low),
        int(high),
        st.session_state[prefix + name],
        key=prefix + name,
        help=text,
        disabled=locked(name),
        persist_state="session",
    )


def _scale(
    name: str,
    values: list[Any],
    format_func: Any = str,  # noqa: ANN401
    prefix: str = "",
) -> None:
    """Show a slider over uneven values; one from the URL that is not among them is added."""
    options = sorted({*values, st.session_state[prefix + name]})
    st.select_slider(
        _title(name),
        options,
        st.session_state[prefix + name],
        format_func=format_func,
        key=prefix + name,
        disabled=locked(name),
        help=_help(name),
        persist_state="session",
    )


def _choice(name: str, labels: dict[str, str], prefix: str = "") -> None:
    known = get_args(RunConfig.model_fields[name].annotation)
    st.segmented_control(
        _title(name),
        list(known),
        default=st.session_state[prefix + name],
        format_func=lambda value: labels[value],
        required=True,
        key=prefix + name,
        disabled=locked(name),
        help=_help(name),
        persist_state="session",
    )


def _title(name: str) -> str:
    return RunConfig.model_fields[name].title or name


def _help(name: str) -> str:
    """Return a field's description, with the glossary's words for what it speaks of."""
    return tooltip(RunConfig.model_fields[name].description or "", *_WORDS.get(name, ()))


def _doublings(name: str) -> list[int]:
    low, high = bounds(name)
    return [2**k for k in range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)]


def _one_two_five(name: str, least: float | None = None) -> list[Any]:
    """Return 1, 2, 5, 10, … within the field's range, as whole numbers where the field is whole."""
    low, high = bounds(name)
    low = max(low, least or 0, 1e-9) if least is not None or low > 0 else 1
    whole = RunConfig.model_fields[name].annotation is int
    steps = [
        digit * 10.0**power
        for power in range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
        for digit in (1, 2, 5)
    ]
    inside = [float(f"{s:.6g}") for s in steps if low <= s * (1 + 1e-9) and s <= high * (1 + 1e-9)]
    return [int(s) for s in inside] if whole else inside


def _plain(value: float) -> str:
    return number(value, 6)


def _grouped(value: int) -> str:
    return whole(value)
