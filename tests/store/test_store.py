"""The store on SQLite and on PostgreSQL: what is written is read, and nothing else is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select, text, update

import flowplay.store
from benchmarks.postgres import Postgres
from flowplay.config import RunConfig
from flowplay.store import StoreError, is_id, new_id
from flowplay.store.classes import Classes, ClassPlan
from flowplay.store.data import Data
from flowplay.store.runs import AT_ONCE, Runs, clean_title
from flowplay.store.schema import SCHEMA, Base, StoredData, StoredRun
from flowplay.store.store import Store, database_url
from flowplay.store.sweep import keep_days, stored_bytes, sweep
from flowplay.wire import Header, identify
from flowplay.wire.own_data import Drawing
from store.kept import OWNER, earlier, header, kept, snapshot, state

HOST, OTHER_HOST = "here", "there"


class Clock:
    """Seconds since 1970, as a test sets them."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def runs(store: Store, clock: Clock) -> Runs:
    return Runs(store, clock)


def test_a_run_comes_back_as_it_was_written(runs: Runs) -> None:
    run = kept()
    assert runs.write(run, HOST, known=None)
    assert runs.read(run.id) == run
    assert runs.read(new_id()) is None


def test_a_run_without_a_state_is_kept_too(runs: Runs) -> None:
    run = kept(state=None, snapshot=None, header=None, earlier={})
    assert runs.write(run, HOST, known=None)
    assert runs.read(run.id) == run


def test_earlier_states_follow_the_run(runs: Runs) -> None:
    run = kept(20, steps=(0, 5, 10))
    runs.write(run, HOST, known=None)
    later = kept(40, steps=(0, 10, 30), id=run.id)
    assert runs.write(later, HOST, known=frozenset({0, 5, 10}))
    found = runs.read(run.id)
    assert found == later
    assert found.earlier == {step: earlier(step) for step in (0, 10, 30)}


def test_who_claims_a_run_is_the_only_one_to_write_it(runs: Runs) -> None:
    run = kept()
    runs.write(run, HOST, known=None)
    assert runs.claim(run.id, OTHER_HOST)
    steps = frozenset(run.earlier)
    assert not runs.write(kept(99, id=run.id), HOST, known=steps)
    assert runs.read(run.id) == run
    assert runs.write(kept(99, id=run.id), OTHER_HOST, known=steps)
    assert not runs.claim(new_id(), HOST)


def test_runs_that_another_process_has_claimed_are_told(runs: Runs) -> None:
    here, there = kept(), kept()
    for run in (here, there):
        runs.write(run, HOST, known=None)
    asked = [here.id, there.id, *(new_id() for _ in range(AT_ONCE))]
    assert runs.elsewhere(asked, HOST) == []
    runs.claim(there.id, OTHER_HOST)
    assert runs.elsewhere(asked, HOST) == [there.id]
    assert runs.elsewhere([], HOST) == []
    runs.see(*asked)


def test_a_deleted_run_is_not_written_again(runs: Runs, store: Store) -> None:
    run = kept()
    runs.write(run, HOST, known=None)
    assert not runs.delete(run.id, "somebody else")
    assert runs.delete(run.id, OWNER)
    assert not runs.write(run, HOST, known=frozenset(run.earlier))
    assert runs.read(run.id) is None
    assert stored_bytes(store) == 0


def test_a_shared_run_does_not_change(runs: Runs) -> None:
    run = kept(title="mine")
    runs.write(run, HOST, known=None)
    link = runs.share(run)
    assert is_id(link)
    assert len(link) == 12
    assert runs.share(run) == link, "nothing has changed"
    later = kept(99, id=run.id)
    runs.write(later, HOST, known=frozenset(run.earlier))
    assert runs.share(later) != link
    assert not runs.write(kept(99, id=link), HOST, known=frozenset())
    assert not runs.claim(link, HOST)
    runs.delete(run.id, OWNER)
    shared = runs.read(link)
    assert shared is not None
    assert (shared.shared, shared.training, shared.title) == (True, False, "mine")
    assert (shared.state, shared.snapshot, shared.earlier) == (run.state, run.snapshot, run.earlier)
    with pytest.raises(ValueError, match="picture"):
        runs.share(kept(state=None, snapshot=None, header=None))


