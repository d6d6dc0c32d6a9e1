"""What lets `#key` in an address open a section of the guide, and each begin at its top."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from flowplay.ui.components.registration import register

_HTML: Final = '<figure aria-hidden="true"></figure>'


def anchor_view(
    section: str, keys: Collection[str], *, key: str, on_wanted: Callable[[], None]
) -> None:
    """Watch the address; nothing is seen of it.

    Args:
        section: key of the section that is shown, empty for the contents. When it changes, the page
            scrolls to its top.
        keys: what `#key` may name.
        key: names the element across reruns, unique on the page.
        on_wanted: called when the address has named one of the keys; see `read_wanted`.
    """
    _COMPONENT(key=key, data={"section": section, "keys": list(keys)}, on_wanted_change=on_wanted)


def read_wanted(state: Any, keys: Collection[str]) -> str | None:  # noqa: ANN401
    """Return the key that the address named, None if it is none of them.

    Args:
        state: of the component in `st.session_state`; whatever a browser made of it.
        keys: what it may name.

    Example:
        >>> read_wanted({"wanted": "bits"}, ["bits"]), read_wanted({"wanted": ["bits"]}, ["bits"])
        ('bits', None)
    """
    wanted = state.get("wanted") if hasattr(state, "get") else None
    return wanted if isinstance(wanted, str) and wanted in keys else None


_COMPONENT: Final = register("anchor_view", _HTML)
