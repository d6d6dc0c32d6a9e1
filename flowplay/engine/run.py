"""A viewer's handle on one run: what pages may call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from flowplay.config import HotSettings, RunConfig
from flowplay.engine.hosted import HostedRun, Moment
from flowplay.engine.machine import Phase, RunMachine, RunView

if TYPE_CHECKING:
    from flowplay.engine.cluster import EngineStatus

NOTICED = 0.4
"""Seconds after which somebody notices that nothing moves, and asks why."""


class Run:
    """A viewer's handle on one run. Any thread may call it.

    Every method but `wait_for_picture` and `wait_for_news` returns at once. Made by
    `Engine.open_run`.

    Args:
        config: what defines the run.
        hosted: the run itself.
        wake: lets the engine look for what can be handed out.
        status: tells whether runs can train.
        admit: says in a sentence why the run may not train now, else nothing.
        ahead: counts what comes before the run where it waits for a worker.

    Attributes:
        id: names the run within its engine.
        config: what defines the run.
    """

    def __init__(
        self,
        config: RunConfig,
        hosted: HostedRun,
        wake: Callable[[], None],
        status: Callable[[], EngineStatus],
        admit: Callable[[], str] = str,
        ahead: Callable[[], int] = int,
    ) -> None:
        self.id = hosted.id
        self.config = config
        self._hosted = hosted
        self._wake = wake
        self._status = status
        self._admit = admit
        self._ahead = ahead

    def play(self) -> None:
        """Train until paused or the budget is used up.

        A failed run goes on from its last good state, with the hot settings that are set now.
        Where the server trains as many runs as it may, the run stays as it is, and says so.
        """
        if refusal := self._admit():
            self._hosted.command(lambda machine, _: machine.refuse(refusal))
            return
        self._command(RunMachine.play)

    def pause(self) -> None:
        """Stop after the slice in flight, then take a fine snapshot."""
        self._command(RunMachine.pause)

    def step(self) -> None:
        """Take exactly one optimizer step, then be paused; a failed run as in `play`."""
        self._command(RunMachine.step)

    def show(self) -> None:
        """Take a fine snapshot without training, as of a run that is not started yet."""
        self._command(RunMachine.show)

    def set_hot(self, hot: HotSettings) -> None:
        """Use other settings from the next slice on.

        A finished run then needs `play`; `show` takes a snapshot with them now.
        """
        self._hosted.command(lambda machine, _: machine.set_hot(hot))

    def renew(self) -> None:
        """Say that somebody looks at the run now, which holds for 8 s; see `Engine.watch`."""
        if self._hosted.renew():
            self._wake()

    def view(self) -> RunView:
        """Return what a page shows."""
        view = self._hosted.view()
        status = self._status()
        if status.phase != "ready" and view.phase in (Phase.WAITING, Phase.TRAINING):
            return replace(view, phase=Phase.WAITING, message=status.message)
        delay = view.delay
        # Between two slices nobody has to be told.
        if delay is not None and delay.on == "worker" and delay.seconds >= NOTICED:
            return replace(view, delay=replace(delay, ahead=self._ahead()))
        return view

    def wait_for_picture(self, seconds: float) -> None:
        """Wait until the run has a snapshot, or none will come, for at most so long.

        Where runs cannot train now, it returns at once.

        Args:
            seconds: the most that it takes.
        """
        if self._status().phase == "ready":
            self._hosted.wait_for_picture(seconds)

    def wait_for_news(self, version: int, seconds: float) -> bool:
        """Wait for a snapshot of another version than this one.

        Args:
            version: that was seen, see `RunView`.
            seconds: the most that it takes.

        Returns:
            Whether there is one, or none will come.
        """
        return self._hosted.wait_for_news(version, seconds)

    @property
    def looked_at(self) -> bool:
        """Whether somebody has renewed its lease lately, see `renew`."""
        return self._hosted.resident().looked_at

    @property
    def state(self) -> bytes | None:
        """The last good state, None before the first."""
        return self._hosted.state

    def moment(self) -> Moment:
        """Return all that it takes to go on from the run later, as it is now."""
        return self._hosted.moment()

    @property
    def earlier_steps(self) -> list[int]:
        """Optimizer steps of which earlier weights are at hand, rising and thinned."""
        return self._hosted.earlier_steps

    def earlier(self, step: int) -> bytes | None:
        """Return bytes of the `EarlierWeights` at a step, None if they are not at hand."""
        return self._hosted.earlier(step)

    def close(self) -> None:
        """Let the run go: its state and pictures are forgotten."""
        self._hosted.let_go()
        self._wake()

    def _command(self, command: Callable[[RunMachine, float], None]) -> None:
        self._hosted.command(command)
        self._wake()
