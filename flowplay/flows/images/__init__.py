"""Flows of images: bijections of D = C·H·W numbers that know of channels and of positions.

Inside a flow of images the coordinates are ordered by channel and then by position: the rows of
``x [D, B]`` are ``x [C, P, B]`` with P = H·W, so that one channel of all positions of a batch is
one contiguous row.
"""

from flowplay.flows.images.glow import image_glow
from flowplay.flows.images.logit import Logit
from flowplay.flows.images.noise import UniformNoise, VariationalNoise
from flowplay.flows.images.squeeze import Squeeze

__all__ = ["Logit", "Squeeze", "UniformNoise", "VariationalNoise", "image_glow"]
