"""Classes on SQLite and on PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import text

from flowplay.config import RunConfig
from flowplay.store import is_id, new_id, secret_digest
from flowplay.store.classes import NICKNAME_LENGTH, Classes, ClassPlan, FullError
from flowplay.store.runs import Runs
from flowplay.store.schema import StoredLiveLink
from flowplay.store.store import Store
from store.kept import kept

DAY = 86_400.0

BEFORE = "0004"
"""The schema before live links had a time at which they were opened."""


class Clock:
    """Seconds since 1970, as a test sets them."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


PLAN = ClassPlan(
    title="<b>Couplings</b>",
    task="Make the gap small.",
    config=RunConfig(depth=4),
    locked=("depth", "nope"),
    hidden=("width", "title", "depth;"),
    goal="gap",
    goal_value=0.1,
)


def test_what_is_laid_down_is_read_again_without_unknown_names(store: Store) -> None:
    classes = Classes(store)
    id_, key = classes.make(PLAN, "owner")
    found = classes.get(id_)
    assert found is not None
    assert found.plan == PLAN
    assert (found.plan.locked, found.plan.hidden) == (("depth",), ("width", "title"))
    assert classes.of_key(key) == found
    assert classes.of_owner("owner") == [found]
    assert is_id(id_)
    assert is_id(key)


def test_neither_the_id_nor_a_digest_is_the_teacher_s_key(store: Store) -> None:
    classes = Classes(store)
    id_, key = classes.make(PLAN, "owner")
    assert key not in str(classes.get(id_))
    for wrong in (id_, secret_digest(key), key[:-1], "", new_id(), "' OR 1=1 --"):
        assert classes.of_key(wrong) is None


def test_a_browser_is_one_student(store: Store) -> None:
    classes = Classes(store)
    id_, _ = classes.make(PLAN, "owner")
    first = classes.join(id_, "a", "  An\x00na <script>" + "x" * 99)
    again = classes.join(id_, "a", "Other")
    second = classes.join(id_, "b", None)
    assert first is not None
    assert second is not None
    assert again == first
    assert first.nickname.startswith("An na <script>")
    assert len(first.nickname) <= NICKNAME_LENGTH
    assert second.name == "Student 2"
    assert classes.join(new_id(), "a", "") is None
    classes.note(id_, "a", run="run", goal=(10, 1.0))
    classes.note(id_, "a", run="run", goal=(20, 2.0))
    assert [(s.run, s.goal_step) for s in classes.students(id_)] == [("run", 10), ("", None)]


def test_limits_are_one_sentence(store: Store) -> None:
    classes = Classes(store, most=1, students=1)
    id_, _ = classes.make(PLAN, "owner")
    with pytest.raises(FullError, match=r"limit.*\.$"):
        classes.make(PLAN, "owner")
    classes.join(id_, "a", "")
    with pytest.raises(FullError, match=r"limit.*\.$"):
        classes.join(id_, "b", "")
    assert classes.join(id_, "a", "") is not None


def test_who_joins_at_once_gets_a_number_of_its_own(store: Store) -> None:
    classes = Classes(store, students=16)
    id_, _ = classes.make(PLAN, "owner")
    together = Barrier(20, timeout=60)

    def join(at: int) -> int | None:
        together.wait()
        try:
            # The last two are one browser with two tabs.
            student = classes.join(id_, f"browser {min(at, 18)}", "")
        except FullError:
            return None
        return None if student is None else student.number

    with ThreadPoolExecutor(20) as pool:
        numbers = list(pool.map(join, range(20)))
    assert {number for number in numbers if number is not None} == set(range(16))
    assert [student.number for student in classes.students(id_)] == list(range(16))


def test_twenty_join_at_once_and_the_limit_of_classes_holds(store: Store) -> None:
    classes = Classes(store, most=3, students=20)
    id_, _ = classes.make(PLAN, "owner")
    together = Barrier(20, timeout=60)

    def both(at: int) -> tuple[int, bool]:
        together.wait()
        student = classes.join(id_, f"browser {at}", "")
        assert student is not None
        together.wait()
        try:
            classes.make(PLAN, "owner")
        except FullError:
            return student.number, False
        return student.number, True

    with ThreadPoolExecutor(20) as pool:
        done = list(pool.map(both, range(20)))
    assert sorted(number for number, _ in done) == list(range(20))
    assert sum(made for _, made in done) == 2


