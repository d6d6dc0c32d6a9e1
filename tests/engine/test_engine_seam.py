"""Between a viewer's handle, the run and the engine, everything is called by its public name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import flowplay.engine

FOLDER = Path(flowplay.engine.__file__).parent

#: Public in spite of its name: it ends a fork without what its parent does at its end.
PUBLIC = {"os._exit"}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_no_class_reaches_into_the_private_parts_of_another(path: Path) -> None:
    foreign = [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and not (isinstance(node.value, ast.Name) and node.value.id == "self")
        and ast.unparse(node) not in PUBLIC
    ]
    assert not foreign