def test_a_browser_lists_its_own_runs_newest_first(runs: Runs) -> None:
    mine = [kept(step) for step in (1, 2, 3)]
    for run in [*mine, kept(owner="somebody else"), kept(snapshot=None, header=None)]:
        runs.write(run, HOST, known=None)
    runs.write(mine[0], HOST, known=frozenset(mine[0].earlier))
    links = [runs.share(mine[1]), runs.share(kept(9, id=mine[1].id))]
    entries = runs.of(OWNER, most=10)
    assert [entry.id for entry in entries] == [mine[0].id, mine[2].id, mine[1].id]
    assert entries[2].links == tuple(reversed(links))
    assert entries[0].config == mine[0].config
    assert entries[0].snapshot == mine[0].snapshot
    assert [entry.id for entry in runs.of(OWNER, most=1, skip=1)] == [mine[2].id]


def test_links_are_listed_when_their_run_is_gone(runs: Runs) -> None:
    first, second = kept(), kept()
    for run in (first, second):
        runs.write(run, HOST, known=None)
    gone, there = runs.share(first), runs.share(second)
    never = runs.share(kept(id=""))
    runs.share(kept(id="", owner="somebody else"))
    assert [entry.id for entry in runs.loose_links(OWNER, most=9)] == [never]
    runs.delete(first.id, OWNER)
    found = runs.loose_links(OWNER, most=9)
    assert [entry.links for entry in found] == [(never,), (gone,)]
    assert found[1].snapshot == first.snapshot
    assert [entry.links for entry in runs.of(OWNER, most=9)] == [(there,)]
    assert len(runs.loose_links(OWNER, most=1)) == 1
    assert runs.delete(gone, OWNER)
    assert [entry.id for entry in runs.loose_links(OWNER, most=9)] == [never]


def test_only_its_owner_names_a_run(runs: Runs) -> None:
    run = kept()
    runs.write(run, HOST, known=None)
    assert not runs.rename(run.id, "somebody else", "stolen")
    assert runs.rename(run.id, OWNER, " <b>two\nlines</b> " + 99 * "x")
    found = runs.read(run.id)
    assert found is not None
    assert found.title == clean_title(" <b>two lines</b> " + 99 * "x")
    assert found.title.startswith("<b>two lines</b> x")
    assert len(found.title) == 80


def test_a_run_of_another_version_is_refused_in_a_sentence(runs: Runs, store: Store) -> None:
    run = kept()
    runs.write(run, HOST, known=None)
    for values in ({"state": b"\x80\x04pickle"}, {"config": '{"version": 99}'}, {"hot": "[]"}):
        with store.writing() as session:
            session.execute(update(StoredRun).values(values))
        with pytest.raises(StoreError, match="another version"):
            runs.read(run.id)
        assert [entry.id for entry in runs.of(OWNER, most=9)] == [run.id], "it can be deleted"
        runs.write(run, HOST, known=frozenset(run.earlier))
    assert runs.of(OWNER, most=9)[0].config is None


def test_the_longest_unseen_and_unshared_go_first(runs: Runs, store: Store, clock: Clock) -> None:
    old, seen, young = (kept() for _ in range(3))
    for run in (old, seen, young):
        runs.write(run, HOST, known=None)
    link = runs.share(old)
    data = Data(store, clock).put(state(3))
    runs.see(seen.id)
    size = old.size
    assert stored_bytes(store) == 4 * size + len(state(3))

    def left() -> set[str]:
        return {id_ for id_ in (old.id, seen.id, young.id, link) if runs.read(id_) is not None}

    assert sweep(store, 0, None, clock) == 0, "all were looked at within ten minutes"
    clock.now += 1000
    sweep(store, 4 * size + len(state(3)), None, clock)
    assert left() == {old.id, seen.id, young.id, link}
    sweep(store, 3 * size + len(state(3)), None, clock)
    assert left() == {seen.id, young.id, link}
    sweep(store, 2 * size, None, clock)
    assert left() == {seen.id, link}
    assert Data(store, clock).get(data) is None
    sweep(store, 0, None, clock)
    assert left() == set()


