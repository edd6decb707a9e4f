"""Several processes at once, which are killed, stopped, and cut off from their database."""

from __future__ import annotations

from pathlib import Path

from tests.faults.rows import Tally, row
from tests.fleet.replay import replay
from tests.postgres import PostgresServer
from tests.world import World

SUBSCRIPTIONS = 5_000


@row(
    "replicas killed and stopped",
    "once; what was being handed over at a blow may come again",
    few=10,
    many=10,
    is_alone=True,  # six processes, a database and two servers
)
def replicas_killed_and_stopped(tries: int, directory: Path) -> Tally:
    """Days of two clocks and four workers; twice in all the database is started again."""
    with (
        PostgresServer() as server,
        World(directory, store=server.create_database()) as world,
    ):
        return replay(world, server, seed=1, days=tries, subscriptions=SUBSCRIPTIONS)
