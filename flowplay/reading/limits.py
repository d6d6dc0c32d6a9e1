"""Limits of what is read, which pages say before."""

from __future__ import annotations

from typing import Final

from flowplay.wire.own_data import MOST_COLUMNS, MOST_ROWS

#: Bytes of a file at most.
MOST_BYTES: Final = 5 * 10**6

#: Pixels of a picture at most, as its header says.
MOST_PIXELS: Final = 25 * 10**6

#: Files in a ZIP at most, and bytes of all of them together, unpacked.
MOST_PICTURES: Final = 2_000
MOST_UNPACKED: Final = 50 * 10**6

#: Columns of a file at most, of which some are chosen.
MOST_FILE_COLUMNS: Final = 500

#: Seconds of a processor that reading may take, seconds of the clock, and bytes of memory.
PARSE_SECONDS: Final = 10
WAIT_SECONDS: Final = 30.0
PARSE_MEMORY: Final = 1536 * 2**20

TABLE_LIMITS: Final = (
    f"At most {MOST_BYTES // 10**6} MB, {MOST_ROWS:,} rows and {MOST_COLUMNS} columns to learn."
)
PICTURE_LIMITS: Final = f"At most {MOST_BYTES // 10**6} MB and {MOST_PIXELS // 10**6} megapixels."
IMAGES_LIMITS: Final = (
    f"At most {MOST_BYTES // 10**6} MB and {MOST_PICTURES:,} pictures together, each of at most "
    f"{MOST_PIXELS // 10**6} megapixels."
)
