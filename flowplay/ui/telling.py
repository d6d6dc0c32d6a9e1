"""What is told of a run in a few words: in lists, cards and links."""

from __future__ import annotations

from dataclasses import dataclass

from flowplay.config import RunConfig
from flowplay.numbers import whole
from flowplay.ui.live import figures_of
from flowplay.ui.naming import made_of
from flowplay.wire import Snapshot

#: How labels of figures in nats begin.
_IN_NATS = ("Gap", "Held-out NLL", "Held-out bound of the NLL", "KL")


@dataclass(frozen=True)
class Told:
    """What is told of a run; plain text.

    Attributes:
        title: one line: what its owner calls it, or what learns what.
        what: what is learned.
        lines: what learns it, and how long it has.
        figures: label and value of what it is judged by.
    """

    title: str
    what: str
    lines: tuple[str, ...]
    figures: tuple[tuple[str, str], ...]

    @property
    def description(self) -> str:
        """One line: what learns what, and how well."""
        judged = ", ".join(f"{label} {value}" for label, value in self.figures)
        return ", ".join((f"{self.what} learned by {self.lines[0]}", *self.lines[1:], judged)) + "."


def told(config: RunConfig, snapshot: Snapshot, title: str = "") -> Told:
    """Return what is told of a run.

    Args:
        config: of the run.
        snapshot: its newest.
        title: what its owner calls it, empty if nothing.
    """
    what = config.problem().label
    figures = [
        (label, f"{value} nats" if label.startswith(_IN_NATS) else value)
        for label, value in figures_of(snapshot, config)
    ]
    # The gap says more than the loss that it comes from.
    figures.sort(key=lambda figure: not figure[0].startswith("Gap"))
    return Told(
        title=title or f"{what}, learned by {config.entry.label}",
        what=what,
        lines=(made_of(config), f"step {whole(snapshot.header.step)}"),
        figures=tuple(figures),
    )
