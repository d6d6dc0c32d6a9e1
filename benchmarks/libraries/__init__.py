"""One small file for each library that is measured, all behind the protocol of `base`."""

from __future__ import annotations

import importlib
import importlib.util
from typing import NamedTuple

from benchmarks.libraries.base import Library


class Entry(NamedTuple):
    """Where a library's adapter lies, and which package it needs."""

    adapter: str
    package: str


#: Name as it is shown -> its adapter and package; flowplay is the one the others are compared with.
LIBRARIES = {
    "flowplay": Entry("flowplay_", "flowplay"),
    "zuko": Entry("zuko_", "zuko"),
    "normflows": Entry("normflows_", "normflows"),
    "nflows": Entry("nflows_", "nflows"),
    "FrEIA": Entry("freia", "FrEIA"),
    "flowjax": Entry("flowjax_", "flowjax"),
}


def missing(name: str) -> str:
    """Return one sentence if a library is not installed, and nothing if it is."""
    if importlib.util.find_spec(LIBRARIES[name].package) is not None:
        return ""
    return f"{name} is not installed and is left out: pip install -r benchmarks/requirements.txt."


def load(name: str) -> Library:
    """Import a library together with its adapter."""
    library: Library = importlib.import_module(
        f"benchmarks.libraries.{LIBRARIES[name].adapter}"
    ).LIBRARY
    return library
