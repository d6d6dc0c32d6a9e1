"""Databases: SQLite always, and a PostgreSQL server where Debian's package is installed."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from benchmarks.postgres import Postgres, programs
from flowplay.store.store import Store, database_url

REQUIRED = os.environ.get("FLOWPLAY_POSTGRES") == "required"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    if programs() is None:
        if REQUIRED:
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


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/folder/runs.sqlite"
    server: Postgres = request.getfixturevalue("postgres")
    engine = create_engine(database_url(server.url))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return server.url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = Store(url)
    yield store
    store.close()
