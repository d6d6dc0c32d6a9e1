"""A picker of one value has a value before the browser has answered."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [*sorted((ROOT / "flowplay/ui").rglob("*.py")), *sorted((ROOT / "pages").glob("*.py"))]


def _pickers(path: Path) -> list[tuple[int, set[str]]]:
    return [
        (node.lineno, {word.arg for word in node.keywords if word.arg})
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("segmented_control", "pills")
    ]


@pytest.mark.parametrize(
    "path", [path for path in FILES if _pickers(path)], ids=lambda path: path.stem
)
def test_a_required_picker_says_its_default(path: Path) -> None:
    # A browser that has drawn a picker, and not yet its value, sends the default: without one,
    # nothing is chosen, and the page that reads the choice fails.
    for line, words in _pickers(path):
        assert {"selection_mode", "default"} & words, f"{path.name}:{line}"
        assert "default" not in words or "required" in words, f"{path.name}:{line}"