def test_what_nobody_looks_at_goes_after_the_days_that_are_set(
    runs: Runs, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, seen = kept(), kept()
    for each in (run, seen):
        runs.write(each, HOST, known=None)
    clock.now += 10 * 86_400
    runs.see(seen.id)
    assert sweep(store, 10**9, 9.0, clock) == 1
    assert runs.read(run.id) is None
    assert runs.read(seen.id) is not None
    monkeypatch.setenv("FLOWPLAY_KEEP_DAYS", "30")
    assert keep_days() == 30.0
    for wrong in ("soon", "-1", "nan", "inf"):
        monkeypatch.setenv("FLOWPLAY_KEEP_DAYS", wrong)
        with pytest.raises(ValueError, match="no positive number"):
            keep_days()


def own_data(number: int) -> tuple[bytes, RunConfig]:
    """Return data, and a config that learns them."""
    content = Drawing("spot", np.full((2, 2), number, np.uint16)).to_bytes()
    return content, RunConfig(target="picture", target_options={"data": identify(content)[1]})


def test_data_go_after_the_runs_that_need_them(runs: Runs, store: Store, clock: Clock) -> None:
    data = Data(store, clock)
    contents, configs = zip(*(own_data(number) for number in range(1, 5)), strict=True)
    digests = [data.put(content) for content in contents]
    clock.now += 1000
    own, shared, alone = (kept(config=config) for config in configs[:3])
    for run in (own, shared, alone):
        runs.write(run, HOST, known=None)
    link = runs.share(shared)
    runs.delete(shared.id, OWNER)
    clock.now += 1000
    runs.see(alone.id)
    clock.now += 300

    def left() -> list[bool]:
        there = [runs.read(run) is not None for run in (own.id, link, alone.id)]
        with store.reading() as session:
            kept_data = set(session.scalars(select(StoredData.digest)))
        return [*there, *(digest in kept_data for digest in digests)]

    seen = [left()]
    while any(seen[-1]) and len(seen) < 9:
        sweep(store, stored_bytes(store) - 1, None, clock)
        if seen[-1] == left():
            break
        seen.append(left())
    assert seen == [
        [True, True, True, True, True, True, True],
        [True, True, True, True, True, True, False],
        [False, True, True, True, True, True, False],
        [False, True, True, False, True, True, False],
        [False, False, True, False, True, True, False],
        [False, False, True, False, False, True, False],
    ], "what was looked at within ten minutes stays, with its data"


def test_data_that_are_needed_stay_after_the_days_that_are_set(
    runs: Runs, store: Store, clock: Clock
) -> None:
    (needed, config), (taught, plan), (other, _) = (own_data(number) for number in (1, 2, 3))
    data, classes = Data(store, clock), Classes(store, clock=clock)
    digests = [data.put(content) for content in (needed, taught, other)]
    run = kept(config=config)
    runs.write(run, HOST, known=None)
    id_, _ = classes.make(ClassPlan(config=plan), OWNER)
    clock.now += 10 * 86_400
    runs.see(run.id)
    assert sweep(store, 10**9, 9.0, clock) == 1
    with store.reading() as session:
        assert set(session.scalars(select(StoredData.digest))) == set(digests[:2])
    classes.end(id_)
    clock.now += 10 * 86_400
    assert sweep(store, 10**9, 9.0, clock) == 3


def test_data_are_kept_once(store: Store) -> None:
    data = Data(store)
    digest = data.put(first := state(1))
    assert data.put(state(1)) == digest
    assert stored_bytes(store) == len(state(1))
    assert data.get(digest) == first
    assert data.delete(digest)
    assert not data.delete(digest)
    assert data.get(digest) is None
    for foreign in (b"", b"\x80\x04K\x01.", b"\x10" + 30 * b"{"):
        with pytest.raises(ValueError, match="none that flowplay"):
            data.put(foreign)


def test_migrations_make_the_tables_that_the_classes_describe(store: Store) -> None:
    store.open()
    with store.reading() as session:
        context = MigrationContext.configure(session.connection())
        assert compare_metadata(context, Base.metadata) == []


def test_the_newest_migration_is_the_schema_of_the_classes() -> None:
    config = Config()
    folder = Path(flowplay.store.__path__[0]) / "migrations"
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA]


