"""No two students of a class have the same number."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Number the students of classes in which some had the same number, and let it be so."""
    # Those who joined at the same moment could have it.
    op.execute(
        "UPDATE students SET number = (SELECT COUNT(*) FROM students AS other "
        "WHERE other.class_id = students.class_id AND (other.joined_at < students.joined_at "
        "OR (other.joined_at = students.joined_at AND other.id < students.id))) "
        "WHERE class_id IN (SELECT class_id FROM students GROUP BY class_id, number "
        "HAVING COUNT(*) > 1)"
    )
    op.create_index("ix_students_class_id_number", "students", ["class_id", "number"], unique=True)
