"""Own data in the picker: built-in examples, a canvas, a table, a picture, a name, or images."""

from __future__ import annotations

import hashlib
from typing import Any, Final, NoReturn

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from flowplay import shelf
from flowplay.catalog import DataName
from flowplay.config import RunConfig
from flowplay.errors import MissingDataError
from flowplay.figures import thumbnail
from flowplay.problems import PROBLEMS, Own, OwnImages, Tabular, make_problem
from flowplay.problems.own.drawing import Painted, Pictured
from flowplay.problems.own.images import BUILT_IN as IMAGE_SETS
from flowplay.problems.own.table import BUILT_IN
from flowplay.reading import UnreadableError
from flowplay.reading.ink import Ink, chosen_ink, inked
from flowplay.reading.limits import PICTURE_LIMITS, TABLE_LIMITS
from flowplay.ui.bringing import keep
from flowplay.ui.components.paste_view import paste_view
from flowplay.ui.own_images import notes, own_images_form, parts_told
from flowplay.ui.painting import painting_view
from flowplay.ui.picture_views import pair_picker
from flowplay.ui.reading import read_once
from flowplay.ui.settings import locked
from flowplay.wire import Shades
from flowplay.wire.own_data import LEAST_COLUMNS, MOST_COLUMNS

_TITLES: Final = {**BUILT_IN, **IMAGE_SETS, "smiley": "Smiley", "heart": "Heart"}

#: The option of a target that names its data.
_DATA: Final = "data"

_BROUGHT = "_own_data"
_NOTE = "_own_note"
_READ = "_own_read"
_ORDER = "_own_order"
_EXPECTED = "_own_expected"

_TABLE_TYPES: Final = ["csv", "tsv", "txt", "parquet"]
_PREVIEW: Final = 240  # pixels of the longer side

_PICTURE_TYPES: Final = ["png", "jpg", "jpeg", "webp"]


def own_data_view() -> None:
    """Let a visitor choose the data of a target of own data, or bring some; else show nothing."""
    with st.container(key="own_data"):
        kind = st.session_state["target"]
        if kind not in (Painted.name, *_FORMS) or locked("data"):
            return
        _carry_out(kind)
        st.session_state.pop(_EXPECTED, None)
        _choice(kind)
        if kind == Painted.name:
            painting_view()
            return
        with st.expander("Bring your own", icon=":material/upload:", key="own_bring"):
            _FORMS[kind]()


def lacks_data(config: RunConfig) -> bool:
    """Tell whether the data of a config are nowhere."""
    return config.own_data is not None and not _there(config.own_data)


def require_data(config: RunConfig) -> None:
    """Stop the page as `missing_data` does, unless the data of a config are here."""
    if lacks_data(config):
        missing_data(config)


def missing_data(config: RunConfig) -> NoReturn:
    """Say that the data of a config are gone, offer to bring them again, and stop the page."""
    digest = str(config.own_data)
    st.title("The data of this link are not here", anchor=False)
    st.warning(
        "They were brought along by somebody, and this server does not keep them any more. Bring "
        f"the same file again: its data have the digest {digest[:12]}….",
        icon=":material/folder_off:",
    )
    own_data_view()
    st.session_state[_EXPECTED] = digest
    st.button(
        "Open an example instead",
        key="own_example",
        icon=":material/arrow_back:",
        help="Learn the first example of this kind.",
        on_click=_use_example,
    )
    st.stop()


def _use_example() -> None:
    kind = st.session_state["target"]
    st.session_state[_DATA] = _examples(kind)[0]


def _there(digest: str) -> bool:
    return shelf.find(digest) is not None


