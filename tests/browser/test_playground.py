"""The Playground as a person meets it, in Chromium."""

from __future__ import annotations

import contextlib
import re
import time
from functools import partial

import psutil
import pytest
from deadline import until
from playwright.sync_api import Browser, Page, TimeoutError, expect
from processes import cpu_seconds

from browser.conftest import App

TRAIN = ".st-key-train button >> visible=true"
PAUSE = ".st-key-pause button >> visible=true"
STEP = ".st-key-step button >> visible=true"
RESET = ".st-key-reset button >> visible=true"
MODEL = ".st-key-density canvas.plot"
PROGRESS = "[data-testid=stProgress]"

#: A machine that runs tests may be slow; what is waited for is a condition, never a time.
PATIENCE = 60_000


def open_page(page: Page, url: str) -> None:
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    page.goto(url)
    page.wait_for_selector(TRAIN)


def step_shown(page: Page) -> int:
    """Return the step of the progress line, -1 before the first."""
    found = re.search(r"step ([\d,]+)", page.locator(PROGRESS).inner_text())
    return int(found[1].replace(",", "")) if found else -1


def frame(page: Page) -> str:
    return page.locator(MODEL).get_attribute("data-frame") or ""


def address(page: Page) -> str:
    return str(page.evaluate("location.href"))


def no_traceback(page: Page) -> None:
    assert page.locator("[data-testid=stException]").count() == 0


def settled(page: Page) -> None:
    """Wait until the page's script has ended and its fonts have come.

    Not for a page whose run trains: its script hardly ever ends.
    """
    page.wait_for_selector(
        '[data-testid=stApp][data-test-script-state="notRunning"]', timeout=PATIENCE
    )
    page.evaluate("document.fonts.ready")
    # Two frames later what has come is drawn.
    page.evaluate("new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")


def start_training(page: Page) -> None:
    page.click(TRAIN)
    until(lambda: step_shown(page) > 0, 60, "training shows a step")


def test_first_visit_shows_a_target_and_a_labelled_example(app: App, page: Page) -> None:
    open_page(page, app.url)
    expect(page.get_by_text("Example: a run of these settings, trained earlier")).to_be_visible()
    expect(page.locator(".st-key-target_density canvas.plot")).to_be_visible()
    expect(page.locator(MODEL)).to_be_visible()
    expect(page.get_by_role("button", name="Continue the example")).to_be_visible()
    expect(page.locator(".st-key-layers .js-plotly-plot")).to_be_visible()
    assert page.locator(MODEL).get_attribute("aria-label")
    no_traceback(page)


def test_training_is_live_in_place_and_never_blank(app: App, page: Page) -> None:
    open_page(page, app.url + "/?budget=1000000")
    start_training(page)
    # The page is drawn once more when the run turns from waiting to training.
    until(lambda: page.locator(PROGRESS).inner_text().startswith("Training"), 60, "it trains")
    expect(page.locator(MODEL)).to_have_attribute("data-frame", re.compile("-64$"))
    page.locator(MODEL).evaluate(
        """canvas => {
            window.watched = {canvas, frames: [], blank: 0, looks: 0};
            const look = () => {
              const w = window.watched;
              const f = canvas.dataset.frame;
              if (w.frames.at(-1) !== f) w.frames.push(f);
              const {width, height} = canvas;
              const data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
              let lit = 0;
              for (let i = 3; i < data.length; i += 4 * 97) lit += data[i] > 0;
              w.looks += 1;
              w.blank += !canvas.isConnected || lit === 0;
            };
            window.watching = setInterval(look, 50);
        }"""
    )
    until(lambda: page.evaluate("window.watched.frames.length") > 50, 180, "50 updates")
    seen = page.evaluate(
        """() => { clearInterval(window.watching); const w = window.watched;
            return {connected: w.canvas.isConnected, blank: w.blank, looks: w.looks}; }"""
    )
    assert seen["connected"], "the canvas was replaced"
    assert seen["blank"] == 0
    assert seen["looks"] > 50
    no_traceback(page)


