"""The controls of a run: a widget for every field of `RunConfig`, explained by its own tooltip."""

from __future__ import annotations

import functools
import math
from typing import Any, get_args

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from flowplay.catalog import Choice, DataName, Option, Real, Whole, architectures_for
from flowplay.config import RunConfig, bounds
from flowplay.figures import data_uri, thumbnail
from flowplay.problems import PROBLEMS, Energy, make_problem
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


def settings() -> DeltaGenerator:
    """Show all other controls; return the place below the architecture, for a note on it."""
    known = architectures_for(PROBLEMS[st.session_state["target"]].gives)
    st.selectbox(
        "Architecture",
        list(known),
        format_func=lambda name: known[name].label,
        key="architecture",
        disabled=locked("architecture"),
        help=_help("architecture"),
        on_change=follow_architecture,
        persist_state="session",
    )
    architecture = known[st.session_state["architecture"]]
    place = st.container()
    if architecture.depth_help is not None:
        _slider("depth", architecture.depth_help)
    if architecture.conditioned:
        _scale("width", _doublings("width"))
    for option in architecture.options:
        _option(option)
    _budget()
    with st.expander("Training", icon=":material/tune:"):
        _scale("learning_rate", _one_two_five("learning_rate"), format_func=_plain)
        _scale("batch_size", _doublings("batch_size"), format_func=_grouped)
        _choice("optimizer", {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"})
        _choice("schedule", {"cosine": "Cosine", "constant": "Constant"})
        _scale("warmup", [0, *_one_two_five("warmup")], format_func=_grouped)
        _scale("weight_decay", [0.0, *_one_two_five("weight_decay", 1e-5)], format_func=_plain)
        _scale("clip_norm", _one_two_five("clip_norm"), format_func=_plain)
        st.toggle(
            _title("checkpoint"),
            key="checkpoint",
            disabled=locked("checkpoint"),
            help=_help("checkpoint"),
            persist_state="session",
        )
    with st.expander("Data, seed and samples", icon=":material/scatter_plot:"):
        for option in PROBLEMS[st.session_state["target"]].options:
            _option(option)
        if not _learns_from_draws():
            _scale("samples", _one_two_five("samples"), format_func=_grouped)
        low, high = bounds("temperature")
        st.slider(
            _title("temperature"),
            float(low),
            float(high),
            step=0.05,
            key="temperature",
            disabled=locked("temperature"),
            help=_help("temperature"),
            persist_state="session",
        )
        low, high = bounds("seed")
        st.number_input(
            _title("seed"),
            int(low),
            int(high),
            step=1,
            key="seed",
            disabled=locked("seed"),
            help=_help("seed"),
            persist_state="session",
        )
        _choice("device", {"auto": "Auto", "cpu": "CPU", "cuda": "CUDA"})
    return place


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
            required=True,
            key="budget_unit",
            disabled=locked("budget_unit"),
            help=_help("budget_unit"),
            label_visibility="collapsed",
            persist_state="session",
        )


def _option(option: Option) -> None:
    """Show the widget of an architecture's or a target's own option, by its kind."""
    name, text = option.name, option.help
    match option:
        case DataName():
            pass  # it stands beside the target
        case Real(minimum=low, maximum=high):
            st.slider(
                option.label,
                low,
                high,
                step=0.01,
                key=name,
                help=text,
                disabled=locked(name),
                persist_state="session",
            )
        case Whole(minimum=low, maximum=high):
            st.slider(
                option.label,
                low,
                high,
                key=name,
                help=text,
                disabled=locked(name),
                persist_state="session",
            )
        case Choice(choices=labels):
            st.segmented_control(
                option.label,
                list(labels),
                format_func=lambda value: labels[value],
                required=True,
                key=name,
                help=text,
                disabled=locked(name),
                persist_state="session",
            )
        case _:
            st.text_input(
                option.label, key=name, help=text, disabled=locked(name), persist_state="session"
            )


def _slider(name: str, text: str) -> None:
    low, high = bounds(name)
    st.slider(
        _title(name),
        int(low),
        int(high),
        key=name,
        help=text,
        disabled=locked(name),
        persist_state="session",
    )


def _scale(name: str, values: list[Any], format_func: Any = str) -> None:  # noqa: ANN401
    """Show a slider over uneven values; one from the URL that is not among them is added."""
    options = sorted({*values, st.session_state[name]})
    st.select_slider(
        _title(name),
        options,
        format_func=format_func,
        key=name,
        disabled=locked(name),
        help=_help(name),
        persist_state="session",
    )


def _choice(name: str, labels: dict[str, str]) -> None:
    known = get_args(RunConfig.model_fields[name].annotation)
    st.segmented_control(
        _title(name),
        list(known),
        format_func=lambda value: labels[value],
        required=True,
        key=name,
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
    return f"{value:g}"


def _grouped(value: int) -> str:
    return f"{value:,}"
