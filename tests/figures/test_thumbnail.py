"""PNG pictures have the colormap's colours, the asked size, and y upwards."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from flowplay.figures.colors import PALETTE
from flowplay.figures.thumbnail import data_uri, density_png, thumbnail


def _pixels(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


def test_lowest_row_is_at_the_foot() -> None:
    picture = _pixels(density_png(np.array([[0, 10], [200, 255]], np.uint8)))
    np.testing.assert_array_equal(np.asarray(picture), PALETTE[[[200, 255], [0, 10]]])


def test_size_is_that_of_the_longer_side() -> None:
    assert _pixels(density_png(np.zeros((32, 64), np.uint8), size=96)).size == (96, 48)


def test_thumbnail_uses_its_own_scale_and_bears_nan() -> None:
    picture = np.asarray(_pixels(thumbnail(np.array([[0.0, np.nan], [0.0, 7e-4]]), size=2)))
    np.testing.assert_array_equal(picture[0, 1], PALETTE[255])
    np.testing.assert_array_equal(picture[1, 1], PALETTE[0])


def test_empty_density_is_dark() -> None:
    assert np.all(np.asarray(_pixels(thumbnail(np.zeros((4, 4)), size=4))) == PALETTE[0])


def test_data_uri_holds_a_png() -> None:
    assert data_uri(thumbnail(np.eye(4))).startswith("data:image/png;base64,iVBOR")
