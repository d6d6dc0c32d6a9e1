"""Images compressed by a run's model, and given back."""

from __future__ import annotations

import io

import numpy as np

from flowplay.codec import codec_of, read_images
from flowplay.codec.report import report
from flowplay.problems import ImageProblem
from flowplay.training.live_run import LiveRun
from flowplay.wire import Compressed, Restored
from flowplay.wire.compressed import digest_of


def compressed(live: LiveRun, images: bytes | None) -> Compressed:
    """Compress images of an .npy file, or the test images of the run's problem if None.

    Raises:
        CodecError: if there is no codec for the model, or the images are of another kind.
    """
    codec = codec_of(live.model)
    if images is not None:
        levels = read_images(io.BytesIO(images))
    else:
        problem = live.config.problem()
        assert isinstance(problem, ImageProblem), "a codec is of images"
        levels = problem.images("test", live.config.seed).levels
    file = codec.compress(levels)
    figures = report(codec, levels, len(file))
    return Compressed(np.frombuffer(file, np.uint8), digest_of(levels), figures)


def restored(live: LiveRun, file: bytes) -> Restored:
    """Read the images of a compressed file.

    Raises:
        CodecError: if the file is not one of this model, or was changed.
    """
    images = codec_of(live.model).decompress(file)
    return Restored(images, digest_of(images))
