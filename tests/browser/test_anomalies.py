"""Anomalies: a threshold, a point that is clicked, and rows of a file, as a person meets them."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from deadline import until
from playwright.sync_api import Page, expect

from browser.conftest import App
from browser.test_learn import open_at
from browser.test_playground import PATIENCE, TRAIN, no_traceback, settled

PLANE = ".st-key-anomalies_plane figure"


def trained(page: Page) -> None:
    page.click(TRAIN)
    expect(page.locator(TRAIN)).to_have_text(re.compile("Continue"), timeout=2 * PATIENCE)


def metric(page: Page, label: str) -> str:
    found = page.get_by_test_id("stMetric").filter(has_text=label).first
    return found.get_by_test_id("stMetricValue").inner_text(timeout=PATIENCE)


def test_the_threshold_is_moved_and_points_are_tested(app: App, page: Page) -> None:
    open_at(page, f"{app.url}/anomalies?target=moons&architecture=nsf&depth=4&budget=200", TRAIN)
    trained(page)
    figure = page.locator(PLANE)
    expect(figure).to_have_attribute("data-pieces", re.compile("[1-9]"))
    settled(page)
    before = metric(page, "Threshold"), metric(page, "Mass outside")
    handle = page.locator(".st-key-anomalies_share input").first
    handle.focus()
    for _ in range(3):
        page.keyboard.press("PageUp")
    until(lambda: metric(page, "Threshold") != before[0], 60, "another threshold")
    # Streamlit changes one metric after the other.
    until(lambda: metric(page, "Mass outside") != before[1], 60, "another mass outside")
    canvas = figure.locator("canvas.plot")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 8, box["y"] + 8)
    expect(page.get_by_text("anomaly", exact=True)).to_be_visible()
    until(lambda: float(metric(page, "Percentile")) > 99, 60, "its percentile")
    # The keyboard chooses, too: the middle of the picture lies between the moons.
    canvas.focus()
    score = metric(page, "Score")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    until(lambda: metric(page, "Score") != score, 60, "the score of another point")
    no_traceback(page)


def test_the_example_is_compared_and_rows_of_a_file_come_back(
    app: App, page: Page, tmp_path: Path
) -> None:
    open_at(
        page,
        f"{app.url}/anomalies?target=table&data=breast_cancer_benign&architecture=maf&depth=2"
        "&width=16&budget=100",
        TRAIN,
    )
    trained(page)
    until(lambda: 0.5 < float(metric(page, "AUC")) <= 1, 60, "the AUC")
    expect(page.get_by_text(re.compile("(The best here is|This run is the best)"))).to_be_visible()
    expect(page.locator(".st-key-anomalies_roc .js-plotly-plot")).to_be_visible()
    # A row that is clicked in the picture of two columns.
    pair = page.locator(".st-key-anomalies_pair canvas.plot")
    pair.scroll_into_view_if_needed()
    told = page.get_by_text(re.compile(r"^Row \d+ was "))
    before = told.inner_text()
    box = pair.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + 0.3 * box["height"])
    until(lambda: told.inner_text() != before, 60, "another row")
    page.locator(".st-key-anomalies_source").get_by_text("Your rows", exact=True).click()
    from flowplay.problems.own.table import built_in

    table = built_in("breast_cancer")
    file = tmp_path / "rows.csv"
    with file.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow([*table.columns, "kind"])
        for number, row in enumerate(table.rows):
            writer.writerow([*row.tolist(), "outlier" if number % 3 else "usual"])
    page.locator(".st-key-anomalies_file input[type=file]").set_input_files(str(file))
    expect(page.get_by_text("equal to one that the model was trained on")).to_be_visible()
    settled(page)
    button = page.locator(".st-key-anomalies_csv button >> visible=true")
    with page.expect_download() as download:
        button.click()
    lines = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8"))))
    assert len(lines) == len(table.rows)
    assert {line["verdict"] for line in lines} == {"anomaly", "normal"}
    assert {line["seen"] for line in lines} == {"", "training", "threshold"}
    no_traceback(page)
