"""What can be wrong with a run as it is set, whoever notices."""


class RefusedError(ValueError):
    """A run cannot be trained as it is set; the message is one sentence for its viewer."""


class MissingDataError(LookupError):
    """Data that a run is named by are not in this process.

    Args:
        digest: of the data.
    """

    def __init__(self, digest: str) -> None:
        super().__init__(f"The data of this run are not here any more (digest {digest[:12]}).")
        self.digest = digest