def _examples(kind: str) -> list[str]:
    (named,) = (option for option in PROBLEMS[kind].options if isinstance(option, DataName))
    return list(named.examples)


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
        if isinstance(problem, OwnImages):
            st.caption(parts_told(problem, int(st.session_state["seed"])))
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
    if file is None and not text.strip():
        return
    data, title = _given(file, text)
    try:
        about = read_once("columns", data, "table").about
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
        on_click=_order,
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
        paste_view(
            "own_picture_file",
            "image/",
            "Or paste a picture from the clipboard: press Ctrl+V.",
            key="own_paste",
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
            on_click=_order,
            args=("name", b""),
            kwargs={"text": name},
        )
    if file is not None:
        _previewed(file)
    _refusal()


def _previewed(file: UploadedFile) -> None:
    """Show which parts of a picture become dense, as the settings are, and offer to learn it."""
    try:
        shades = Shades.from_bytes(read_once("shades", file.getvalue(), "picture").content)
    except UnreadableError as error:
        st.warning(str(error), icon=":material/block:")
        return
    left, right = st.columns(2)
    with left:
        ink: Ink = st.segmented_control(
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
    title = file.name.rpartition(".")[0]
    try:
        drawing = inked(shades, ink=ink, threshold=threshold, contrast=contrast, title=title)
    except UnreadableError as error:
        st.warning(str(error), icon=":material/block:")
        return
    height, width = drawing.weights.shape
    dense = np.count_nonzero(drawing.weights)
    with right, st.container(key="own_preview"):
        st.image(thumbnail(drawing.weights[::-1].astype(np.float64), _PREVIEW), width=_PREVIEW)
        st.caption(
            f"This will be learned: the {chosen_ink(shades, ink)} parts are dense, "
            f"{100 * dense / (height * width):.0f} % of {width} × {height} cells."
        )
    st.button(
        "Learn this picture",
        key="own_learn_picture",
        type="primary",
        icon=":material/image:",
        help="It becomes the target.",
        on_click=_take,
        args=(drawing.to_bytes(), {}),
    )


def _images() -> None:
    own_images_form(_take)


#: What is to be given for each kind of own data but a painting, which has the canvas.
_FORMS: Final = {Tabular.name: _table, Pictured.name: _picture, OwnImages.name: _images}


def _refusal() -> None:
    if refused := st.session_state.pop(_READ, None):
        st.warning(refused, icon=":material/block:")


def _given(file: UploadedFile | None, text: str) -> tuple[bytes, str]:
    if file is not None:
        return file.getvalue(), file.name.rpartition(".")[0]
    return text.strip().encode(), "Pasted table"


def _order(kind: str, data: bytes, **options: object) -> None:
    """Have something read when the page is drawn again, where it can say that it reads."""
    st.session_state[_ORDER] = st.session_state["target"], kind, data, options


def _carry_out(target: str) -> None:
    """Read what was ordered for a target, and have the page drawn again with it."""
    ordered_for, *order = st.session_state.get(_ORDER, (None,))
    if ordered_for == target:
        try:
            _bring(*order)
        except Exception:
            # A page that is drawn anew meanwhile raises no `Exception`: then the order stays.
            del st.session_state[_ORDER]
            raise
        del st.session_state[_ORDER]
        st.rerun()
    st.session_state.pop(_ORDER, None)


def _bring(kind: str, data: bytes, options: dict[str, object]) -> None:
    """Read what was given, and make it the target; what is refused changes nothing."""
    try:
        found = read_once(kind, data, kind, **options)
    except UnreadableError as error:
        st.session_state[_READ] = str(error)
        return
    _take(found.content, found.about)


def _take(content: bytes, about: dict[str, Any]) -> None:
    """Make data the target, and note what there is to say about them."""
    st.session_state.pop(_NOTE, None)
    digest = st.session_state[_DATA] = keep(content)
    said = notes(about)
    if n := about.get("dropped", 0):
        said.append(f"{n:,} row{'s' * (n != 1)} with gaps {'was' if n == 1 else 'were'} left out.")
    expected = st.session_state.get(_EXPECTED, digest)
    if expected != digest:
        said.append(
            f"These are other data than those of the link, which have the digest {expected[:12]}…: "
            "another file, other columns or other settings."
        )
    st.session_state[_NOTE] = " ".join(said)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
