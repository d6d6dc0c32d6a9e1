"""What the guide is made of: chapters of sections, each one idea with something to try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Try:
    """A link: what to look at, and the Playground's settings for it; or another page."""

    label: str
    query: Mapping[str, str] = field(default_factory=dict)
    page: str = "playground"


@dataclass(frozen=True)
class Section:
    """One idea.

    Text is Markdown; `[[term]]` marks words of the glossary, and `[words](#key)` is a link to the
    section of that key. What the catalog or `RunConfig` contains is not repeated in it: the page
    adds that to the section that names it as `extra`.

    Attributes:
        key: in its address, and the name of its picture.
        title: its heading.
        summary: one sentence for the page of contents.
        text: the section itself.
        tries: where to try what it says.
        extra: names what the page puts below the text, if anything.
    """

    key: str
    title: str
    summary: str
    text: str
    tries: tuple[Try, ...]
    extra: str = ""


@dataclass(frozen=True)
class Chapter:
    """Sections that belong together."""

    title: str
    sections: tuple[Section, ...]
