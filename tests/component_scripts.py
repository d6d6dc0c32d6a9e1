"""Runs a component's script without a browser, in the Node that Playwright brings along."""

from __future__ import annotations

import importlib.resources
import json
import subprocess
from pathlib import Path
from typing import Any

import playwright

_NODE = Path(playwright.__file__).parent / "driver" / "node"
_FOLDER = importlib.resources.files("flowplay.ui.components")


def told_by(script: str, *names: str) -> Any:  # noqa: ANN401
    """Return what a script prints as JSON, behind the scripts of some components.

    Args:
        script: prints one value.
        *names: of the components; what they export is left out.
    """
    parts = [_FOLDER.joinpath(f"{name}.js").read_text("utf-8") for name in names]
    source = "\n".join([*(part.partition("export default")[0] for part in parts), script])
    done = subprocess.run(
        [_NODE, "--input-type=module", "-"],
        input=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
