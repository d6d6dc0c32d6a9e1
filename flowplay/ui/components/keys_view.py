"""The page's keys: space trains and pauses, arrows go through the layers, ? lists them."""

from __future__ import annotations

from typing import Final

from flowplay.ui.components.registration import register

#: What each key does; as the list that `?` shows.
KEYS: Final = (
    ("Space", "Train, or pause"),
    ("← →", "One layer back or on, in the picture of the layers"),
    ("H", "Help on the control that has the keyboard"),
    ("?", "This list"),
    ("Esc", "Close this list"),
)

_ROWS: Final = "".join(f"<div><dt>{key}</dt><dd>{does}</dd></div>" for key, does in KEYS)

_HTML: Final = f"""
<figure>
  <dialog aria-label="Keys">
    <h2>Keys</h2>
    <dl>{_ROWS}</dl>
    <p>In a picture, arrow keys read its values. In a field or on a slider, keys do what they
      always do.</p>
    <form method="dialog"><button>Close</button></form>
  </dialog>
</figure>
"""


def keys_view(key: str) -> None:
    """Listen to the page's keys, as long as this is on the page.

    Args:
        key: names the element across reruns, unique on the page.
    """
    _COMPONENT(key=key, height="content")


_COMPONENT: Final = register("keys_view", _HTML)
