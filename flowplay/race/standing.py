"""How each contestant of a race stands, and who leads in what."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flowplay.catalog import Likelihood
from flowplay.config import RunConfig
from flowplay.numbers import fixed, whole
from flowplay.wire import Header, Snapshot

#: Nats above the floor: when a contestant first comes so near is noted.
MARGINS = (0.10, 0.03)

#: Moments that a trace keeps; beyond that, every other one of its older half goes.
_MOMENTS = 600


@dataclass
class Trace:
    """At which second of its training a contestant was at which step, as it was looked at.

    Attributes:
        moments: (step, seconds), rising.
        reached: seconds at which a margin was first seen to be reached, by the margin.
    """

    moments: list[tuple[int, float]] = field(default_factory=lambda: [(0, 0.0)])
    reached: dict[float, float] = field(default_factory=dict)

    def note(self, header: Header) -> None:
        """Note where a contestant stands."""
        if header.step > self.moments[-1][0]:
            self.moments.append((header.step, header.seconds))
        if len(self.moments) > _MOMENTS:
            half = _MOMENTS // 2
            self.moments = self.moments[:half:2] + self.moments[half:]

    def seconds(self, steps: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the seconds of training at these steps, between two moments as if evenly fast.

        Example:
            >>> Trace([(0, 0.0), (10, 2.0), (20, 3.0)]).seconds(np.array([5.0, 15.0])).tolist()
            [1.0, 2.5]
        """
        at, seconds = np.array(self.moments, np.float64).T
        found: NDArray[np.float64] = np.interp(steps, at, seconds)
        return found

    def note_margins(self, rows: NDArray[np.floating], floor: float) -> None:
        """Note which margins have been reached.

        Args:
            rows: [n, 2] (step, held-out loss) in nats.
            floor: in nats.
        """
        for margin in MARGINS:
            near = rows[rows[:, 1] <= floor + margin]
            if margin not in self.reached and len(near):
                self.reached[margin] = float(self.seconds(near[:1, 0])[0])


class SampleFigure(NamedTuple):
    """A figure of samples against data, and of data against other data, with standard errors."""

    value: float
    error: float
    data: float
    data_error: float


@dataclass(frozen=True)
class Standing:
    """How one contestant stands; what is not known (yet) is None.

    Attributes:
        label: what it is called.
        likelihood: what its held-out figure is at the end: exact, a bound, or none.
        kind: what it is now; while an ODE is solved in few steps, or a
            quadrature is too coarse, an estimate.
        message: one sentence on why it failed or waits, else empty.
        held_out: loss on held-out points.
        unit: of the held-out loss.
        gap: to the floor, in nats; an upper bound if the figure is a bound.
        steps: optimizer steps.
        seconds: spent in training.
        worker_seconds: on the workers, with its pictures.
        parameters: numbers that training adjusts.
        sample_ms: milliseconds for 10,000 samples.
        log_prob_ms: milliseconds for 10,000 densities.
        reached: seconds until the held-out loss was within each margin of the floor.
        samples: figures of the samples, by name.
    """

    label: str
    likelihood: Likelihood
    message: str = ""
    kind: str = ""
    held_out: float | None = None
    unit: str = "nats"
    gap: float | None = None
    steps: int | None = None
    seconds: float | None = None
    worker_seconds: float | None = None
    parameters: int | None = None
    sample_ms: float | None = None
    log_prob_ms: float | None = None
    reached: Mapping[float, float] = field(default_factory=dict)
    samples: Mapping[str, SampleFigure] = field(default_factory=dict)

    @property
    def ms_per_step(self) -> float | None:
        """Milliseconds of training for each step so far."""
        return 1000 * self.seconds / self.steps if self.seconds and self.steps else None


