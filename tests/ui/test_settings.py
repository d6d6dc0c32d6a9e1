"""The session's config: seeded from any URL, never broken by it."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowplay.catalog import ARCHITECTURES
from flowplay.config import RunConfig, flat_names
from flowplay.targets import TARGETS
from flowplay.ui.controls import _doublings, _one_two_five

NAMES = [*flat_names(), "options", "version", "autostart", "unknown"]
VALUES = st.one_of(
    st.text(max_size=30),
    st.integers(-(10**12), 10**12).map(str),
    st.floats().map(str),
    st.sampled_from([*TARGETS, *ARCHITECTURES, "inf", "nan", "1e999", "<script>", "½", "steps"]),
)


@given(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8))
@example({"depth": "100000", "width": "-3", "target": "nope", "seed": "abc"})
@example({"architecture": "nsf", "bins": "99", "target": "rings", "noise": "17"})
@example({"options": "x", "version": "2"})
@settings(max_examples=300, deadline=None)
def test_any_query_gives_a_valid_config_and_a_sentence_for_each_refusal(
    query: dict[str, str],
) -> None:
    config, refused = RunConfig.repair(query)
    assert RunConfig.model_validate(config.model_dump()) == config
    assert all("\n" not in sentence and sentence.endswith(".") for sentence in refused)
    assert len(refused) <= 2 * len(query)
    # What is shown in the URL afterwards says the same and is accepted whole.
    again, complaints = RunConfig.repair(config.to_flat())
    assert (again, complaints) == (config, [])


def test_the_issue_s_own_bad_link() -> None:
    config, refused = RunConfig.repair(
        {"depth": "100000", "width": "-3", "target": "nope", "seed": "abc"}
    )
    assert (config.depth, config.width, config.target, config.seed) == (64, 4, "moons", 0)
    assert sorted(refused) == [
        "depth = 100000 is more than 64: using 64.",
        "seed = abc is not understood: using 0.",
        "target = nope is not understood: using moons.",
        "width = -3 is less than 4: using 4.",
    ]


def test_scales_stay_within_what_a_config_accepts() -> None:
    assert _doublings("width") == [4, 8, 16, 32, 64, 128, 256, 512]
    assert _one_two_five("samples")[0] == 100
    assert _one_two_five("samples")[-1] == 100_000
    assert _one_two_five("learning_rate")[0] == 1e-5
    assert _one_two_five("warmup")[:3] == [1, 2, 5]
    for name, values in (
        ("learning_rate", _one_two_five("learning_rate")),
        ("batch_size", _doublings("batch_size")),
        ("weight_decay", [0.0, *_one_two_five("weight_decay", 1e-5)]),
        ("clip_norm", _one_two_five("clip_norm")),
    ):
        for value in values:
            RunConfig.model_validate({name: value})
