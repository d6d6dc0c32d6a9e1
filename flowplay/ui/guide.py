"""The guide's sections in Streamlit, with tables made from the catalog and `RunConfig`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from flowplay.catalog import FLOW_FAMILIES, Paper
from flowplay.glossary import TERMS
from flowplay.guide import (
    SECTIONS,
    SYMPTOMS,
    Section,
    Topic,
    Try,
    all_papers,
    bits_per_dimension,
    hyperparameters,
    not_yet,
    placed,
)
from flowplay.ui.card import architecture_card
from flowplay.ui.terms import prose
from flowplay.ui.timing_table import timing_table

_PAGES: Mapping[str, str] = {
    "playground": "Playground",
    "change_of_variables": "Change of variables",
    "compress": "Compress",
}


def contents() -> None:
    """Show links to all sections."""
    links = " · ".join(f"[{section.title}](#{section.key})" for section in SECTIONS)
    st.markdown(links)


def show_section(section: Section) -> None:
    """Show a section: its text, its table or widgets, and links to try it."""
    st.header(section.title, anchor=section.key)
    prose(section.text)
    if section.extra:
        _EXTRAS[section.extra]()
    if section.tries:
        with st.container(horizontal=True, key=f"try_{section.key}"):
            for number, link in enumerate(section.tries):
                _try_it(link, f"{section.key}_{number}")


def _try_it(link: Try, key: str) -> None:
    with st.container(key=f"link_{key}", width="content"):
        st.page_link(
            f"pages/{link.page}.py",
            label=f"Try it: {link.label[0].lower()}{link.label[1:]}",
            icon=":material/play_circle:",
            query_params=dict(link.query) or None,
            help=f"Opens the {_PAGES[link.page]} page{_settings(link.query)}.",
        )


def _settings(query: Mapping[str, str]) -> str:
    said = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in query.items())
    return f" with {said}" if said else ""


def _families() -> None:
    for name, architecture in FLOW_FAMILIES.items():
        with st.expander(f"**{architecture.label}**: {architecture.idea}"):
            architecture_card(architecture)
            _try_it(Try(f"Train {architecture.label}", {"architecture": name}), f"family_{name}")


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
        f"- **{label}** ({', '.join(families)}). {text}" for (label, text), families in own.items()
    ]
    st.markdown("\n".join(["Settings of single families:", "", *lines]))


def _symptoms() -> None:
    for number, symptom in enumerate(SYMPTOMS):
        st.markdown(f"**{symptom.name}.** {symptom.shows}  \n:material/healing: {symptom.helps}")
        if symptom.query:
            _try_it(Try("See it happen", symptom.query), f"symptom_{number}")


def _bits() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="bits"):
        nll = st.number_input(
            "NLL of a data point, in nats",
            -1e6,
            1e6,
            7144.0,
            step=10.0,
            key="bits_nll",
            help="Of a whole data point, with values counted in steps of 1, as the bytes of an "
            "image are.",
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
        st.metric(
            "Bits per dimension",
            f"{bits_per_dimension(nll, int(dim)):.3f}",
            help="NLL / (D log 2). A uniform distribution over bytes gives 8.",
        )


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
        for page, title in _PAGES.items():
            st.page_link(f"pages/{page}.py", label=title, help=f"Opens the page {title}.")
    st.subheader("Not yet", anchor="not-yet")
    missing = [f"| {topic.heading} | {topic.later} |" for topic in not_yet()]
    prose("\n".join(["| Topic | What is missing |", "|---|---|", *missing]))


def _where(topic: Topic) -> str:
    titles = {section.key: section.title for section in SECTIONS}
    places = []
    if topic.section:
        places.append(f"[{titles[topic.section]}](#{topic.section})")
    if topic.page:
        places.append(f"the page {_PAGES[topic.page]}")
    if topic.family:
        places.append(f"[{FLOW_FAMILIES[topic.family].label}](#families)")
    return ", ".join(places)


_EXTRAS: Mapping[str, Callable[[], None]] = {
    "families": _families,
    "costs": timing_table,
    "hyperparameters": _hyperparameters,
    "symptoms": _symptoms,
    "bits": _bits,
    "words": _words,
    "papers": _papers,
    "topics": _topics,
}
