"""My runs: what this browser has trained, to open, name, share and delete."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st

from flowplay.figures.still import still_png
from flowplay.store import StoreError
from flowplay.store.runs import TITLE_LENGTH, RunEntry
from flowplay.ui.addresses import link_to, page_address
from flowplay.ui.browser import browser
from flowplay.ui.keeping import keeper
from flowplay.ui.recall import wait_for_store
from flowplay.ui.settings import RUN
from flowplay.ui.shell import page_link
from flowplay.ui.telling import Told, told
from flowplay.ui.terms import plain
from flowplay.wire import Snapshot

#: Runs on one page, and side by side.
_PAGE = 12
_COLUMNS = 4

#: Pixels of a thumbnail, more than are shown, for sharp screens.
_SIDE = 320

_SHOWN = "_runs_shown"
_DONE = "_my_runs_failed"

_AGES = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def my_runs() -> None:
    """List this browser's runs, those that changed last first; then links to runs that are gone."""
    kept = keeper()
    if kept is None:
        st.info("This server keeps no runs.", icon=":material/history_toggle_off:")
        return
    if failed := st.session_state.pop(_DONE, ""):
        st.warning(failed, icon=":material/error:")
    most = st.session_state.setdefault(_SHOWN, _PAGE)
    try:
        entries = kept.runs.of(browser(), most=most + 1)
        loose = kept.runs.loose_links(browser(), most=most + 1)
    except StoreError:
        wait_for_store("Your runs are listed as soon as it does.")
        return
    if not entries and not loose:
        st.info(
            "There are no runs yet: every run that you train in this browser is kept here.",
            icon=":material/history_toggle_off:",
        )
    _cards(entries[:most], _card)
    if loose:
        st.subheader("Links to runs that are gone", anchor=False)
        st.caption(
            "You have shared these runs. The runs themselves are not kept (any more). What the "
            "links show is kept until you delete them."
        )
        _cards(loose[:most], _loose_card)
    if max(len(entries), len(loose)) > most:
        st.button(
            "Show more",
            key="more_runs",
            icon=":material/expand_more:",
            help="Show older runs.",
            on_click=_show_more,
        )


def _cards(entries: list[RunEntry], card: Callable[[RunEntry], None]) -> None:
    for row in range(0, len(entries), _COLUMNS):
        for column, entry in zip(st.columns(_COLUMNS), entries[row : row + _COLUMNS], strict=False):
            with column, st.container(border=True, key=f"run_{entry.id}"):
                card(entry)


@st.cache_data(max_entries=256, show_spinner=False)
def _thumbnail(id_: str, changed_at: float, _snapshot: bytes) -> bytes:
    """Draw a run as it was written last: once, for every rerun of the page."""
    return still_png(Snapshot.from_bytes(_snapshot), _SIDE)


def _card(entry: RunEntry) -> None:
    about = _picture(entry, page_address(**{RUN: entry.id}))
    st.text_input(
        "Name",
        value=entry.title,
        max_chars=TITLE_LENGTH,
        key=f"title_{entry.id}",
        placeholder="Name this run" if about is None else about.title,
        help="What you call this run; others see it if you share the run.",
        label_visibility="collapsed",
        on_change=_rename,
        args=(entry.id,),
    )
    _facts(entry, about)
    with st.container(horizontal=True, vertical_alignment="center"):
        if about is not None and entry.config is not None:
            page_link(
                "pages/playground.py",
                entry.config,
                label="Open",
                icon=":material/play_circle:",
                help="Open this run in the Playground.",
                about={RUN: entry.id},
            )
            st.button(
                "Share",
                key=f"share_{entry.id}",
                icon=":material/share:",
                type="tertiary",
                help="Make a link to this run, as it is now.",
                on_click=_share,
                args=(entry.id,),
            )
        with st.popover("Delete", icon=":material/delete:", type="tertiary"):
            st.markdown("Delete this run? Its links stay, until you delete them too.")
            st.button(
                "Delete",
                key=f"delete_{entry.id}",
                type="primary",
                help="Delete this run for good.",
                on_click=_delete,
                args=(entry.id,),
            )
    _links(entry)


def _loose_card(entry: RunEntry) -> None:
    about = _picture(entry, link_to(entry.id))
    if entry.title:
        st.markdown(f"**{plain(entry.title)}**")
    _facts(entry, about)
    _links(entry)


def _picture(entry: RunEntry, link: str) -> Told | None:
    """Show a run's picture, which leads to a link; return what is told of the run."""
    about = _told(entry)
    if about is not None and entry.snapshot is not None:
        picture = _thumbnail(entry.id, entry.changed_at, entry.snapshot)
        st.image(picture, width="stretch", link=link)
    return about


def _facts(entry: RunEntry, about: Told | None) -> None:
    if about is None:
        st.caption("This run was kept by another version of flowplay and cannot be opened.")
        return
    figure = ": ".join(about.figures[0])
    told_as = [about.what, *about.lines, figure, _age(time.time() - entry.changed_at)]
    if entry.training:
        told_as.append("in training")
    st.caption(plain(" · ".join(told_as)))


def _links(entry: RunEntry) -> None:
    for link in entry.links:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.code(link_to(link), language=None)
            st.button(
                "",
                key=f"delete_{link}",
                icon=":material/link_off:",
                type="tertiary",
                help="Delete this link and the copy that it shows.",
                on_click=_delete,
                args=(link,),
            )


def _told(entry: RunEntry) -> Told | None:
    if entry.config is None or entry.snapshot is None:
        return None
    try:
        return told(entry.config, Snapshot.from_bytes(entry.snapshot))
    except ValueError:
        return None


def _age(seconds: float) -> str:
    """Say how long ago something was.

    Example:
        >>> _age(30), _age(3_700), _age(200_000)
        ('just now', '1 hour ago', '2 days ago')
    """
    for length, unit in _AGES:
        if (count := int(seconds / length)) > 0:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def _show_more() -> None:
    st.session_state[_SHOWN] += _PAGE


def _rename(id_: str) -> None:
    if (kept := keeper()) is not None:
        try:
            kept.runs.rename(id_, browser(), str(st.session_state[f"title_{id_}"]))
        except StoreError as error:
            st.session_state[_DONE] = f"The run was not named: {error}"


def _share(id_: str) -> None:
    if (kept := keeper()) is not None:
        try:
            kept.share_kept(id_, browser())
        except (StoreError, ValueError) as error:
            st.session_state[_DONE] = f"There is no link: {error}"


def _delete(id_: str) -> None:
    if (kept := keeper()) is not None:
        try:
            kept.delete(id_, browser())
        except StoreError as error:
            st.session_state[_DONE] = f"It was not deleted: {error}"
