"""Sliders inside a component: `st.slider` sends its value only after a fifth of a second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowplay.onedim import Parameter, Values

#: The key of a component's state under which its browser's messages come.
SENT = "sent"


def dials(
    parameters: Sequence[Parameter], values: Values, prefix: str = ""
) -> list[dict[str, Any]]:
    """Describe sliders to `dials.js`.

    Args:
        parameters: what can be set.
        values: of each now.
        prefix: put before the names, so that several maps can have parameters of one name.
    """
    return [
        {
            "name": prefix + parameter.name,
            "label": parameter.name,
            "help": parameter.help,
            "min": parameter.minimum,
            "max": parameter.maximum,
            "step": parameter.step,
            "value": values[parameter.name],
        }
        for parameter in parameters
    ]


def message(state: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return what the browser sent last of a component, empty if that is no message.

    Args:
        state: of the component in `st.session_state`; it may hold anything, as a browser sends it.
    """
    sent = state.get(SENT) if hasattr(state, "get") else None
    return dict(sent) if isinstance(sent, dict) else {}


def number_of(sent: dict[str, Any]) -> int:
    """Return a message's number, 0 if it has none that can be one."""
    number = sent.get("number")
    return number if isinstance(number, int) and 0 <= number < 2**53 else 0
