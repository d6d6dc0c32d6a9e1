"""Training as a chain of slices: a run's state, the next slice of it, and what it shows."""

from flowplay.training.slices import finished, train_slice
from flowplay.training.start import new_run, prepare_process
from flowplay.wire import RunState

__all__ = ["RunState", "finished", "new_run", "prepare_process", "train_slice"]
