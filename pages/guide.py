"""The guide: the ideas of normalizing flows, each with a configuration to try."""

from flowplay.ui import shell
from flowplay.ui.guide import guide

shell.enter_page()
guide()
