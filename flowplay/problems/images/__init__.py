"""Small images whose pixels are whole numbers: what a density cannot describe without more.

A new one is a new file with a subclass of
:class:`~flowplay.problems.images.base.ImageProblem`, and its line in ``KINDS`` below.
"""

from __future__ import annotations

from flowplay.problems.images.base import ImageProblem, Images, Part, bits_per_dim
from flowplay.problems.images.digits import Digits
from flowplay.problems.images.patches import PhotoPatches

__all__ = ["KINDS", "ImageProblem", "Images", "Part", "bits_per_dim"]

#: All problems of images, in the order of the picker.
KINDS: tuple[type[ImageProblem], ...] = (Digits, PhotoPatches)
