"""When somebody opened a live link last."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the time; of links that are there it is that of their making."""
    seen = sa.Column("seen_at", sa.Double, nullable=False, server_default="0")
    op.add_column("live_links", seen)
    op.execute("UPDATE live_links SET seen_at = created_at")
