"""What learns: flows and other generative models behind one contract."""

from flowplay.models.base import BoundModel, LikelihoodModel, Model, SamplingModel
from flowplay.models.build import build_model

__all__ = ["BoundModel", "LikelihoodModel", "Model", "SamplingModel", "build_model"]
