"""Alembic's entry: runs inside the connection and the transaction that `arena.league.db` hands over."""

from __future__ import annotations

from alembic import context

from arena.league.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
