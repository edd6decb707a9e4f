"""Alembic's entry: the connection is handed over by `watcher.store.database`."""

from alembic import context

from watcher.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table="watcher_version",
    transaction_per_migration=False,
    render_as_batch=True,
)
context.run_migrations()
