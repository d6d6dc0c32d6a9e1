"""The one way in which a page asks a worker."""

from __future__ import annotations

import ast
from concurrent.futures import Future
from pathlib import Path

import pytest

from flowplay.budgets import Budgets
from flowplay.ui import work
from flowplay.ui.work import NotDoneError, Results, ask, wait

ROOT = Path(__file__).parents[2]


class CountingEngine:
    """An engine whose calls are answered by hand."""

    def __init__(self) -> None:
        self.futures: list[Future[bytes]] = []

    def call(self, name: str, *arguments: object) -> Future[bytes]:
        self.futures.append(Future())
        return self.futures[-1]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> CountingEngine:
    engine = CountingEngine()
    monkeypatch.setattr(work, "engine", lambda: engine)
    return engine


def calls_of(path: Path) -> list[str]:
    """Return the names of all methods that a file calls on what `engine()` returns."""
    return [
        node.func.attr
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Call)
        and isinstance(node.func.value.func, ast.Name)
        and node.func.value.func.id == "engine"
    ]


def test_only_one_module_asks_workers() -> None:
    paths = [*(ROOT / "flowplay/ui").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]
    asking = {path.name for path in paths if "call" in calls_of(path)}
    assert asking == {"work.py"}
    # Not by another name of the engine, either.
    assert not [p for p in paths if p.name != "work.py" and ".call(" in p.read_text("utf-8")]


def test_a_question_is_asked_once_until_its_failure_is_forgotten(engine: CountingEngine) -> None:
    store = Results()
    first = ask("kind", 1, "module:function", store=store)
    assert ask("kind", 1, "module:function", store=store) is first
    assert ask("kind", 2, "module:function", store=store) is not first
    first.set_exception(RuntimeError("broken"))
    assert ask("kind", 1, "module:function", store=store) is first
    store.forget_failure("kind", 1)
    again = ask("kind", 1, "module:function", store=store)
    assert again is not first
    assert len(engine.futures) == 3
    again.set_exception(RuntimeError("broken"))
    store.forget_failures()
    assert store.get("kind", 1) is None
    assert store.busy(), "the second question is on its way"


def test_results_beyond_the_budget_go_the_least_recently_used_first(
    engine: CountingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "budgets", lambda: Budgets.model_validate({"results_memory": 20}))
    store = Results()
    for kind, size in (("rare", 6), ("other", 6), ("common", 6)):
        ask(kind, 0, "module:function", store=store).set_result(b"x" * size)
    assert store.get("rare", 0) is not None, "and it is used by that"
    ask("common", 1, "module:function", store=store).set_result(b"x" * 6)
    ask("common", 2, "module:function", store=store)
    assert store.get("other", 0) is None
    assert [store.get(*name) is not None for name in (("rare", 0), ("common", 0))] == [True, True]
    asked = len(engine.futures)
    ask("other", 0, "module:function", store=store)
    assert len(engine.futures) == asked + 1


def test_all_sessions_share_one_store_and_gifs_are_in_it(
    engine: CountingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Results()
    monkeypatch.setattr(work, "_RESULTS", store)
    monkeypatch.setattr(work, "budgets", lambda: Budgets.model_validate({"results_memory": 10}))
    work.keep("gif", 1, b"x" * 8)
    assert work.kept("gif", 1) == b"x" * 8
    work.keep("gif", 2, b"x" * 8)
    assert work.kept("gif", 1) is None
    assert work.kept("gif", 2) is not None


@pytest.mark.parametrize("end", ["late", "cancelled"])
def test_waiting_ends_in_a_sentence(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "PATIENCE", 0.01)
    future: Future[bytes] = Future()
    if end == "cancelled":
        future.cancel()
    with pytest.raises(NotDoneError, match=r"^The .*\.$"):
        wait(future)
