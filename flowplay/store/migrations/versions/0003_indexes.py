"""Indexes for a browser's list of runs, and for the sum of all sizes."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the indexes."""
    op.drop_index("ix_runs_owner", "runs")
    op.create_index("ix_runs_owner_shared_changed_at", "runs", ["owner", "shared", "changed_at"])
    op.create_index("ix_runs_size", "runs", ["size"])
    op.create_index("ix_data_size", "data", ["size"])
