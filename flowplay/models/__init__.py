"""What learns: flows and other generative models behind one contract."""

from flowplay.models.base import BoundModel, LikelihoodModel, Model
from flowplay.models.build import build_model

__all__ = ["BoundModel", "LikelihoodModel", "Model", "build_model"]
