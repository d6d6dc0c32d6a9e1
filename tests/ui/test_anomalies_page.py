"""The page Anomalies, by Streamlit's own test runner, with calls done in this process."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from here_engine import HereEngine
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from flowplay.config import RunConfig
from flowplay.problems import make_problem
from flowplay.problems.own.table import Tabular
from flowplay.training import new_run, train_slice
from flowplay.ui.anomalies.page import EXAMPLE
from flowplay.ui.example import Example
from flowplay.ui.work import Results

PAGE = Path(__file__).parents[2] / "pages" / "anomalies.py"

MOONS = RunConfig(target="moons", architecture="nsf", depth=2, width=8, budget=20)
BENIGN = EXAMPLE.model_copy(update={"depth": 2, "width": 8, "budget": 20, "budget_unit": "steps"})
IRIS = RunConfig(target="table", depth=2, width=8, budget=20)

Open = Callable[[RunConfig], AppTest]


@pytest.fixture(scope="module")
def made() -> Iterator[HereEngine]:
    engine = HereEngine()
    yield engine
    engine.close()


@pytest.fixture
def opened(made: HereEngine, monkeypatch: pytest.MonkeyPatch) -> Open:
    made.failing = False
    for module in ("shell", "runs", "live", "inside", "work"):
        monkeypatch.setattr(f"flowplay.ui.{module}.engine", lambda: made)

    def open_(config: RunConfig) -> AppTest:
        state, snapshot = train_slice(new_run(config), steps=20)
        trained = Example(config, state.to_bytes(), snapshot.to_bytes())
        monkeypatch.setattr("flowplay.ui.runs.example", lambda: trained)
        PagesManager.uses_pages_directory = False
        test = AppTest.from_file(str(PAGE), default_timeout=120)
        for name, value in config.to_flat().items():
            test.query_params[name] = value
        test.run()
        assert not test.exception
        return test

    return open_


def metrics(test: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in test.metric}


def picture(test: AppTest, key: str) -> dict[str, Any]:
    found = [e.proto for e in test.get("bidi_component") if f"-{key}" in e.proto.id]
    data: dict[str, Any] = json.loads(found[0].json)
    return data


def test_in_the_plane_the_threshold_is_a_line_that_follows_its_share(opened: Open) -> None:
    test = opened(MOONS)
    first = metrics(test)
    assert first["Threshold"].endswith("nats")
    before = picture(test, "anomalies_plane")
    assert before["contour"]
    test.slider(key="anomalies_share").set_value(40.0).run()
    after = metrics(test)
    assert float(after["Threshold"].split()[0]) < float(first["Threshold"].split()[0])
    assert picture(test, "anomalies_plane")["contour"] != before["contour"]
    share = float(after["Mass outside the line"].removeprefix("≤ ").removesuffix(" %"))
    assert 0 < share < 100


def test_a_chosen_point_has_score_percentile_and_verdict(opened: Open) -> None:
    test = opened(MOONS)
    for point, verdict in (((30.0, 30.0), "anomaly"), ((0.5, 0.25), "")):
        test.session_state["_anomaly_point"] = point
        test.run()
        assert not test.exception
        told = metrics(test)
        assert "Score" in told
        assert 0 <= float(told["Percentile"]) <= 100
        assert any(verdict in m.value for m in test.markdown if "The point" in m.value)


def test_a_row_of_a_table_is_looked_at_along_two_columns(opened: Open) -> None:
    test = opened(IRIS)
    assert "Row 1 was" in " ".join(c.value for c in test.caption)
    data = picture(test, "anomalies_slice")
    assert data["nats"][1] - data["nats"][0] == pytest.approx(15)
    assert not data["picks"]
    test.session_state["_anomaly_row"] = 7
    test.run()
    assert "Row 8 was" in " ".join(c.value for c in test.caption)


def test_the_example_is_judged_beside_five_methods(opened: Open) -> None:
    test = opened(BENIGN)
    told = metrics(test)
    assert told["Rows scored"] == str(36 - 1 + 212)
    assert 0.5 < float(told["AUC"]) <= 1
    table = test.dataframe[0].value
    assert set(table["method"]) == {
        "Isolation Forest",
        "One-Class SVM",
        "Local Outlier Factor",
        "Gaussian mixture",
        "Kernel density",
        f"{BENIGN.entry.label} (this run)",
    }
    best = table.iloc[0]
    (said,) = (c.value for c in test.caption if "All learn the same training rows" in c.value)
    if best["method"].endswith("(this run)"):
        assert said.startswith("This run is the best here")
    else:
        assert said.startswith(f"The best here is {best['method']}")
    assert len(test.get("plotly_chart")) == 4


def test_rows_of_a_file_are_scored_and_labels_are_used(opened: Open) -> None:
    test = opened(IRIS)
    iris = make_problem("table")
    assert isinstance(iris, Tabular)
    file = io.StringIO()
    out = csv.writer(file)
    out.writerow([*iris.columns, "odd"])
    rows = iris.table.rows[iris.split(0).test]
    for row in rows:
        out.writerow([*row, "no"])
    for row in rows:
        out.writerow([*(row + 9), "yes"])
    out.writerow(["", *rows[0][1:], "no"])
    upload = test.file_uploader(key="anomalies_file")
    upload.set_value(("rows.csv", file.getvalue().encode(), "text/csv")).run()
    assert not test.exception
    assert metrics(test)["Rows scored"] == str(2 * len(rows))
    assert "AUC" not in metrics(test)
    label = next(box for box in test.selectbox if box.label == "Column with labels")
    label.set_value("odd").run()
    assert not test.exception
    told = " ".join(c.value for c in test.caption)
    assert "1 row with gaps" in told
    assert "An anomaly is a row with yes" in told
    assert float(metrics(test)["AUC"]) > 0.9


def test_rows_are_pasted_and_scored(opened: Open) -> None:
    test = opened(IRIS)
    assert any("Iris flowers" in m.value for m in test.markdown), "the headline names it"
    iris = make_problem("table")
    assert isinstance(iris, Tabular)
    lines = ["\t".join(iris.columns), *("\t".join(map(str, row)) for row in iris.table.rows[:9])]
    test.text_area(key="anomalies_text").set_value("\n".join(lines)).run()
    assert not test.exception
    assert metrics(test)["Rows scored"] == "9"
    assert test.get("download_button")
    test.text_area(key="anomalies_text").set_value("Dear reader, these are no rows.").run()
    assert not test.exception
    assert test.warning[-1].value.endswith(".")


def test_a_file_that_cannot_be_used_is_refused_in_a_sentence(opened: Open) -> None:
    test = opened(IRIS)
    upload = test.file_uploader(key="anomalies_file")
    upload.set_value(("rows.csv", b"a,b\n1,2\n3,4\n", "text/csv")).run()
    assert not test.exception
    assert "lacks" in test.warning[-1].value


def test_a_tighter_set_scores_better_than_the_data(opened: Open) -> None:
    told = metrics(opened(MOONS))
    names = ("Mean score of held-out points", "Mean score of the tighter set")
    held_out, tighter = (
        float(told[name].removesuffix(" nats").replace("−", "-")) for name in names
    )
    assert tighter < held_out
    assert float(told["AUC of the tighter set"]) < 0.5


def test_what_gives_no_scores_is_told(opened: Open, made: HereEngine) -> None:
    test = opened(RunConfig(target="digits", architecture="glow", depth=1, width=8, budget=20))
    assert "page Images" in test.info[-1].value


def failing(made: HereEngine) -> Callable[..., Future[bytes]]:
    def call(name: str, *arguments: object) -> Future[bytes]:
        made.failing = True
        return HereEngine.call(made, name, *arguments)

    return call


def test_a_failed_worker_is_told_and_can_be_asked_again(
    opened: Open, made: HereEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = Results()
    monkeypatch.setattr("flowplay.ui.work._RESULTS", results)
    monkeypatch.setattr(made, "call", failing(made))
    test = opened(IRIS.model_copy(update={"seed": 5}))
    assert "The worker failed" in test.warning[-1].value
    assert [b.label for b in test.button].count("Try again") == 2
