"""What every test needs."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator

import pytest

from benchmarks.postgres import Postgres, programs

# Tests that are not about the compiled kernels do not wait for them, nor differ with them.
os.environ["FLOWPLAY_KERNELS"] = "0"
# Processes of tests that share cores would wait for each other's threads: one thread each.
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"
# Nor does a test write into the store of who runs it.
os.environ["FLOWPLAY_DATABASE"] = f"sqlite:///{tempfile.mkdtemp()}/runs.sqlite"


#: Then tests of PostgreSQL fail where it is not installed, instead of being skipped.
POSTGRES_REQUIRED = os.environ.get("FLOWPLAY_POSTGRES") == "required"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    if programs() is None:
        if POSTGRES_REQUIRED:
            pytest.fail("FLOWPLAY_POSTGRES=required, but PostgreSQL is not installed.")
        why = "PostgreSQL is not installed: the store was not tested on it."
        warnings.warn(why, stacklevel=1)
        pytest.skip(why)
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(autouse=True)
def _process_as_it_was() -> Iterator[None]:
    """Undo what a test leaves behind in this process.

    `flowplay.training.prepare_process` flushes denormal numbers, which hypothesis needs. Streamlit
    puts the script it tests in the place of `__main__`, which a spawned process would run.
    """
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests of the flows measured but did not judge."""
    rows = [
        str(value)
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == "float32 round trip" and report.when == "call"
    ]
    if rows:
        terminalreporter.section("float32 round trip of 8 layers, 1,000 points")
        for row in rows:
            terminalreporter.write_line(row)
