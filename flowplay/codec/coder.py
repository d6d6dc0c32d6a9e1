"""The codec: an integer flow gives the probabilities, an entropy coder turns them into bytes."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

from flowplay.codec.container import MOST_IMAGES, NOT_WHOLE, CodecError, Contents, pack, unpack
from flowplay.codec.fixed import OUT, Doubles, FixedNetwork, Whole
from flowplay.codec.tables import TOTAL, frequencies
from flowplay.flows.integer import RoundedCoupling
from flowplay.flows.integer.prediction import predicted
from flowplay.models import Model
from flowplay.models.idf import IntegerFlow

#: Images that are coded together, so that memory stays bounded: it belongs to the file's version.
BLOCK = 4096

_CATEGORICAL = constriction.stream.model.Categorical(perfect=False)


class _FixedCoupling:
    """A `RoundedCoupling` in whole numbers."""

    def __init__(self, coupling: RoundedCoupling) -> None:
        self.moved: Whole = coupling.moved.cpu().numpy()
        self.network = FixedNetwork(coupling.network)
        self.levels = coupling.levels
        # The shift is this many times the network's output; see `RoundedCoupling.scale`.
        self.scale = round(coupling.scale * 2**OUT)

    def move(self, x: Whole, sign: int) -> Whole:
        """Move the values of x [n, D] up (+1, generating) or down (−1, normalizing)."""
        shift = sign * self.scale * self.network(x)[..., 0]
        steps = np.sign(shift) * ((np.abs(shift) + (1 << 2 * OUT - 1)) >> 2 * OUT)
        before = x[:, self.moved]
        between = (before > 0) & (before < self.levels - 1)
        ring = max(1, self.levels - 2)
        out = x.copy()
        out[:, self.moved] = np.where(between, 1 + (before - 1 + steps) % ring, before)
        return out


class ImageCodec:
    """The codec of one trained integer flow.

    It computes in whole numbers alone: batch, threads and machine make no difference.

    Args:
        model: the trained flow.
    """

    def __init__(self, model: IntegerFlow) -> None:
        self.model = model
        self.shape, self.levels, self.dim = model.shape, model.levels, model.dim
        self.components = model.mixture.components
        self.unit = model.mixture.unit if model.smooth else None
        self.expected: Whole = model.expected.cpu().numpy()
        self.prior = FixedNetwork(model.prior, self.unit)
        self.couplings = [_FixedCoupling(c) for c in model.layers]
        parts = [self.prior, *(c.network for c in self.couplings)]
        together = b"".join(part.fingerprint() for part in parts)
        self.fingerprint = hashlib.sha256(together).digest()

    def compress(self, images: NDArray[np.uint8]) -> bytes:
        """Return the bytes of a file for images [n, H, W, C], or [n, H, W] where C is 1.

        Images with values that are no levels have no probability; they are kept beside the others,
        compressed by zlib.

        Raises:
            CodecError: if the array is not of such images.
        """
        x = self._flat(images)
        if len(x) > MOST_IMAGES:
            raise CodecError(f"One file holds at most {MOST_IMAGES:,} images.")
        plain = (x >= self.levels).any(1)
        rows = np.flatnonzero(plain)
        kept = rows.astype("<u4").tobytes() + x[plain].astype(np.uint8).tobytes()
        coder = constriction.stream.stack.AnsCoder()
        levels = x[~plain]
        # The decoder meets what was encoded last first.
        for start in reversed(range(0, len(levels), BLOCK)):
            self._encode(coder, levels[start : start + BLOCK])
        coded = coder.get_compressed().astype("<u4").tobytes()
        return pack(
            Contents(len(x), coded, zlib.compress(kept, 9) if len(rows) else b""), self.fingerprint
        )

    def decompress(self, data: bytes) -> NDArray[np.uint8]:
        """Return the images [n, H, W, C] of a file that `compress` made, [n, H, W] if C is 1.

        Raises:
            CodecError: if the file is of another kind, version or model, or was changed.
        """
        contents = unpack(data, self.fingerprint)
        rows, values = self._plain(contents)
        x = np.empty((contents.images, self.dim), np.uint8)
        x[rows] = values
        words = np.frombuffer(contents.coded, "<u4").astype(np.uint32)
        try:
            coder = constriction.stream.stack.AnsCoder(words)
        except ValueError:
            raise CodecError(NOT_WHOLE) from None
        others = np.setdiff1d(np.arange(contents.images), rows)
        for start in range(0, len(others), BLOCK):
            block = others[start : start + BLOCK]
            x[block] = self._decode(coder, len(block))
        if not coder.is_empty():
            raise CodecError(NOT_WHOLE)
        height, width, channels = self.shape
        return x.reshape(-1, height, width, *([channels] if channels > 1 else []))

    def _plain(self, contents: Contents) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        """Return the rows [m] and values [m, D] of the images that were not coded by the model."""
        most = contents.images * (4 + self.dim)
        if not contents.plain:
            return np.empty(0, np.uint32), np.empty((0, self.dim), np.uint8)
        try:
            kept = zlib.decompressobj().decompress(contents.plain, max(1, most))
        except zlib.error:
            raise CodecError(NOT_WHOLE) from None
        many, left = divmod(len(kept), 4 + self.dim)
        rows = np.frombuffer(kept[: 4 * many], "<u4")
        if left or len(np.unique(rows)) < many or (rows >= contents.images).any():
            raise CodecError(NOT_WHOLE)
        return rows, np.frombuffer(kept[4 * many :], np.uint8).reshape(many, self.dim)

    def _encode(self, coder: Any, x: Whole) -> None:  # noqa: ANN401
        z = x
        for coupling in self.couplings:
            z = coupling.move(z, -1)
        for d in reversed(range(self.dim)):
            coder.encode_reverse(z[:, d].astype(np.int32), _CATEGORICAL, self._table(z, d))

    def _decode(self, coder: Any, count: int) -> Whole:  # noqa: ANN401
        z = np.zeros((count, self.dim), np.int64)
        for d in range(self.dim):
            z[:, d] = coder.decode(_CATEGORICAL, self._table(z, d))
        for coupling in reversed(self.couplings):
            z = coupling.move(z, +1)
        return z

    def _table(self, z: Whole, d: int) -> Doubles:
        """Return the probabilities [n, L] of the value d, from those before it: multiples of 2⁻¹⁸.

        Such numbers are exact in float64, and so is what the coder makes of them.
        """
        middle = None
        if self.unit is not None:
            ends = np.broadcast_to([self.levels // 2, 0], (len(z), 2))
            middle = 2 * predicted(np.concatenate([z, ends], 1)[:, self.expected[d]], self.levels)
        of_one = None if middle is None else middle[:, None]
        numbers = self.prior(z, slice(d, d + 1), of_one)[:, 0]
        whole = frequencies(numbers, self.levels, self.components, middle, self.unit)
        return whole.astype(np.float64) / float(1 << TOTAL)

    def _flat(self, images: NDArray[np.uint8]) -> Whole:
        height, width, channels = self.shape
        shapes = [self.shape] + ([self.shape[:2]] if channels == 1 else [])
        if images.dtype != np.uint8 or images.ndim < 1 or images.shape[1:] not in shapes:
            raise CodecError(
                f"Expected images of {height} × {width} × {channels} as uint8, "
                f"got an array {list(images.shape)} of {images.dtype}."
            )
        return images.reshape(-1, self.dim).astype(np.int64)


def codec_of(model: Model) -> ImageCodec:
    """Return the codec of a trained model.

    Raises:
        CodecError: if there is none for this kind of model.
    """
    if not isinstance(model, IntegerFlow):
        raise CodecError(
            "Only an integer flow (idf) on images has a codec here: it gives each image an exact "
            "probability, and other models do not."
        )
    return ImageCodec(model.eval())
