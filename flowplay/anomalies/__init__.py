"""What does not belong: thresholds, verdicts, what labels tell, and the usual other methods.

The score of a point is -log p, in nats: the higher, the less it belongs. Nothing here needs torch.
"""

from flowplay.anomalies.judging import Curves, judged, percentile, threshold, verdicts
from flowplay.anomalies.table import scored_csv

__all__ = ["Curves", "judged", "percentile", "scored_csv", "threshold", "verdicts"]
