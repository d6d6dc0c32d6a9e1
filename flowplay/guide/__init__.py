"""The lecture as a guide: its text, its tables, and where each of its topics lives."""

from flowplay.guide.bits import bits_per_dimension
from flowplay.guide.comparison import comparison_note, comparison_table
from flowplay.guide.exercises import EXERCISES, Attempt, Exercise, best
from flowplay.guide.pictures import picture
from flowplay.guide.practice import SYMPTOMS, Hyperparameter, Symptom, hyperparameters
from flowplay.guide.reading import PAPERS, all_papers
from flowplay.guide.section import Chapter, Section, Try
from flowplay.guide.sections import CHAPTERS, SECTIONS
from flowplay.guide.topics import TOPICS, Topic, not_yet, placed

__all__ = [
    "CHAPTERS",
    "EXERCISES",
    "PAPERS",
    "SECTIONS",
    "SYMPTOMS",
    "TOPICS",
    "Attempt",
    "Chapter",
    "Exercise",
    "Hyperparameter",
    "Section",
    "Symptom",
    "Topic",
    "Try",
    "all_papers",
    "best",
    "bits_per_dimension",
    "comparison_note",
    "comparison_table",
    "hyperparameters",
    "not_yet",
    "picture",
    "placed",
]
