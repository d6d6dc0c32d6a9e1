"""Small pictures of the families."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree

import pytest

from flowplay.catalog import FLOW_FAMILIES
from flowplay.figures import family_icon


@pytest.mark.parametrize("name", FLOW_FAMILIES)
def test_every_family_has_a_small_picture_that_nothing_cuts(name: str) -> None:
    address = family_icon(name)
    assert 0 < len(address) < 6000, "one travels for each architecture of a group"
    svg = base64.b64decode(address.partition(",")[2]).decode()
    ElementTree.fromstring(svg)
    path = max(re.findall(r' d="([^"]+)"', svg), key=len)
    if name != "graphical":  # its path is written by hand, with other commands
        places = [float(number) for number in re.findall(r"-?[\d.]+", path)]
        assert min(places) >= 0
        assert max(places) <= 64


def test_no_two_families_look_alike() -> None:
    assert len({family_icon(name) for name in FLOW_FAMILIES}) == len(FLOW_FAMILIES)