def test_a_slider_answers_while_it_trains(app: App, page: Page) -> None:
    open_page(page, app.url + "/?budget=1000000&depth=8")
    start_training(page)
    handle = page.locator(".st-key-depth input")
    handle.focus()
    page.keyboard.press("ArrowRight")
    until(lambda: "depth=9" in address(page), 60, "the URL follows the slider")
    # Another depth is another run, which goes on training; the first one waits.
    before = page.locator(".st-key-run_before button >> visible=true")
    expect(before).to_contain_text("Two moons, RealNVP, step")
    until(lambda: step_shown(page) > 0, 60, "the new run trains by itself")
    page.click(PAUSE)
    expect(page.locator(TRAIN)).to_be_enabled()
    before.click()
    until(lambda: "depth=8" in address(page), 60, "the settings are back")
    until(lambda: step_shown(page) > 0, 60, "the first run is back")
    expect(page.locator(TRAIN)).to_contain_text("Resume")
    no_traceback(page)


CURVE = ".st-key-loss path.held-out"

#: The step that the replay shows, the last step, and how far the curve reaches, of 1,000; null
#: until picture and curve are both drawn.
CURVE_IN_REPLAY = """() => {
  const roots = [document];
  for (const root of roots) {
    for (const node of root.querySelectorAll("*")) if (node.shadowRoot) roots.push(node.shadowRoot);
  }
  const find = (selector) => roots.map((root) => root.querySelector(selector)).find(Boolean);
  const path = find('.plot path[class="held-out"]')?.getAttribute("d");
  const plot = find(".plot[data-step]");
  if (!path || !plot) return null;
  const last = Number(plot.dataset.step);
  const now = find("figure[data-replay]").dataset.replay;
  const reached = [...path.matchAll(/[ML]([\\d.]+),/g)].map((found) => Number(found[1]));
  return [now === "over" ? last : Number(now), last, Math.max(0, ...reached)];
}"""


def test_on_arrival_the_training_is_replayed_once(app: App, page: Page) -> None:
    open_page(page, app.url)
    figure = page.locator(".st-key-density figure:has(canvas.plot)")
    expect(figure).to_have_attribute("data-replay", re.compile(r"\d"))
    # The curve comes with the picture: it does not tell the end before.
    step, last, curve = until(lambda: page.evaluate(CURVE_IN_REPLAY), 60, "both are drawn")
    assert curve <= 1000 * step / last + 1
    expect(figure).to_have_attribute("data-replay", "over")
    expect(page.locator(MODEL)).to_have_attribute("data-frame", re.compile("-2000-"))
    expect(page.locator(".st-key-loss path.held-out").first).to_have_attribute(
        "d", re.compile("L1000")
    )
    no_traceback(page)


def test_samples_end_the_replay(app: App, page: Page) -> None:
    open_page(page, app.url)
    figure = page.locator(".st-key-density figure:has(canvas.plot)")
    expect(figure).to_have_attribute("data-replay", re.compile(r"\d"))
    page.get_by_text("Show samples", exact=True).click()
    expect(figure.locator(".note")).to_contain_text("Exact density")
    expect(page.locator(".st-key-loss path.held-out").first).to_have_attribute(
        "d", re.compile("L1000")
    )
    no_traceback(page)


def test_for_reduced_motion_the_picture_is_still(app: App, browser: Browser) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    open_page(page, app.url)
    expect(page.locator(MODEL)).to_have_attribute("data-frame", re.compile("-2000-"))
    assert page.locator("[data-replay]").count() == 0
    context.close()


