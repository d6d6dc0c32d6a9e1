"""How these sections ask a worker of the state that is looked at."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from flowplay.ui.look import WORKER, Look
from flowplay.ui.work import NotDoneError, result_of, say_not_done
from flowplay.wire import Packed, PlaneView

P = TypeVar("P", bound=Packed)


def found_of(kind: type[P], function: str, look: Look, *arguments: object) -> P | None:
    """Return what a worker makes of a look; None, after saying so, if it did not.

    Args:
        kind: of the result.
        function: of `flowplay.training.worker`; it gets state, earlier weights and arguments.
        look: a state of a run, or earlier weights of it.
        *arguments: of the function; hashable.
    """
    key = (look.key, *arguments)
    try:
        data = result_of(
            function, key, f"{WORKER}:{function}", look.state, look.earlier, *arguments
        )
    except NotDoneError as error:
        sentence = f"This could not be computed: {error}"
        say_not_done(sentence, function, key, button=f"{function}_again")
        return None
    return kind.from_bytes(data)


def log_density_of(plane: PlaneView) -> NDArray[np.float64]:
    """Return the log-density [H, W] of a picture of the plane, in nats."""
    with np.errstate(divide="ignore"):
        return np.log(plane.density.astype(np.float64))
