"""Where to look things up: sections of the guide."""

from __future__ import annotations

from flowplay.guide.section import Section

LOOKUP: tuple[Section, ...] = (
    Section(
        "words",
        "Words",
        "All words with a dotted line, explained.",
        "Words with a dotted line have these explanations everywhere: point at the word, tap it, "
        "or reach it by keyboard.",
        (),
        extra="words",
    ),
    Section(
        "papers",
        "Key papers",
        "Where the ideas come from.",
        "Sorted by year.",
        (),
        extra="papers",
    ),
    Section(
        "topics",
        "Where each topic is",
        "Every heading of the lecture, and where to find it.",
        "All headings of the lecture on which this guide is based.",
        (),
        extra="topics",
    ),
)
