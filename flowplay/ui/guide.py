"""The guide's sections in Streamlit, with tables made from the catalog and `RunConfig`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

import streamlit as st

from flowplay.catalog import ARCHITECTURES, FLOW_FAMILIES, Paper
from flowplay.glossary import TERMS
from flowplay.guide import (
    CHAPTERS,
    SECTIONS,
    SYMPTOMS,
    Section,
    Topic,
    Try,
    all_papers,
    bits_per_dimension,
    comparison_note,
    comparison_table,
    hyperparameters,
    not_yet,
    picture,
    placed,
)
from flowplay.numbers import fixed
from flowplay.problems import make_problem
from flowplay.ui.card import architecture_card
from flowplay.ui.components.anchor_view import anchor_view, read_wanted
from flowplay.ui.exercises import exercises
from flowplay.ui.settings import address
from flowplay.ui.terms import prose
from flowplay.ui.timing_table import timing_table
from flowplay.ui.trying import PAGES, try_it

#: Name of the section in the address.
SECTION = "section"

_ANCHOR = "guide_anchor"
_WANTED = "_guide_wanted"


def guide() -> None:
    """Show the section that the address names, or the contents."""
    by_key = {section.key: section for section in SECTIONS}
    key = st.session_state.pop(_WANTED, None) or st.query_params.get(SECTION, "")
    if key and key not in by_key:
        shown = re.sub(r"[^\w.+-]", "·", key[:24])
        st.warning(f"The guide has no section {shown}: here are all.", icon=":material/link_off:")
        key = ""
    # A link to this same page tells the script its query, but does not change the address.
    st.query_params.from_dict(address({SECTION: key} if key else {}))
    # Its own place, whatever comes before: the page begins at its top only if the section changes.
    with st.container(key="anchor"):
        anchor_view(key, by_key, key=_ANCHOR, on_wanted=_open_wanted)
    if key:
        _one_section(by_key[key])
    else:
        _contents()


def _open_wanted() -> None:
    """Remember which section an address or a link with `#key` asks for."""
    keys = [section.key for section in SECTIONS]
    if (wanted := read_wanted(st.session_state.get(_ANCHOR), keys)) is not None:
        st.session_state[_WANTED] = wanted


def _contents() -> None:
    """Show all sections by chapter, each with its picture."""
    st.title("A guide to normalizing flows", anchor=False)
    st.markdown(
        "From the change of variables to what flows cannot do. Each section is short, and has "
        "something to try. If you are new to flows, read them in order."
    )
    for number, chapter in enumerate(CHAPTERS):
        st.subheader(chapter.title, anchor=False)
        with st.container(horizontal=True, key=f"chapter_{number}"):
            for section in chapter.sections:
                _card(section)


def _card(section: Section) -> None:
    with st.container(border=True, key=f"card_{section.key}", width=240):
        st.markdown(picture(section.key), unsafe_allow_html=True)
        _link(section, section.title)
        st.caption(section.summary)


def _link(section: Section, label: str, icon: str | None = None) -> None:
    st.page_link(
        "pages/guide.py", label=label, icon=icon, query_params=address({SECTION: section.key})
    )


def _one_section(section: Section) -> None:
    """Show a section: its text, its table or widgets, links to try it, and its neighbours."""
    at = SECTIONS.index(section)
    chapter = next(c for c in CHAPTERS if section in c.sections)
    with st.container(horizontal=True, vertical_alignment="center", key="guide_place"):
        st.page_link("pages/guide.py", label="Contents", icon=":material/menu_book:")
        st.caption(f"{chapter.title} · {at + 1} of {len(SECTIONS)}", width="content")
    with st.container(key="guide_section"):
        st.title(section.title, anchor=False)
        prose(section.text)
        if section.extra:
            _EXTRAS[section.extra]()
        if section.tries:
            with st.container(horizontal=True, key=f"try_{section.key}"):
                for number, link in enumerate(section.tries):
                    try_it(link, f"{section.key}_{number}")
    st.divider()
    with st.container(horizontal=True, horizontal_alignment="distribute", key="guide_neighbours"):
        if at > 0:
            before = SECTIONS[at - 1]
            _link(before, f"Previous: {before.title}", ":material/arrow_back:")
        if at + 1 < len(SECTIONS):
            after = SECTIONS[at + 1]
            _link(after, f"Next: {after.title}", ":material/arrow_forward:")


def _families() -> None:
    for name, architecture in FLOW_FAMILIES.items():
        with st.expander(f"**{architecture.label}**: {architecture.idea}"):
            architecture_card(architecture)
            try_it(Try(f"Train {architecture.label}", {"architecture": name}), f"family_{name}")


def _hyperparameters() -> None:
    rows = [
        f"| **{h.title}** | {h.span} | {h.default} | {h.meaning} {h.effect} |"
        for h in hyperparameters()
    ]
    head = ["| Setting | Range | Default | What it is, and what it does |", "|---|---|---|---|"]
    with st.container(key="hyperparameters"):
        prose("\n".join([*head, *rows]))
    own: dict[tuple[str, str], list[str]] = {}
    for architecture in FLOW_FAMILIES.values():
        for option in architecture.options:
            own.setdefault((option.label, option.help), []).append(architecture.label)
    lines = [
        f"- **{label}** ({_whose(families)}). {text}" for (label, text), families in own.items()
    ]
    st.markdown("\n".join(["Settings that only some families have:", "", *lines]))


def _whose(families: list[str]) -> str:
    """List families, or those that are missing if these are fewer."""
    missing = [f.label for f in FLOW_FAMILIES.values() if f.label not in families]
    if len(missing) >= len(families):
        return ", ".join(families)
    return f"all but {', '.join(missing)}" if missing else "all"


def _symptoms() -> None:
    for number, symptom in enumerate(SYMPTOMS):
        st.markdown(f"**{symptom.name}.** {symptom.shows}  \n:material/healing: {symptom.helps}")
        if symptom.query:
            try_it(Try("See it happen", symptom.query), f"symptom_{number}")


def _bits() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="bits"):
        nll = st.number_input(
            "NLL of a data point, in nats",
            -1e6,
            1e6,
            7144.0,
            step=10.0,
            key="bits_nll",
            help="Of a whole data point.",
        )
        dim = st.number_input(
            "Dimensions D",
            1,
            10_000_000,
            3072,
            step=1,
            key="bits_dim",
            help="Numbers in a data point: 32 × 32 × 3 = 3,072 for a small colour image.",
        )
        width = st.number_input(
            "Width of a step δ",
            1e-6,
            1e6,
            1.0,
            step=1.0,
            format="%.6g",
            key="bits_width",
            help="1 for bytes from 0 to 255; 1/256 = 0.00390625 for the same pixels in [0, 1].",
        )
        st.metric(
            "Bits per dimension",
            fixed(bits_per_dimension(nll, int(dim), width)),
            help="NLL / (D log 2) − log₂ δ. With δ = 1, a uniform distribution over bytes gives 8.",
        )


def _units() -> None:
    moons = make_problem("moons").density
    assert moons is not None, "the moons have a density"
    factor = st.number_input(
        "Multiply all coordinates by",
        0.001,
        1000.0,
        0.5,
        step=0.1,
        key="units_factor",
        help="100 if the data were in metres and are now in centimetres.",
    )
    entropy = moons.entropy + 2 * math.log(factor)
    with st.container(horizontal=True, key="units"):
        st.metric(
            "Entropy of the moons, in nats",
            fixed(entropy),
            help="That of the Playground's moons plus 2 log c.",
        )
        st.metric(
            "NLL of a flow with a gap of 0.05",
            fixed(entropy + 0.05),
            help="In the same units: it changes by the same number.",
        )
        st.metric("Gap", "0.050", help="A KL divergence: the same in all units.")


def _words() -> None:
    words = sorted(TERMS.items(), key=lambda item: item[0].lower())
    st.markdown("\n".join(f"- **{word}**: {meaning}" for word, meaning in words))


def _papers() -> None:
    st.markdown("\n".join(f"- {_cite(paper)}" for paper in all_papers()))


def _cite(paper: Paper) -> str:
    return f"{paper.authors} ({paper.year}). [{paper.title}]({paper.url})."


def _topics() -> None:
    here = [f"| {topic.heading} | {_where(topic)} |" for topic in placed()]
    prose("\n".join(["| Topic | Where |", "|---|---|", *here]))
    # Links in text would open new tabs, and with them new sessions.
    with st.container(horizontal=True, key="topic_pages"):
        for page, title in PAGES.items():
            st.page_link(f"pages/{page}.py", label=title, help=f"Opens the page {title}.")
    if missing := [f"| {topic.heading} | {topic.later} |" for topic in not_yet()]:
        st.subheader("Not yet", anchor="not-yet")
        prose("\n".join(["| Topic | What is missing |", "|---|---|", *missing]))


def _where(topic: Topic) -> str:
    titles = {section.key: section.title for section in SECTIONS}
    places = []
    if topic.section:
        places.append(f"[{titles[topic.section]}](#{topic.section})")
    if topic.page:
        places.append(f"the page {PAGES[topic.page]}")
    if topic.family:
        places.append(f"[{FLOW_FAMILIES[topic.family].label}](#families)")
    return ", ".join(places)


def _comparison() -> None:
    """Show numbers of the last measured race, and the cards of models that are no flows."""
    with st.container(key="comparison"):
        prose(comparison_table())
    st.caption(comparison_note())
    for name, architecture in ARCHITECTURES.items():
        if not architecture.is_flow:
            with st.expander(f"**{architecture.label}**: {architecture.idea}"):
                architecture_card(architecture)
                try_it(Try(f"Train {architecture.label}", {"architecture": name}), f"other_{name}")


_EXTRAS: Mapping[str, Callable[[], None]] = {
    "comparison": _comparison,
    "families": _families,
    "costs": timing_table,
    "hyperparameters": _hyperparameters,
    "symptoms": _symptoms,
    "bits": _bits,
    "exercises": exercises,
    "units": _units,
    "words": _words,
    "papers": _papers,
    "topics": _topics,
}
