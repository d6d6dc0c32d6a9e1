"""RunConfig: everything that defines a run, validated in one place for URL, page and command line.

A config is the whole identity of a run: the same config on the same machine trains the same flow.
It imports no torch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from flowplay.catalog import ARCHITECTURES, Option, OptionError, OptionValue
from flowplay.problems import PROBLEMS, Problem, make_problem


def _known(value: str, names: Mapping[str, Any]) -> str:
    if value not in names:
        raise PydanticCustomError(
            "unknown_name", "Input should be one of {names}", {"names": ", ".join(names)}
        )
    return value


def _read(option: Option, value: object) -> OptionValue:
    """Read an option's value; refuse it in pydantic's terms, with what to take instead."""
    try:
        return option.read(value)
    except OptionError as error:
        context = {"option": option.name, "why": error.why, "nearest": error.nearest}
        raise PydanticCustomError("option", "{option} {why}", context) from None


def _read_options(options: tuple[Option, ...], values: Mapping[str, Any]) -> dict[str, Any]:
    """Read options by their names; refuse what is not among them."""
    known = {option.name: option for option in options}
    return {_known(name, known): _read(known[name], given) for name, given in values.items()}


class HotSettings(BaseModel):
    """The settings that may change while a run trains: one object from widget to slice.

    Raises:
        pydantic.ValidationError: for a value out of range or an unknown field.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    learning_rate: float = Field(
        3e-3,
        ge=1e-5,
        le=0.5,
        title="Learning rate",
        description="Size of an optimizer step at its peak; can be changed while it trains.",
    )
    budget: float = Field(
        2000,
        ge=1,
        le=1_000_000,
        title="Budget",
        description="Training stops here; it can be continued past it.",
    )
    temperature: float = Field(
        1.0,
        ge=0.0,
        le=2.0,
        title="Temperature",
        description="Standard deviation of the base when sampling: below 1, samples keep to the "
        "typical; training does not use it.",
    )


