"""From a file that somebody gives to data that can be learned; every refusal is one sentence.

Pages read in a process of its own (`flowplay.reading.process`), which may take some seconds and
some memory; the command line reads where it runs. Only these modules import pandas or Pillow to
read.
"""

from flowplay.reading.errors import UnreadableError
from flowplay.reading.limits import MOST_BYTES, MOST_PIXELS, PARSE_SECONDS, TABLE_LIMITS

__all__ = ["MOST_BYTES", "MOST_PIXELS", "PARSE_SECONDS", "TABLE_LIMITS", "UnreadableError"]
