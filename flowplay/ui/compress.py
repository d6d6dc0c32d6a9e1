"""Lossless compression by a run's model: the file, its size beside others, and the way back."""

from __future__ import annotations

import io
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

import numpy as np
import streamlit as st

from flowplay.config import RunConfig
from flowplay.engine import Run
from flowplay.figures.sizes import sizes_figure
from flowplay.numbers import fixed, whole
from flowplay.problems import ImageProblem
from flowplay.reading import UnreadableError
from flowplay.ui.components.images_view import images_view
from flowplay.ui.look import WORKER
from flowplay.ui.own_images import fit_control
from flowplay.ui.reading import read_once
from flowplay.ui.shell import page_link
from flowplay.ui.trained import wait_for
from flowplay.ui.work import NotDoneError, result_of, say_not_done
from flowplay.wire import Compressed, Restored
from flowplay.wire.compressed import OTHERS

#: The architecture that has a codec, and the run that the page offers where another is shown.
CODED = "idf"
_FIRST = RunConfig(target="digits", architecture=CODED, budget=60, budget_unit="seconds")

#: Most values that a visitor may have compressed: bytes of an .npy file.
LARGEST = 2**20

#: Images of the preview.
_SHOWN: Final = 24

_ASKED = "_compress_asked"


@dataclass(frozen=True)
class _Asked:
    """What was asked to be compressed.

    Attributes:
        run_id: of the run.
        step: of its state.
        state: bytes of its state.
        images: an .npy file; None for the test images.
    """

    run_id: str
    step: int
    state: bytes
    images: bytes | None

    @property
    def key(self) -> Hashable:
        return (self.run_id, hash(self.state), hash(self.images))


def why_no_codec(config: RunConfig) -> str:
    """Say in one sentence why a config's model cannot compress images; empty if it can."""
    if isinstance(config.problem(), ImageProblem) and config.architecture == CODED:
        return ""
    return (
        "Only an integer flow on images can compress here: it gives each image an exact "
        f"probability. The run now is {config.problem().label} with {config.entry.label}."
    )


def compress_view(config: RunConfig, run: Run) -> None:
    """Show how a run's model compresses images."""
    st.markdown(
        "A model that gives images a probability P can compress them: an ideal code needs "
        "−log₂ P bits for each. Here an entropy coder (ANS) comes close to that, value by value. "
        "The file is lossless: the same run gives every image back, bit for bit."
    )
    if why := why_no_codec(config):
        st.info(why, icon=":material/folder_zip:")
        page_link(
            "pages/compress.py",
            _FIRST,
            label="Open an integer flow on digits",
            icon=":material/play_circle:",
            help="Digits, learned for 60 seconds. The run that is shown now stays as it is.",
        )
        return
    view = run.view()
    if view.header is None or view.header.step == 0 or run.state is None:
        st.caption("Press Train. When the model has learned for a while, it can compress.")
        wait_for(run, view, first=True)
        return
    images = _source(config)
    if st.button(
        "Compress",
        key="compress_now",
        type="primary",
        icon=":material/folder_zip:",
        help="A worker writes the file with the weights as they are now.",
        disabled=images == b"",
    ):
        state, header = run.state, run.view().header
        assert header is not None, "a run that has a step has a header"
        st.session_state[_ASKED] = _Asked(run.id, header.step, state, images)
    asked: _Asked | None = st.session_state.get(_ASKED)
    if asked is not None and asked.run_id == run.id:
        _show(asked, config)
    wait_for(run, view, first=False)


def _source(config: RunConfig) -> bytes | None:
    """Return what is to be compressed: None for the test images, b"" while nothing is given."""
    problem = config.problem()
    assert isinstance(problem, ImageProblem), "see why_no_codec"
    height, width, channels = problem.shape
    own = st.radio(
        "Images",
        ["test", "own"],
        format_func={"test": "Test images", "own": "Own images"}.__getitem__,
        key="compress_source",
        horizontal=True,
        help="The model has seen none of the test images.",
    )
    if own == "test":
        return None
    shape = f"[n, {height}, {width}]" if channels == 1 else f"[n, {height}, {width}, {channels}]"
    given = st.file_uploader(
        "A picture, a ZIP of pictures, or an .npy file",
        type=["png", "jpg", "jpeg", "webp", "zip", "npy"],
        key="compress_upload",
        help=f"Pictures become images of {height} × {width} pixels. An .npy file holds uint8 "
        f"{shape}, at most 1 MB. Values from 0 to {problem.levels - 1} are coded by the model. "
        "Images with other values are kept beside them, compressed by zlib.",
    )
    if given is None:
        return b""
    data = given.getvalue()
    if not given.name.lower().endswith(".npy"):
        try:
            data = _from_pictures(data, problem)
        except UnreadableError as error:
            st.warning(str(error), icon=":material/block:")
            return b""
    if len(data) > LARGEST:
        st.warning("These images have more than 1 MB.", icon=":material/block:")
        return b""
    return data


