"""Problems and models that come from outside this package."""

from __future__ import annotations

import importlib
import os

VARIABLE = "FLOWPLAY_PLUGINS"
"""Names of modules, separated by commas. The server, the command line and every worker import them;
what they register (`register_problem`, `register_architecture`, `picture_kind`) can then be chosen
everywhere. A plugin must not import torch when it is imported, since the server imports it too."""


def load_plugins() -> None:
    """Import the modules that the environment names.

    Raises:
        ImportError: if one cannot be imported; the message is one sentence.
    """
    for name in filter(None, map(str.strip, os.environ.get(VARIABLE, "").split(","))):
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise ImportError(f"{VARIABLE}: {name} cannot be imported: {error}.") from error
