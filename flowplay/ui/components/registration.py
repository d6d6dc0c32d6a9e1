"""What our components share: how they are registered, and how arrays travel to them."""

from __future__ import annotations

import base64
import importlib.resources
import re
from collections.abc import Sequence
from typing import Any

import streamlit as st
from numpy.typing import NDArray
from streamlit.components.v2.types import ComponentRenderer


def register(name: str, html: str, parts: Sequence[str] = ()) -> ComponentRenderer:
    """Register a component, once, at import; Streamlit carries it to each runtime that mounts it.

    Args:
        name: of the files `<name>.css` and `<name>.js` beside this one. Each goes to the browser
            behind the `shared` one, as a single file.
        html: the component's markup.
        parts: names of further files that the component shares with others; of another component
            all but what it exports.
    """
    files = ["shared", *parts]
    shared = re.sub(
        r"^export default .*$", "", "".join(_asset(f"{f}.js") for f in files), flags=re.M
    )
    return st.components.v2.component(
        f"flowplay_{name}",
        html=lean(html),
        css=lean("".join(_asset(f"{file}.css") for file in [*files, name])),
        js=lean(shared + _asset(f"{name}.js")),
    )


def to_base64(array: NDArray[Any]) -> str:
    """Return the bytes of an array, in its own type and order, as text."""
    return base64.b64encode(array.tobytes()).decode("ascii")


def lean(source: str) -> str:
    r"""Drop comment lines and indentation: Streamlit sends a component's source with every frame.

    Example:
        >>> lean("/** Why. */\n  let one = 1;\n\n  // how\n  one += 1;\n")
        'let one = 1;\none += 1;'
    """
    source = re.sub(r"^\s*/\*.*?\*/\s*\n", "", source, flags=re.DOTALL | re.MULTILINE)
    lines = (line.strip() for line in source.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def _asset(name: str) -> str:
    return importlib.resources.files(__package__).joinpath(name).read_text("utf-8")
