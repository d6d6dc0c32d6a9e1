"""A labelled button that opens the sidebar; a page shows it only while the sidebar is closed."""

from __future__ import annotations

from typing import Final

from flowplay.ui.components.registration import register

_HTML: Final = """
<figure>
  <button type="button" title="Architecture, depth, budget, learning rate and all other settings.">
    Settings
  </button>
</figure>
"""


def settings_button(key: str) -> None:
    """Show the button.

    Args:
        key: names the element across reruns, unique on the page.
    """
    _COMPONENT(key=key, width="content", height="content")


_COMPONENT: Final = register("settings_button", _HTML)
