"""Separate streams of random numbers, all from the run's one seed.

Two runs on the same problem and seed see the same batches, whatever their models draw.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import torch

Stream = Literal["batches", "noise", "samples", "judgement"]
"""What is drawn: batches, what layers draw in training, samples for pictures, draws that judge."""


def generator(seed: int, stream: Stream) -> torch.Generator:
    """Return the generator of a stream; streams of one seed, and of two seeds, are independent.

    Args:
        seed: the run's seed.
        stream: what it is for.
    """
    key = get_args(Stream).index(stream)
    words = np.random.SeedSequence(seed, spawn_key=(key,)).generate_state(1, np.uint64)
    # A torch seed is a signed number of 64 bits.
    return torch.Generator().manual_seed(int(words[0] >> np.uint64(1)))