def test_students_who_were_given_the_same_number_are_numbered_anew(store: Store) -> None:
    classes = Classes(store)
    twice, once = classes.make(PLAN, "owner")[0], classes.make(PLAN, "owner")[0]
    for class_, browser in ((twice, "a"), (twice, "b"), (twice, "c"), (once, "a"), (once, "b")):
        classes.join(class_, browser, browser)
    with store.writing() as session:
        session.execute(text("DROP INDEX ix_students_class_id_number"))
        session.execute(text("UPDATE students SET number = 0 WHERE nickname < 'c'"))
        # As they are when somebody has left a class: its numbers differ, and stay.
        session.execute(
            text("UPDATE students SET number = 7 WHERE nickname = 'b' AND class_id = :it"),
            {"it": once},
        )
        # Of a later schema.
        session.execute(text("ALTER TABLE live_links DROP COLUMN seen_at"))
        session.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    store.close()
    again = Store(store.url.render_as_string(hide_password=False))
    try:
        found = {c: [s.number for s in Classes(again).students(c)] for c in (twice, once)}
    finally:
        again.close()
    assert found == {twice: [0, 1, 2], once: [0, 7]}


def test_one_browser_leaves_room_for_others(store: Store) -> None:
    classes = Classes(store, most=9, per_owner=2)
    made = [classes.make(PLAN, "owner")[0] for _ in range(2)]
    with pytest.raises(FullError, match=r"^This browser has 2 classes.*first\.$"):
        classes.make(PLAN, "owner")
    classes.make(PLAN, "another")
    classes.end(made[0])
    classes.make(PLAN, "owner")


def test_the_end_of_a_class_deletes_it_and_its_students_runs(store: Store) -> None:
    classes, runs = Classes(store), Runs(store)
    id_, key = classes.make(PLAN, "owner")
    other, _ = classes.make(PLAN, "owner")
    own, others = kept(), kept()
    for run in (own, others):
        runs.write(run, "here", known=None)
    for class_, run in ((id_, own), (other, others)):
        classes.join(class_, "a", "")
        classes.note(class_, "a", run=run.id)
    classes.end(id_)
    assert classes.get(id_) is None
    assert classes.of_key(key) is None
    assert classes.students(id_) == []
    assert runs.read(own.id) is None
    assert runs.read(others.id) is not None


def test_a_live_link_stays_the_same_when_its_run_changes(store: Store) -> None:
    classes = Classes(store)
    link = classes.live_link("owner", "one")
    assert classes.live_link("owner", "two") == link
    assert classes.followed(link) == ("owner", "two")
    classes.move_live_link("owner", "three")
    assert classes.followed(link) == ("owner", "three")
    classes.move_live_link("somebody", "four")
    assert classes.followed(link) == ("owner", "three")
    classes.stop_following("owner")
    classes.move_live_link("owner", "five")
    assert classes.followed(link) is None


def test_classes_that_nobody_looks_at_are_ended(store: Store) -> None:
    clock = Clock()
    classes, runs = Classes(store, clock=clock), Runs(store, clock)
    (old, _), (taught, key) = classes.make(PLAN, "a"), classes.make(PLAN, "b")
    run = kept()
    runs.write(run, "here", known=None)
    classes.join(old, "student", "")
    classes.note(old, "student", run=run.id)
    lost, shown = classes.live_link("a", new_id()), classes.live_link("b", kept_run(runs))
    unopened = classes.live_link("c", kept_run(runs))
    joined, _ = classes.make(PLAN, "c")
    clock.now += 20 * DAY
    assert classes.of_key(key) is not None
    assert classes.get(joined) is not None, "a student opens it"
    assert classes.followed(shown) is not None
    assert classes.sweep(30) == 0
    clock.now += 20 * DAY
    assert classes.sweep(30) == 1
    assert classes.get(old) is None
    assert runs.read(run.id) is None
    assert classes.get(taught) is not None
    assert classes.get(joined) is not None
    assert classes.followed(lost) is None
    assert classes.followed(unopened) is None, "even if it has a run to show"
    assert classes.followed(shown) is not None


def test_a_live_link_of_an_older_schema_counts_as_opened_when_it_was_made(store: Store) -> None:
    clock = Clock()
    classes = Classes(store, clock=clock)
    link = classes.live_link("owner", new_id())
    with store.writing() as session:
        session.execute(text("ALTER TABLE live_links DROP COLUMN seen_at"))
        session.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": BEFORE})
    older = Store(store.url.render_as_string(hide_password=False))
    with older.reading() as session:
        row = session.get(StoredLiveLink, link)
    older.close()
    assert row is not None
    assert row.seen_at == row.created_at == clock.now


def kept_run(runs: Runs) -> str:
    run = kept()
    runs.write(run, "here", known=None)
    return run.id
