"""What can be wrong with a run as it is set, whoever notices."""


class RefusedError(ValueError):
    """A run cannot be trained as it is set; the message is one sentence for its viewer."""
