"""docs/architecture.md names what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "architecture.md").read_text("utf-8")

#: Where a path may begin.
FOLDERS = (
    "",
    "flowplay",
    "flowplay/ui",
    "flowplay/ui/components",
    "flowplay/flows",
    "flowplay/training",
    "tests/flows",
)

PATHS = sorted(
    {path for path in re.findall(r"`([\w./]+(?:\.\w+|/))`", TEXT) if "/" in path or ".py" in path}
)


@pytest.mark.parametrize("path", [p for p in PATHS if "NAME" not in p])
def test_every_path_exists(path: str) -> None:
    assert any((ROOT / folder / path).exists() for folder in FOLDERS)