def standing(
    label: str,
    config: RunConfig,
    snapshot: Snapshot | None,
    trace: Trace,
    *,
    worker_seconds: float = 0.0,
    message: str = "",
    timing: Mapping[str, float | None] | None = None,
    samples: Mapping[str, SampleFigure] | None = None,
) -> Standing:
    """Return how a contestant stands; notes in its trace what it has reached.

    Args:
        label: what it is called.
        config: of its run.
        snapshot: its newest, None before the first.
        trace: of this run.
        worker_seconds: that its training has taken.
        message: why it failed or waits.
        timing: `sample_ms` and `log_prob_ms` of 10,000 points, if they were measured.
        samples: figures of the samples, if they were measured.
    """
    likelihood = config.entry.likelihood
    if snapshot is None:
        return Standing(label, likelihood, message, kind=likelihood)
    header = snapshot.header
    trace.note(header)
    held_out = snapshot.measurements.get("held_out") if likelihood != "none" else None
    floor = config.problem().floor
    gap = None if held_out is None or floor is None else held_out.value - floor.value
    if gap is not None and floor is not None and likelihood == "exact":
        trace.note_margins(snapshot.curves["held_out"].points, floor.value)
    return Standing(
        label=label,
        likelihood=likelihood,
        message=message,
        kind=likelihood if held_out is None else held_out.exactness,
        held_out=None if held_out is None else held_out.value,
        unit="nats" if held_out is None else held_out.unit,
        gap=gap,
        steps=header.step,
        seconds=header.seconds,
        worker_seconds=worker_seconds,
        parameters=header.parameters,
        sample_ms=(timing or {}).get("sample_ms"),
        log_prob_ms=(timing or {}).get("log_prob_ms"),
        reached=dict(trace.reached),
        samples=samples or {},
    )


@dataclass(frozen=True)
class Column:
    """A column of the table of a race.

    Attributes:
        name: as in a CSV file.
        title: its heading.
        help: one or two sentences on it.
        value: of a standing.
        write: as it is shown.
        best: whether the least or the most leads, None where nobody does.
        exact_only: whether only exact likelihoods can lead: a bound tells too little.
        beside: what stands beside a value, in small letters.
        optional: whether it is left out where nobody has a value.
        alone: whether the only one with a value leads: others with a gap did not get there.
        sampled: whether it is a figure of samples, which has a standard error.
    """

    name: str
    title: str
    help: str
    value: Callable[[Standing], float | None]
    write: Callable[[float], str]
    best: Literal["least", "most"] | None = "least"
    exact_only: bool = False
    beside: Callable[[Standing], str] = lambda _: ""
    optional: bool = False
    alone: bool = False
    sampled: bool = False

    def shown(self, standing: Standing) -> str:
        """Write the value of a standing with its error, a dash if it has none."""
        value = self.value(standing)
        if value is None or not math.isfinite(value):
            return "–"
        return self.write(value) + (
            f" ± {self.write(self.error(standing))}" if self.sampled else ""
        )

    def error(self, standing: Standing) -> float:
        """Return the standard error of a value, 0 where it has none."""
        found = standing.samples.get(self.name) if self.sampled else None
        return 0.0 if found is None else found.error

    def best_of(self, standings: Sequence[Standing]) -> frozenset[int]:
        """Return who is best: several where what is shown is equal, or errors hide who is.

        Errors hide it where the difference to the best is within the joint standard error.
        """
        known = self._compared(standings)
        if self.best is None or not known:
            return frozenset()
        top = (min if self.best == "least" else max)(known, key=lambda at: known[at])

        def is_best(at: int) -> bool:
            apart = abs(known[at] - known[top])
            error = math.hypot(self.error(standings[at]), self.error(standings[top]))
            return apart <= error or self.write(known[at]) == self.write(known[top])

        return frozenset(filter(is_best, known))

    def rivals(self, standings: Sequence[Standing]) -> int:
        """Return how many could be best."""
        if not self.alone:
            return len(self._compared(standings))
        return sum(s.likelihood == "exact" and s.gap is not None for s in standings)

    def _compared(self, standings: Sequence[Standing]) -> dict[int, float]:
        """Return the values that are compared, by their place in the race."""
        found = {at: self.value(s) for at, s in enumerate(standings)}
        return {
            at: value
            for at, value in found.items()
            if value is not None
            and math.isfinite(value)
            and not (self.exact_only and standings[at].likelihood != "exact")
        }


def milliseconds(value: float) -> str:
    """Write milliseconds, with a decimal where there are few.

    Example:
        >>> milliseconds(3.21), milliseconds(1234.0)
        ('3.2', '1,234')
    """
    return fixed(value, 0 if value >= 100 else 1)


def _reached(margin: float) -> Callable[[Standing], float | None]:
    return lambda standing: standing.reached.get(margin)


