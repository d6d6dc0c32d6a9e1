"""Race: several models learn the same target at once, in equal time."""

from flowplay.ui import shell
from flowplay.ui.race.page import race_page

shell.enter_page()
race_page()
