"""What has no business in an address, an id, a title or a header."""

from __future__ import annotations

import os

#: A part of all inputs is enough at every change; `FLOWPLAY_HOSTILE=10` sends all.
TIMES = int(os.environ.get("FLOWPLAY_HOSTILE", "1"))

NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; DROP TABLE runs; --",
    "../../../../etc/passwd",
    "%00",
    "\x00",
    "\ud800",
    "{{7*7}}",
    "${jndi:ldap://x}",
    "a" * 5000,
    "\r\nSet-Cookie: x=y",
    "‮gnp.exe",
    "![x](http://example.invalid/x.png)",
    ":red[x] $x^2$ :material/close: `x` [x](javascript:alert(1))",
)
