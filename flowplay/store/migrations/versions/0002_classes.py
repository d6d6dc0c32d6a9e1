"""Classes with their students, and live links to a run."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "classes",
        sa.Column("id", sa.String(43), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("secret", sa.String(64), nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
    )
    op.create_index("ix_classes_owner", "classes", ["owner"])
    op.create_index("ix_classes_secret", "classes", ["secret"])
    op.create_table(
        "students",
        sa.Column("id", sa.String(43), primary_key=True),
        sa.Column(
            "class_id",
            sa.String(43),
            sa.ForeignKey("classes.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("browser", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("nickname", sa.String(24), nullable=False),
        sa.Column("run", sa.String(43), nullable=False),
        sa.Column("goal_step", sa.Integer),
        sa.Column("goal_seconds", sa.Double),
        sa.Column("joined_at", sa.Double, nullable=False),
        sa.UniqueConstraint("class_id", "browser", name="uq_students_class_id_browser"),
    )
    op.create_table(
        "live_links",
        sa.Column("id", sa.String(43), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("run", sa.String(43), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
    )
    op.create_index("ix_live_links_owner", "live_links", ["owner"])


def downgrade() -> None:
    """Drop the tables."""
    for table in ("live_links", "students", "classes"):
        op.drop_table(table)
