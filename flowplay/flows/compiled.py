"""Chains of layers on the CPU in float32, by compiled kernels instead of torch's operations."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from flowplay import kernels
from flowplay.kernels import layout as lay

#: Most points in a block: few enough for what a chain keeps for its gradients to fit the cache.
BLOCK = 256

#: The same where a field is solved: each block has steps of its own, so small ones take fewer.
SOLVED_BLOCK = 32

#: Most numbers of a work space, unless even a few points need more: 64 MiB.
WORK = 2**24
LEAST_BLOCK = 16


class KernelTransformer(NamedTuple):
    """What a transformer is to the kernels.

    Attributes:
        kind: of map.
        parameters: P.
        pieces: its bins or components.
        bound: half width of a spline's box.
    """

    kind: int
    parameters: int
    pieces: int = 0
    bound: float = 0.0


class Layer(NamedTuple):
    """What a layer is to the kernels; see `layout` for the words.

    Attributes:
        kind: of layer.
        constants: vectors that the layer needs beside its weights.
        learned: of a scaling, what of it is learned.
        width: hidden units of its network.
        inputs, mapped: coordinates that the network reads, and those that are mapped.
        transformer: the map.
        masked: whether `constants` end with masks of the weights.
        permutation: of a linear layer: coordinate i of the result is row `permutation[i]` of L U.
        passes: how often the network is asked where the layer generates.
        turned: whether its directions are exchanged.
        steps: of a field's solver; 0 where they adapt.
    """

    kind: int
    constants: tuple[Tensor, ...] = ()
    learned: int = 0
    width: int = 0
    inputs: tuple[int, ...] = ()
    mapped: tuple[int, ...] = ()
    transformer: KernelTransformer = KernelTransformer(lay.ADDITIVE, 0)
    masked: bool = False
    permutation: tuple[int, ...] = ()
    passes: int = 1
    turned: bool = False
    steps: int = 0

    def hidden_rows(self, *, keep: bool) -> int:
        """Return how many rows its hidden units take, with or without what gradients need."""
        if self.kind == lay.RESIDUAL:
            return (3 if keep else 2) * self.width
        return (4 if keep else 2) * self.width

    def own_rows(self, *, keep: bool) -> int:
        """Return how many rows of the work space are its own."""
        hidden = self.hidden_rows(keep=keep)
        if self.kind == lay.RESIDUAL:
            return hidden + lay.JACOBIAN
        if self.kind == lay.FIELD:
            return lay.field_rows(self.width, len(self.mapped), self.steps)
        if self.kind != lay.CONDITIONED:
            return 0
        kind, parameters, pieces, _ = self.transformer
        of_each = parameters + lay.kept_rows(kind, pieces)
        return hidden + len(self.inputs) + len(self.mapped) * of_each

    def scratch_rows(self, dim: int) -> int:
        """Return how many rows it uses and leaves to the next layer."""
        back = (3 if self.kind == lay.FIELD else 2) * self.width + len(self.inputs)
        if self.turned:
            back += len(self.mapped) * self.transformer.parameters + dim
        return max(lay.SCRATCH, back, dim)

    def fixed_size(self, dim: int, weights: int) -> int:
        """Return how many numbers it uses that do not grow with the number of points."""
        if self.kind == lay.RESIDUAL:
            return lay.residual_size(self.width)
        if self.kind == lay.FIELD:
            return 2 * self.width**2
        return max(3 * dim * dim if self.kind == lay.LINEAR else 0, 2 * weights * self.masked)


@runtime_checkable
class Compilable(Protocol):
    """A bijection that compiled kernels may know."""

    def tensors(self) -> tuple[Tensor, ...]:
        """Return all parameters of the layer, in the order of `parameters()`."""

    def kernel_layers(self) -> Sequence[Layer]:
        """Return what it is to the kernels; nothing if they cannot take it now.

        In normalizing order; if it is several layers, they share its weights.
        """


class _Placed(NamedTuple):
    """A layer, where its weights begin among all, and how many they are."""

    layer: Layer
    weights: int
    size: int


class _Table(NamedTuple):
    """A program and the work space that it needs: so many numbers, and so many for each point."""

    program: NDArray[np.int32]
    fixed: int
    rows: int


class Compiled:
    """A chain of links as the kernels take it.

    Args:
        links: in normalizing order.
        layers: those that each is to the kernels.
        dim: D.
    """

    def __init__(
        self, links: Sequence[Compilable], layers: Sequence[Sequence[Layer]], dim: int
    ) -> None:
        self.dim = dim
        self.tensors = [t for link in reversed(links) for t in link.tensors()]
        sizes = [sum(t.numel() for t in link.tensors()) for link in links]
        self.size = sum(sizes)
        self.layers = [
            _Placed(layer, sum(sizes[k + 1 :]), sizes[k])
            for k, of_link in enumerate(layers)
            for layer in of_link
        ]
        self._sources = [c for placed in self.layers for c in placed.layer.constants]
        self._stamp: list[int] = []
        self._addresses: list[int] = []
        self._vector: Tensor | None = None
        self._constants = torch.empty(0)
        self._tables = [self._table(keep=keep) for keep in (False, True)]

    def normalize(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalize x [B, D]; return z [B, D] and the sum of the log-determinants [B]."""
        z, log_det = x.new_empty(x.shape), x.new_empty(len(x))
        self._run(lay.NORMALIZE, x, z=z, log_det=log_det)
        return z, log_det

    def generate(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate from z [B, D]; return x [B, D] and the sum of the log-determinants [B]."""
        x, log_det = z.new_empty(z.shape), z.new_empty(len(z))
        self._run(lay.GENERATE, z, z=x, log_det=log_det)
        return x, log_det

    def likelihood(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean negative log-likelihood of x [B, D], and the weights' gradient [P].

        The gradient of a field has its penalty on rough steps in it, too.
        """
        loss, gradient = x.new_empty(1), x.new_zeros(self.size)
        self._run(lay.LIKELIHOOD, x, log_det=loss, g_weights=gradient)
        return loss[0] + 0.5 * self.dim * math.log(2 * math.pi), gradient

    def differentiate(self, x: Tensor, g_z: Tensor, g_log_det: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients of x [B, D] and of the weights [P]."""
        g_x, gradient = x.new_empty(x.shape), x.new_zeros(self.size)
        self._run(lay.DIFFERENTIATE, x, g_z=g_z, g_log_det=g_log_det, g_x=g_x, g_weights=gradient)
        return g_x, gradient

    def regress(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Let the network of a chain of one map x [B, I] to as many outputs as target [B, O] has.

        Returns:
            The mean over points of the squared distance (scalar), and the weights' gradient [P].
        """
        loss, gradient = x.new_empty(1), x.new_zeros(self.size)
        self._run(lay.REGRESS, x, z=target, log_det=loss, g_weights=gradient)
        return loss[0], gradient

    def solve(
        self, x: Tensor, times: tuple[float, float], tolerance: float
    ) -> tuple[Tensor, Tensor, int]:
        """Let the field of a chain of one carry x [B, D] to another time, by adaptive steps.

        Args:
            x: points [B, D].
            times: the first and the last.
            tolerance: relative and absolute, of a step.

        Returns:
            The points at the last time [B, D] and the log-determinants [B], NaN in a block where no
            step is small enough; and how often the field was evaluated, for a point on average.
        """
        # Of rows one after the other, whatever x is.
        z, log_det, asked = x.new_empty(x.shape), x.new_empty(len(x)), x.new_empty(1)
        given = torch.tensor([*times, tolerance], dtype=x.dtype)
        self._run(lay.SOLVE, x, z=z, log_det=log_det, g_z=given, g_x=asked)
        return z, log_det, round(float(asked))

    def split(self, gradient: Tensor) -> list[Tensor]:
        """Return a gradient [P] as gradients of the tensors, in generating order."""
        parts = gradient.split([t.numel() for t in self.tensors])
        return [part.view_as(t) for part, t in zip(parts, self.tensors, strict=True)]

    def fits(self, x: Tensor) -> bool:
        """Tell whether the kernels can take points and weights as they are."""
        return all(
            t.dtype == torch.float32 and t.device.type == "cpu"
            for t in (x, *self.tensors[:1], *self.tensors[-1:], *self._sources[:1])
        )

    def _run(self, mode: int, x: Tensor, **arrays: Tensor) -> None:
        loaded = kernels.loaded()
        assert loaded is not None
        table = self._tables[mode in (lay.LIKELIHOOD, lay.DIFFERENTIATE, lay.REGRESS)]
        weights, constants = self._weights(), self._current_constants()
        kept = {name: array.contiguous() for name, array in arrays.items()}
        x = x.contiguous()
        most = SOLVED_BLOCK if mode == lay.SOLVE else BLOCK
        block = max(1, min(most, len(x), max(LEAST_BLOCK, WORK // table.rows)))
        work = _work(table.fixed + table.rows * block)

        def address(name: str) -> int | None:
            return kept[name].data_ptr() if name in kept else None

        loaded.run_chain(
            mode,
            len(self.layers),
            self.dim,
            len(x),
            block,
            table.fixed,
            table.program.ctypes.data,
            weights.data_ptr(),
            constants.data_ptr(),
            work.data_ptr(),
            x.data_ptr(),
            *map(address, ("z", "log_det", "g_z", "g_log_det", "g_x", "g_weights")),
        )

    def _weights(self) -> Tensor:
        """Return all weights as one vector: their own memory where it is one piece, else a copy."""
        addresses = [t.data_ptr() for t in self.tensors]
        if addresses != self._addresses:
            self._addresses = addresses
            ends = [a + 4 * t.numel() for a, t in zip(addresses, self.tensors, strict=True)]
            one_piece = addresses[1:] == ends[:-1] and all(t.is_contiguous() for t in self.tensors)
            self._vector = None
            if one_piece and self.tensors:
                self._vector = self.tensors[0].detach().as_strided((self.size,), (1,))
        if self._vector is not None:
            return self._vector
        parts = [t.detach().reshape(-1) for t in self.tensors]
        return torch.cat(parts) if parts else torch.empty(1)

    def _current_constants(self) -> Tensor:
        """Return the layers' constants as one vector, read again when one was written to."""
        stamp = [0 if c.is_inference() else c._version for c in self._sources]
        if stamp != self._stamp:
            self._stamp = stamp
            self._constants = torch.cat([c.float().reshape(-1) for c in self._sources])
        return self._constants

    def _table(self, *, keep: bool) -> _Table:
        """Lay out the program, and a work space that keeps what gradients need, or not."""
        dim, layers = self.dim, [placed.layer for placed in self.layers]
        lists: list[int] = []
        rows = []
        first = max(layer.scratch_rows(dim) for layer in layers) + 2 + dim
        states = first + dim * (len(layers) + 1 if keep else 2)
        own, most = states, 0
        constant = 0
        for k, (layer, weights, size) in enumerate(self.layers):
            kind, parameters, pieces, _ = layer.transformer
            row = np.zeros(lay.COLUMNS, np.int32)
            row[lay.KIND] = layer.kind
            row[lay.WEIGHTS] = weights
            row[lay.CONSTANTS] = constant
            row[lay.X] = first + dim * (k if keep else k % 2)
            row[lay.Z] = first + dim * (k + 1 if keep else (k + 1) % 2)
            row[lay.OWN] = own
            row[lay.LEARNED] = layer.learned
            row[lay.WIDTH] = layer.width
            row[lay.INPUTS] = len(layer.inputs)
            row[lay.MAPPED] = len(layer.mapped)
            row[lay.LISTS] = lay.COLUMNS * len(layers) + len(lists)
            row[lay.TRANSFORMER] = kind
            row[lay.PARAMETERS] = parameters
            row[lay.PIECES] = layer.steps or pieces
            row[lay.KEPT] = lay.kept_rows(kind, pieces)
            row[lay.HIDDEN] = layer.hidden_rows(keep=keep)
            row[lay.MASKED] = size * layer.masked
            row[lay.PASSES] = layer.passes
            row[lay.TURNED] = layer.turned
            rows.append(row)
            lists += [*layer.inputs, *layer.mapped, *layer.permutation]
            constant += sum(c.numel() for c in layer.constants)
            if keep:
                own += layer.own_rows(keep=keep)
            most = max(most, states + layer.own_rows(keep=keep))
        fixed = max(layer.fixed_size(dim, size) for layer, _, size in self.layers)
        program = np.concatenate([*rows, np.array(lists, np.int32)])
        return _Table(program, fixed, own if keep else most)


_LOCAL = threading.local()


def _work(size: int) -> Tensor:
    """Return a work space of this thread: fresh memory would be paid for at every step."""
    work: Tensor | None = getattr(_LOCAL, "work", None)
    if work is None or work.numel() < size:
        with torch.inference_mode(False):
            work = _LOCAL.work = torch.empty(size)
    return work


class _Differentiable(torch.autograd.Function):
    """A chain as one node of autograd's graph; its backward pass goes forward again first."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, chain: Compiled, *tensors: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ANN401
        ctx.chain = chain
        ctx.save_for_backward(x, *tensors)
        return chain.normalize(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g_z: Tensor, g_log_det: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        x, *_ = ctx.saved_tensors
        g_x, gradient = ctx.chain.differentiate(x, g_z, g_log_det)
        return g_x, None, *ctx.chain.split(gradient)


def differentiable(chain: Compiled, x: Tensor) -> tuple[Tensor, Tensor]:
    """Normalize x [B, D] as one node of autograd's graph."""
    z: Tensor
    log_det: Tensor
    z, log_det = _Differentiable.apply(x, chain, *chain.tensors)
    return z, log_det


class _Chains(dict[tuple[int, ...], Compiled]):
    """The compiled chains that begin with a link; a copy of the link has none yet."""

    def __deepcopy__(self, memo: object) -> _Chains:
        return _Chains()

    def __reduce__(self) -> tuple[Callable[[], _Chains], tuple[()]]:
        return _Chains, ()


def compiled(links: Sequence[Compilable], x: Tensor) -> Compiled | None:
    """Return the chain for the kernels, if they are loaded and can take it and x [B, D]."""
    if kernels.loaded() is None or not links or not len(x):
        return None
    chains: _Chains = links[0].__dict__.setdefault("_compiled", _Chains())
    key = tuple(map(id, links))
    chain = chains.get(key)
    if chain is None:
        known: list[Sequence[Layer]] = []
        for link in links:
            if not (layers := link.kernel_layers()):
                return None
            known.append(layers)
        chain = chains[key] = Compiled(links, known, x.shape[1])
    return chain if chain.fits(x) else None
