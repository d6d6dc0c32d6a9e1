"""Names of settings: in a link, on the command line and on the page each must mean one thing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from flowplay.catalog.options import Option

#: Names that the command line has for itself.
COMMAND_NAMES = frozenset(
    """
    columns command file help html json picture save seconds steps table text
    """.split()  # noqa: SIM905
)

#: Keys of the pages' own widgets and containers, and names in a link, that are no settings.
PAGE_NAMES = frozenset(
    """
    add_point anchor anomalies_complexity anomalies_scores anomalies_tiles arrow_from arrow_to
    arrows_view autostart base between_view bits bits_dim bits_nll bits_width board board_pause
    board_pick board_play board_reset bounds_chart buttons card change_base change_choice
    change_map change_reset change_samples class class_autostart class_banner class_controls
    class_csv class_differs class_end class_form class_goal class_goal_value class_hidden
    class_locked class_make class_pause class_resume class_task class_title compress_again
    compress_chart compress_decode compress_decode_again compress_download compress_now
    compress_source compress_upload continue_example costs density density_view diagnosis
    diagnosis_again draw draw_accuracy draw_gif draw_neighbours draw_posterior example_note export
    export_again export_config export_gif export_html export_weights failure follow_me
    follow_point follow_stop go_on guide_anchor guide_neighbours guide_place guide_section
    headline hide hyperparameters image_walk images_bits images_look images_samples inside
    inside_again join join_form key labels_view layers layers_chart layers_title ledger
    ledger_again ledger_view lock loss loss_chart map measure menu more_runs new_x new_y nickname
    noise_bounds noise_checkpoint noise_checkpoint_again noise_column noise_drawn noise_falls
    noise_pixel noise_row noise_where noise_without noise_without_again open_settings own_across
    own_bring own_contrast own_data own_example own_ink own_learn_name own_learn_picture
    own_learn_table own_name own_picture_file own_table_file own_table_text own_threshold own_up
    pause plane_density point_x point_y posterior_data prediction reset run_before scales_again
    scales_tiles scales_tree section see_inside settings settings_button share show_samples step
    subtitle target_density target_group teach teaching timing_again topic_pages tour train units
    units_factor used_points view_switches walk_again walk_view wall wall_view
    """.split()  # noqa: SIM905
)


class _Meaning(NamedTuple):
    owner: str
    kind: str


_MEANINGS: dict[str, _Meaning] = {}


def claim_options(owner: str, options: Iterable[Option]) -> None:
    """Reserve the names of an entry's options; entries of one sort of owner may share names.

    Args:
        owner: "model" or "problem".
        options: the options; in all entries those of one name must be of one kind.

    Raises:
        ValueError: if a name means something else already; no name is reserved then.
    """
    _claim((option.name, _Meaning(owner, f"{type(option).__name__} option")) for option in options)


def claim_fields(names: Iterable[str]) -> None:
    """Reserve the names of the settings that every run has.

    Raises:
        ValueError: if a name means something else already; no name is reserved then.
    """
    _claim((name, _Meaning("run", "setting")) for name in names)


def _claim(meanings: Iterable[tuple[str, _Meaning]]) -> None:
    new: dict[str, _Meaning] = {}
    for name, meaning in meanings:
        taken = new.get(name)
        if taken is None and _MEANINGS.get(name, meaning) != meaning:
            taken = _MEANINGS[name]
        if taken is not None:
            raise ValueError(f"The name {name!r} is taken: {taken.kind} of a {taken.owner}.")
        new[name] = meaning
    _MEANINGS.update(new)


_claim((name, _Meaning("command line", "argument")) for name in COMMAND_NAMES)
_claim((name, _Meaning("page", "key")) for name in PAGE_NAMES)
