"""Own images: from pictures that a visitor gives to small images, seen before they are learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from flowplay.numbers import whole
from flowplay.problems import OwnImages
from flowplay.reading import UnreadableError
from flowplay.reading.bundle import bundled
from flowplay.reading.images import Fit
from flowplay.reading.limits import IMAGES_LIMITS, MOST_BYTES, MOST_PICTURES
from flowplay.ui.components.images_view import images_view
from flowplay.ui.reading import read_once
from flowplay.wire import ImageSet
from flowplay.wire.own_data import MOST_IMAGES, SIDES

Learn: TypeAlias = Callable[[bytes, dict[str, Any]], None]
"""Makes images the target: their bytes, and what there is to say about them."""

_TYPES: Final = ["zip", "png", "jpg", "jpeg", "webp"]
_FITS: Final[dict[Fit, str]] = {"scale": "One image", "cut": "Cut into tiles"}
_COLOURS: Final = {False: "Grey", True: "In colour"}

#: Images of the preview.
_SHOWN: Final = 48


def own_images_form(learn: Learn) -> None:
    """Let a visitor give pictures, show the images that they become, and offer to learn them.

    Args:
        learn: is called when the button is pressed.
    """
    st.caption(f"{IMAGES_LIMITS} PNG, JPEG or WebP, or a ZIP of them.")
    files = st.file_uploader(
        "Pictures, or a ZIP of pictures",
        type=_TYPES,
        accept_multiple_files=True,
        key="own_images_files",
        help="They become small images with 256 levels for each value.",
    )
    with st.container(horizontal=True):
        fit = fit_control("scale", key="own_images_fit")
        side = st.segmented_control(
            "Size",
            SIDES,
            format_func=lambda pixels: f"{pixels} × {pixels}",
            default=SIDES[0],
            required=True,
            key="own_images_side",
            help="Pixels of an image. A larger one has four times the values, and learns slower.",
        )
        colour = st.segmented_control(
            "Colours",
            list(_COLOURS),
            format_func=_COLOURS.__getitem__,
            default=False,
            required=True,
            key="own_images_colour",
            help="Grey images are drawn as ink on paper, so that one of your own can be drawn.",
        )
    if not files:
        return
    try:
        data, title = _given(files)
        found = read_once(
            *("images", data, "pictures"), fit=fit, side=side, colour=colour, title=title
        )
    except UnreadableError as error:
        st.warning(str(error), icon=":material/block:")
        return
    images = ImageSet.from_bytes(found.content)
    _preview(images)
    st.caption(" ".join([f"{whole(len(images.levels))} images.", *notes(found.about)]))
    st.button(
        "Learn these images",
        key="own_learn_images",
        type="primary",
        icon=":material/photo_library:",
        help="They become the target.",
        on_click=learn,
        args=(found.content, found.about),
    )


def fit_control(default: Fit, *, key: str) -> Fit:
    """Show what a picture becomes, as a choice, and return what is chosen."""
    return st.segmented_control(
        "Each picture becomes",
        list(_FITS),
        format_func=_FITS.__getitem__,
        default=default,
        required=True,
        key=key,
        help="One image: the middle square of the picture, scaled. Tiles: the picture, at most "
        "512 pixels long, is cut into images that do not overlap.",
    )


def notes(about: dict[str, Any]) -> list[str]:
    """Return sentences on what was left out while pictures were read."""
    said = []
    if n := about.get("left_out", 0):
        said.append(
            f"{whole(n)} file{'s' * (n != 1)} {'was' if n == 1 else 'were'} left out, the first "
            f"because: {about['why']}"
        )
    if (found := about.get("found", 0)) > MOST_IMAGES:
        said.append(f"Of {whole(found)} tiles {whole(MOST_IMAGES)} were taken, evenly spread.")
    return said


def parts_told(problem: OwnImages, seed: int) -> str:
    """Say how many images there are in each part, and of which kind."""
    train, validation, test = (
        whole(len(problem.images(part, seed).levels)) for part in ("train", "validation", "test")
    )
    height, width, channels = problem.shape
    said = (
        f"Images of {height} × {width} pixels {'in colour' if channels == 3 else 'in grey'}: "
        f"{train} to train on, {validation} for live figures, and {test} test images that no run "
        "sees. Equal images are in one part."
    )
    return said + " Tiles of one picture may be in different parts." * problem.turns


def _given(files: Sequence[UploadedFile]) -> tuple[bytes, str]:
    """Return what was given as one file, and a title for it.

    Raises:
        UnreadableError: if it is too much.
    """
    if len(files) == 1:
        return files[0].getvalue(), files[0].name.rpartition(".")[0]
    if len(files) > MOST_PICTURES:
        raise UnreadableError(f"These are more than {MOST_PICTURES:,} files.")
    if sum(file.size for file in files) > MOST_BYTES:
        raise UnreadableError(f"These files have more than {MOST_BYTES // 10**6} MB together.")
    return bundled([file.getvalue() for file in files]), f"{len(files)} pictures"


def _preview(images: ImageSet) -> None:
    # Evenly chosen, so that tiles of more than one picture are seen.
    chosen = np.linspace(0, len(images.levels) - 1, min(_SHOWN, len(images.levels))).astype(int)
    with st.container(key="own_images_preview", width=480):
        images_view(
            images.levels[chosen],
            brightest=255,
            columns=12,
            alt=f"{len(chosen)} of the {len(images.levels)} images that will be learned.",
            key="own_images_small",
            note="These will be learned" if len(chosen) == len(images.levels) else "Some of them",
        )
