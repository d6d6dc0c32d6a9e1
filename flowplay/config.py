"""RunConfig: everything that defines a run, validated in one place for URL, page and command line.

A config is the whole identity of a run: the same config on the same machine trains the same model.
It imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

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

from flowplay.catalog import (
    ARCHITECTURES,
    IMAGE_ARCHITECTURES,
    Architecture,
    DataName,
    Option,
    OptionError,
    OptionValue,
    architectures_for,
    claim_fields,
)
from flowplay.catalog.options import Choice, repeated
from flowplay.problems import PROBLEMS, Problem, make_problem


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _zero_has_no_sign(cls, value: Any) -> Any:  # noqa: ANN401
        # Configs that are equal must be written the same.
        return value + 0.0 if isinstance(value, float) else value


class HotSettings(_Settings):
    """The settings that can change while a run trains. A new one is one field here and its widget.

    Raises:
        pydantic.ValidationError: for a value out of range or an unknown field.
    """

    learning_rate: float = Field(
        3e-3,
        ge=1e-5,
        le=0.5,
        title="Learning rate",
        description="Factor of each optimizer step at its peak; can be changed during training.",
    )
    budget: float = Field(
        2000,
        ge=1,
        le=1_000_000,
        title="Budget",
        description="Training stops here, and can be continued with a larger budget.",
    )
    temperature: float = Field(
        1.0,
        ge=0.0,
        le=2.0,
        title="Temperature",
        description="Factor on the standard deviation of the base while samples are drawn. Below "
        "1 samples vary less; they are not always nearer to the data. Training does not use it.",
    )


class FixedSettings(_Settings):
    """The settings that tell one run from another: with any of them changed, it is another run.

    Raises:
        pydantic.ValidationError: for a value out of range, an unknown name or an unknown field.
    """

    version: Literal[2] = 2
    target: str = Field("moons", title="Target", description="The distribution that is learned.")
    target_options: dict[str, OptionValue] = Field(
        default_factory=dict, title="Options of the target"
    )
    samples: int = Field(
        50_000,
        ge=100,
        le=100_000,
        title="Training samples",
        description="Number of points for training. With few points the flow overfits.",
    )
    architecture: str = Field(
        "realnvp", title="Architecture", description="What learns: the kind of model."
    )
    depth: int = Field(
        12, ge=1, le=64, title="Depth", description="How many layers the flow is made of."
    )
    width: int = Field(
        64,
        ge=4,
        le=512,
        title="Width",
        description="Units in each hidden layer of a network. Networks have two; those of "
        "residual flows have one, those of a GAN three.",
    )
    options: dict[str, OptionValue] = Field(
        default_factory=dict, title="Options of the architecture"
    )
    batch_size: int = Field(
        256,
        ge=8,
        le=16_384,
        title="Batch size",
        description="Points in each optimizer step. With more points the gradient is less noisy.",
    )
    optimizer: Literal["adam", "adamw", "sgd"] = Field(
        "adam", title="Optimizer", description="The rule that turns a gradient into a step."
    )
    weight_decay: float = Field(
        0.0,
        ge=0.0,
        le=1.0,
        title="Weight decay",
        description="How strongly every weight is pulled towards zero at each step.",
    )
    clip_norm: float = Field(
        1.0,
        ge=0.01,
        le=1000.0,
        title="Gradient clip",
        description="A gradient with a larger norm than this is scaled down to it.",
    )
    warmup: int = Field(
        50,
        ge=0,
        le=10_000,
        title="Warm-up steps",
        description="Number of steps in which the learning rate grows from zero to its peak.",
    )
    schedule: Literal["cosine", "constant"] = Field(
        "cosine",
        title="Schedule",
        description="With cosine the learning rate falls to a hundredth of its peak at the end of "
        "the budget. Constant keeps it at its peak.",
    )
    budget_unit: Literal["steps", "seconds"] = Field(
        "steps",
        title="Budget unit",
        description="With steps a run is repeatable. Seconds count only time spent in training.",
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
        description="Compute each layer again when its gradient is needed: less memory, slower "
        "steps.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        title="Device",
        description="Where the worker trains. Auto takes a GPU if the worker has one.",
    )

    @field_validator("target", "architecture")
    @classmethod
    def _name_is_known(cls, value: str, info: ValidationInfo) -> str:
        return _known(value, _among(info.data, str(info.field_name)))

    @field_validator("target_options", "options", mode="before")
    @classmethod
    def _options_suit_what_is_chosen(cls, value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401
        name = next(n for n, options in _CHOICES.items() if options == info.field_name)
        chosen = _among(info.data, name).get(info.data.get(name, ""))
        if chosen is None or not isinstance(value, Mapping):
            return value
        known = {option.name: option for option in chosen.options}
        return {_known(name, known): _read(known[name], given) for name, given in value.items()}


class RunConfig(HotSettings, FixedSettings):
    """What defines a run. Titles and descriptions are the labels and tooltips of every surface.

    Values that are not given take the default that suits the architecture (`depth`,
    `learning_rate`, its own `options`) or the target (`target_options`). A stored config that lacks
    a newer option keeps its old meaning. Version 1, in which `noise` was a field, is read too.

    Raises:
        pydantic.ValidationError: for a value out of range, an unknown name or an unknown field.

    Example:
        >>> config = RunConfig(target="circles", architecture="nsf")
        >>> config.options
        {'bins': 12, 'conditioning': 'coupling', 'base_components': 1}
        >>> config.target_options
        {'noise': 0.05}
    """

    @model_validator(mode="before")
    @classmethod
    def _fill_dependent_defaults(cls, data: Any) -> Any:  # noqa: ANN401
        if not isinstance(data, Mapping):
            return data
        filled = _from_version_1(data) if data.get("version") == 1 else dict(data)
        # What a run is kept with names its version and all settings; a link does not.
        whole = "version" in data and filled.keys() >= FixedSettings.model_fields.keys() - {
            "version"
        }
        for name, options in _CHOICES.items():
            chosen = _chosen(filled, name)
            if isinstance(chosen, Architecture):
                filled = dict(chosen.defaults) | filled
            given = filled.get(options, {})
            if chosen is not None and isinstance(given, Mapping):
                defaults = {option.name: _usual(option, whole=whole) for option in chosen.options}
                filled[options] = defaults | dict(given)
        return filled

    @property
    def hot(self) -> HotSettings:
        """The settings that can change while the run trains."""
        return HotSettings(**{name: getattr(self, name) for name in HotSettings.model_fields})

    @property
    def entry(self) -> Architecture:
        """What the catalog says of the architecture, as it learns this target."""
        return architectures_for(PROBLEMS[self.target].gives)[self.architecture]

    @property
    def own_data(self) -> str | None:
        """Digest of the data that somebody brought along for the run, None if there are none."""
        name = str(self.target_options.get("data", ""))
        kinds = PROBLEMS[self.target].options
        examples = (o.examples for o in kinds if isinstance(o, DataName))
        return name if any(name not in known for known in examples) else None

    def problem(self) -> Problem:
        """Return what is to be learned, always the same object for the same settings."""
        return make_problem(self.target, **self.target_options)

    @classmethod
    def from_flat(cls, values: Mapping[str, Any]) -> Self:
        """Read names and values as a URL or a command line gives them, options among them.

        An option of a target or an architecture that is not chosen is left out: a link in which
        the architecture is changed must stay valid.

        Raises:
            pydantic.ValidationError: as the constructor.
        """
        nested = {name: value for name, value in values.items() if name not in all_options()}
        for name, options in _CHOICES.items():
            chosen = _chosen(values, name)
            own = () if chosen is None else chosen.options
            nested[options] = {o.name: values[o.name] for o in own if o.name in values}
        return cls.model_validate(nested)

    @classmethod
    def repair(
        cls, values: Mapping[str, Any], fixed: Mapping[str, Any] | None = None
    ) -> tuple[Self, list[str]]:
        """Read as `from_flat`, but clamp or drop what is refused, with one sentence for each.

        Names that are not of a config are passed over: a URL may carry more than a run.

        Args:
            values: by name, as a URL gives them.
            fixed: values that nothing overrides; another one that is given is refused.

        Example:
            >>> config, refused = RunConfig.repair({"depth": "100000", "target": "nope"})
            >>> config.depth, config.target
            (64, 'moons')
            >>> print(refused[1])
            depth = 100000 is more than 64: using 64.
        """
        flat = {name: values[name] for name in flat_names() if name in values}
        locked = [
            f"{name} is locked: using {as_text(value)}, not {repeated(flat[name])}."
            for name, value in (fixed or {}).items()
            if name in flat and not _same(flat[name], value)
        ]
        flat |= fixed or {}
        # Names first: they decide which options there are, and which defaults. Once these hold,
        # every other value is right or wrong by itself, so that one round mends all.
        refused = locked + [
            _drop_unknown(flat, name) for name in _CHOICES if not _is_known(flat, name)
        ]
        names = {name: flat[name] for name in _CHOICES if name in flat}
        for name in _CHOICES:
            if (chosen := _chosen(flat, name)) is not None:
                refused += _mend_options(flat, chosen.options)
        try:
            return cls.from_flat(flat), refused
        except ValidationError as error:
            default = cls.from_flat(names)
            refused += [_mend_field(flat, detail, default) for detail in error.errors()]
        return cls.from_flat(flat), refused

    def to_flat(self) -> dict[str, str]:
        """Write what differs from the defaults as names and values for a URL.

        Example:
            >>> RunConfig(target="circles", architecture="nsf", options={"bins": 8}).to_flat()
            {'target': 'circles', 'architecture': 'nsf', 'bins': '8'}
        """
        default = RunConfig(target=self.target, architecture=self.architecture)
        flat: dict[str, str] = {}
        for name in RunConfig.model_fields:
            value, usual = getattr(self, name), getattr(default, name)
            if name in _CHOICES:
                usual = RunConfig.model_fields[name].default
            if isinstance(value, dict):
                flat |= {key: as_text(v) for key, v in value.items() if v != usual[key]}
            elif value != usual:
                flat[name] = as_text(value)
        return flat


#: Fields whose values are names of what has options of its own, and the fields of those options.
#: The target comes first: it decides which architectures there are.
_CHOICES = {"target": "target_options", "architecture": "options"}

# No option of a target or an architecture may have the name of a field.
claim_fields(RunConfig.model_fields)


def all_options() -> dict[str, Option]:
    """Return every option of any target or architecture by its name, the first of each name."""
    options: dict[str, Option] = {}
    owners = (PROBLEMS, ARCHITECTURES, IMAGE_ARCHITECTURES)
    for owner in (owner for among in owners for owner in among.values()):
        for option in owner.options:
            options.setdefault(option.name, option)
    return options


def flat_names() -> list[str]:
    """Return the names that a URL or a command line may use: of fields, and of all options."""
    nested = {"version", *_CHOICES.values()}
    return [*(name for name in RunConfig.model_fields if name not in nested), *all_options()]


def complaint(error: ValidationError) -> str:
    """Say the first thing that is wrong with a config in one line."""
    detail = error.errors()[0]
    if detail["type"] == "option":
        context = detail["ctx"]
        given = repeated(detail["input"].get(context["option"], ""))
        return f"{context['option']} = {given} {context['why']}."
    name = ".".join(str(part) for part in detail["loc"]) or "config"
    return f"{name}: {detail['msg']} (got {repeated(detail['input'])})."


def bounds(name: str) -> tuple[float, float]:
    """Return the smallest and largest value a numeric field of `RunConfig` accepts."""
    limits = {
        key: getattr(constraint, key)
        for constraint in RunConfig.model_fields[name].metadata
        for key in ("ge", "le")
        if hasattr(constraint, key)
    }
    return limits["ge"], limits["le"]


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


def _usual(option: Option, *, whole: bool) -> OptionValue:
    """Return the value of an option that a config, whole or not, does not name."""
    before = option.before if isinstance(option, Choice) else None
    return before if whole and before is not None else option.default


def _from_version_1(data: Mapping[str, Any]) -> dict[str, Any]:
    """Rewrite a config of version 1: the noise became an option of the target."""
    newer = {name: value for name, value in data.items() if name not in ("version", "noise")}
    if "noise" in data:
        newer["target_options"] = {"noise": data["noise"]}
    return newer


def _among(
    values: Mapping[str, Any], name: str
) -> Mapping[str, type[Problem]] | Mapping[str, Architecture]:
    """Return what a name in this field may name: among architectures, what learns the target."""
    if name == "target":
        return PROBLEMS
    target = _chosen(values, "target")
    return architectures_for("points" if not isinstance(target, type) else target.gives)


def _chosen(values: Mapping[str, Any], name: str) -> type[Problem] | Architecture | None:
    """Return what the values name, or the default; None for an unknown name."""
    value = values.get(name, RunConfig.model_fields[name].default)
    return _among(values, name).get(value) if isinstance(value, str) else None


def _is_known(values: Mapping[str, Any], name: str) -> bool:
    return _chosen(values, name) is not None


def _drop_unknown(flat: dict[str, Any], name: str) -> str:
    shown = repeated(flat.pop(name))
    return f"{name} = {shown} is not understood: using {RunConfig.model_fields[name].default}."


def _mend_options(flat: dict[str, Any], options: tuple[Option, ...]) -> list[str]:
    """Replace what the options refuse by the nearest allowed values, one sentence for each."""
    refused = []
    for option in options:
        if option.name not in flat:
            continue
        try:
            option.read(flat[option.name])
        except OptionError as error:
            shown, nearest = repeated(flat[option.name]), error.nearest
            flat[option.name] = nearest
            refused.append(f"{option.name} = {shown} {error.why}: using {as_text(nearest)}.")
    return refused


def _mend_field(flat: dict[str, Any], detail: ErrorDetails, default: RunConfig) -> str:
    """Clamp the value that `detail` refuses, or drop it, and say so in one sentence."""
    name = str(detail["loc"][0])
    shown, context = repeated(flat.pop(name)), detail.get("ctx", {})
    if detail["type"] == "greater_than_equal":
        flat[name] = context["ge"]
        return f"{name} = {shown} is less than {as_text(flat[name])}: using {as_text(flat[name])}."
    if detail["type"] == "less_than_equal":
        flat[name] = context["le"]
        return f"{name} = {shown} is more than {as_text(flat[name])}: using {as_text(flat[name])}."
    return f"{name} = {shown} is not understood: using {as_text(getattr(default, name))}."


def as_text(value: object) -> str:
    """Write a value as short as it can be while it still reads back as the same value."""
    if not isinstance(value, float):
        return str(value)
    short = f"{value:.12g}"
    return short if float(short) == value else repr(value)


def _same(given: object, value: object) -> bool:
    """Tell whether what a URL gives reads as a value."""
    if str(given) == as_text(value):
        return True
    try:
        return not isinstance(value, str) and float(str(given)) == float(str(value))
    except ValueError:
        return False
