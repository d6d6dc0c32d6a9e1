"""What can become of work that `Engine.call` asked for, other than its result."""


class WorkError(RuntimeError):
    """The work itself raised; the message is one sentence."""


class WorkerLostError(RuntimeError):
    """Workers died again and again under this work."""


class EngineClosedError(RuntimeError):
    """The engine was closed before the work was done."""