def _from_pictures(data: bytes, problem: ImageProblem) -> bytes:
    """Return an .npy file of the small images that pictures become, and show some of them.

    Raises:
        UnreadableError: if they cannot be read.
    """
    height, _, channels = problem.shape
    fit = fit_control("scale" if problem.levels < 256 else "cut", key="compress_fit")
    file = read_once(
        *("levels", data, "pictures"),
        fit=fit,
        side=height,
        colour=channels == 3,
        levels=problem.levels,
    ).content
    images = np.load(io.BytesIO(file), allow_pickle=False)
    columns = min(len(images), 12)
    with st.container(key="compress_preview", width=max(120, 40 * columns)):
        images_view(
            images.reshape(-1, *problem.shape)[:_SHOWN],
            brightest=problem.levels - 1,
            columns=columns,
            alt=f"{min(len(images), _SHOWN)} of the {len(images)} images that the pictures become.",
            key="compress_small",
            note="1 image"
            if len(images) == 1
            else f"{whole(len(images))} images" + ", the first of them" * (len(images) > _SHOWN),
        )
    return file


def _show(asked: _Asked, config: RunConfig) -> None:
    try:
        with st.spinner("Compressing…"):
            data = result_of(
                "compressed", asked.key, f"{WORKER}:compress_images", asked.state, asked.images
            )
    except NotDoneError as error:
        sentence = f"The images could not be compressed: {error}"
        say_not_done(sentence, "compressed", asked.key, button="compress_again")
        return
    made = Compressed.from_bytes(data)
    figures = made.figures
    _metrics(made)
    others = {OTHERS[name]: size for name, size in figures["others"].items() if size is not None}
    st.plotly_chart(
        sizes_figure(("This model", figures["bytes"]), others, figures["ideal_bytes"]),
        key="compress_chart",
        config={"displayModeBar": False},
        alt="Bytes of the model's file beside those of other compressors for the same images.",
    )
    st.caption(
        f"Compressed by the weights of step {whole(asked.step)}. The dashed line is −log₂ P of the "
        "model. The file does not hold the model: its weights have "
        f"{whole(figures['model_bytes'])} bytes more, and whoever reads the file needs them too. "
        "The others need nothing of the kind."
    )
    with st.container(horizontal=True):
        st.download_button(
            "The file",
            made.file.tobytes(),
            f"{config.target}.fpi",
            "application/octet-stream",
            key="compress_download",
            icon=":material/download:",
            help="Read it with: python -m flowplay decompress RUN FILE IMAGES.npy",
            on_click="ignore",
        )
        decode = st.button(
            "Decompress and compare",
            key="compress_decode",
            icon=":material/unarchive:",
            help="A worker reads the file and gives the images back.",
        )
    if decode:
        _compare(asked, made)


def _metrics(made: Compressed) -> None:
    figures = made.figures
    rate, ideal = figures["bits_per_dim"], figures["ideal_bytes"]
    with st.container(horizontal=True):
        st.metric("Images", whole(figures["images"]))
        st.metric("File", f"{whole(figures['bytes'])} bytes", help="All of it, with its checksum.")
        st.metric(
            "Bits per value",
            "–" if rate is None else fixed(rate),
            help="Bits of the file over the number of values: bits per dimension.",
        )
        st.metric(
            "Ideal code",
            "–" if ideal is None else f"{fixed(ideal, 1)} bytes",
            help="−log₂ P of all images: exact. It is not known if an image has values that are "
            "no levels.",
        )


def _compare(asked: _Asked, made: Compressed) -> None:
    key = (asked.key, hash(made.file.tobytes()))
    name = f"{WORKER}:decompress_images"
    try:
        with st.spinner("Decompressing…"):
            data = result_of("restored", key, name, asked.state, made.file.tobytes())
    except NotDoneError as error:
        sentence = f"The file could not be read: {error}"
        say_not_done(sentence, "restored", key, button="compress_decode_again")
        return
    restored = Restored.from_bytes(data)
    if restored.digest == made.digest:
        st.success(
            f"All {whole(len(restored.images))} images came back, bit for bit.",
            icon=":material/check_circle:",
        )
    else:
        st.error("The images that came back are others.", icon=":material/error:")
