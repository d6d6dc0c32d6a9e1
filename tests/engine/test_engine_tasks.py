"""What runs in a worker, as far as it needs none."""

from __future__ import annotations

import subprocess
import sys

from flowplay.budgets import HELD_BYTES
from flowplay.engine import tasks


def test_worker_holds_the_newest_states_only() -> None:
    first = tasks.hold_state(bytes(40 * 2**20))
    second = tasks.hold_state(bytes(40 * 2**20))
    assert first not in tasks._held
    assert tasks.hold_state(bytes(HELD_BYTES + 1)) == "", "it could not be found again"
    assert tasks._held.pop(second) == bytes(40 * 2**20), "it took no place from others"


def test_importing_the_engine_is_light() -> None:
    code = (
        "import sys, flowplay.engine\n"
        "heavy = {'torch', 'distributed', 'dask', 'streamlit', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
