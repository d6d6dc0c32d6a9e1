"""The house's arrows: what each part must not reach."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: part -> top-level modules that must not be reachable by importing it.
FORBIDDEN = {
    "flowplay.catalog": ("torch", "streamlit"),
    "flowplay.config": ("torch", "streamlit"),
    "flowplay.budgets": ("torch", "streamlit"),
    "flowplay.rules": ("torch", "streamlit"),
    "flowplay.plugins": ("torch", "streamlit"),
    "flowplay.problems": ("torch", "streamlit"),
    "flowplay.targets": ("torch", "streamlit"),
    "flowplay.wire": ("torch", "streamlit"),
    "flowplay.codes": ("torch", "streamlit"),
    "flowplay.grids": ("torch", "streamlit"),
    "flowplay.onedim": ("torch", "streamlit"),
    "flowplay.store": ("torch", "streamlit", "sqlalchemy", "alembic"),
    "flowplay.store.runs": ("torch", "streamlit", "alembic"),
    "flowplay.kernels": ("torch", "streamlit", "numba", "llvmlite"),
    "flowplay.figures": ("torch", "streamlit"),
    "flowplay.engine": ("torch", "streamlit", "distributed"),
    "flowplay.training": ("streamlit", "distributed", "plotly", "pandas", "PIL"),
    "flowplay.training.worker": (
        *("streamlit", "distributed", "plotly", "pandas", "PIL"),
        *("numba", "llvmlite", "sqlalchemy"),
    ),
    "flowplay.models": ("streamlit", "distributed", "plotly", "pandas", "PIL"),
    "flowplay.flows": ("streamlit", "distributed", "plotly", "pandas", "PIL"),
    "flowplay.codec": ("streamlit", "distributed", "plotly", "pandas", "PIL"),
    "flowplay.race": ("torch", "streamlit", "plotly"),
    "flowplay.guide": ("torch", "streamlit"),
    "flowplay.glossary": ("torch", "streamlit"),
    "flowplay.ui.live": ("torch",),
    "flowplay.ui.walk": ("torch",),
    "flowplay.ui.controls": ("torch",),
    "flowplay.ui.inside": ("torch",),
    "flowplay.ui.example": ("torch",),
    "flowplay.ui.guide": ("torch",),
    "flowplay.ui.compress": ("torch",),
    "flowplay.ui.images.page": ("torch",),
    "flowplay.ui.race.page": ("torch",),
    "flowplay.ui.tour": ("torch",),
}


@pytest.mark.parametrize("module", FORBIDDEN)
def test_importing_does_not_reach(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    reached = set(loaded.stdout.split()) & set(FORBIDDEN[module])
    assert not reached, f"{module} imports {reached}"


def imports(path: Path) -> set[str]:
    """Return every module a file imports anywhere, functions included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module}
    return found


@pytest.mark.parametrize(
    "folder",
    ["app.py", "navigation.py", "pages", "flowplay/ui", "flowplay/figures", "flowplay/engine"],
)
def test_no_file_imports_torch_or_training_even_lazily(folder: str) -> None:
    paths = [ROOT / folder] if folder.endswith(".py") else sorted((ROOT / folder).rglob("*.py"))
    assert paths
    for path in paths:
        bad = {m for m in imports(path) if m.split(".")[0] == "torch"} | {
            m
            for m in imports(path)
            if m.startswith(
                ("flowplay.training", "flowplay.flows", "flowplay.models", "flowplay.codec")
            )
        }
        assert not bad, f"{path.relative_to(ROOT)} imports {bad}"


def test_only_the_ui_knows_streamlit() -> None:
    allowed = {
        ROOT / "app.py",
        ROOT / "navigation.py",
        *(ROOT / "pages").rglob("*.py"),
        *(ROOT / "flowplay/ui").rglob("*.py"),
    }
    for path in [*(ROOT / "flowplay").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]:
        if path not in allowed:
            assert not {m for m in imports(path) if m.split(".")[0] == "streamlit"}, path


def test_pages_hold_no_maths() -> None:
    for path in (ROOT / "pages").rglob("*.py"):
        assert not imports(path) & {"numpy", "math", "scipy", "pandas", "plotly"}, path
