"""The lecture as a guide: its text, its tables, and where each of its topics lives."""

from flowplay.guide.bits import bits_per_dimension
from flowplay.guide.practice import SYMPTOMS, Hyperparameter, Symptom, hyperparameters
from flowplay.guide.reading import PAPERS, all_papers
from flowplay.guide.sections import SECTIONS, Section, Try
from flowplay.guide.topics import TOPICS, Topic, not_yet, placed

__all__ = [
    "PAPERS",
    "SECTIONS",
    "SYMPTOMS",
    "TOPICS",
    "Hyperparameter",
    "Section",
    "Symptom",
    "Topic",
    "Try",
    "all_papers",
    "bits_per_dimension",
    "hyperparameters",
    "not_yet",
    "placed",
]
