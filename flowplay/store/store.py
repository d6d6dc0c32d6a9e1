"""The database behind everything that is kept: its address, schema, sessions, and its absence."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import platformdirs
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    SQLAlchemyError,
)
from sqlalchemy.orm import Session

from flowplay.store.errors import StoreError
from flowplay.store.schema import SCHEMA

DATABASE_VARIABLE: Final = "FLOWPLAY_DATABASE"
"""Names the database, as `postgresql://user:password@host/name`."""

RETRY_SECONDS: Final = 1.0
"""After a failure the database is asked again no sooner: until then every call fails at once."""

CONNECT_SECONDS: Final = 3
"""How long a connection, or a lock that somebody else holds, is waited for."""

STATEMENT_SECONDS: Final = 10
"""How long one statement may take."""

_MIGRATION_LOCK: Final = 7_038_114
"""Names the lock that lets one server at a time change the schema of PostgreSQL."""

CLASSES_LOCK: Final = 7_038_115
"""Names the turn of whoever makes a class; see `take_turn`."""

_AWAY: Final = "The store of runs does not answer; trying again."
_LATER: Final = "The store of runs was made by a later version of flowplay: runs are not kept."

logger = logging.getLogger(__name__)


class Store:
    """A database of runs, data and whatever else has a table. Any thread may use it.

    It is opened, and its schema brought up to date, by the first call that needs it, and again by
    later ones for as long as that fails. Several processes may use one database.

    Args:
        url: of the database; by default that of `FLOWPLAY_DATABASE`, else SQLite in the user's data
            folder.

    Raises:
        ValueError: if the address cannot be used; the message is one sentence.
    """

    def __init__(self, url: str | None = None) -> None:
        self.url = database_url(url or os.environ.get(DATABASE_VARIABLE) or None)
        try:
            self._engine = _engine(self.url)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise ValueError(_unusable(str(error))) from None
        # BEGIN IMMEDIATE: a reader of SQLite that becomes a writer would not wait for another.
        self._writer = self._engine.execution_options(immediate=True)
        self._opening = threading.Lock()
        self._is_open = False
        self._message = ""
        self._retry_at = 0.0

    @property
    def message(self) -> str:
        """Why nothing can be kept or read now, in one sentence; empty if it can."""
        return self._message

    def open(self) -> None:
        """Connect and bring the schema up to date, if that is still to be done.

        Raises:
            StoreError: if that cannot be done now.
        """
        if self._is_open:
            return
        if not self._opening.acquire(timeout=2 * CONNECT_SECONDS):
            raise StoreError(_AWAY)
        try:
            if not self._is_open:
                self._try(lambda: _migrate(self._writer))
                self._is_open = True
        finally:
            self._opening.release()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that changes nothing.

        Raises:
            StoreError: if the database does not answer.
        """
        with self._session(self._engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose changes are made when the context ends, all or none of them.

        Raises:
            StoreError: if the database does not answer.
        """
        with self._session(self._writer) as session:
            yield session

    def ping(self) -> None:
        """Find out whether the database answers.

        Raises:
            StoreError: if it does not.
        """
        with self.reading() as session:
            session.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        self.open()
        self._refuse_while_away()
        try:
            with Session(engine, expire_on_commit=False) as session, session.begin():
                yield session
        except (IntegrityError, DataError):
            # What was asked was wrong; the database is there.
            raise
        except SQLAlchemyError as error:
            # Whoever comes next looks at the schema again: it may be another database by then.
            self._is_open = False
            raise self._went_away(error) from error
        self._is_back()

    def _try(self, act: Any) -> None:  # noqa: ANN401
        self._refuse_while_away()
        try:
            act()
        except (SQLAlchemyError, OSError, _LaterSchemaError) as error:
            raise self._went_away(error) from error
        self._is_back()

    def _refuse_while_away(self) -> None:
        if self._message and time.monotonic() < self._retry_at:
            raise StoreError(self._message)

    def _went_away(self, error: Exception) -> StoreError:
        sentence = _LATER if isinstance(error, _LaterSchemaError) else _AWAY
        if self._message != sentence:
            reason = str(error.orig if isinstance(error, DBAPIError) else error).strip()
            logger.warning("%s (%s)", sentence, reason.partition("\n")[0])
        self._retry_at = time.monotonic() + RETRY_SECONDS
        self._message = sentence
        return StoreError(sentence)

    def _is_back(self) -> None:
        if self._message:
            logger.warning("The store of runs answers again.")
            self._message = ""


class _LaterSchemaError(Exception):
    """A later version of flowplay made the schema."""

    def __init__(self, found: str) -> None:
        super().__init__(f"schema {found}, this version knows up to {SCHEMA}")


def take_turn(session: Session, lock: int) -> None:
    """Wait until nobody else has this turn; it is had until the session's changes are made.

    Args:
        session: one that writes. On SQLite only one does at a time, whatever it is for.
        lock: names the turn.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"SELECT pg_advisory_xact_lock({lock})"))


def database_url(given: str | None) -> URL:
    """Return the address of the database; None is SQLite in the user's data folder.

    Raises:
        ValueError: if it cannot be read as an address.

    Example:
        >>> database_url("postgres://me@db/flowplay").drivername
        'postgresql+psycopg'
    """
    if given is None:
        folder = Path(platformdirs.user_data_path("flowplay", appauthor=False))
        return URL.create("sqlite", database=str(folder / "flowplay.sqlite"))
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):
        raise ValueError(_unusable("it is no address like postgresql://user@host/name")) from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    return url


def _unusable(reason: str) -> str:
    return (
        f"{DATABASE_VARIABLE} cannot be used: {reason.strip().partition(chr(10))[0].rstrip('.')}."
    )


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": CONNECT_SECONDS})
        event.listen(engine, "do_connect", lambda *_: _make_folder(url))
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    arguments: dict[str, Any] = {}
    if url.get_backend_name() == "postgresql":
        milliseconds = 1000 * STATEMENT_SECONDS
        arguments = {
            "connect_timeout": CONNECT_SECONDS,
            "tcp_user_timeout": milliseconds,
            "options": f"-c statement_timeout={milliseconds} "
            f"-c lock_timeout={1000 * CONNECT_SECONDS}",
        }
    return create_engine(
        url,
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=8,
        pool_timeout=CONNECT_SECONDS,
        connect_args=arguments,
    )


def _make_folder(url: URL) -> None:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401
    # SQLAlchemy's `begin` event begins transactions, not the driver.
    connection.isolation_level = None
    # A commit survives the end of every process; only a power cut may take the last ones away.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _migrate(engine: Engine) -> None:
    """Bring the schema up to date; others who try at the same time wait, and find it done.

    Raises:
        _LaterSchemaError: if a later version of flowplay made it.
    """
    with engine.begin() as connection:
        if _revision(connection) == SCHEMA:
            return
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
        found = _revision(connection)
        if found == SCHEMA:
            return
        # Only now: Alembic takes some tenths of a second to import.
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        config.set_main_option("path_separator", "os")
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if found is not None and found not in known:
            raise _LaterSchemaError(found)
        config.attributes["connection"] = connection
        command.upgrade(config, SCHEMA)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
