"""Ids that nobody can guess, and secrets that are kept as their digests only."""

from __future__ import annotations

import hashlib
import re
import secrets

LONG = 16
"""Bytes of randomness of an id, or a secret, that gives control: 128 bits, 22 characters."""

SHORT = 9
"""Bytes of randomness of an id that is read aloud or typed, as that of a link: 72 bits, 12
characters."""

_ID = re.compile(r"[A-Za-z0-9_-]{12,43}\Z", re.ASCII)


def new_id(size: int = LONG) -> str:
    """Return an id of `size` random bytes, which a URL can hold as it is.

    Example:
        >>> len(new_id()), len(new_id(SHORT))
        (22, 12)
    """
    return secrets.token_urlsafe(size)


def is_id(text: object) -> bool:
    """Tell whether something from outside can be an id.

    Example:
        >>> is_id(new_id()), is_id("../../etc/passwd"), is_id(None)
        (True, False, False)
    """
    return isinstance(text, str) and _ID.match(text) is not None


def secret_digest(secret: str) -> str:
    """Return what is kept of a secret: who reads the database cannot use it.

    Example:
        >>> len(secret_digest(new_id()))
        64
    """
    return hashlib.sha256(secret.encode()).hexdigest()
