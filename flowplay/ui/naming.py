"""How a run is named on a page."""

from __future__ import annotations

from contextlib import suppress

from flowplay.catalog import BASE_COMPONENTS, Choice, Option, Recipe
from flowplay.config import RunConfig
from flowplay.errors import MissingDataError
from flowplay.problems import Own


def learned_from(config: RunConfig) -> str:
    """Return what a run learns: the label of its problem, and the title of own data.

    Example:
        >>> learned_from(RunConfig(target="circles")), learned_from(RunConfig(target="table"))
        ('Two circles', 'Table: Iris flowers')
    """
    problem = config.problem()
    if isinstance(problem, Own):
        with suppress(MissingDataError, ValueError):
            title = problem.title
            return title if title.startswith(problem.label) else f"{problem.label}: {title}"
    return problem.label


def made_of(config: RunConfig) -> str:
    """Return the family and how much of it there is, or which of its options are not as usual.

    Example:
        >>> made_of(RunConfig(depth=12)), made_of(RunConfig(architecture="glow", depth=1))
        ('RealNVP, 12 layers', 'Glow, 1 block')
        >>> made_of(RunConfig(architecture="gan", options={"gan_loss": "wasserstein"}))
        'GAN, Objective Wasserstein-GP'
    """
    architecture = config.entry
    if architecture.depth_help is not None:
        one, several = architecture.depth_units
        return f"{architecture.label}, {config.depth} {one if config.depth == 1 else several}"
    recipe = next((o for o in architecture.options if isinstance(o, Recipe)), None)
    if recipe is not None:
        return f"{architecture.label}: {config.options[recipe.name]}"
    changed = [
        f"{option.label} {_shown(option, config.options[option.name])}"
        for option in architecture.options
        if config.options[option.name] != option.default and option.name != BASE_COMPONENTS.name
    ]
    return ", ".join([architecture.label, *changed])


def _shown(option: Option, value: object) -> str:
    return option.choices[str(value)] if isinstance(option, Choice) else str(value)
