"""What people use otherwise: five methods of scikit-learn beside the model, on the same rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st

from flowplay.numbers import fixed, number
from flowplay.ui.look import WORKER
from flowplay.ui.trained import Trained
from flowplay.ui.work import NotDoneError, result_of, say_not_done


def methods_section(
    trained: Trained, rows: bytes, figures: Mapping[str, Any], *, seconds: float
) -> None:
    """Show the AUC of the model and of other methods, and say which is the best.

    Args:
        trained: the run.
        rows: bytes of labelled `TestRows`.
        figures: what labels tell of the model's scores.
        seconds: that the run has trained for.
    """
    st.markdown("**Beside it, what people use otherwise**")
    data = _compared(trained, rows)
    if data is None:
        return
    label = trained.config.entry.label
    own = {
        "label": f"{label} (this run)",
        "auc": figures["auc"],
        "low": figures["auc_low"],
        "high": figures["auc_high"],
        "seconds": seconds,
    }
    found = sorted([own, *json.loads(data)], key=lambda one: -one["auc"])
    st.dataframe(
        [
            {
                "method": one["label"],
                "AUC": fixed(one["auc"]),
                "95 % interval": f"{fixed(one['low'])} – {fixed(one['high'])}",
                "seconds": number(one["seconds"]),
            }
            for one in found
        ],
        hide_index=True,
        width="content",
        key="anomalies_methods",
    )
    st.caption(
        f"{verdict(found, own['label'])} All learn the same training rows, with the settings that "
        "scikit-learn has by default or that are usual, and are judged by the same rows. Seconds "
        "are of learning; those of the other methods hold the scoring too."
    )


def _compared(trained: Trained, rows: bytes) -> bytes | None:
    """Return what a worker finds of the other methods; None if it failed, which is then said."""
    config = trained.config
    # They learn the same whatever the model is, and however long it has trained.
    options = {**config.target_options, "jitter": 0.0}
    key = (config.target, tuple(options.items()), config.samples, config.seed, hash(rows))
    name = "compared_methods"
    try:
        with st.spinner("Five other methods learn the same rows…", show_time=False):
            return result_of(name, key, f"{WORKER}:{name}", trained.state, rows)
    except NotDoneError as error:
        say_not_done(str(error), name, key, button=f"{name}_again")
        return None


def verdict(found: list[dict[str, Any]], own: str) -> str:
    """Say which method is the best, as measured.

    Args:
        found: methods with `label`, `auc`, `low` and `high`, the best first.
        own: label of the run's model.

    Example:
        >>> forest = {"label": "Isolation Forest", "auc": 0.95, "low": 0.94, "high": 0.96}
        >>> flow = {"label": "MAF", "auc": 0.93, "low": 0.92, "high": 0.95}
        >>> print(verdict([forest, flow], "MAF"))
        The best here is Isolation Forest with an AUC of 0.950; this run is second of 2. Their
        intervals overlap, so that other rows might turn the order around.
        >>> verdict([flow, forest], "MAF").startswith("This run is the best here, with an AUC of")
        True
    """
    names = [one["label"] for one in found]
    place = names.index(own)
    best, rival = found[0], found[place] if place else found[1]
    overlap = (
        " Their intervals overlap, so that other rows might turn the order around."
        if rival["high"] >= best["low"]
        else ""
    )
    if not place:
        return (
            f"This run is the best here, with an AUC of {fixed(best['auc'])}; the next is "
            f"{rival['label']} with {fixed(rival['auc'])}.{overlap}"
        )
    count = ("first", "second", "third", "fourth", "fifth", "last")
    nth = count[place] if place < len(count) else f"number {place + 1}"
    return (
        f"The best here is {best['label']} with an AUC of {fixed(best['auc'])}; this run "
        f"is {nth} of {len(found)}.{overlap}"
    )