def test_a_later_schema_is_refused_in_a_sentence(url: str) -> None:
    store = Store(url)
    store.open()
    with store.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    later = Store(url)
    with pytest.raises(StoreError, match="made by a later version"):
        Runs(later).of(OWNER, most=1)
    later.close()


OPEN = """
import sys
from flowplay.store.store import Store
store = Store(sys.argv[1])
store.open()
"""


def test_servers_that_start_at_once_make_the_tables_once(url: str) -> None:
    command = [sys.executable, "-c", OPEN, url]
    servers = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    for server in servers:
        _, errors = server.communicate()
        assert server.returncode == 0, errors.decode()


WRITE = """
import sys
from store.kept import kept
from flowplay.store.runs import Runs
from flowplay.store.store import Store
runs = Runs(Store(sys.argv[1]))
for step in range(20):
    run = kept(step)
    assert runs.write(run, "p", known=None)
    assert runs.write(run, "p", known=frozenset(run.earlier))
"""


def test_several_processes_write_at_once(url: str) -> None:
    command = [sys.executable, "-c", WRITE, url]
    root = Path(__file__).parents[2]
    environment = {"PYTHONPATH": f"{root}:{root / 'tests'}"}
    writers = [subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) for _ in range(3)]
    for writer in writers:
        _, errors = writer.communicate()
        assert writer.returncode == 0, errors.decode()
    store = Store(url)
    assert len(Runs(store).of(OWNER, most=100)) == 60
    store.close()


def test_a_database_that_was_away_is_used_again(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("flowplay.store.store.RETRY_SECONDS", 0.0)
    store = Store(postgres.url)
    runs, run = Runs(store), kept()
    runs.write(run, HOST, known=None)
    postgres.kill()
    for _ in range(3):
        with pytest.raises(StoreError, match="does not answer"):
            runs.write(run, HOST, known=frozenset(run.earlier))
    assert store.message
    postgres.start()
    assert runs.read(run.id) == run, "what was written before is there"
    assert runs.write(run, HOST, known=frozenset(run.earlier))
    assert not store.message
    said = [record.getMessage() for record in caplog.records]
    assert [s.partition(" (")[0] for s in said] == [
        "The store of runs does not answer; trying again.",
        "The store of runs answers again.",
    ]
    store.close()


def test_while_it_is_away_nobody_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(StoreError):
        store.open()
    asked: list[object] = []
    monkeypatch.setattr("flowplay.store.store._migrate", asked.append)
    with pytest.raises(StoreError):
        store.open()
    assert asked == []


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(f"sqlite:///{tmp_path}/file/runs.sqlite")
    with pytest.raises(StoreError, match="does not answer"):
        store.open()


def test_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert str(database_url(None)) == f"sqlite:///{tmp_path}/flowplay/flowplay.sqlite"
    for wrong in ("here", "nosuch://host/name", "mssql+nosuch://host"):
        with pytest.raises(ValueError, match=r"^FLOWPLAY_DATABASE cannot be used: .*\.$"):
            Store(wrong)


def test_headers_tell_what_lists_show(runs: Runs) -> None:
    run = kept(12)
    runs.write(run, HOST, known=None)
    [entry] = runs.of(OWNER, most=1)
    assert (entry.step, entry.training) == (12, True)
    assert Header.of(snapshot(12)) == header(12)
    found = runs.picture(run.id)
    assert found is not None
    assert (found.state, found.snapshot) == (None, run.snapshot)
