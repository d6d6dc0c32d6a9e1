"""Runs with their earlier states, and data by digest."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "runs",
        sa.Column("id", sa.String(43), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("shared", sa.Boolean, nullable=False),
        sa.Column("origin", sa.String(43), nullable=False),
        sa.Column("title", sa.String(80), nullable=False),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("hot", sa.Text, nullable=False),
        sa.Column("training", sa.Boolean, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("host", sa.String(43), nullable=False),
        sa.Column("state", sa.LargeBinary),
        sa.Column("snapshot", sa.LargeBinary),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
    )
    for column in ("owner", "origin", "seen_at"):
        op.create_index(f"ix_runs_{column}", "runs", [column])
    op.create_table(
        "earlier_states",
        sa.Column(
            "run", sa.String(43), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("step", sa.Integer, primary_key=True),
        sa.Column("weights", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "data",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
    )
    op.create_index("ix_data_seen_at", "data", ["seen_at"])


def downgrade() -> None:
    """Drop the tables."""
    for table in ("data", "earlier_states", "runs"):
        op.drop_table(table)
