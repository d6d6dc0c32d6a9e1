"""Scored rows as a CSV file."""

from __future__ import annotations

import csv
import io

import numpy as np

from flowplay.anomalies.judging import threshold, verdicts
from flowplay.wire.scored import Scored, TestRows


def scored_csv(rows: TestRows, scored: Scored, share: float) -> bytes:
    """Write the rows with score, percentile among held-out scores, and verdict.

    Args:
        rows: what was scored.
        scored: their scores.
        share: of held-out points that are called anomalous.
    """
    told = verdicts(scored.scores, threshold(scored.held_out, share))
    ranks = np.searchsorted(scored.held_out, scored.scores, side="right") / len(scored.held_out)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    label = rows.label_name[:1] if len(rows.labels) else []
    writer.writerow([*map(_safe, rows.columns + label), "score", "percentile", "verdict"])
    for i, (row, score, rank, verdict) in enumerate(
        zip(rows.rows.tolist(), scored.scores.tolist(), ranks.tolist(), told, strict=True)
    ):
        cells = ["" if np.isnan(value) else repr(value) for value in row]
        if label:
            cells.append("" if rows.labels[i] < 0 else str(int(rows.labels[i])))
        known = [f"{score:.6f}", f"{100 * rank:.1f}"] if verdict else ["", ""]
        writer.writerow([*cells, *known, verdict])
    return file.getvalue().encode()


def _safe(name: str) -> str:
    """Return a name that no spreadsheet takes for a formula."""
    return "'" + name if name[:1] in ("=", "+", "-", "@") else name
