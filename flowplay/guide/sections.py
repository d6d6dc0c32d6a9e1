"""The guide's chapters, in reading order, and their sections."""

from __future__ import annotations

from flowplay.guide.foundations import FOUNDATIONS
from flowplay.guide.layers import LAYERS
from flowplay.guide.learning import LEARNING
from flowplay.guide.limits import BEYOND
from flowplay.guide.lookup import LOOKUP
from flowplay.guide.section import Chapter, Section
from flowplay.guide.using import USING

CHAPTERS: tuple[Chapter, ...] = (
    Chapter("What a flow is", FOUNDATIONS),
    Chapter("What layers are made of", LAYERS),
    Chapter("Training", LEARNING),
    Chapter("Limits, and ways beyond", BEYOND),
    Chapter("Use", USING),
    Chapter("Reference", LOOKUP),
)

#: All sections, in reading order.
SECTIONS: tuple[Section, ...] = tuple(s for chapter in CHAPTERS for s in chapter.sections)
