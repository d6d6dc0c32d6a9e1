"""Scored rows as a CSV file."""

from __future__ import annotations

import csv
import io

import numpy as np

from flowplay.anomalies.judging import threshold, verdicts
from flowplay.wire.scored import CALIBRATED_ON, TRAINED_ON, UNSEEN, Scored, TestRows

#: What the column `seen` says of a row.
SEEN = {UNSEEN: "", TRAINED_ON: "training", CALIBRATED_ON: "threshold"}


def scored_csv(rows: TestRows, scored: Scored, share: float) -> bytes:
    """Write the rows with score, percentile among held-out scores, and verdict.

    If the run has seen some of the rows, a column `seen` says which.

    Args:
        rows: what was scored.
        scored: their scores.
        share: of held-out points that are called anomalous.
    """
    told = verdicts(scored.scores, threshold(scored.calibration, share))
    below = np.searchsorted(scored.calibration, scored.scores, side="right")
    ranks = below / len(scored.calibration)
    seen = ["seen"] if scored.seen.any() else []
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    label = rows.label_name[:1] if len(rows.labels) else []
    writer.writerow([*map(_safe, rows.columns + label), "score", "percentile", "verdict", *seen])
    for i, (row, score, rank, verdict) in enumerate(
        zip(rows.rows.tolist(), scored.scores.tolist(), ranks.tolist(), told, strict=True)
    ):
        cells = ["" if np.isnan(value) else repr(value) for value in row]
        if label:
            cells.append("" if rows.labels[i] < 0 else str(int(rows.labels[i])))
        known = [f"{score:.6f}", f"{100 * rank:.1f}"] if verdict else ["", ""]
        used = [SEEN[int(scored.seen[i])]] if seen else []
        writer.writerow([*cells, *known, verdict, *used])
    return file.getvalue().encode()


def _safe(name: str) -> str:
    """Return a name that no spreadsheet takes for a formula."""
    return "'" + name if name[:1] in ("=", "+", "-", "@") else name
