"""Axes that stay while sliders move."""

from __future__ import annotations

import pytest

from flowplay.onedim import BASES, KINDS, SPLINE, PushForward
from flowplay.onedim.picture import line_picture
from flowplay.onedim.scales import scales_of

PAIRS = [(b, n) for b in BASES for n in (*KINDS, SPLINE) if n != "logit" or b == "uniform"]


@pytest.mark.parametrize(("base", "name"), PAIRS)
def test_the_axes_have_room_for_the_first_settings(base: str, name: str) -> None:
    scales = scales_of(BASES[base], name)
    if name == SPLINE:
        return
    law = PushForward(BASES[base], (KINDS[name].make(**KINDS[name].defaults),))
    picture = line_picture(law)
    low, high = picture.windows[-1]
    assert scales.x[0] <= low
    assert scales.x[1] >= high
    # None so much larger that the first picture is too small to see.
    assert high - low > (scales.x[1] - scales.x[0]) / 16
    assert picture.tallest[-1] <= max(scales.tallest) + 1e-9
    assert picture.tallest[-1] > max(scales.tallest) / 16


def test_a_stretch_is_seen_as_a_steeper_line() -> None:
    scales = scales_of(BASES["normal"], "affine")
    for a in (0.2, 3.0):
        law = PushForward(BASES["normal"], (KINDS["affine"].make(a=a, b=0.0),))
        low, high = line_picture(law).windows[-1]
        assert scales.x[0] <= low < high <= scales.x[1], "both fit the same axes"


def test_a_base_that_the_map_does_not_take_is_refused() -> None:
    with pytest.raises(ValueError, match=r"takes values in \(0, 1\)"):
        scales_of(BASES["normal"], "logit")
