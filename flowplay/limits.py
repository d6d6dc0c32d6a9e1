"""What visitors of an open server may take, each limit set by an environment variable."""

from __future__ import annotations

import os
from functools import cache

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flowplay.budgets import PREFIX


class Limits(BaseModel):
    """The limits of one server.

    The environment variable of a limit is `FLOWPLAY_` and its name in capitals, for instance
    `FLOWPLAY_MAX_CLASSES=5`.

    Example:
        >>> Limits(max_runs="20").max_runs
        20
    """

    model_config = ConfigDict(frozen=True)

    max_runs: int = Field(200, ge=1, description="Runs that train at once, of all visitors.")
    max_runs_per_session: int = Field(
        24, ge=1, description="Runs that train at once in one session; a board has up to 12."
    )
    max_parameters: int = Field(
        50_000_000, ge=1, description="Parameters of the largest model that is trained."
    )
    idle_minutes: float = Field(
        30.0, gt=0, description="A run that nobody looks at stays in memory for so long."
    )
    max_classes: int = Field(100, ge=0, description="Classes at once.")
    max_classes_per_browser: int = Field(10, ge=0, description="Classes at once of one browser.")
    class_days: float = Field(
        30.0, gt=0, description="A class or live link that nobody opens is kept for so many days."
    )
    max_followers: int = Field(500, ge=0, description="Live links that are open at once.")
    max_students: int = Field(100, ge=1, description="Students of one class.")


@cache
def limits() -> Limits:
    """Return the limits that the environment sets.

    Raises:
        ValueError: if a variable is no such number; the message is one sentence.
    """
    names = {PREFIX + name.upper(): name for name in Limits.model_fields}
    given = {name: os.environ[key] for key, name in names.items() if os.environ.get(key)}
    try:
        return Limits.model_validate(given)
    except ValidationError as error:
        wrong = str(error.errors()[0]["loc"][0])
        raise ValueError(
            f"{PREFIX}{wrong.upper()}={given[wrong]!r} is no number that this limit may have."
        ) from None
