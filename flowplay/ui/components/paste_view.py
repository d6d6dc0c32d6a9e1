"""What lets a file be pasted from the clipboard into an uploader of the page."""

from __future__ import annotations

from typing import Final

from flowplay.ui.components.registration import register

_HTML: Final = '<figure><p role="status"></p></figure>'


def paste_view(uploader: str, kinds: str, hint: str, *, key: str) -> None:
    """Hand pasted files to an uploader, as if they had been dropped there.

    Args:
        uploader: key of the `st.file_uploader`.
        kinds: what the type of a file begins with, such as `image/`.
        hint: a sentence that says so.
        key: names the element across reruns, unique on the page.
    """
    _COMPONENT(key=key, data={"uploader": uploader, "kinds": kinds, "hint": hint})


_COMPONENT: Final = register("paste_view", _HTML)
