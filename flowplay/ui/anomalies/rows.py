"""Rows of a file: their scores and verdicts, and what their labels tell."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import numpy as np
import streamlit as st

from flowplay.anomalies import scored_csv, threshold, verdicts
from flowplay.engine import RunView
from flowplay.figures.scores import precision_recall_figure, roc_figure, scores_figure
from flowplay.numbers import fixed, whole
from flowplay.problems import Problem, Tabular
from flowplay.reading import UnreadableError
from flowplay.reading.limits import TABLE_LIMITS
from flowplay.ui.anomalies.methods import methods_section
from flowplay.ui.look import WORKER
from flowplay.ui.reading import read_once
from flowplay.ui.runs import ACTIVE
from flowplay.ui.terms import plain
from flowplay.ui.trained import Trained
from flowplay.ui.work import NotDoneError, result_of
from flowplay.wire import Scored, TestRows
from flowplay.wire.scored import CALIBRATED_ON, TRAINED_ON

#: Data for which there are built-in test rows.
BENIGN: Final = "breast_cancer_benign"

_TYPES: Final = ["csv", "tsv", "txt", "parquet"]
_NO_LABELS: Final = "No labels"

#: Rows that the page lists at most; the file has all.
_LISTED: Final = 500


def rows_section(trained: Trained, problem: Problem, share: float, view: RunView) -> None:
    """Let a visitor score rows of a file, or the built-in ones, and show how well it works.

    Args:
        trained: the run.
        problem: of the run.
        share: of held-out points that are called anomalous.
        view: of the run.
    """
    st.subheader("Score rows", anchor=False)
    content = _chosen_rows(trained, problem)
    if content is None:
        return
    rows = TestRows.from_bytes(content)
    scored = trained.found(Scored, "scored_rows", content)
    if scored is None:
        return
    limit = threshold(scored.calibration, share)
    _told(scored, rows, limit, share)
    told = verdicts(scored.scores, limit)
    groups = {"held-out points": scored.calibration}
    if scored.judged:
        known = (rows.labels >= 0) & (scored.seen == 0)
        groups = {
            "normal rows": scored.scores[known & (rows.labels == 0)],
            "anomalies by their label": scored.scores[known & (rows.labels == 1)],
        }
    else:
        groups["rows to score"] = scored.scores[~np.isnan(scored.scores)]
    st.plotly_chart(
        scores_figure(groups, limit),
        key="anomalies_histogram",
        config={"displayModeBar": False},
        alt="Histograms of the scores of " + " and of ".join(groups) + ".",
    )
    if scored.judged:
        figures = scored.judged
        _curves(scored)
        if view.phase in ACTIVE:
            st.caption("Other methods on the same rows are shown when the training rests.")
        else:
            seconds = 0.0 if view.header is None else view.header.seconds
            methods_section(trained, content, figures, seconds=seconds)
    _list(rows, scored, told)
    st.download_button(
        "Rows with score and verdict (CSV)",
        scored_csv(rows, scored, share),
        "scored.csv",
        "text/csv",
        key="anomalies_csv",
        icon=":material/download:",
        help="All rows, with score, percentile among held-out scores, and verdict.",
        on_click="ignore",
    )


def _curves(scored: Scored) -> None:
    """Draw both curves, below each other on a phone."""
    figures = scored.judged
    share = figures["anomalies"] / (figures["anomalies"] + figures["normal"])
    left, right = st.columns(2)
    with left:
        st.markdown(f"**ROC**, area (AUC) {fixed(figures['auc'])}")
        st.plotly_chart(
            roc_figure(scored.curves),
            key="anomalies_roc",
            config={"displayModeBar": False},
            alt=f"ROC curve with an area of {fixed(figures['auc'])}. Dashed: chance.",
        )
    with right:
        st.markdown(
            f"**Precision-recall**, average precision {fixed(figures['average_precision'])}"
        )
        st.plotly_chart(
            precision_recall_figure(scored.curves, share),
            key="anomalies_precision",
            config={"displayModeBar": False},
            alt="Precision-recall curve with an average precision of "
            f"{fixed(figures['average_precision'])}. Dashed: chance.",
        )


def _chosen_rows(trained: Trained, problem: Problem) -> bytes | None:
    """Return bytes of the `TestRows` to score; None while none are chosen."""
    source = "file"
    if trained.config.target_options.get("data") == BENIGN:
        source = str(
            st.segmented_control(
                "Rows",
                ["example", "file"],
                format_func={"example": "Built-in test rows", "file": "Your rows"}.__getitem__,
                default="example",
                required=True,
                key="anomalies_source",
                label_visibility="collapsed",
            )
        )
    if source == "example":
        st.caption(
            "Benign rows that neither the training nor the threshold has seen, and all malignant "
            "rows. The model has learned from 80 % of the benign rows alone; the threshold comes "
            "from another 10 %."
        )
        try:
            name = f"{WORKER}:example_rows"
            return result_of("example_rows", trained.config.seed, name, trained.config.seed)
        except NotDoneError as error:
            st.warning(str(error), icon=":material/error:")
            return None
    return _rows_of_file(problem)


def _rows_of_file(problem: Problem) -> bytes | None:
    columns = problem.columns if isinstance(problem, Tabular) else ["x", "y"]
    listed = ", ".join(columns) if isinstance(problem, Tabular) else "x, y, or two others"
    file = st.file_uploader(
        f"A table with the columns {listed}",
        type=_TYPES,
        key="anomalies_file",
        help="CSV, TSV or Parquet, with the names of the columns in its first row.",
    )
    text = st.text_area(
        "Or paste cells here",
        key="anomalies_text",
        height=110,
        placeholder=", ".join(columns) + "\n…",
        help="As they are copied from a spreadsheet, or as CSV, with the names of the columns.",
    )
    st.caption(f"{TABLE_LIMITS} Another column may hold labels: which rows are anomalies.")
    if file is None and not text.strip():
        return None
    data = text.strip().encode() if file is None else file.getvalue()
    try:
        names = [name for name, _ in read_once("columns", data, "rows").about["columns"]]
        others = [name for name in names if name not in columns]
        label = st.selectbox(
            "Column with labels",
            [_NO_LABELS, *others],
            key=f"anomalies_label_{hashlib.sha256(data).hexdigest()[:8]}",
            help="It has two values. An anomaly is 1, true, yes, anomaly, outlier or malignant, "
            "else the rarer value.",
            width=320,
        )
        chosen = None if label == _NO_LABELS else str(label)
        return read_once("rows", data, "rows", columns=columns, label=chosen).content
    except UnreadableError as error:
        st.warning(str(error), icon=":material/block:")
        return None


def _told(scored: Scored, rows: TestRows, limit: float, share: float) -> None:
    """Say how many rows are called anomalous, and what the labels tell."""
    known = ~np.isnan(scored.scores)
    called = scored.scores[known] > limit
    figures = scored.judged
    with st.container(horizontal=True):
        st.metric("Rows scored", whole(int(known.sum())))
        st.metric(
            "Threshold",
            f"{fixed(limit, 2)} nats",
            help=f"{fixed(100 * share, 1)} % of {whole(len(scored.calibration))} held-out points "
            "have a higher score. None of them is among the rows that are judged.",
        )
        st.metric("Called anomalous", whole(int(called.sum())))
        if figures:
            st.metric(
                "AUC",
                f"{fixed(figures['auc'])}",
                help="The area under the ROC curve: how often an anomaly has a higher score than "
                "a normal row. It needs no threshold.",
            )
            st.metric(
                "95 % interval",
                f"{fixed(figures['auc_low'])} – {fixed(figures['auc_high'])}",
                help="Bootstrap: the AUC of 500 random draws, with replacement, of the same rows.",
            )
    notes = []
    if gaps := int((~known).sum()):
        notes.append(f"{_counted(gaps)} with gaps: no score.")
    if trained_on := int((scored.seen == TRAINED_ON).sum()):
        notes.append(
            f"{_counted(trained_on)} equal to one that the model was trained on: scored, but not "
            "judged by its label."
        )
    if calibrated := int((scored.seen == CALIBRATED_ON).sum()):
        notes.append(
            f"{_counted(calibrated)} equal to one behind the threshold: scored, but not judged by "
            "its label."
        )
    if rows.label_name and not figures:
        notes.append("The rows that are left to be judged do not have both labels: no AUC.")
    if rows.label_name:
        name, anomaly = (plain(text) for text in rows.label_name)
        notes.append(f"An anomaly is a row with {anomaly} in the column {name}.")
    if notes:
        st.caption(" ".join(notes))


def _counted(n: int) -> str:
    return f"{whole(n)} row{'s' * (n != 1)}"


def _list(rows: TestRows, scored: Scored, told: list[str]) -> None:
    """List rows with the highest score first."""
    order = np.argsort(-np.nan_to_num(scored.scores, nan=-np.inf), kind="stable")[:_LISTED]
    listed: dict[str, Any] = {
        "row": (order + 1).tolist(),
        "verdict": [told[i] for i in order],
        "score": [round(float(scored.scores[i]), 3) for i in order],
    }
    if len(rows.labels):
        listed[rows.label_name[0]] = [
            {1: "anomaly", 0: "normal"}.get(int(rows.labels[i]), "") for i in order
        ]
    for k, name in enumerate(rows.columns):
        listed[name if name not in listed else f"{name} "] = rows.rows[order, k].tolist()
    more = len(scored.scores) - len(order)
    st.caption("Highest scores first" + (f"; {whole(more)} more are in the file." if more else "."))
    st.dataframe(listed, hide_index=True, key="anomalies_table", height=280)
