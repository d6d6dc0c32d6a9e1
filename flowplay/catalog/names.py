"""Names of settings: in a link, on the command line and on the page each must mean one thing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from flowplay.catalog.options import Option

#: Names that the command line has for itself.
COMMAND_NAMES = frozenset(
    """
    colour columns command file fit help html images json picture save seconds side steps table
    text
    """.split()  # noqa: SIM905
)

#: Keys of the pages' own widgets and containers, and names in a link, that are no settings.
PAGE_NAMES = frozenset(
    """
    add_point anchor anomalies_complexity anomalies_csv anomalies_file anomalies_histogram
    anomalies_look anomalies_methods anomalies_pair anomalies_plane anomalies_precision
    anomalies_roc anomalies_scores anomalies_share anomalies_slice anomalies_source
    anomalies_table anomalies_text anomalies_tiles architecture_group arrow_from arrow_to
    arrows_view autostart base between_view bits bits_dim bits_nll bits_width board board_pause
    board_pick board_play board_reset bounds_chart buttons card change_base change_choice
    change_map change_reset change_samples class class_autostart class_banner class_controls
    class_csv class_differs class_end class_form class_goal class_goal_value class_hidden
    class_locked class_make class_pause class_resume class_task class_title
    compared_methods_again comparison compress_again compress_chart compress_decode
    compress_decode_again compress_download compress_fit compress_now compress_preview
    compress_small compress_source compress_upload contestants continue_example cost_chart
    cost_of_sampling_again costs density density_slice_again density_view diagnosis
    diagnosis_again discriminator_view draw draw_accuracy draw_gif draw_neighbours
    draw_posterior drawing drawn drawn_sampler drawn_samples drawn_steps drawn_temperature
    example_note example_told export export_again export_config export_gif export_html
    export_weights failure follow_me follow_point follow_stop generator_of_again generator_view
    go_on guide_anchor guide_neighbours guide_place guide_section headline heatmap_keeper hide
    hyperparameters image_walk images_bits images_look images_samples inside inside_again
    interpolation interpolation_between_again interpolation_chart interpolation_view join
    join_form key keys keys_view labels_view layers layers_chart layers_keeper layers_title
    ledger ledger_again ledger_view live lock loss loss_chart map measure menu more_runs new_x
    new_y nickname noise_bounds noise_checkpoint noise_checkpoint_again noise_column noise_drawn
    noise_falls noise_pixel noise_row noise_where noise_without noise_without_again
    open_settings out own_across own_bring own_contrast own_data own_example own_images_colour
    own_images_files own_images_fit own_images_preview own_images_side own_images_small own_ink
    own_learn_images own_learn_name own_learn_picture own_learn_table own_name own_paste
    own_picture_file own_preview own_table_file own_table_text own_threshold own_up paint
    paint_view pause pictures plane_density plane_of_again point_x point_y posterior_chart
    posterior_data posterior_encoder posterior_gaussian posterior_image posterior_latent
    posterior_of_again posterior_shown posterior_true posterior_view prediction preset race_add
    race_all race_buttons race_csv race_downloads race_edit_architecture race_figure race_html
    race_loss race_measured race_over race_pause race_pictures race_png race_preset race_remove
    race_reset race_seconds race_setup race_step race_summary race_target race_train race_use
    reset rewind run_before samples_drawn_again scales_again scales_tiles scales_tree
    scored_rows_again scores_of_plane_again section see_inside settings settings_button share
    show_samples step subtitle target_density target_group teach teaching tighter_chart
    tighter_points_again timing_again topic_pages tour train units units_factor used_points
    view_switches walk walk_again walk_view wall wall_view
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
