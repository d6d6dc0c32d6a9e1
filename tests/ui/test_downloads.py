"""A file that is made on a click lasts until the browser has asked for it."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit import runtime
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.media_file_storage import MediaFileStorageError
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from flowplay.ui import downloads


@pytest.mark.parametrize("content", ["a,b\n1,ü\n", b"\x89PNG"])
def test_a_file_lasts_while_other_sessions_end_their_scripts(
    monkeypatch: pytest.MonkeyPatch, content: str | bytes
) -> None:
    storage = MemoryMediaFileStorage("/media")
    manager = MediaFileManager(storage)
    made: list[Callable[[], bytes]] = []
    server = SimpleNamespace(media_file_mgr=manager, is_active_session=lambda _: True)
    session = SimpleNamespace(session_id="one")
    monkeypatch.setattr(runtime, "get_instance", lambda: server)
    monkeypatch.setattr(downloads, "get_script_run_ctx", lambda: session)
    monkeypatch.setattr(st, "download_button", lambda _, make, *_args, **_keys: made.append(make))
    downloads.download_button(
        "CSV",
        lambda: content,
        "results.csv",
        "text/csv",
        key="results",
        icon=":material/download:",
        help="",
    )
    clicked = manager.add_deferred(made[0], "text/csv", "1.2", "results.csv")
    name = manager.execute_deferred(clicked).rsplit("/", 1)[-1]
    for _ in range(3):
        manager.remove_orphaned_files()  # So ends each script, of whatever session.
    file = storage.get_file(name)
    assert file.content == (content.encode() if isinstance(content, str) else content)
    assert file.mimetype == "text/csv"

    manager.clear_session_refs("one")  # So begins a script of the whole page.
    for _ in range(2):
        manager.remove_orphaned_files()
    with pytest.raises(MediaFileStorageError):
        storage.get_file(name)
