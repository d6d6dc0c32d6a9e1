"""The guide's data: every term known, every link a config, every topic somewhere."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pytest

from flowplay.catalog import ARCHITECTURES
from flowplay.config import RunConfig
from flowplay.glossary import TERMS, explain, plain
from flowplay.guide import (
    EXERCISES,
    SECTIONS,
    SYMPTOMS,
    TOPICS,
    all_papers,
    bits_per_dimension,
    comparison_note,
    comparison_table,
    hyperparameters,
    not_yet,
    picture,
    placed,
)
from flowplay.guide.comparison import measured
from flowplay.race import PRESETS
from flowplay.ui.trying import PAGES

#: The headings of the lecture's theory part, its subsections included.
HEADINGS = """
Change of Variables Formula; Requirements for Normalizing Flows; Change of Variables in 1D;
Sequential Transformations; Log-Likelihood; Training Objective; Planar Flow;
Coupling Layers (RealNVP); Affine Coupling Layer; Multi-Scale Architecture; Glow Architecture;
1×1 Invertible Convolution; Actnorm (Activation Normalization); Glow Block;
Masked Autoregressive Flow (MAF); Inverse Autoregressive Flow (IAF);
MADE (Masked Autoencoder for Distribution Estimation); Continuous-Time Dynamics;
Instantaneous Change of Variables; FFJORD (Free-Form Jacobian of Reversible Dynamics);
Volume-Preserving Flows; Residual Flows; Infinitesimal Flows; Dequantization; Temperature Scaling;
Multi-Scale Training; Gradient Checkpointing; Bits per Dimension (BPD); Comparison with ELBO;
Conditions for Invertibility; Invertible Neural Networks (INN); Numerical Inversion;
State-of-the-Art Results: Image Generation; Sampling Speed; Architectural Constraints;
Sample Quality vs Likelihood; Computational Cost; Discrete Flows;
Variational Dequantization Flows; Graphical Normalizing Flows; Neural Spline Flows;
Variational Inference; Density Estimation; Image Synthesis; Data Compression; Flows vs VAEs;
Flows vs GANs; Flows vs Diffusion; Key Papers; Hyperparameters; Debugging Tips;
Computational Efficiency; When to Use Normalizing Flows
"""


def test_every_heading_of_the_lecture_is_here_or_among_what_is_not_yet() -> None:
    headings = {" ".join(heading.split()) for heading in HEADINGS.split(";")}
    assert {topic.heading for topic in TOPICS} == headings
    assert len(placed()) + len(not_yet()) == len(TOPICS)
    assert all(topic.later.endswith(".") for topic in not_yet())
    keys = {section.key for section in SECTIONS}
    assert all(topic.section in keys for topic in TOPICS if topic.section)


def test_gradient_checkpointing_is_a_setting_and_not_among_what_is_missing() -> None:
    assert "checkpoint" in RunConfig.model_fields
    assert "Gradient Checkpointing" in {topic.heading for topic in placed()}


def test_a_family_that_comes_takes_its_topics_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowplay.guide.topics.FLOW_FAMILIES", {})
    before = {topic.heading for topic in not_yet()}
    assert "Neural Spline Flows" in before
    monkeypatch.setattr("flowplay.guide.topics.FLOW_FAMILIES", {"nsf": ARCHITECTURES["nsf"]})
    assert before - {topic.heading for topic in not_yet()} == {"Neural Spline Flows"}


def test_every_term_is_in_the_glossary_and_explained_as_text() -> None:
    for section in SECTIONS:
        shown = explain(section.text)
        assert "[[" not in shown
        assert plain(section.text).count("[[") == 0
    for term, meaning in TERMS.items():
        assert meaning.endswith("."), term
    assert "&lt;b&gt;" in explain("[[<b>|base]]")
    with pytest.raises(KeyError):
        explain("[[nonsense]]")


def test_every_link_is_a_config_that_is_accepted_whole() -> None:
    links = [link for section in SECTIONS for link in section.tries]
    assert {link.page for link in links} == set(PAGES)
    others = [*(symptom.query for symptom in SYMPTOMS), *(e.query for e in EXERCISES)]
    for query in [*(link.query for link in links), *others]:
        config, refused = RunConfig.repair(query)
        assert refused == []
        assert set(config.to_flat()) <= set(query)


def test_every_section_can_be_tried_or_shows_something_itself() -> None:
    assert all(section.tries or section.extra for section in SECTIONS)
    assert len({section.key for section in SECTIONS}) == len(SECTIONS)


def test_every_section_has_a_picture_and_a_sentence_for_the_contents() -> None:
    for section in SECTIONS:
        assert ElementTree.fromstring(picture(section.key)).tag.endswith("svg")
        assert section.summary.endswith(".")
        assert len(section.summary) < 90


def test_links_from_section_to_section_lead_somewhere() -> None:
    keys = {section.key for section in SECTIONS}
    named = {key for section in SECTIONS for key in re.findall(r"\]\(#([\w-]+)\)", section.text)}
    assert named
    assert named <= keys


def test_display_formulas_stand_on_lines_of_their_own() -> None:
    for section in SECTIONS:
        assert all(re.fullmatch(r"\$\$", line) for line in section.text.split("\n") if "$$" in line)
        assert section.text.count("$$") % 2 == 0


def test_settings_are_those_of_a_config() -> None:
    shown = {h.title: h for h in hyperparameters()}
    assert shown["Depth"].span == "1 – 64"
    assert all(h.effect.endswith(".") for h in shown.values())


def test_every_family_s_paper_is_cited_once() -> None:
    urls = [paper.url for paper in all_papers()]
    assert len(urls) == len(set(urls))
    assert {a.paper.url for a in ARCHITECTURES.values()} <= set(urls)


def test_pixels_scaled_to_one_have_the_same_bits_if_the_step_is_counted() -> None:
    """Scaled to [0, 1] the density is 256^D times as high: 8 bits less, without the step."""
    nll, dim = 7144.0, 3072
    scaled = nll - dim * math.log(256)
    assert bits_per_dimension(scaled, dim) == pytest.approx(bits_per_dimension(nll, dim) - 8)
    assert bits_per_dimension(scaled, dim, 1 / 256) == pytest.approx(bits_per_dimension(nll, dim))


def test_bits_per_dimension() -> None:
    assert bits_per_dimension(math.log(2), 1) == pytest.approx(1.0)
    assert bits_per_dimension(0.0, 4, bin_width=1 / 256) == pytest.approx(8.0)
    with pytest.raises(ValueError, match="positive"):
        bits_per_dimension(1.0, 0)


def test_the_comparison_says_where_and_when_it_was_measured() -> None:
    found = measured()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", found["date"])
    assert found["date"] in comparison_note()
    assert found["machine"] in comparison_note()
    rows = {row["architecture"]: row for row in found["rows"]}
    contestants = PRESETS["models"].race.contestants
    assert list(rows) == [config.architecture for config in contestants]
    assert {config.target for config in contestants} == {found["target"]}
    assert rows["gan"]["gap"] is None, "a GAN has no likelihood"
    assert all(rows[name]["gap"] > 0 for name in rows if name != "gan")
    assert rows["vae"]["bound"] > rows["vae"]["gap"]
    table = comparison_table().splitlines()
    assert len(table) == 2 + len(rows) + 1
    assert len({line.count("|") for line in table}) == 1
