"""RunConfig: whatever is given, something valid comes out and every refusal is told."""

from __future__ import annotations

import dataclasses
import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from flowplay.catalog import (
    ARCHITECTURES,
    Choice,
    Option,
    OptionError,
    OptionValue,
    Real,
    Recipe,
    Whole,
    register_architecture,
)
from flowplay.catalog.names import PAGE_NAMES
from flowplay.config import FixedSettings, HotSettings, RunConfig, all_options, flat_names
from flowplay.problems import PROBLEMS, DataProblem, make_problem, register_problem
from flowplay.problems.base import FloatArray, Window

LINKS = json.loads(Path(__file__).with_name("links_v1.json").read_text("utf-8"))

#: Characters of a long link.
LONG = 8192

#: Values that have broken readers of numbers and names.
AWKWARD = (
    "",
    " ",
    "\0",
    "0\0",
    "-0",
    "-0.0",
    "1_000",
    "1e309",
    "-1e309",
    "1e-400",
    "1e99999999999",
    "0e99999999999",
    "nan",
    "-nan",
    "inf",
    "-inf",
    "infinity",
    "٣",
    "1٣",
    "²",
    "½",
    "\ud800",
    "5\udfff",
    "0x10",
    "0b1",
    "+5",
    " 5 ",
    "5.0",
    "5.5",
    "1e1",
    "True",
    "None",
    "[]",
    "{}",
    "<script>",
    "a\nb",
    "9" * 400,
    "9" * 4400,
    "-" + "9" * 4400,
    "0" * 4400 + "5",
    "0." + "0" * 4400 + "1",
    "planar 1" + ", planar 1" * 800,
    "planar " + "9" * 4400,
    "planar " + "0" * 4400 + "1",
    "planar ٣",
    "planar ²",
    "planar 0",
    "mixed 1",
    "," * LONG,
)

#: Names that a link may have beside those of a config.
OTHER_NAMES = ("version", "options", "target_options", "autostart", "noise2", "", "\ud800", "\0")


def _chosen_options(config: RunConfig) -> list[Option]:
    return [*PROBLEMS[config.target].options, *config.entry.options]


def _names_of(config: RunConfig) -> set[str]:
    """Return the flat names that mean something to a config."""
    return set(flat_names()) - set(all_options()) | {o.name for o in _chosen_options(config)}


def _value(config: RunConfig, name: str) -> object:
    options = config.target_options | config.options
    return options[name] if name in options else getattr(config, name)


def _told(name: str, refused: list[str]) -> bool:
    return any(sentence.startswith(f"{name} = ") for sentence in refused)


def check_repair(values: Mapping[str, str]) -> None:
    config, refused = RunConfig.repair(values)
    assert RunConfig.model_validate(config.model_dump()) == config
    assert RunConfig.model_validate_json(config.model_dump_json()) == config
    for sentence in refused:
        assert sentence.endswith(".")
        assert "\n" not in sentence
        assert len(sentence) < 300
        sentence.encode()
    choice = {"target": config.target, "architecture": config.architecture}
    given = _names_of(config) & set(values)
    for name in given:
        if _told(name, refused):
            continue
        # What is not told of must have been taken as it was given.
        alone = RunConfig.from_flat(choice | {name: values[name]})
        assert _value(alone, name) == _value(config, name)
    assert len(refused) == sum(_told(name, refused) for name in given)
    again, complaints = RunConfig.repair(config.to_flat())
    assert (again, complaints) == (config, [])
    assert again.model_dump_json() == config.model_dump_json()


def _texts(most: int) -> st.SearchStrategy[str]:
    """Return texts of any characters, surrogates included."""
    return st.text(st.characters(), max_size=most)


VALUES = st.one_of(
    st.sampled_from(AWKWARD),
    st.sampled_from([*PROBLEMS, *ARCHITECTURES, "seconds", "sgd", "cpu", "learned", "series"]),
    st.integers(-(10**12), 10**12).map(str),
    st.floats().map(str),
    _texts(40),
    st.lists(
        st.tuples(st.sampled_from([*ARCHITECTURES, ""]), st.integers(-1, 99)).map(
            lambda part: f"{part[0]} {part[1]}"
        ),
        max_size=12,
    ).map(", ".join),
)
NAMES = st.one_of(st.sampled_from([*flat_names(), *OTHER_NAMES]), _texts(8))


