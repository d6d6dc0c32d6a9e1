"""The kinds of pictures that a snapshot may hold, each under a tag of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Picture:
    """A frozen dataclass of JSON values and arrays that a page knows how to draw.

    A subclass names its `TAG` and is registered with `picture_kind`.
    """

    TAG: ClassVar[str]

    def parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the fields that are JSON values, and those that are arrays."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        arrays = {n: v for n, v in values.items() if isinstance(v, np.ndarray)}
        return {n: v for n, v in values.items() if n not in arrays}, arrays

    @classmethod
    def from_parts(cls, values: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Put together what `parts` took apart.

        Raises:
            TypeError: if a field is missing, or there is one too many.
        """
        return cls(**values, **arrays)


class PictureKind(NamedTuple):
    """A kind of picture, and who makes and draws it, by import paths `package.module:function`.

    Attributes:
        picture: the class.
        made_by: in a worker, `(live run, state, fine) -> picture or None` where it does not apply.
        drawn_by: on a page, `(picture, snapshot, *, samples, frame, key) -> None`.
    """

    picture: type[Picture]
    made_by: str
    drawn_by: str


_KINDS: dict[str, PictureKind] = {}

#: Tag -> kind; of those that a snapshot has, a page draws the first.
PICTURE_KINDS: Mapping[str, PictureKind] = MappingProxyType(_KINDS)

K = TypeVar("K", bound=type[Picture])


def picture_kind(*, made_by: str, drawn_by: str) -> Callable[[K], K]:
    """Register a kind of picture by its tag; a class decorator.

    Args:
        made_by: see `PictureKind`.
        drawn_by: see `PictureKind`.

    Raises:
        ValueError: if another kind has the tag.
    """

    def register(picture: K) -> K:
        if picture.TAG in _KINDS:
            raise ValueError(f"There is a kind of picture with the tag {picture.TAG!r} already.")
        _KINDS[picture.TAG] = PictureKind(picture, made_by, drawn_by)
        return picture

    return register


@picture_kind(
    made_by="flowplay.training.picture_makers:density_picture",
    drawn_by="flowplay.ui.picture_views:draw_density",
)
@dataclass(frozen=True)
class DensityPicture(Picture):
    """A density of the plane on a grid.

    Attributes:
        window: x_min, x_max, y_min, y_max of the picture, in data units.
        scale: the density that code 255 stands for, in 1 / (data unit)^2.
        exactness: `exact`, `bound` (the density is at least this) or `estimate`.
        code: [H, W] uint8, the density at the centres of the cells, coded by
            `flowplay.codes.encode_density`; row 0 is the lowest y.
    """

    TAG: ClassVar[str] = "density"

    window: list[float]
    scale: float
    exactness: str
    code: NDArray[np.uint8]


@picture_kind(
    made_by="flowplay.training.picture_makers:images_picture",
    drawn_by="flowplay.ui.picture_views:draw_images",
)
@dataclass(frozen=True)
class ImagesPicture(Picture):
    """Images drawn from the model, at the run's temperature, the same noise at every step.

    Attributes:
        brightest: the highest level that there is.
        levels: [n, H, W, C] uint8.
    """

    TAG: ClassVar[str] = "images"

    brightest: int
    levels: NDArray[np.uint8]


@picture_kind(
    made_by="flowplay.training.picture_makers:samples_picture",
    drawn_by="flowplay.ui.picture_views:draw_samples",
)
@dataclass(frozen=True)
class SamplesPicture(Picture):
    """Points drawn from the model, at the run's temperature.

    Attributes:
        window: x_min, x_max, y_min, y_max of their picture, in data units; None outside the plane.
        points: [n, D] float32, in data units.
    """

    TAG: ClassVar[str] = "samples"

    window: list[float] | None
    points: NDArray[np.float32]


@picture_kind(
    made_by="flowplay.training.picture_makers:predictive_picture",
    drawn_by="flowplay.ui.posterior:draw_predictive",
)
@dataclass(frozen=True)
class PredictivePicture(Picture):
    """What a posterior that a model has learned predicts, from draws of the model.

    Attributes:
        draws: number of draws.
        inputs: [n] float32, where it is evaluated.
        mean: [n] float32, the posterior predictive mean, an estimate from the draws.
        low: [n] float32, the 5 % quantile of the expected output over the draws.
        high: [n] float32, the 95 % quantile.
    """

    TAG: ClassVar[str] = "predictive"

    draws: int
    inputs: NDArray[np.float32]
    mean: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