def test_on_a_projector_target_model_and_loss_are_seen_whole(app: App, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    open_page(page, app.url + "/?present=1")

    def fits(part: str) -> bool:
        box = page.locator(f".st-key-{part}").bounding_box()
        return box is not None and box["y"] + box["height"] <= 720 and box["width"] > 350

    for part in ("target_density", "density", "loss"):
        expect(page.locator(f".st-key-{part}")).to_be_visible()
        until(partial(fits, part), 30, f"{part} is seen whole")
    expect(page.locator(".st-key-headline [data-testid=stMetricValue]")).to_be_in_viewport(ratio=1)
    for button in (TRAIN, PAUSE, STEP, RESET):
        expect(page.locator(button)).to_be_in_viewport()
    expect(page.get_by_role("heading", name="See a normalizing flow learn")).to_be_hidden()
    page.goto(app.url + "/layers?present=1")
    for part in ("canvas.plot[data-frames]", ".way input", ".tools input[name=shade]"):
        expect(page.locator(f".st-key-inside {part}")).to_be_in_viewport(ratio=1)
    context.close()


def test_beside_the_settings_the_menu_has_all_pages(app: App, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    open_page(page, app.url)
    expect(page.locator("[data-testid=stSidebar]")).to_be_in_viewport()
    expect(page.get_by_role("link", name="Classes")).to_be_in_viewport()
    # Without the switch to present, the pictures are seen whole too.
    for part in ("target_density", "density", "loss"):
        expect(page.locator(f".st-key-{part} :is(canvas, .plot)").first).to_be_in_viewport(ratio=1)
    context.close()


def test_pause_step_resume_reset(app: App, page: Page) -> None:
    open_page(page, app.url + "/?budget=1000000&depth=4")
    start_training(page)
    page.click(PAUSE)
    expect(page.locator(STEP)).to_be_enabled()
    expect(page.locator(".st-key-layers .js-plotly-plot")).to_be_visible()
    before = step_shown(page)
    page.click(STEP)
    until(lambda: step_shown(page) == before + 1, 60, "exactly one step")
    page.click(TRAIN)
    until(lambda: step_shown(page) > before + 1, 60, "training went on")
    page.click(RESET)
    until(lambda: "Untrained" in page.locator(PROGRESS).inner_text(), 60, "untrained again")
    no_traceback(page)


def test_a_run_stops_at_its_budget_and_continues_past_it(app: App, page: Page) -> None:
    open_page(page, app.url + "/?budget=30&depth=3&autostart=1")
    until(lambda: step_shown(page) == 30, 60, "the budget is used up")
    expect(page.locator(TRAIN)).to_contain_text("Continue")
    page.click(TRAIN)
    until(lambda: step_shown(page) == 60, 60, "twice the budget")
    no_traceback(page)


def test_the_walk_plays(app: App, page: Page) -> None:
    open_page(page, app.url)
    chart = page.locator(".st-key-layers .js-plotly-plot")
    expect(chart).to_be_visible()
    expect(chart).to_contain_text("Play")
    label = chart.locator(".annotation text").first
    first = label.text_content()
    expect(chart.locator(".modebar-btn")).to_have_count(0)
    chart.locator(".updatemenu-button").first.click()
    until(lambda: label.text_content() != first, 60, "the slider moves")
    no_traceback(page)


def test_the_walk_plays_on_when_the_theme_changes(app: App, page: Page) -> None:
    page.emulate_media(color_scheme="light")
    # So many layers that it still plays when the theme has changed, on any machine.
    open_page(page, app.url + "/?depth=32")
    chart = page.locator(".st-key-layers .js-plotly-plot")
    label = chart.locator(".annotation text").first
    first = label.text_content()
    buttons = chart.locator(".updatemenu-button")
    buttons.first.click()
    until(lambda: label.text_content() != first, 60, "it plays")
    chart.evaluate(
        "gd => { window.reacts = 0; gd.on('plotly_react', () => { window.reacts += 1; }); }"
    )
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("window.reacts > 0")
    changed = label.text_content()
    until(lambda: label.text_content() != changed, 60, "it plays on by itself")
    buttons.nth(1).click()
    page.wait_for_function(_RESTS)
    no_traceback(page)


#: Whether Plotly has no frame to come, and the label stays as it is for 60 frames of the screen.
_RESTS = """() => new Promise((tell) => {
  const chart = document.querySelector('.st-key-layers .js-plotly-plot');
  const read = () => chart.querySelector('.annotation text').textContent;
  const before = read();
  let looks = 0;
  const look = () => {
    if (read() !== before) tell(false);
    else if (++looks < 60) requestAnimationFrame(look);
    else tell(!chart._transitionData._frameQueue?.length);
  };
  look();
})"""


#: Notes at each frame of the screen whether a heatmap is there that the browser has read.
_WATCH_HEATMAP = """() => {
  const part = document.querySelector('.st-key-layers');
  const read = new WeakMap();
  const source = (image) => image.getAttribute('href') ?? image.getAttribute('xlink:href');
  part.addEventListener('load', ({ target }) => read.set(target, source(target)), true);
  const watched = (window.heatmap = { count: false, looks: 0, lost: 0, sources: new Set() });
  const look = () => {
    const seen = [...part.querySelectorAll('.cartesianlayer image')];
    watched.known ||= seen.some((one) => read.get(one) === source(one));
    if (watched.count) {
      watched.looks += 1;
      watched.lost += !seen.some((one) => read.get(one) === source(one));
      for (const one of seen) watched.sources.add(source(one));
    }
    requestAnimationFrame(look);
  };
  look();
}"""


def test_the_walk_keeps_its_heatmap_in_sight_while_it_plays(app: App, page: Page) -> None:
    open_page(page, app.url)
    chart = page.locator(".st-key-layers .js-plotly-plot")
    expect(chart).to_be_visible()
    page.evaluate(_WATCH_HEATMAP)
    # What the browser has read before the watch is not known to it.
    chart.locator(".updatemenu-button").first.click()
    page.wait_for_function("window.heatmap.known")
    page.evaluate("window.heatmap.count = true")
    for width in (1280, 900, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        chart.locator(".updatemenu-button").first.click()
        enough = page.evaluate("window.heatmap.looks") + 200
        page.wait_for_function(f"window.heatmap.looks > {enough}", timeout=PATIENCE)
    seen = page.evaluate("({...window.heatmap, sources: window.heatmap.sources.size})")
    assert seen["sources"] > 5, "it plays"
    assert seen["lost"] == 0, seen
    no_traceback(page)


def test_a_link_is_a_configuration(app: App, page: Page) -> None:
    open_page(page, app.url + "/?target=circles&architecture=nsf&depth=3&bins=6&seed=4")
    expect(page.locator(".st-key-target [data-selected=true]").first).to_contain_text("circles")
    expect(page.locator(".st-key-bins input")).to_have_value("6")
    page.locator(".st-key-target").get_by_text("Pinwheel").click()
    until(lambda: "target=pinwheel" in address(page), 60, "the URL follows")
    assert "bins=6" in address(page)
    no_traceback(page)


def test_a_bad_link_is_refused_in_sentences(app: App, page: Page) -> None:
    open_page(page, app.url + "/?depth=100000&width=-3&target=nope&seed=abc")
    for sentence in (
        "depth = 100000 is more than 64: using 64.",
        "width = -3 is less than 4: using 4.",
        "target = nope is not understood: using moons.",
        "seed = abc is not understood: using 0.",
    ):
        expect(page.get_by_text(sentence)).to_be_visible()
    assert "nope" not in address(page)
    no_traceback(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_cut(app: App, browser: Browser, scheme: str) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    open_page(page, app.url)
    expect(page.locator(MODEL)).to_be_visible()
    wide = """() => [document.documentElement, document.querySelector('[data-testid=stMain]')]
        .some((node) => node.scrollWidth > node.clientWidth)"""
    until(lambda: not page.evaluate(wide), 30, "the page does not scroll sideways")
    no_traceback(page)
    context.close()


def test_on_a_phone_a_labelled_button_brings_the_settings(app: App, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    open_page(page, app.url)
    model = page.locator(".st-key-architecture")
    expect(model).not_to_be_in_viewport()
    button = page.get_by_role("button", name="Settings", exact=True)

    def opened() -> bool:
        # A click is lost if it comes before the button's script.
        with contextlib.suppress(AssertionError, TimeoutError):
            if button.is_visible():
                button.click(timeout=5_000)
            expect(model).to_be_in_viewport(timeout=5_000)
            return True
        return False

    expect(button).to_be_visible()
    until(opened, 60, "the settings open")
    expect(button).to_be_hidden()
    context.close()


def test_where_the_settings_are_open_no_button_offers_them(app: App, page: Page) -> None:
    open_page(page, app.url)
    expect(page.locator(".st-key-depth")).to_be_in_viewport()
    expect(page.get_by_role("button", name="Settings", exact=True)).to_be_hidden()


def test_a_button_takes_what_was_typed_just_before(app: App, page: Page) -> None:
    open_page(page, app.url + "/?depth=2&width=8&budget=40")
    until(lambda: "Untrained" in page.locator(PROGRESS).inner_text(), 60, "an untrained run")
    page.locator(".st-key-budget input").fill("70")
    page.click(TRAIN)
    until(lambda: step_shown(page) == 70, 60, "the typed budget is used up")
    page.get_by_text("Data and seed").click()
    page.locator(".st-key-seed input").fill("41")
    page.click(TRAIN)
    until(lambda: "seed=41" in address(page), 60, "the URL has the typed seed")
    until(lambda: step_shown(page) == 70, 60, "the run of the typed seed is trained")
    no_traceback(page)


def test_a_diverged_run_goes_on_with_a_smaller_rate(app: App, page: Page) -> None:
    query = "/?architecture=maf&depth=16&learning_rate=0.5&warmup=0&budget=1000000&autostart=1"
    open_page(page, app.url + query)
    box = page.locator(".st-key-failure [data-testid=stAlert]")
    expect(box).to_contain_text("diverged")
    expect(page.locator(TRAIN)).to_be_enabled()
    expect(page.locator(STEP)).to_be_enabled()
    page.get_by_text("Training", exact=True).click()
    rate = page.locator(".st-key-learning_rate input")
    rate.focus()
    expect(rate).to_be_focused()
    page.keyboard.press("Home")
    until(lambda: "learning_rate=1e-05" in address(page), 60, "the smallest learning rate is set")
    expect(box).to_be_visible()
    page.locator(".st-key-go_on button >> visible=true").click()
    until(lambda: step_shown(page) > 20, 60, "it trains past the step at which it diverged")
    expect(box).to_have_count(0)
    no_traceback(page)


def test_by_keyboard(app: App, page: Page) -> None:
    open_page(page, app.url + "/?depth=3&budget=1000000")
    page.locator(TRAIN).focus()
    page.keyboard.press("Enter")
    until(lambda: step_shown(page) > 0, 60, "Enter trains")
    page.locator(PAUSE).focus()
    page.keyboard.press("Space")
    expect(page.locator(STEP)).to_be_enabled()
    page.locator(".st-key-target input[type=radio]").first.focus()
    page.keyboard.press("ArrowRight")
    until(lambda: "target=circles" in address(page), 60, "arrow keys choose a target")
    no_traceback(page)


def test_a_killed_worker_costs_at_most_a_slice(app: App, page: Page) -> None:
    open_page(page, app.url + "/?budget=1000000&depth=5")
    start_training(page)
    worker = busy_worker(app)
    before = step_shown(page)
    worker.kill()
    steps = [before]

    def went_on() -> bool:
        # While the page is drawn anew there may be no step for a moment.
        if (now := step_shown(page)) >= 0:
            steps.append(now)
        return steps[-1] > before + 200

    until(went_on, 120, "training went on after the kill")
    assert steps == sorted(steps), "the step count fell"
    no_traceback(page)


def test_a_closed_tab_stops_training(app: App, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    open_page(page, app.url + "/?budget=1000000&depth=6")
    start_training(page)
    until(lambda: cpu_used(app, 1.0) > 0.25, 30, "workers train")
    context.close()
    # Two workers that rest take 0.02 to 0.06, by machine; more where others use its cores.
    until(lambda: cpu_used(app, 1.0) < 0.2, 60, "workers rest once the tab is closed")


def busy_worker(app: App) -> psutil.Process:
    """Return the worker that works right now."""

    def busiest() -> psutil.Process | None:
        used = {p: cpu_seconds(p) for p in app.workers()}
        time.sleep(0.5)
        gained = {p: cpu_seconds(p) - before for p, before in used.items()}
        best = max(gained, key=lambda p: gained[p])
        return best if gained[best] > 0.1 else None

    found = until(busiest, 60, "a busy worker")
    assert found is not None
    return found


def cpu_used(app: App, seconds: float) -> float:
    """Measure the CPU seconds that the workers use in a stretch of time."""
    before = sum(map(cpu_seconds, app.workers()))
    time.sleep(seconds)
    return sum(map(cpu_seconds, app.workers())) - before


def test_an_unreachable_scheduler_is_named(page: Page, unreachable_app: App) -> None:
    open_page(page, unreachable_app.url)
    expect(page.get_by_text("Cannot reach the Dask scheduler")).to_be_visible()
    no_traceback(page)