class RunConfig(HotSettings):
    """What defines a run. Titles and descriptions are the labels and tooltips of every surface.

    Values that are not given take the default that suits the architecture (`depth`,
    `learning_rate`, its own `options`) or the target (its own `target_options`). Version 1, in
    which the noise of a target was a field, is still read.

    Raises:
        pydantic.ValidationError: for a value out of range, an unknown name or an unknown field.

    Example:
        >>> RunConfig(target="circles", architecture="nsf").options
        {'bins': 12, 'conditioning': 'coupling'}
    """

    version: Literal[2] = 2
    target: str = Field("moons", title="Target", description="What is to be learned.")
    target_options: dict[str, OptionValue] = Field(
        default_factory=dict, title="Options of the target"
    )
    samples: int = Field(
        50_000,
        ge=100,
        le=100_000,
        title="Training samples",
        description="How many points of the target the model is trained on: few points overfit.",
    )
    architecture: str = Field(
        "realnvp", title="Architecture", description="The kind of model that learns."
    )
    depth: int = Field(
        12, ge=1, le=64, title="Depth", description="How many layers the flow is made of."
    )
    width: int = Field(
        64,
        ge=4,
        le=512,
        title="Width",
        description="Hidden units in each of the two hidden layers of every conditioner network.",
    )
    options: dict[str, OptionValue] = Field(
        default_factory=dict, title="Options of the architecture"
    )
    batch_size: int = Field(
        256,
        ge=8,
        le=16_384,
        title="Batch size",
        description="Points in each optimizer step: more points give a calmer gradient.",
    )
    optimizer: Literal["adam", "adamw", "sgd"] = Field(
        "adam", title="Optimizer", description="The rule that turns a gradient into a step."
    )
    weight_decay: float = Field(
        0.0,
        ge=0.0,
        le=1.0,
        title="Weight decay",
        description="Pull of every weight towards zero at each step.",
    )
    clip_norm: float = Field(
        1.0,
        ge=0.01,
        le=1000.0,
        title="Gradient clip",
        description="A gradient longer than this is shortened to it.",
    )
    warmup: int = Field(
        50,
        ge=0,
        le=10_000,
        title="Warm-up steps",
        description="Steps over which the learning rate grows from zero to its peak.",
    )
    schedule: Literal["cosine", "constant"] = Field(
        "cosine",
        title="Schedule",
        description="Cosine lets the learning rate fall to a hundredth of its peak by the end of "
        "the budget; constant keeps it.",
    )
    budget_unit: Literal["steps", "seconds"] = Field(
        "steps",
        title="Budget unit",
        description="Steps make a run repeatable; seconds count training time only.",
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**31 - 1,
        title="Seed",
        description="Fixes data, initialization and batches: the same seed gives the same run.",
    )
    checkpoint: bool = Field(
        False,
        title="Gradient checkpointing",
        description="Recompute each layer when its gradient is due: less memory, slower steps.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        title="Device",
        description="Where the worker trains: auto takes a GPU where the worker has one.",
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_dependent_defaults(cls, data: Any) -> Any:  # noqa: ANN401
        if not isinstance(data, Mapping):
            return data
        filled = _from_version_1(data)
        architecture = ARCHITECTURES.get(str(filled.get("architecture", "realnvp")))
        if architecture is not None:
            filled = dict(architecture.defaults) | filled
            _fill_options(filled, "options", architecture.options)
        problem = PROBLEMS.get(str(filled.get("target", "moons")))
        if problem is not None:
            _fill_options(filled, "target_options", problem.options)
        return filled

    @field_validator("target")
    @classmethod
    def _target_is_known(cls, value: str) -> str:
        return _known(value, PROBLEMS)

    @field_validator("architecture")
    @classmethod
    def _architecture_is_known(cls, value: str) -> str:
        return _known(value, ARCHITECTURES)

    @field_validator("target_options", mode="before")
    @classmethod
    def _options_suit_the_target(cls, value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401
        problem = PROBLEMS.get(info.data.get("target", ""))
        if problem is None or not isinstance(value, Mapping):
            return value
        return _read_options(problem.options, value)

    @field_validator("options", mode="before")
    @classmethod
    def _options_suit_the_architecture(cls, value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401
        architecture = ARCHITECTURES.get(info.data.get("architecture", ""))
        if architecture is None or not isinstance(value, Mapping):
            return value
        return _read_options(architecture.options, value)

    @property
    def hot(self) -> HotSettings:
        """The settings that may change while the run trains."""
        return HotSettings(**{name: getattr(self, name) for name in HotSettings.model_fields})

    def problem(self) -> Problem:
        """Return what is to be learned, always the same object for the same settings."""
        return make_problem(self.target, **self.target_options)

    @classmethod
    def from_flat(cls, values: Mapping[str, Any]) -> Self:
        """Read names and values as a URL or a command line gives them, family options among them.

        Raises:
            pydantic.ValidationError: as the constructor.
        """
        return cls.model_validate(_nest(values))

    @classmethod
    def repair(cls, values: Mapping[str, Any]) -> tuple[Self, list[str]]:
        """Read as `from_flat`, but clamp or drop what is refused, with one sentence for each.

        Names that are not of a config are passed over: a URL may carry more than a run.

        Example:
            >>> config, refused = RunConfig.repair({"depth": "100000", "target": "nope"})
            >>> config.depth, config.target
            (64, 'moons')
            >>> print(refused[1])
            depth = 100000 is more than 64: using 64.
        """
        known = set(_FLAT_FIELDS) | _option_names()
        flat = {name: value for name, value in values.items() if name in known}
        refused: list[_Refusal] = []
        # Each round mends every field that is wrong by itself; a mended name can reveal options
        # that depend on it, never more than twice.
        for _ in range(len(known)):
            try:
                config = cls.from_flat(flat)
            except ValidationError as error:
                refused.extend([_mend(flat, detail) for detail in error.errors()])
            else:
                return config, [refusal.sentence(config) for refusal in refused]
        return cls(), ["These settings are not understood: using the defaults."]

    def to_flat(self) -> dict[str, str]:
        """Write what differs from the defaults as names and values for a URL.

        Example:
            >>> RunConfig(target="circles", architecture="nsf", options={"bins": 8}).to_flat()
            {'target': 'circles', 'architecture': 'nsf', 'bins': '8'}
        """
        default = RunConfig(target=self.target, architecture=self.architecture)
        flat: dict[str, str] = {}
        for name in _FLAT_FIELDS:
            value = getattr(self, name)
            if name in ("target", "architecture"):
                if value != RunConfig.model_fields[name].default:
                    flat[name] = value
            elif value != getattr(default, name):
                flat[name] = _text(value)
        for own, usual in (
            (self.target_options, default.target_options),
            (self.options, default.options),
        ):
            flat |= {name: _text(value) for name, value in own.items() if value != usual[name]}
        return flat


#: Fields whose names stand in a URL, what is to be learned and what learns first.
_FLAT_FIELDS: tuple[str, ...] = (
    "target",
    "architecture",
    *(
        name
        for name in RunConfig.model_fields
        if name not in ("target", "architecture", "version", "options", "target_options")
    ),
)


def complaint(error: ValidationError) -> str:
    """Say the first thing that is wrong with a config in one line."""
    detail = error.errors()[0]
    if detail["type"] == "option":
        context = detail["ctx"]
        given = _shown(detail["input"].get(context["option"], ""))
        return f"{context['option']} = {given} {context['why']}."
    name = ".".join(str(part) for part in detail["loc"]) or "config"
    return f"{name}: {detail['msg']} (got {_shown(detail['input'])})."


def bounds(name: str) -> tuple[float, float]:
    """Return the smallest and largest value a numeric field of `RunConfig` accepts."""
    limits = {
        key: getattr(constraint, key)
        for constraint in RunConfig.model_fields[name].metadata
        for key in ("ge", "le")
        if hasattr(constraint, key)
    }
    return limits["ge"], limits["le"]


def _text(value: object) -> str:
    """Write a value as short as it can be while it still reads back as the same value."""
    if not isinstance(value, float):
        return str(value)
    short = f"{value:.12g}"
    return short if float(short) == value else repr(value)


def _shown(value: object) -> str:
    """Return a refused value in a form that is safe and short enough to be repeated."""
    return re.sub(r"[^\w.+-]", "·", str(value))[:24]


def _option_names() -> set[str]:
    entries = (*ARCHITECTURES.values(), *PROBLEMS.values())
    return {option.name for entry in entries for option in entry.options}


def _from_version_1(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a config; in version 1 the target's noise was one of them."""
    filled = dict(data)
    if filled.get("version") == 1:
        filled["version"] = 2
        if "noise" in filled:
            filled["target_options"] = {"noise": filled.pop("noise")}
    return filled


def _fill_options(filled: dict[str, Any], name: str, options: tuple[Option, ...]) -> None:
    """Add the defaults of options that are not given."""
    given = filled.get(name, {})
    if isinstance(given, Mapping):
        filled[name] = {option.name: option.default for option in options} | dict(given)


def _nest(values: Mapping[str, Any]) -> dict[str, Any]:
    """Move options from the flat names of a URL into `options` and `target_options`.

    An option that the chosen architecture or target does not have is left out: choosing another
    one in a link must not make the link invalid.
    """
    nested = {k: v for k, v in values.items() if k not in _option_names()}
    for field, entry in (
        ("options", ARCHITECTURES.get(str(values.get("architecture", "realnvp")))),
        ("target_options", PROBLEMS.get(str(values.get("target", "moons")))),
    ):
        own = {option.name for option in entry.options} if entry else set()
        nested[field] = {k: v for k, v in values.items() if k in own}
    return nested


class _Refusal(NamedTuple):
    """A value that was clamped or dropped, and why."""

    name: str
    shown: str
    why: str

    def sentence(self, config: RunConfig) -> str:
        """Say what was refused, and what the config has instead."""
        values = config.model_dump() | config.target_options | config.options
        using = f"using {_text(values[self.name])}" if self.name in values else "it is left out"
        return f"{self.name} = {self.shown} {self.why}: {using}."


def _mend(flat: dict[str, Any], detail: ErrorDetails) -> _Refusal:
    """Clamp or drop the value that `detail` refuses."""
    location = [str(part) for part in detail["loc"]]
    name = location[-1] if location else ""
    context = detail.get("ctx", {})
    if detail["type"] == "option":
        name = context["option"]
    shown = _shown(flat.get(name, ""))
    if detail["type"] == "option":
        flat[name] = context["nearest"]
        return _Refusal(name, shown, context["why"])
    if detail["type"] == "greater_than_equal":
        flat[name] = context["ge"]
        return _Refusal(name, shown, f"is less than {_text(context['ge'])}")
    if detail["type"] == "less_than_equal":
        flat[name] = context["le"]
        return _Refusal(name, shown, f"is more than {_text(context['le'])}")
    flat.pop(name, None)
    return _Refusal(name, shown, "is not understood")
