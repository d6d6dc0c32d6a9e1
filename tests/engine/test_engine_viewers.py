"""Who looks at which run."""

from __future__ import annotations

import threading

from flowplay.engine.retention import UNSEEN_SECONDS
from flowplay.engine.viewers import Viewers


def test_a_viewer_looks_at_one_run_while_it_is_present() -> None:
    viewers = Viewers()
    present = [True]
    viewers.watch("ada", "a", lambda: present[0], 0.0)
    viewers.watch("bob", "b", lambda: True, 0.0)
    assert viewers.looked_at(0.0) == {"a", "b"}
    viewers.watch("ada", "b", lambda: present[0], 1.0)
    assert viewers.looked_at(1.0) == {"b"}
    viewers.look_away("bob")
    assert viewers.looked_at(2.0) == {"b"}
    present[0] = False
    assert viewers.looked_at(3.0) == set()
    present[0] = True
    assert viewers.looked_at(4.0) == {"b"}, "the connection is back"


def test_a_viewer_who_stays_away_is_forgotten() -> None:
    viewers = Viewers()
    present = [True]
    viewers.watch("ada", "a", lambda: present[0], 0.0)
    assert viewers.looked_at(100.0) == {"a"}
    present[0] = False
    viewers.looked_at(99.0 + UNSEEN_SECONDS)
    assert len(viewers) == 1
    viewers.looked_at(100.0 + UNSEEN_SECONDS)
    assert len(viewers) == 0


def test_how_long_an_absent_viewer_is_remembered_can_be_set() -> None:
    viewers = Viewers(60.0)
    viewers.watch("ada", "a", lambda: False, 0.0)
    viewers.looked_at(59.0)
    assert len(viewers) == 1
    viewers.looked_at(60.0)
    assert len(viewers) == 0


def test_a_predicate_that_raises_is_no_presence() -> None:
    viewers = Viewers()
    viewers.watch("ada", "a", lambda: bool(1 / 0), 0.0)
    assert viewers.looked_at(0.0) == set()


def test_viewers_are_asked_without_the_lock() -> None:
    viewers = Viewers()

    def look_elsewhere() -> bool:
        # By another thread, which would wait for ever for a lock that is held.
        thread = threading.Thread(target=viewers.look_away, args=("bob",))
        thread.start()
        thread.join(20)
        return not thread.is_alive()

    viewers.watch("ada", "a", look_elsewhere, 0.0)
    assert viewers.looked_at(0.0) == {"a"}


def test_parts_of_a_viewer_and_who_else_is_there() -> None:
    viewers = Viewers()
    viewers.watch("ada", "a", lambda: True, 0.0)
    viewers.watch("ada/left", "b", lambda: True, 0.0)
    viewers.watch("bob", "b", lambda: True, 0.0)
    viewers.watch("eve", "a", lambda: False, 0.0)
    assert viewers.of("ada") == {"a", "b"}
    assert viewers.present_elsewhere("ada") == {"b"}
