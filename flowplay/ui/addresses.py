"""Where the server's own pages and routes are, as others reach them."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import streamlit as st


def base_path() -> str:
    """Return the path under which the server is reached, without a slash at its end."""
    path = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


def server_address() -> str:
    """Return how this session's browser reaches the server, with the path, without a slash."""
    found = urlsplit(st.context.url or "")
    return f"{found.scheme}://{found.netloc}{base_path()}" if found.netloc else base_path()


def link_to(id_: str) -> str:
    """Return the link to a run that was shared, as this session's browser would give it away."""
    return f"{server_address()}/r/{id_}"


def page_address(page: str = "", **query: str) -> str:
    """Return the path of a page with a query, from the root of the host.

    Example:
        >>> page_address("layers", run="x")
        '/layers?run=x'
    """
    return f"{base_path()}/{page}" + (f"?{urlencode(query)}" if query else "")
