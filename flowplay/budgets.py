"""How much memory runs may take, in bytes; each budget can be set by an environment variable."""

from __future__ import annotations

import os
from functools import cache

from pydantic import BaseModel, ByteSize, ConfigDict, Field, ValidationError

PREFIX = "FLOWPLAY_"

HELD_BYTES = 64 * 2**20
"""How much of the states it produced last a worker keeps, so that a run that returns to it need
not bring its state along: half a megabyte through client and scheduler costs 5 ms a slice."""


class Budgets(BaseModel):
    """The budgets of one process; sizes are read as `512MiB`, `2GB` or a number of bytes.

    The environment variable of a budget is `FLOWPLAY_` and its name in capitals, for instance
    `FLOWPLAY_RUNS_MEMORY=2GiB`.

    Example:
        >>> int(Budgets(runs_memory="2KiB").runs_memory)
        2048
    """

    model_config = ConfigDict(frozen=True, validate_default=True)

    runs_memory: ByteSize = Field(
        ByteSize(1024 * 2**20),
        gt=0,
        description="States and snapshots of all runs in the server; the longest unseen go first.",
    )
    history_memory: ByteSize = Field(
        ByteSize(256 * 2**20),
        ge=0,
        description="Earlier weights of all runs in the server, for rewinding.",
    )
    results_memory: ByteSize = Field(
        ByteSize(256 * 2**20),
        ge=0,
        description="What pages have asked workers for; what was used least recently goes first.",
    )
    live_memory: ByteSize = Field(
        ByteSize(512 * 2**20),
        ge=0,
        description="Models with their optimizers that one worker keeps ready for the next slice.",
    )
    step_memory: ByteSize = Field(
        ByteSize(1024 * 2**20),
        gt=0,
        description="What one optimizer step of a run may take, where no worker's memory is known.",
    )
    store_bytes: ByteSize = Field(
        ByteSize(4 * 2**30),
        gt=0,
        description="Runs and data that are kept; the longest unseen and unshared go first.",
    )
    worker_memory: ByteSize | None = Field(
        None,
        gt=0,
        description="What a worker may take in all; those on the server's machine are told it.",
    )


@cache
def budgets() -> Budgets:
    """Return the budgets that the environment sets.

    Raises:
        ValueError: if a variable is no size; the message is one sentence.
    """
    names = {PREFIX + name.upper(): name for name in Budgets.model_fields}
    given = {name: os.environ[key] for key, name in names.items() if os.environ.get(key)}
    try:
        return Budgets.model_validate(given)
    except ValidationError as error:
        wrong = str(error.errors()[0]["loc"][0])
        key = PREFIX + wrong.upper()
        raise ValueError(f"{key}={given[wrong]!r} is no size like 512MiB.") from None
