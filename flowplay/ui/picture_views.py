"""How a page draws a problem, and each kind of picture that a snapshot may hold."""

from __future__ import annotations

import functools
import pkgutil

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from flowplay.codes import encode_density
from flowplay.figures import describe_density
from flowplay.figures.colors import BLUE
from flowplay.grids import density_scale, exact_density
from flowplay.numbers import fixed, whole
from flowplay.problems import DataProblem, Energy, ImageProblem, Posterior, Problem, Tabular, Window
from flowplay.ui.components.density_view import density_view
from flowplay.ui.components.images_view import images_view
from flowplay.ui.components.pairs_view import pairs_view, read_pair
from flowplay.ui.settings import session_config
from flowplay.wire import (
    PICTURE_KINDS,
    DensityPicture,
    ImagesPicture,
    Replay,
    SamplesPicture,
    Snapshot,
)

#: Cells of a problem's picture, and its points where no density is known.
PROBLEM_CELLS = 192
_PROBLEM_POINTS = 1_000

#: Images that show what is to be learned: as many as the picture of a model has.
PROBLEM_IMAGES = 64

NOTES = {
    "exact": "Exact density, not an estimate from samples",
    "bound": "Lower bound of the density",
    "estimate": "Estimate of the density",
}


def small_picture(problem: Problem, cells: int) -> NDArray[np.floating] | None:
    """Return what a small picture of a problem shows, [cells, cells] with row 0 the lowest y.

    Its exact density, or how many of some points lie in each cell where that is not known; four of
    its images; None if it has neither a window in the plane nor images.
    """
    if isinstance(problem, ImageProblem):
        h, w, _ = problem.shape
        grey = problem.images("train", 0).levels[:4].mean(-1).reshape(2, 2, h, w)
        sheet = grey.swapaxes(1, 2).reshape(2 * h, 2 * w)
        near = [(np.arange(cells) * side // cells) for side in sheet.shape]
        small: NDArray[np.float64] = sheet[np.ix_(near[0][::-1], near[1])]
        return small
    if isinstance(problem, Tabular):
        across, up = _points(problem)[:, :2].T
        x_min, x_max, y_min, y_max = pair_window(problem, 0, 1)
        table: NDArray[np.float64]
        table, _, _ = np.histogram2d(up, across, cells // 2, ((y_min, y_max), (x_min, x_max)))
        return table.repeat(2, 0).repeat(2, 1)
    density = exact_density(problem, cells)
    if density is not None or problem.window is None or not isinstance(problem, DataProblem):
        return density
    x_min, x_max, y_min, y_max = problem.window
    x, y = _points(problem).T
    counts: NDArray[np.float64]
    counts, _, _ = np.histogram2d(y, x, cells, ((y_min, y_max), (x_min, x_max)))
    return counts


@functools.lru_cache(maxsize=64)
def _points(problem: DataProblem) -> NDArray[np.floating]:
    return problem.training_points(_PROBLEM_POINTS, seed=0)


def show_problem(problem: Problem, key: str, cells: int = PROBLEM_CELLS) -> None:
    """Draw what is to be learned: its exact density, or points of it where that is not known.

    Args:
        problem: what is to be learned.
        key: names the picture, unique on the page.
        cells: cells along each side of a density.
    """
    window = problem.window
    if window is not None and (target := _target(problem, cells)) is not None:
        code, alt = target
        density_view(
            code,
            bounds=window,
            scale=density_scale(problem),
            alt=alt,
            key=key,
            note=density_note(problem),
        )
    elif window is not None and isinstance(problem, DataProblem):
        points = _points(problem)
        density_view(
            None,
            bounds=window,
            alt=f"{whole(len(points))} points of {problem.label}; its density is not known.",
            key=key,
            points=points,
            points_color=BLUE,
            note="Points; the density is not known",
        )
    elif isinstance(problem, ImageProblem):
        levels = problem.images("train", 0).levels[:PROBLEM_IMAGES]
        images_view(
            levels,
            brightest=problem.levels - 1,
            alt=f"{len(levels)} images of {problem.label}.",
            key=key,
            note="Images to learn from",
        )
    elif isinstance(problem, Tabular):
        _pairs(problem, key, f"Rows of {problem.title}.")
    else:
        st.caption(f"{problem.label} has no picture in the plane.")


@functools.lru_cache(maxsize=64)
def _target(problem: Problem, cells: int) -> tuple[NDArray[np.uint8], str] | None:
    """Return the code of a problem's exact density, and what it shows; every look asks for it."""
    density = exact_density(problem, cells)
    if density is None or problem.window is None:
        return None
    told = describe_density(f"the target, {problem.label},", density, problem.window)
    return encode_density(density, density_scale(problem)), told


def density_note(problem: Problem) -> str:
    """Return the line below the exact density of a problem."""
    if not isinstance(problem, Energy):
        return "Exact density, bright where points are likely"
    note = "Exact density; its constant by quadrature"
    if isinstance(problem, Posterior):
        note += ". Across: {}; up: {}".format(*problem.parameters)
    return note


def show_model(
    snapshot: Snapshot, *, run: str, samples: bool, key: str, replay: Replay | None = None
) -> None:
    """Draw the first picture of a snapshot that can be drawn.

    Args:
        snapshot: of a run.
        run: names the run.
        samples: whether the model's samples are drawn on its density.
        key: names the picture, unique on the page.
        replay: pictures of the run's training, shown once before a density.
    """
    header = snapshot.header
    for tag, kind in PICTURE_KINDS.items():
        if (picture := snapshot.pictures.get(tag)) is not None:
            draw = pkgutil.resolve_name(kind.drawn_by)
            frame = f"{run}-{header.step}"
            own = {} if replay is None else {"replay": replay}
            draw(picture, snapshot, samples=samples, frame=frame, key=key, **own)
            return
    st.caption("This model has no picture here.")


def draw_density(
    picture: DensityPicture,
    snapshot: Snapshot,
    *,
    samples: bool,
    frame: str,
    key: str,
    replay: Replay | None = None,
) -> None:
    """Draw the model's density, with its samples on it if they are wanted."""
    points = snapshot.picture(SamplesPicture) if samples else None
    held_out = snapshot.measurements.get("held_out")
    told = f" Its {held_out.label}: {fixed(held_out.value)} {held_out.unit}." if held_out else ""
    note = NOTES[picture.exactness]
    density_view(
        picture.code,
        bounds=picture.window,
        scale=picture.scale,
        alt=f"The model at step {whole(snapshot.header.step)}, on the target's colour scale. "
        f"{note}.{told}",
        key=key,
        points=None if points is None else points.points,
        note=note,
        frame_id=f"{frame}-{len(picture.code)}",
        replay=replay,
    )


def draw_images(
    picture: ImagesPicture, snapshot: Snapshot, *, samples: bool, frame: str, key: str
) -> None:
    """Draw images of the model."""
    images_view(
        picture.levels,
        brightest=picture.brightest,
        alt=f"{len(picture.levels)} images drawn from the model "
        f"at step {whole(snapshot.header.step)}.",
        key=key,
        note="Images drawn from the model, from the same noise at every step",
        frame_id=frame,
    )


def draw_samples(
    picture: SamplesPicture, snapshot: Snapshot, *, samples: bool, frame: str, key: str
) -> None:
    """Draw the model's samples alone."""
    if picture.window is None:
        _draw_pairs(picture, snapshot.header.step, frame, key)
        return
    density_view(
        None,
        bounds=picture.window,
        alt=f"{whole(len(picture.points))} samples of the model "
        f"at step {whole(snapshot.header.step)}.",
        key=key,
        points=picture.points,
        note="Samples; this model gives no density",
        frame_id=frame,
    )


def _draw_pairs(picture: SamplesPicture, step: int, frame: str, key: str) -> None:
    """Draw all pairs of columns of a table: its rows, and samples of the model."""
    config = session_config()
    problem = None if config is None else config.problem()
    if not isinstance(problem, Tabular) or problem.dim != picture.points.shape[1]:
        st.caption("Samples outside the plane have no picture here.")
        return

    def choose() -> None:
        if (pair := read_pair(st.session_state.get(key), problem.dim)) is not None:
            for column, at in zip(_PAIR, pair, strict=True):
                st.session_state[column] = problem.columns[at]
            st.session_state[_CHOSEN] = True

    # The pickers and the picture of the rows stand outside of the part that has the click.
    if st.session_state.pop(_CHOSEN, False):
        st.rerun()
    pairs_view(
        _points(problem),
        picture.points,
        columns=problem.columns,
        pair=chosen_pair(problem),
        alt=f"All pairs of the {problem.dim} columns of {problem.title}: its rows below the "
        f"diagonal, samples of the model at step {whole(step)} above it, and how often each value "
        "occurs on it.",
        key=key,
        note="Below the diagonal rows (blue), above it samples (orange). Click a pair to enlarge",
        frame_id=frame,
        on_pick=choose,
    )


def _pairs(problem: Tabular, key: str, alt: str) -> None:
    """Draw the rows of a table along two columns."""
    across, up = chosen_pair(problem)
    density_view(
        None,
        bounds=pair_window(problem, across, up),
        alt=f"{alt} {problem.columns[across]} across, {problem.columns[up]} up.",
        key=f"{key}_{across}_{up}",
        points=_points(problem)[:, [across, up]],
        points_color=BLUE,
        note=f"{problem.columns[across]} across, {problem.columns[up]} up",
    )


def pair_picker(problem: Problem) -> None:
    """Let a visitor choose the two columns of a table that pictures show."""
    if not isinstance(problem, Tabular) or problem.dim == 2:
        return
    for place, (column, label) in enumerate(zip(_PAIR, ("Across", "Up"), strict=True)):
        if st.session_state.get(column) not in problem.columns:
            st.session_state[column] = problem.columns[place]
        st.selectbox(
            label,
            problem.columns,
            # A run of the page that is cut off may be the one that tells the browser the value.
            index=problem.columns.index(st.session_state[column]),
            key=column,
            help="The picture of the rows shows two columns of the table.",
        )


def chosen_pair(problem: Tabular) -> tuple[int, int]:
    """Return the two columns that pictures show: across and up."""
    names = [st.session_state.get(column) for column in _PAIR]
    known = [problem.columns.index(n) if n in problem.columns else -1 for n in names]
    across, up = (at if at >= 0 else place for place, at in enumerate(known))
    return across, up


#: Keys of the two columns that pictures show.
_PAIR = ("own_across", "own_up")

#: Whether they have just been chosen in the picture of all pairs.
_CHOSEN = "_own_pair_chosen"


@functools.lru_cache(maxsize=64)
def pair_window(problem: Tabular, across: int, up: int) -> Window:
    """Return a square that shows nearly all rows, in standard deviations."""
    reach = float(np.quantile(np.abs(_points(problem)[:, [across, up]]).max(1), 0.995))
    half = 0.5 * float(np.ceil(2 * min(max(1.15 * reach, 2.0), 12.0)))
    return -half, half, -half, half
