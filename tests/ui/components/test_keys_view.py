"""What the page's keys do, and when they do nothing."""

from __future__ import annotations

import pytest
from component_scripts import told_by

_PRESS = """
const clicked = [];
const seen = (name, own) =>
  ({ checkVisibility: () => own, disabled: false, click: () => clicked.push(name) });
const dialogs = %s.map((own) => seen("dialog", own));
globalThis.document = {
  querySelectorAll: (selector) =>
    selector.includes("dialog") ? dialogs : selector.includes("train") ? [seen("train", true)] : [],
};
const view = Object.create(KeysView.prototype);
view.root = { querySelector: () => ({ open: false }) };
view.press({ key: " ", composedPath: () => [], preventDefault: () => {} });
console.log(JSON.stringify(clicked));
"""


@pytest.mark.parametrize(
    ("dialogs", "clicked"),
    [("[]", ["train"]), ("[false]", ["train"]), ("[true]", []), ("[false, true]", [])],
)
def test_space_trains_unless_a_dialog_stands_before_the_page(
    dialogs: str, clicked: list[str]
) -> None:
    assert told_by(_PRESS % dialogs, "shared", "keys_view") == clicked
