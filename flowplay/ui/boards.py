"""The boards of variational inference: a figure of the paper, two divergences, annealing."""

from __future__ import annotations

import streamlit as st

from flowplay.config import RunConfig
from flowplay.ui.board import Board, Row


def _run(**settings: object) -> RunConfig:
    return RunConfig.from_flat(settings)


_PAPER = Board(
    name="figure3",
    title="Figure 3 of the paper",
    text=(
        "Rezende & Mohamed (2015) learned four [[energies|energy]] with 2, 8 and 32 planar layers "
        "and no data. More layers come nearer: with 2 a model finds the rough place, with 8 the "
        "bends, with 32 most of the shape. The paper shows the window from −4 to 4; here the three "
        "bands end beyond it, as a Gaussian, so that they have a constant."
    ),
    columns=("K = 2", "K = 8", "K = 32"),
    rows=tuple(
        Row(
            name.upper(),
            tuple(
                _run(target=name, architecture="planar", depth=depth, budget=2000)
                for depth in (2, 8, 32)
            ),
        )
        for name in ("u1", "u2", "u3", "u4")
    ),
)

_DIVERGENCES = Board(
    name="divergences",
    title="Forward and reverse KL",
    text=(
        "The same weak model learns the same two modes twice. The reverse divergence KL(q‖p) "
        "punishes mass where the target has none: a weak model tends to settle in one mode and to "
        "leave the other out (mode-seeking). The forward divergence KL(p‖q) punishes missing "
        "mass: the model covers both modes, and the gap between them (mass-covering). The forward "
        "one needs draws of the target, which are known here by quadrature alone. Each model is "
        "best in the divergence that it was trained by."
    ),
    columns=("Reverse KL(q‖p)", "Forward KL(p‖q)"),
    rows=(
        Row(
            "U1",
            tuple(
                _run(
                    target="u1",
                    architecture="nice",
                    depth=2,
                    annealing=0,
                    divergence=divergence,
                    budget=1500,
                )
                for divergence in ("reverse", "forward")
            ),
        ),
    ),
)

_ANNEALING = Board(
    name="annealing",
    title="Annealing",
    text=(
        "With the full energy from the first step, draws run into the nearest wells. Modes that no "
        "draw has seen are lost: importance sampling cannot tell, since no draw goes there. "
        "With annealing the energy counts with a factor β that rises from 0.01 to 1, so the model "
        "first covers everything and is then pressed into the wells."
    ),
    columns=("Without annealing", "β rises in 30 % of the budget", "β rises in 60 % of the budget"),
    rows=tuple(
        Row(
            label,
            tuple(
                _run(target=name, architecture=architecture, annealing=annealing, budget=1500)
                for annealing in (0, 0.3, 0.6)
            ),
        )
        for name, label, architecture in (
            ("wells", "Eight wells", "flowpp"),
            ("u4", "U4", "flowpp"),
        )
    ),
)

#: By their key.
BOARDS: dict[str, Board] = {board.name: board for board in (_PAPER, _DIVERGENCES, _ANNEALING)}

#: The name of a board in a link.
QUERY = "board"


def pick_board() -> Board:
    """Let one of the boards be chosen, at first that of the link, and return it."""
    asked = st.query_params.get(QUERY)
    picked = st.segmented_control(
        "Board",
        list(BOARDS),
        default=asked if asked in BOARDS else next(iter(BOARDS)),
        required=True,
        format_func=lambda name: BOARDS[name].title,
        key="board_pick",
        label_visibility="collapsed",
    )
    board = BOARDS[picked]
    if asked != board.name:
        st.query_params[QUERY] = board.name
    return board
