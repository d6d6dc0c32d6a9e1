"""Classes: the teacher's page, with a wall of what every student learns."""

from flowplay.ui import shell
from flowplay.ui.wall import teacher_page

shell.enter_page()
teacher_page()
