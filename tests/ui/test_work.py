"""The one way in which a page asks a worker."""

from __future__ import annotations

import ast
from concurrent.futures import Future
from pathlib import Path

import pytest

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


def test_a_question_is_asked_once_until_it_fails(engine: CountingEngine) -> None:
    store = Results()
    first = ask("kind", 1, "module:function", store=store)
    assert ask("kind", 1, "module:function", store=store) is first
    assert ask("kind", 2, "module:function", store=store) is not first
    first.set_exception(RuntimeError("broken"))
    again = ask("kind", 1, "module:function", store=store)
    assert again is not first
    assert len(engine.futures) == 3
    again.set_exception(RuntimeError("broken"))
    store.forget_failures()
    assert store.get("kind", 1) is None
    assert store.busy(), "the second question is on its way"


def test_what_is_kept_is_bounded_but_for_the_newest_of_each_kind(
    engine: CountingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "KEPT_BYTES", 10)
    store = Results()
    ask("rare", 0, "module:function", store=store).set_result(b"x" * 20)
    for key in range(9):
        ask("common", key, "module:function", store=store).set_result(b"x" * 6)
    ask("common", 9, "module:function", store=store)
    assert store.get("rare", 0) is not None
    assert [key for key in range(10) if store.get("common", key)] == [9]


@pytest.mark.parametrize("end", ["late", "cancelled"])
def test_waiting_ends_in_a_sentence(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "PATIENCE", 0.01)
    future: Future[bytes] = Future()
    if end == "cancelled":
        future.cancel()
    with pytest.raises(NotDoneError, match=r"^The .*\.$"):
        wait(future)
