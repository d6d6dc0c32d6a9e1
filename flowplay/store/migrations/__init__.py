"""The schema's history, which Alembic applies."""
