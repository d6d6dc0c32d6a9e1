"""One small file for each library that is measured, all behind the protocol of `base`."""

from __future__ import annotations

import importlib
import importlib.util
from typing import NamedTuple

from benchmarks.libraries.base import Library


class Entry(NamedTuple):
    """Where a library's adapter lies, and which packages it imports."""

    adapter: str
    packages: tuple[str, ...]


#: Name as it is shown -> its adapter and packages; flowplay comes first.
LIBRARIES = {
    "flowplay": Entry("flowplay_", ("flowplay",)),
    "zuko": Entry("zuko_", ("zuko",)),
    "normflows": Entry("normflows_", ("normflows",)),
    "nflows": Entry("nflows_", ("nflows", "matplotlib")),
    "FrEIA": Entry("freia", ("FrEIA",)),
    "flowjax": Entry("flowjax_", ("flowjax", "jax", "equinox", "optax")),
}


def missing(name: str) -> str:
    """Return one sentence if a library is not installed, and nothing if it is."""
    if all(importlib.util.find_spec(package) for package in LIBRARIES[name].packages):
        return ""
    return f"{name} is not installed and is left out: pip install -r benchmarks/requirements.txt."


def load(name: str) -> Library:
    """Import a library together with its adapter."""
    library: Library = importlib.import_module(
        f"benchmarks.libraries.{LIBRARIES[name].adapter}"
    ).LIBRARY
    return library