def _of_samples(name: str) -> Callable[[Standing], float | None]:
    return lambda standing: standing.samples[name].value if name in standing.samples else None


def _of_data(standing: Standing, name: str) -> str:
    found = standing.samples.get(name)
    return "" if found is None else f"data {fixed(found.data)} ± {fixed(found.data_error)}"


def _tenths(value: float) -> str:
    return fixed(value, 1)


_MEDIAN = (
    "the median of three, or one where it takes a second, measured while the race rests. Where "
    "fewer points are held out they are repeated; for fewer images it is scaled up."
)

COLUMNS: tuple[Column, ...] = (
    Column(
        "held_out",
        "Held-out",
        "The mean loss of points that no training step sees, and what kind of figure it is: exact, "
        "a bound, or none; an estimate, within 0.01 nats, while an ODE is solved in few steps, or "
        "where the decoder of a VAE is too steep for its quadrature. "
        "Lower is better; a bound is not compared with an exact figure.",
        lambda s: s.held_out,
        fixed,
        exact_only=True,
        beside=lambda s: s.kind,
    ),
    Column(
        "gap",
        "Gap",
        "The held-out loss minus the floor, in nats.",
        lambda s: s.gap,
        fixed,
        exact_only=True,
    ),
    Column("steps", "Steps", "Optimizer steps so far.", lambda s: s.steps, whole, "most"),
    Column(
        "seconds",
        "Training s",
        "Seconds spent in training steps alone. The budget of the race counts these.",
        lambda s: s.seconds,
        _tenths,
        None,
    ),
    Column(
        "worker_seconds",
        "Worker s",
        "Seconds on the workers: training, held-out figures and pictures. These are equal while "
        "contestants train together.",
        lambda s: s.worker_seconds,
        _tenths,
        None,
    ),
    Column(
        "ms_per_step",
        "ms/step",
        "Milliseconds of training for each step, on average.",
        lambda s: s.ms_per_step,
        milliseconds,
    ),
    Column(
        "parameters",
        "Parameters",
        "Numbers that training adjusts.",
        lambda s: s.parameters,
        whole,
    ),
    Column(
        "sample_ms",
        "10,000 samples, ms",
        f"Milliseconds for 10,000 samples on this server: {_MEDIAN}",
        lambda s: s.sample_ms,
        milliseconds,
    ),
    Column(
        "log_prob_ms",
        "10,000 densities, ms",
        f"Milliseconds for the log-densities of 10,000 points on this server: {_MEDIAN}",
        lambda s: s.log_prob_ms,
        milliseconds,
    ),
    *(
        Column(
            f"seconds_to_{margin:.2f}",
            f"to +{margin:.2f}, s",
            f"Seconds of training until the held-out loss was first seen at most {margin:.2f} "
            "nats above the floor.",
            _reached(margin),
            _tenths,
            alone=True,
        )
        for margin in MARGINS
    ),
    Column(
        "sliced_w2",
        "Samples to data",
        "The sliced Wasserstein-2 distance between 1,000 samples and as many points that no "
        "training step saw: the mean of eight comparisons and its standard error, beside it that "
        "of data to other data. It needs no likelihood. Measured at every rest. Who is within the "
        "joint standard error of the best leads too.",
        _of_samples("sliced_w2"),
        fixed,
        beside=lambda s: _of_data(s, "sliced_w2"),
        optional=True,
        sampled=True,
    ),
    Column(
        "modes",
        "Modes",
        "The share of the target's modes in which samples lie. A mode counts as found if it has at "
        "least a quarter of the samples that it should have. With its standard error.",
        _of_samples("modes"),
        "{:.0%}".format,
        "most",
        optional=True,
        sampled=True,
    ),
)


def shown_columns(standings: Sequence[Standing]) -> list[Column]:
    """Return the columns of a table, without optional ones in which nobody has a value."""
    return [c for c in COLUMNS if not c.optional or any(c.value(s) is not None for s in standings)]


def leaders(standings: Sequence[Standing]) -> dict[str, frozenset[int]]:
    """Return who leads in each column, by its name; several as in `Column.best_of`.

    Nobody leads where fewer than two could, or where all are equal.
    """
    found = {}
    for column in COLUMNS:
        best = column.best_of(standings)
        found[column.name] = best if len(best) < column.rivals(standings) else frozenset()
    return found
