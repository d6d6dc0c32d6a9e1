"""Text whose technical words explain themselves where they stand."""

from __future__ import annotations

import re

import streamlit as st

from flowplay.glossary import TERMS, explain

#: A table of Markdown: neighbouring lines that begin with a bar.
_TABLE = re.compile(r"(?:^\|.*\n?)+", re.MULTILINE)

#: What Markdown, or Streamlit's own, may take as markup.
_MARKUP = re.compile(r"[!-/:-@\[-`{-~]")

#: What a table scrolls in. It has its style with it: the style sheet of the page comes later than
#: the first text, and until then a wide table would make a phone's page scroll sideways.
_BOX = '<div class="wide" style="max-width: 100%; overflow-x: auto">\n\n{}\n\n</div>\n'


def prose(text: str) -> None:
    """Show Markdown in which `[[term]]` carries its explanation from the glossary.

    Wide tables scroll in a box of their own. They must not contain `[[term]]`.

    Args:
        text: of the project's own; never what a visitor sent, since HTML passes.
    """
    boxed = _TABLE.sub(lambda table: _BOX.format(table[0].strip()), text)
    st.markdown(explain(boxed), unsafe_allow_html=True)


def plain(text: str) -> str:
    r"""Return Markdown that shows a text as it is, whatever a visitor has written.

    Example:
        >>> print(plain("<b> *x* :red[y]"))
        \<b\> \*x\* \:red\[y\]
    """
    return _MARKUP.sub(r"\\\g<0>", " ".join(text.split()))


def tooltip(text: str, *words: str) -> str:
    """Return a tooltip's Markdown: its text, and the glossary's sentences about words in it."""
    return "\n\n".join([text, *(f"*{word}*: {TERMS[word]}" for word in words)])
