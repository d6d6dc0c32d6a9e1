"""What pages show of a run on an energy: its figures, its bounds, and which direction is cheap."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from flowplay.catalog import FlowFamily
from flowplay.config import RunConfig
from flowplay.numbers import fixed, whole
from flowplay.problems import Energy, learns_from_draws
from flowplay.ui.components.loss_view import loss_view
from flowplay.ui.terms import tooltip
from flowplay.wire import Snapshot

#: The two divergences by name, and what each punishes.
DIVERGENCES = {
    "KL(q‖p)": "The reverse KL divergence, in nats: log Z − ELBO. It is large where the model puts "
    "mass and the target has none; a mode that the model leaves out costs little.",
    "KL(p‖q)": "The forward KL divergence, in nats, from exact draws of the target. It is large "
    "where the target has mass and the model has none.",
}


def trained_divergence(energy: Energy) -> str:
    """Return the name of the divergence that a run on an energy makes small."""
    return "KL(q‖p)" if learns_from_draws(energy) else "KL(p‖q)"


def energy_metrics(snapshot: Snapshot | None, energy: Energy) -> list[tuple[str, str, str]]:
    """Return label, value and tooltip of each figure of a run on an energy."""
    measured = {} if snapshot is None else snapshot.measurements
    by_label = {m.label: m.value for m in measured.values()}

    def said(label: str, write: Callable[[float], str] = fixed) -> str:
        return "…" if label not in by_label else write(by_label[label])

    draws = " An estimate, from 2,000 draws."
    return [
        *(
            (name, said(name), tooltip(text + draws, "KL divergence", "nats"))
            for name, text in DIVERGENCES.items()
        ),
        (
            "ELBO",
            said("ELBO"),
            tooltip(
                "The evidence lower bound, the mean of log p̃ − log q over draws of the model, in "
                "nats: below log Z by KL(q‖p)." + draws,
                "ELBO",
            ),
        ),
        (
            f"log Z estimate (true {fixed(energy.log_z)})",
            said("importance-weighted log Z"),
            "The importance-weighted estimate of log Z, from the model's draws. On average it lies "
            "between the ELBO and the true value, which is known by quadrature." + draws,
        ),
        (
            "Effective sample size",
            said("effective sample size", "{:.0%}".format),
            tooltip(
                "How many equally weighted draws the weighted draws of the model are worth, as a "
                "share. Near 0, importance sampling with this model is not to be trusted." + draws,
                "effective sample size",
            ),
        ),
    ]


def bounds_chart(snapshot: Snapshot, energy: Energy, *, key: str, height: int) -> None:
    """Draw the ELBO and the importance-weighted estimate, which rise to the true log Z."""
    curves = snapshot.curves
    if "elbo" not in curves:
        return
    st.markdown("**Bounds**: both rise to log Z, in nats")
    loss_view(
        {"train": curves["elbo"], "held_out": curves["log_z"]},
        entropy=energy.log_z,
        floor="true log Z",
        rising=True,
        names=("ELBO", "log Z est."),
        alt=f"ELBO and importance-weighted log Z against optimizer step. At step "
        f"{whole(snapshot.header.step)}: ELBO {fixed(snapshot.measurements['elbo'].value)}, "
        f"estimate {fixed(snapshot.measurements['log_z'].value)}, "
        f"true log Z {fixed(energy.log_z)} nats.",
        key=key,
        height=height,
    )


def direction_note(config: RunConfig) -> None:
    """Say which direction of a family is the cheap one, where a run learns from its own draws."""
    architecture = config.entry
    if not learns_from_draws(config.problem()) or not isinstance(architecture, FlowFamily):
        return
    draw, density = architecture.forward_cost, architecture.inverse_cost
    said = "This energy is learned from draws, z → x, which each layer computes as it stands."
    if architecture.turns:
        draw, density = density, draw
        said = (
            "This energy is learned from draws, so the layers stand the other way round: in the "
            "card's formulas x and z change places, and draws are the cheap direction."
        )
    st.caption(
        f"{said} Each layer takes, for a draw: {draw}; for the density of a given point, which "
        f"only pictures need: {density}."
    )
