"""What comes before every component: numbers as Python writes them, and when data are shown."""

from __future__ import annotations

import itertools
import json
import math

from component_scripts import told_by

from flowplay.numbers import fixed, number

_SIZES = [0.0, 1e-9, 3.21e-5, 0.00012345, 0.0364, 0.5, 1.23456, 42.0, 1649.4, 53016.7, 999999.4]
_SIZES += [1e6, 1.67e7, 3.3e27]
VALUES = [sign * size for sign, size in itertools.product((1.0, -1.0), _SIZES)]


def test_numbers_are_written_the_same_in_the_browser() -> None:
    script = f"""
    const values = {json.dumps(VALUES)}.concat([Infinity, -Infinity, NaN]);
    console.log(JSON.stringify(values.map((v) => [number(v), number(v, 4), signed(v, 3)])));
    """
    values = [*VALUES, math.inf, -math.inf, math.nan]
    assert told_by(script, "shared") == [[number(v), number(v, 4), fixed(v, 3)] for v in values]


def test_the_readout_of_the_loss_stays_short() -> None:
    script = "console.log(JSON.stringify(signed(1e15, 4)));"
    assert told_by(script, "shared") == "1 × 10¹⁵"


def test_equal_data_are_shown_once_by_each_view_that_skips_them() -> None:
    script = """
    const shown = [];
    class View {
      constructor(root) { this.root = root; }
      show(data) { shown.push(data.code); }
      destroy() {}
    }
    const figure = () => ({ isConnected: true });
    const parent = { root: figure(), querySelector() { return this.root; } };
    for (const skips of [true, false]) {
      const draw = mounting(View, skips);
      for (const code of ["a", "a", "b", "a"]) draw({ data: { code }, parentElement: parent });
      parent.root.isConnected = false;
      parent.root = figure();
      draw({ data: { code: "a" }, parentElement: parent });
      shown.push("|");
    }
    console.log(JSON.stringify(shown.join("")));
    """
    assert told_by(script, "shared") == "abaa|aabaa|"