@given(st.dictionaries(NAMES, VALUES, max_size=30))
@example({"architecture": "mixed", "recipe": "planar " + "9" * 4400})
@example({"depth": "100000", "width": "-3", "target": "nope", "seed": "abc"})
@example({"architecture": "nsf", "bins": "99", "conditioning": "x", "noise": "17"})
@example({"version": "1", "options": "x", "target_options": "y"})
@settings(max_examples=300, deadline=None)
def test_any_mapping_gives_a_config_and_tells_every_refusal(values: dict[str, str]) -> None:
    check_repair(values)


@pytest.mark.parametrize("name", flat_names())
def test_every_field_and_option_survives_every_awkward_value(name: str) -> None:
    owners = [a.name for a in ARCHITECTURES.values() if name in {o.name for o in a.options}]
    for value in AWKWARD:
        for architecture in owners or ["realnvp"]:
            check_repair({"architecture": architecture} | {name: value})


def test_a_recipe_with_thousands_of_digits_is_refused_in_one_sentence() -> None:
    config, refused = RunConfig.repair(
        {"architecture": "mixed", "recipe": "planar " + "9" * 4400, "seed": "3"}
    )
    assert (config.architecture, config.seed) == ("mixed", 3)
    assert config.options["recipe"] == "planar 2, nsf 4"
    assert len(refused) == 1
    assert "has not 1 to 64 layers" in refused[0]


