"""An engine for tests of pages: calls are done at once, in this process."""

from __future__ import annotations

from concurrent.futures import Future

from flowplay.engine import Engine, EngineStatus, WorkError
from flowplay.errors import RefusedError
from flowplay.training import worker


class HereEngine(Engine):
    """An engine whose calls are done at once, in this process; its runs never train."""

    failing = False

    def __init__(self) -> None:
        super().__init__(scheduler="tcp://127.0.0.1:9")

    @property
    def status(self) -> EngineStatus:
        return EngineStatus("ready", 1, "")

    def call(self, name: str, *arguments: object) -> Future[bytes]:
        future: Future[bytes] = Future()
        try:
            if self.failing:
                raise RefusedError("The worker failed: no reason.")
            future.set_result(getattr(worker, name.partition(":")[2])(*arguments))
        except RefusedError as error:
            future.set_exception(WorkError(str(error)))
        return future
