"""The page Anomalies: what a run finds unlikely, and how well that tells what does not belong."""
