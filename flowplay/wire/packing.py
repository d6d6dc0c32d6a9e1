"""The one byte form of everything that travels or is kept: named arrays and a JSON header.

The container is safetensors: nothing in it can execute, unlike a pickle. The header carries what
the bytes are (`kind`) and in which `version` they were written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

Arrays = Mapping[str, NDArray[Any]]


def pack(kind: str, version: int, header: Mapping[str, Any], arrays: Arrays) -> bytes:
    """Write `header` (JSON values) and `arrays` as bytes of the given kind and version.

    Example:
        >>> data = pack("demo", 1, {"step": 3}, {"x": np.zeros(2)})
        >>> unpack("demo", 1, data)
        ({'step': 3}, {'x': array([0., 0.])})
    """
    about = {"kind": kind, "version": str(version), "header": json.dumps(header)}
    return save({name: np.ascontiguousarray(a) for name, a in arrays.items()}, metadata=about)


def unpack(kind: str, version: int, data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `pack` wrote.

    Raises:
        ValueError: if the bytes are no such container, of another kind or of another version.
    """
    header = unpack_header(kind, version, data)
    try:
        return header, load(data)
    except SafetensorError as error:
        raise ValueError(f"These bytes are not a complete flowplay {kind}.") from error


def unpack_header(kind: str, version: int, data: bytes) -> dict[str, Any]:
    """Read the header that `pack` wrote, and leave the arrays alone.

    Raises:
        ValueError: as `unpack`.
    """
    try:
        length = int.from_bytes(data[:8], "little")
        about = json.loads(data[8 : 8 + length])["__metadata__"]
        header = json.loads(about["header"])
        found_kind, found_version = about["kind"], about["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"These bytes are not a flowplay {kind}.") from error
    if found_kind != kind:
        raise ValueError(f"Expected a flowplay {kind}, got a {found_kind}.")
    if found_version != str(version):
        raise ValueError(f"This {kind} has format version {found_version}; expected {version}.")
    if not isinstance(header, dict):
        raise ValueError(f"These bytes are not a flowplay {kind}.")
    return header


def identify(data: bytes) -> tuple[str, str]:
    """Return the kind of what `pack` wrote, whatever its version, and a digest of its content.

    The digest is SHA-256 in hexadecimal. The same content always has the same one, while its bytes
    may differ: safetensors writes names in any order.

    Raises:
        ValueError: if the bytes are no such container.
    """
    length = 8 + int.from_bytes(data[:8], "little")
    try:
        names = json.loads(data[8:length])
        kind = names["__metadata__"]["kind"]
        load(data)
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ValueError("These bytes are none that flowplay has written.") from error
    if not isinstance(kind, str):
        raise ValueError("These bytes are none that flowplay has written.")
    digest = hashlib.sha256(json.dumps(names, sort_keys=True).encode())
    digest.update(data[length:])
    return kind, digest.hexdigest()


@dataclass(frozen=True)
class Packed:
    """A frozen dataclass of JSON values and arrays that can be written as bytes and read back.

    A subclass names its `KIND`, and raises its `VERSION` when its fields change.
    """

    KIND: ClassVar[str]
    VERSION: ClassVar[int] = 1

    def to_bytes(self) -> bytes:
        """Write all fields in the one byte form."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        arrays = {k: v for k, v in values.items() if isinstance(v, np.ndarray)}
        header = {k: v for k, v in values.items() if k not in arrays}
        return pack(self.KIND, self.VERSION, header, arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            ValueError: if the bytes are of another kind or version, or lack a field.
        """
        header, arrays = unpack(cls.KIND, cls.VERSION, data)
        values = header | arrays
        known = {f.name for f in fields(cls)}
        # What was written before a field was added lacks it.
        needed = {
            f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING
        }
        if not needed <= set(values) <= known:
            raise ValueError(f"These bytes are not a complete flowplay {cls.KIND}.")
        return cls(**values)
