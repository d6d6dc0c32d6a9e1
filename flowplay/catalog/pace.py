"""How long every model takes to a good picture: steps, and milliseconds of a step, as measured.

`python -m benchmarks.pace` prints the table. Steps do not depend on the machine. The milliseconds
are those of one core of the machine that measured them; a server scales them by how fast it trains
the family `REFERENCE`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

#: A picture is called good where the held-out NLL is less than so many nats above the entropy.
GOOD = 0.15

#: The family by which a server finds how fast it is.
REFERENCE = "realnvp"


class Pace(NamedTuple):
    """How a model with its default settings learns the two moons.

    Attributes:
        steps: to a good picture; None if it had not come when the measurement was given up.
        milliseconds: of one step.
        given_up: steps after which that was.
    """

    steps: int | None
    milliseconds: float
    given_up: int = 0


#: Measured on one core of an AMD EPYC with a job on the other, by the time of the processor.
PACES: Mapping[str, Pace] = MappingProxyType(
    {
        "planar": Pace(700, 30.32),
        "radial": Pace(None, 29.94, 2000),
        "nice": Pace(975, 5.10),
        "realnvp": Pace(500, 5.12),
        "glow": Pace(925, 3.70),
        "maf": Pace(625, 4.03),
        "iaf": Pace(700, 4.52),
        "nsf": Pace(375, 2.40),
        "flowpp": Pace(300, 2.68),
        "ffjord": Pace(425, 45.35),
        "flow_matching": Pace(1325, 29.48),
        "residual": Pace(425, 7.45),
        "graphical": Pace(525, 5.72),
        "mixed": Pace(450, 9.87),
        "vae": Pace(None, 13.48, 2000),
        "diffusion": Pace(825, 31.99),
    }
)


class Seconds(NamedTuple):
    """About how long a family takes to a good picture.

    Attributes:
        seconds: so long.
        at_least: whether it takes longer than that.
    """

    seconds: float
    at_least: bool


def seconds_to_picture(name: str, reference: float) -> Seconds | None:
    """Return about how long a family takes to a good picture; None if that was not measured.

    Args:
        name: of the architecture.
        reference: milliseconds of a step of `REFERENCE` on this machine.
    """
    pace = PACES.get(name)
    if pace is None:
        return None
    slower = reference / PACES[REFERENCE].milliseconds
    steps = pace.given_up if pace.steps is None else pace.steps
    return Seconds(steps * pace.milliseconds / 1000 * slower, at_least=pace.steps is None)
