"""See inside for models without layers, interpolation and samples, with a worker's work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future
from functools import cache
from typing import Any, ClassVar

import pytest
from here_engine import HereEngine
from streamlit.testing.v1 import AppTest

from flowplay.config import RunConfig
from flowplay.training import new_run, train_slice


class RememberingEngine(HereEngine):
    """An engine that answers what it was asked before without doing it again."""

    answers: ClassVar[dict[tuple[object, ...], Future[bytes]]] = {}

    def call(self, name: str, *arguments: object) -> Future[bytes]:
        question = (name, *arguments)
        if question not in self.answers:
            self.answers[question] = super().call(name, *arguments)
        return self.answers[question]


@pytest.fixture(scope="module")
def made() -> Iterator[RememberingEngine]:
    engine = RememberingEngine()
    yield engine
    engine.close()


@pytest.fixture(autouse=True)
def engine(made: RememberingEngine, monkeypatch: pytest.MonkeyPatch) -> RememberingEngine:
    monkeypatch.setattr("flowplay.ui.work.engine", lambda: made)
    return made


@cache
def state_of(architecture: str, **options: str) -> bytes:
    flat = {"architecture": architecture, "samples": 2000, "budget": 30, "width": 16} | options
    return train_slice(new_run(RunConfig.from_flat(flat)), steps=30)[0].to_bytes()


def page_of(architecture: str, **options: str) -> AppTest:
    """Return the sections of a trained run."""

    def script(architecture: str, options: dict[str, str], state: bytes) -> None:
        from flowplay.config import RunConfig
        from flowplay.ui.inside import _OWN_SECTIONS, _latent_space
        from flowplay.ui.look import Look

        config = RunConfig.from_flat({"architecture": architecture} | options)
        look = Look("run", 30, None, True, state, None)
        if architecture in _OWN_SECTIONS:
            _OWN_SECTIONS[architecture](look)
        _latent_space(config, look)

    state = state_of(architecture, **options)
    page = AppTest.from_function(script, args=(architecture, options, state), default_timeout=120)
    return page.run()


def sent(page: AppTest) -> dict[str, dict[str, Any]]:
    """Return what each component is sent, by its key."""
    return {
        str(element.key): json.loads(element.proto.json)
        for element in page.get("bidi_component")
        if element.proto.json
    }


def texts(page: AppTest) -> str:
    return " ".join(e.value for e in (*page.markdown, *page.caption, *page.subheader))


@pytest.mark.parametrize("latent", [1, 2])
def test_a_vae_shows_the_posterior_of_a_chosen_point_and_its_latent_grid(latent: int) -> None:
    page = page_of("vae", latent=str(latent))
    assert not page.exception
    assert not page.warning
    assert "The difference" in texts(page)
    assert len(page.get("plotly_chart")) == (2 if latent == 1 else 1)
    before = texts(page)
    page.session_state["_posterior_point"] = (0.5, -0.25)
    page.run()
    assert texts(page) != before


def test_a_gan_shows_the_image_of_its_lattice_and_what_its_judge_says() -> None:
    page = page_of("gan")
    assert not page.exception
    assert not page.warning
    assert "of the noise lies in cells that are turned over" in texts(page)
    assert "Between two points" not in texts(page), "it gives no point a latent"
    wasserstein = page_of("gan", gan_loss="wasserstein")
    assert "The critic's differences matter" in texts(wasserstein)


@pytest.mark.parametrize("architecture", ["realnvp", "vae", "diffusion"])
def test_a_click_moves_one_end_of_the_path_and_the_next_one_the_other(architecture: str) -> None:
    page = page_of(architecture)
    assert not page.exception
    assert not page.warning
    assert "Lowest log-density:" in texts(page)
    first, second, turn = page.session_state["_interpolation_ends"]
    assert turn == 0
    page.session_state["_interpolation_ends"] = [(0.0, 0.5), second, 1]
    page.run()
    assert "A is (0.00, 0.50)" in texts(page)
    assert first != (0.0, 0.5)


def test_samples_of_diffusion_follow_sampler_and_steps_without_training() -> None:
    page = page_of("diffusion")
    assert "**4,000 samples took" in texts(page)
    assert "16 evaluations of the network each" in texts(page)
    page.select_slider(key="drawn_steps").set_value(3).run()
    assert not page.exception
    assert "6 evaluations of the network each" in texts(page)
    assert len(page.get("plotly_chart")) == 2
    page.slider(key="drawn_temperature").set_value(0.5).run()
    assert not page.exception


def test_samples_of_a_flow_follow_the_temperature() -> None:
    page = page_of("realnvp")
    before = texts(page)
    page.slider(key="drawn_temperature").set_value(0.4).run()
    assert not page.exception
    assert texts(page) != before
    assert not page.select_slider
