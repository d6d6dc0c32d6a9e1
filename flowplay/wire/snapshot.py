"""What a viewer sees of a run at one step: a header, curves, measurements and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from flowplay.wire.packing import pack, unpack, unpack_header
from flowplay.wire.pictures import PICTURE_KINDS, Picture

KIND = "snapshot"
VERSION = 2

Exactness = Literal["exact", "bound", "estimate"]
"""How a number stands to what it is called: equal to it, on one side of it, or near it."""

P = TypeVar("P", bound=Picture)


@dataclass(frozen=True)
class Header:
    """What every run has, whatever it learns; the engine reads nothing else of a snapshot.

    Attributes:
        step: optimizer steps taken.
        seconds: time spent training, without snapshots and waiting.
        steps_per_second: speed of the last slice (0 before the first).
        learning_rate: the rate of the last step, after warm-up and decay.
        gradient_norm: norm of the last step's gradient, before clipping.
        parameters: number of trained parameters.
        device: where the last slice ran, `cpu` or `cuda`.
        finished: whether the budget is used up.
        failure: one sentence if training broke and the last good state is shown, else empty.
    """

    step: int
    seconds: float
    steps_per_second: float
    learning_rate: float
    gradient_norm: float
    parameters: int
    device: str
    finished: bool
    failure: str

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Read the header of a snapshot's bytes, and nothing else.

        Raises:
            ValueError: if the bytes are no snapshot of this version.
        """
        return cls._from(unpack_header(KIND, VERSION, data).get("header"))

    @classmethod
    def _from(cls, values: object) -> Self:
        if not isinstance(values, dict) or set(values) != {f.name for f in fields(cls)}:
            raise ValueError(f"These bytes are not a complete flowplay {KIND}.")
        return cls(**values)


@dataclass(frozen=True)
class Curve:
    """A quantity over optimizer steps.

    Attributes:
        label: what it is, as a legend has it.
        unit: of its values, `nats` for instance; empty where it has none.
        points: [n, 2] float32, (step, value).
    """

    label: str
    unit: str
    points: NDArray[np.float32]


@dataclass(frozen=True)
class Measurement:
    """A quantity at the snapshot's step.

    Attributes:
        label: what it is.
        value: in `unit`.
        unit: `nats` for instance; empty where it has none.
        exactness: whether the value is what the label says, a bound of it, or an estimate.
    """

    label: str
    value: float
    unit: str
    exactness: Exactness


@dataclass(frozen=True)
class Snapshot:
    """A run at one step.

    Attributes:
        header: what the engine reads.
        curves: by name. `train` is the mean of what training minimizes since the row before;
            `held_out` the held-out loss, where the model has a likelihood.
        measurements: by name. `train` is the mean over the last slice; `held_out` as last
            measured: while it trains, this may be a few tenths of a second before `header.step`.
        pictures: at most one of each kind, by the kind's tag.
    """

    header: Header
    curves: Mapping[str, Curve] = field(default_factory=dict)
    measurements: Mapping[str, Measurement] = field(default_factory=dict)
    pictures: Mapping[str, Picture] = field(default_factory=dict)

    def picture(self, kind: type[P]) -> P | None:
        """Return the picture of a kind, None if there is none."""
        found = self.pictures.get(kind.TAG)
        return found if isinstance(found, kind) else None

    def to_bytes(self) -> bytes:
        """Write all parts in the one byte form."""
        arrays: dict[str, NDArray[Any]] = {
            f"curve {name}": curve.points for name, curve in self.curves.items()
        }
        pictures = {}
        for tag, picture in self.pictures.items():
            pictures[tag], own = picture.parts()
            arrays |= {f"picture {tag} {name}": array for name, array in own.items()}
        header = {
            "header": asdict(self.header),
            "curves": {n: [c.label, c.unit] for n, c in self.curves.items()},
            "measurements": {n: asdict(m) for n, m in self.measurements.items()},
            "pictures": pictures,
        }
        return pack(KIND, VERSION, header, arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote; pictures of kinds that are not known here are left out.

        Raises:
            ValueError: if the bytes are of another kind or version, or lack a part.
        """
        header, arrays = unpack(KIND, VERSION, data)
        try:
            return cls(
                header=Header._from(header["header"]),
                curves={
                    name: Curve(label, unit, arrays[f"curve {name}"])
                    for name, (label, unit) in header["curves"].items()
                },
                measurements={n: Measurement(**m) for n, m in header["measurements"].items()},
                pictures={
                    tag: PICTURE_KINDS[tag].picture.from_parts(
                        values, _own(arrays, f"picture {tag} ")
                    )
                    for tag, values in header["pictures"].items()
                    if tag in PICTURE_KINDS
                },
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"These bytes are not a complete flowplay {KIND}.") from error


def _own(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