def test_repair_validates_at_most_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work is bounded by the number of settings, whatever is wrong with them."""
    validated = []
    original = RunConfig.model_validate.__func__  # type: ignore[attr-defined]

    def count(cls: type[RunConfig], values: Any) -> RunConfig:  # noqa: ANN401
        validated.append(values)
        config: RunConfig = original(cls, values)
        return config

    monkeypatch.setattr(RunConfig, "model_validate", classmethod(count))
    _, refused = RunConfig.repair(dict.fromkeys(flat_names(), "9" * 400))
    assert len(refused) >= len(RunConfig.model_fields) - 3
    assert len(validated) <= 3


def test_the_time_of_repair_grows_no_faster_than_its_input() -> None:
    def seconds(length: int) -> float:
        share = length // 32
        values = dict.fromkeys([*flat_names(), "x"], "9" * share)
        values |= {"architecture": "mixed", "recipe": "planar 1, " * (share // 10)}
        times = []
        for _ in range(5):
            began = time.process_time()
            RunConfig.repair(values)
            times.append(time.process_time() - began)
        return min(times)

    # Quadratic work would take 1024 times as long.
    assert seconds(32 * LONG) < 100 * seconds(LONG)


# --- links and dumps of version 1 ----------------------------------------------------------------


#: Options that came after version 1, with the value that leaves a flow as it was.
SINCE = {"base_components": 1, "order": "alternating", "coupling": "independent"}

#: Defaults that were found better since. A link names what differs from them, so it means these
#: now; a whole config means what it meant.
BETTER = {"flow_matching": {"learning_rate": 2e-2, "batch_size": 512}}
BETTER_OPTIONS = {"flow_matching": {"coupling": "sorted"}}


def _as_version_2(settings_: dict[str, Any]) -> dict[str, Any]:
    newer = {k: v for k, v in settings_.items() if k not in ("version", "noise")}
    known = {option.name for option in ARCHITECTURES[newer["architecture"]].options}
    newer["options"] = newer["options"] | {k: v for k, v in SINCE.items() if k in known}
    return newer | {"version": 2, "target_options": {"noise": settings_["noise"]}}


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link["link"][:60])
def test_a_link_of_version_1_means_what_it_meant(link: dict[str, Any]) -> None:
    values = dict(parse_qsl(link["link"], keep_blank_values=True))
    config, refused = RunConfig.repair(values)
    wanted = _as_version_2(link["settings"])
    wanted |= BETTER.get(wanted["architecture"], {})
    wanted["options"] |= BETTER_OPTIONS.get(wanted["architecture"], {})
    assert config.model_dump() == wanted
    assert bool(refused) == bool(link["refused"])


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link["link"][:60])
def test_a_dump_of_version_1_is_read(link: dict[str, Any]) -> None:
    wanted = _as_version_2(link["settings"])
    assert RunConfig.model_validate(link["settings"]).model_dump() == wanted
    assert RunConfig.model_validate_json(json.dumps(link["settings"])).model_dump() == wanted


def test_an_option_that_came_later_changes_no_kept_run_and_no_link() -> None:
    config = RunConfig.from_flat({"architecture": "flow_matching"})
    assert config.options["coupling"] == "sorted"
    kept = config.model_dump()
    assert RunConfig.model_validate(kept) == config
    del kept["options"]["coupling"]
    assert RunConfig.model_validate(kept).options["coupling"] == "independent"
    # All that is fixed may be locked, or stand in a link: it is no kept run for that.
    named = {name: value for name, value in kept.items() if name not in ("version", "options")}
    flat = {k: v for k, v in named.items() if not isinstance(v, dict)}
    assert RunConfig.from_flat(flat | {"noise": 0.05}).options["coupling"] == "sorted"
    assert RunConfig.repair({"architecture": "flow_matching"}, flat)[0].options == config.options


def test_the_links_speak_of_every_setting_of_version_1() -> None:
    fields = set(LINKS[0]["settings"]) - {"version", "options"}
    options = {name for link in LINKS for name in link["settings"]["options"]}
    named = {name for link in LINKS for name, _ in parse_qsl(link["link"])}
    assert fields | options <= named


def test_noise_is_a_field_of_version_1_only() -> None:
    with pytest.raises(ValidationError):
        RunConfig.model_validate({"noise": 0.1})
    with pytest.raises(ValidationError):
        RunConfig.model_validate({"version": 3})
    old = RunConfig.model_validate({"version": 1, "target": "rings", "noise": 0.1})
    assert old == RunConfig(target="rings", target_options={"noise": 0.1})


# --- what a config says --------------------------------------------------------------------------


def test_a_config_gives_its_problem_and_its_hot_settings() -> None:
    config = RunConfig.from_flat({"target": "circles", "noise": "0.1", "learning_rate": "0.02"})
    assert config.problem() is make_problem("circles", noise=0.1)
    assert config.hot == HotSettings(learning_rate=0.02)
    assert set(RunConfig.model_fields) == {*HotSettings.model_fields, *FixedSettings.model_fields}
    assert not set(HotSettings.model_fields) & set(FixedSettings.model_fields)


def test_hot_settings_refuse_what_a_config_refuses() -> None:
    for values in ({"learning_rate": 9.0}, {"budget": 0}, {"temperature": float("nan")}):
        with pytest.raises(ValidationError):
            HotSettings(**values)
    with pytest.raises(ValidationError):
        HotSettings.model_validate({"depth": 3})


def test_options_of_what_is_not_chosen_are_left_out_of_a_config() -> None:
    config, refused = RunConfig.repair({"architecture": "realnvp", "bins": "99"})
    assert (config, refused) == (RunConfig(), [])
    for field in ("options", "target_options"):
        with pytest.raises(ValidationError):
            RunConfig.model_validate({field: {"bins": 8}})


@pytest.mark.parametrize("value", [[], {}, None, 1.5, object()])
def test_options_refuse_values_of_another_type(value: object) -> None:
    for option in all_options().values():
        if isinstance(option, (Real, Whole)) and value == 1.5:
            continue
        with pytest.raises(OptionError):
            option.read(value)


def _read_or_nearest(option: Option, value: str) -> OptionValue:
    try:
        return option.read(value)
    except OptionError as error:
        return error.nearest


@pytest.mark.parametrize("option", all_options().values(), ids=lambda option: option.name)
def test_what_an_option_offers_instead_is_allowed(option: Option) -> None:
    assert option.read(option.default) == option.default
    for value in AWKWARD:
        allowed = _read_or_nearest(option, value)
        assert option.read(allowed) == allowed


def test_a_problem_is_one_object_however_its_options_are_written() -> None:
    assert make_problem("moons", noise="0.10") is make_problem("moons", noise=0.1)
    assert make_problem("moons") is make_problem("moons", noise=0.05)


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("nope", {}, "There is no target"),
        ("moons", {"bins": 3}, "has no option bins"),
        ("moons", {"noise": "9" * 5000}, "is more than 0.3"),
        ("moons", {"noise": []}, "is not understood"),
    ],
)
def test_a_problem_that_does_not_exist_is_refused_in_one_sentence(
    name: str, options: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        make_problem(name, **options)
    assert len(str(refused.value)) < 400


# --- names ---------------------------------------------------------------------------------------


def test_every_flat_name_has_one_meaning() -> None:
    kinds: dict[str, set[type[Option]]] = {}
    of_models = {o.name for a in ARCHITECTURES.values() for o in a.options}
    of_problems = {o.name for p in PROBLEMS.values() for o in p.options}
    of_each = [
        *(architecture.options for architecture in ARCHITECTURES.values()),
        *(problem.options for problem in PROBLEMS.values()),
    ]
    for options in of_each:
        names = [option.name for option in options]
        assert len(names) == len(set(names))
        for option in options:
            kinds.setdefault(option.name, set()).add(type(option))
    assert not set(kinds) & set(RunConfig.model_fields)
    assert all(len(kind) == 1 for kind in kinds.values())
    assert not of_models & of_problems
    assert len(flat_names()) == len(set(flat_names()))


WRONG_OPTIONS = [
    pytest.param(Whole("depth", "", "", 1, 1, 2), "depth", id="a field"),
    pytest.param(Real("bins", "", "", 1.0, 1.0, 2.0), "bins", id="another kind"),
    pytest.param(Choice("noise", "", "", "a", {"a": "A"}), "noise", id="another owner"),
    pytest.param(Real("new_option", "", "", 0.0, 0.0, 1.0), "new_option", id="the same entry"),
    *(
        pytest.param(Whole(name, "", "", 1, 1, 2), name, id=name)
        for name in ("steps", "save", "help", "train", "point_x", "base", "autostart")
    ),
]


def test_the_names_of_a_page_are_reserved() -> None:
    root = Path(__file__).parents[1]
    files = [*(root / "flowplay/ui").rglob("*.py"), *(root / "pages").glob("*.py")]
    keys = {k for p in files for k in re.findall(r'(?:key|button)="(\w+)"', p.read_text("utf-8"))}
    assert len(keys) > 20
    assert keys <= PAGE_NAMES | set(RunConfig.model_fields)


@pytest.mark.parametrize(("option", "name"), WRONG_OPTIONS)
def test_an_architecture_whose_option_has_a_taken_name_is_refused(
    option: Option, name: str
) -> None:
    new = Real("new_option", "", "", 0.0, 0.0, 1.0)
    entry = dataclasses.replace(ARCHITECTURES["nsf"], name="refused", options=(new, option))
    with pytest.raises(ValueError, match=f"^The name '{name}' is taken"):
        register_architecture(entry)
    assert "refused" not in ARCHITECTURES
    assert not {new.name} & set(flat_names())


@pytest.mark.parametrize(
    ("option", "name"),
    [(Whole("width", "", "", 1, 1, 2), "width"), (Recipe("bins", "", "", "", ()), "bins")],
)
def test_a_problem_whose_option_has_a_taken_name_is_refused(option: Option, name: str) -> None:
    class Refused(DataProblem):
        name = "refused"
        label = "Refused"
        summary = "A problem that is refused."
        options: ClassVar[tuple[Option, ...]] = (option,)
        dim = 2
        window: Window | None = None
        density = None

        def training_points(self, n: int, seed: int) -> FloatArray:
            raise NotImplementedError

        def held_out_points(self, n: int, seed: int) -> FloatArray:
            raise NotImplementedError

    with pytest.raises(ValueError, match=f"^The name '{name}' is taken"):
        register_problem(Refused)
    assert "refused" not in PROBLEMS


def test_names_of_entries_are_unique() -> None:
    with pytest.raises(ValueError, match="already"):
        register_architecture(ARCHITECTURES["nsf"])
    with pytest.raises(ValueError, match="already"):
        register_problem(PROBLEMS["moons"])
