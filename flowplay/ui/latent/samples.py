"""Samples without training: temperature, sampler and its steps live, with what they cost."""

from __future__ import annotations

from typing import Any

import streamlit as st

from flowplay.catalog import Choice
from flowplay.config import RunConfig, bounds
from flowplay.figures.latent import cost_figure
from flowplay.numbers import fixed, whole
from flowplay.ui.components.density_view import density_view
from flowplay.ui.latent.asking import found_of
from flowplay.ui.look import Look
from flowplay.ui.terms import prose
from flowplay.wire import SampledView, SamplingCostView

#: Steps on the slider.
_STEPS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 40, 60, 100, 200)

#: Metrics as they are shown, with digits.
_METRICS = {
    "sliced_w2": ("Sliced W2", 3),
    "energy_distance": ("Energy distance", 4),
    "precision": ("Precision", 3),
    "recall": ("Recall", 3),
    "modes": ("Share of modes", 3),
}


def samples_section(config: RunConfig, look: Look) -> None:
    """Let a visitor draw samples with other settings, and show how near they are to data."""
    st.subheader("Samples", anchor=False)
    several = config.architecture == "diffusion"
    with st.container(horizontal=True, vertical_alignment="bottom", key="drawing"):
        low, high = bounds("temperature")
        temperature = st.slider(
            "Temperature of these samples",
            float(low),
            float(high),
            st.session_state.get("drawn_temperature", 1.0),
            step=0.05,
            key="drawn_temperature",
            help="Factor on the standard deviation of the noise. The model is not trained again.",
            width=280,
        )
        sampler, steps = _sampler(config) if several else (None, 0)
    found = found_of(SampledView, "samples_drawn", look, float(temperature), sampler, steps)
    left, right = st.columns(2, gap="medium")
    with left:
        if found is not None:
            density_view(
                None,
                bounds=found.window,
                alt=f"{whole(len(found.points))} samples of the model at temperature "
                f"{fixed(temperature, 2)}.",
                key="drawn_samples",
                points=found.points,
                note=f"Samples at temperature {fixed(temperature, 2)}, from the same noise",
                frame_id=f"{look.run_id[:6]}-{look.step}-{temperature}-{sampler}-{steps}",
            )
    with right:
        if found is not None:
            _table(found, several=several)
        if several:
            _cost(look)


def _sampler(config: RunConfig) -> tuple[str, int]:
    """Show which sampler draws, and in how many steps; return both."""
    option = next(o for o in config.entry.options if o.name == "sampler")
    assert isinstance(option, Choice)
    sampler = st.segmented_control(
        "Sampler",
        list(option.choices),
        default=st.session_state.get("drawn_sampler") or "heun",
        format_func=lambda name: option.choices[name],
        required=True,
        key="drawn_sampler",
        help=option.help,
    )
    steps = st.select_slider(
        "Sampling steps",
        _STEPS,
        st.session_state.get("drawn_steps", 8),
        key="drawn_steps",
        help="More steps cost more evaluations of the network. The model is not trained again.",
        disabled=sampler == "ode",
        width=280,
    )
    return str(sampler), 0 if sampler == "ode" else int(steps)


def _table(found: SampledView, *, several: bool) -> None:
    calls = f", {whole(found.evaluations)} evaluations of the network each" if several else ""
    st.markdown(
        f"**{whole(found.drawn)} samples took {_milliseconds(found.milliseconds)}**{calls}."
    )
    rows = [
        f"| {label} | {_with_error(found.metrics[name], digits)} | "
        f"{fixed(found.metrics[name]['data'], digits)} |"
        for name, (label, digits) in _METRICS.items()
        if name in found.metrics
    ]
    if rows:
        head = ["| | samples, against fresh data | data, against other data |", "|---|---:|---:|"]
        prose("\n".join([*head, *rows]))
        st.caption(
            "With standard errors. A model cannot be expected to come nearer to data than other "
            "data do. Distances: lower is nearer. Precision is the part of samples that lie near "
            "data, recall the part of data that lie near samples."
        )


def _with_error(estimate: dict[str, Any], digits: int) -> str:
    return f"{fixed(estimate['value'], digits)} ± {fixed(estimate['error'], digits)}"


def _cost(look: Look) -> None:
    found = found_of(SamplingCostView, "cost_of_sampling", look)
    if found is None:
        return
    st.markdown("**Cost against quality**, at temperature 1")
    st.plotly_chart(cost_figure(found.rows, found.data), key="cost_chart")
    st.caption(
        f"Sliced W2 of {whole(found.drawn)} samples against fresh data, with standard errors. "
        "Heun solves the ODE in equal steps of log σ. Ancestral steps add fresh noise, and need "
        "more of them."
    )


def _milliseconds(value: float) -> str:
    return f"{whole(value)} ms" if value >= 10 else f"{fixed(value, 1)} ms"
