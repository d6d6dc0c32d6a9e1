"""Own data in the picker: built-in examples, a table, a picture, or a name written as one."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from flowplay import shelf
from flowplay.config import RunConfig
from flowplay.errors import MissingDataError
from flowplay.problems import Own, Tabular, make_problem
from flowplay.problems.own.drawing import Painted, Pictured
from flowplay.problems.own.table import BUILT_IN
from flowplay.reading import UnreadableError
from flowplay.reading.limits import PICTURE_LIMITS, TABLE_LIMITS
from flowplay.reading.process import Answer, read
from flowplay.store import StoreError
from flowplay.ui.keeping import keeper
from flowplay.ui.picture_views import pair_picker
from flowplay.ui.settings import locked
from flowplay.wire.own_data import LEAST_COLUMNS, MOST_COLUMNS

if TYPE_CHECKING:
    from flowplay.store.data import Data
    from flowplay.store.keeper import Keeper

_TITLES: Final = {**BUILT_IN, "smiley": "Smiley", "heart": "Heart"}

#: The option of a target that names its data.
_DATA: Final = "data"

_BROUGHT = "_own_data"
_NOTE = "_own_note"
_READ = "_own_read"

_TABLE_TYPES: Final = ["csv", "tsv", "txt", "parquet"]
_PICTURE_TYPES: Final = ["png", "jpg", "jpeg", "webp"]


def own_data_view() -> None:
    """Let a visitor choose the data of a target of own data, or bring some; else show nothing."""
    with st.container(key="own_data"):
        kind = st.session_state["target"]
        if kind not in (Tabular.name, Pictured.name) or locked("data"):
            return
        _choice(kind)
        with st.expander("Bring your own", icon=":material/upload:", key="own_bring"):
            (_table if kind == Tabular.name else _picture)()


def require_data(config: RunConfig) -> None:
    """Say that the data of a config are gone, offer to bring them again, and stop the page.

    Does nothing if they are here.
    """
    if config.own_data is None or _there(config.own_data):
        return
    st.title("The data of this link are not here", anchor=False)
    st.warning(
        "They were brought along by somebody, and this server does not keep them any more. Bring "
        f"the same file again: its data have the digest {config.own_data[:12]}….",
        icon=":material/folder_off:",
    )
    own_data_view()
    st.button(
        "Open an example instead",
        key="own_example",
        icon=":material/arrow_back:",
        help="Learn the first example of this kind.",
        on_click=_use_example,
    )
    st.stop()


def keep(content: bytes) -> str:
    """Keep data in memory, and in the store if it answers; return their digest."""
    if (kept := keeper()) is not None:
        with suppress(StoreError):
            _data(kept).put(content)
    return shelf.put(content)


def _stored(digest: str) -> bytes | None:
    """Return data from the store; None if they are not there, or the store does not answer."""
    kept = keeper()
    if kept is None:
        return None
    try:
        return _data(kept).get(digest)
    except StoreError:
        return None


def _data(kept: Keeper) -> Data:
    from flowplay.store.data import Data

    return Data(kept.store)


shelf.add_source(_stored)


def _use_example() -> None:
    kind = st.session_state["target"]
    st.session_state[_DATA] = _examples(kind)[0]


def _there(digest: str) -> bool:
    return shelf.find(digest) is not None


def _examples(kind: str) -> list[str]:
    return {"table": list(BUILT_IN), "picture": list(Pictured.examples)}.get(
        kind, list(Painted.examples)
    )


def _choice(kind: str) -> None:
    own: dict[str, list[str]] = st.session_state.setdefault(_BROUGHT, {})
    now = st.session_state[_DATA]
    brought = own.setdefault(kind, [])
    examples = _examples(kind)
    if now not in examples and now not in brought:
        brought.append(now)
    brought[:] = [digest for digest in brought if digest == now or _there(digest)][-12:]
    known = [*brought, *examples]
    st.selectbox(
        "Data",
        known,
        key=_DATA,
        format_func=lambda name: _TITLES.get(name) or _title(kind, name),
        help="Built-in examples, and what you have brought along in this session.",
        persist_state="session",
    )
    if _there(now) or now in examples:
        problem = make_problem(kind, data=now)
        if isinstance(problem, Tabular):
            split = problem.split(int(st.session_state["seed"]))
            n = problem.duplicates
            same = (
                f" {n:,} of them {'is a duplicate' if n == 1 else 'are duplicates'}." if n else ""
            )
            st.caption(
                f"{problem.dim} columns; {len(split.train):,} rows to train on and "
                f"{len(split.held_out):,} held out, never the same rows.{same} Numbers are in "
                "standard deviations of each column."
            )
            with st.container(horizontal=True):
                pair_picker(problem)
    if note := st.session_state.get(_NOTE):
        st.caption(note)


def _title(kind: str, digest: str) -> str:
    try:
        problem = make_problem(kind, data=digest)
        return problem.title if isinstance(problem, Own) else digest
    except (MissingDataError, ValueError):
        return f"Missing data {digest[:12]}…"


def _table() -> None:
    st.caption(f"{TABLE_LIMITS} CSV, TSV or Parquet; rows with gaps are left out.")
    file = st.file_uploader(
        "A table", type=_TABLE_TYPES, key="own_table_file", help="Its first row names the columns."
    )
    text = st.text_area(
        "Or paste cells here",
        key="own_table_text",
        height=110,
        placeholder="a, b\n1.5, 2.0\n…",
        help="As they are copied from a spreadsheet, or as CSV.",
    )
    data, title = _given(file, text)
    if not data:
        return
    try:
        about = _read_once("columns", data).about
    except UnreadableError as error:
        st.warning(str(error), icon=":material/block:")
        return
    good = [name for name, why_not in about["columns"] if not why_not]
    bad = [f"{name} ({why_not})" for name, why_not in about["columns"] if why_not]
    if bad:
        st.caption("Not to learn: " + ", ".join(bad[:12]) + (", …" if len(bad) > 12 else "") + ".")
    if len(good) < LEAST_COLUMNS:
        st.warning(
            f"This table has {len(good)} column{'s' * (len(good) != 1)} of numbers that differ; at "
            f"least {LEAST_COLUMNS} are needed.",
            icon=":material/block:",
        )
        return
    chosen = st.multiselect(
        "Columns",
        good,
        default=good[:MOST_COLUMNS],
        max_selections=MOST_COLUMNS,
        key=f"own_columns_{_digest(data)[:8]}",
        help="Two columns make a picture of the plane; up to 16 can be learned.",
    )
    st.button(
        "Learn this table",
        key="own_learn_table",
        type="primary",
        icon=":material/table:",
        help="It becomes the target.",
        disabled=len(chosen) < LEAST_COLUMNS,
        on_click=_bring,
        args=("table", data),
        kwargs={"chosen": chosen, "title": title},
    )
    _refusal()


def _picture() -> None:
    st.caption(f"{PICTURE_LIMITS} PNG, JPEG or WebP.")
    left, right = st.columns(2)
    with left:
        file = st.file_uploader(
            "A picture",
            type=_PICTURE_TYPES,
            key="own_picture_file",
            help="It becomes a density: dense where the ink is.",
        )
        ink = st.segmented_control(
            "Dense is",
            ["auto", "dark", "bright"],
            format_func=str.capitalize,
            default="auto",
            required=True,
            key="own_ink",
            help="Auto takes what there is less of.",
        )
        threshold = st.slider(
            "Threshold",
            0.0,
            0.95,
            0.15,
            0.05,
            key="own_threshold",
            help="Parts with less ink than this share of the most are left empty.",
        )
        contrast = st.slider(
            "Contrast",
            0.25,
            4.0,
            1.0,
            0.25,
            key="own_contrast",
            help="The power of the ink: above 1 only the strongest parts are dense.",
        )
        st.button(
            "Learn this picture",
            key="own_learn_picture",
            type="primary",
            icon=":material/image:",
            help="It becomes the target.",
            disabled=file is None,
            on_click=_bring,
            args=("picture", b"" if file is None else file.getvalue()),
            kwargs={
                "ink": ink,
                "threshold": threshold,
                "contrast": contrast,
                "title": "" if file is None else file.name.rpartition(".")[0],
            },
        )
    with right:
        name = st.text_input(
            "Or a name",
            key="own_name",
            max_chars=24,
            placeholder="Your name",
            help="It is drawn as a picture.",
        )
        st.button(
            "Learn this name",
            key="own_learn_name",
            icon=":material/title:",
            help="It becomes the target.",
            disabled=not name.strip(),
            on_click=_bring,
            args=("name", b""),
            kwargs={"text": name},
        )
    _refusal()


def _refusal() -> None:
    if refused := st.session_state.pop(_READ, None):
        st.warning(refused, icon=":material/block:")


def _given(file: UploadedFile | None, text: str) -> tuple[bytes, str]:
    if file is not None:
        return file.getvalue(), file.name.rpartition(".")[0]
    return text.strip().encode(), "Pasted table"


def _bring(kind: str, data: bytes, **options: object) -> None:
    """Read what was given, and make it the target; what is refused changes nothing."""
    st.session_state.pop(_NOTE, None)
    try:
        found = read(kind, data, **options)
    except UnreadableError as error:
        st.session_state[_READ] = str(error)
        return
    st.session_state[_DATA] = keep(found.content)
    if kind == "table":
        dropped = found.about["dropped"]
        st.session_state[_NOTE] = (
            f"{dropped:,} row{'s' * (dropped != 1)} with gaps {'was' if dropped == 1 else 'were'} "
            "left out."
            if dropped
            else ""
        )


def _read_once(kind: str, data: bytes) -> Answer:
    """Read a file, or return what was read of it last.

    Raises:
        UnreadableError: if it cannot be read.
    """
    key = f"_own_{kind}"
    name = _digest(data)
    last = st.session_state.get(key)
    if last is None or last[0] != name:
        try:
            last = (name, read(kind, data))
        except UnreadableError as error:
            last = (name, error)
        st.session_state[key] = last
    if isinstance(last[1], UnreadableError):
        raise last[1]
    answer: Answer = last[1]
    return answer


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
