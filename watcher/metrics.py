"""What an operator would be woken for, as Prometheus reads it: on this machine alone.

The names are a contract: alerts and dashboards are made of them. What the store knows is read from
the store, so that a restart does not forget it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator

import sqlalchemy as sa
import structlog
from prometheus_client import CollectorRegistry, Metric, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from watcher import __version__
from watcher.counting import Counting
from watcher.errors import StoreError
from watcher.models import MatchState, Outcome
from watcher.overview.gathering import look_at_source
from watcher.pipeline.stuck import TROUBLE
from watcher.settings import Config
from watcher.store import bounces, checks, matches, outbox, papers
from watcher.store.database import Database

log = structlog.get_logger(__name__)

PREFIX = "paper_watcher_"


@contextlib.contextmanager
def serving(config: Callable[[], Config], counting: Counting) -> Iterator[None]:
    """Answer at `[metrics] listen` for as long as this lasts; `config` is the one in force.

    Where the port is taken, that is logged, and mails go out all the same.
    """
    host, port = config().settings.metrics.address
    # Its own connections: a look never waits for the writer, nor the writer for a look.
    database = Database(config().store_url, writable=False)
    registry = CollectorRegistry()
    registry.register(_Figures(config, database, counting))
    ProcessCollector(registry=registry)
    with contextlib.ExitStack() as stack:
        stack.callback(database.close)
        try:
            server, thread = start_http_server(port, host, registry)
        except OSError as error:
            log.error("no metrics", listen=config().settings.metrics.listen, error=error.strerror)
        else:
            stack.callback(thread.join)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
        yield


class _Figures(Collector):
    """Looks everything up each time it is asked."""

    def __init__(
        self, config: Callable[[], Config], database: Database, counting: Counting
    ) -> None:
        self._config, self._database, self._counting = config, database, counting

    def collect(self) -> Iterator[Metric]:
        """All metrics; those of the store only where it answers."""
        config = self._config()
        yield _gauge("build_info", "The version that runs.", {__version__: 1}, "version")
        broken = len(config.broken) + self._counting.is_change_refused
        yield _gauge("config_broken_files", "Files that were left as they were last good.", broken)
        yield from _counted(self._counting)
        try:
            with self._database.read() as connection:
                stored = list(_stored(config, connection))
        except StoreError as error:
            log.warning("the store does not answer for metrics", error=str(error))
            stored = []
        yield _gauge("store_up", "Whether the database answers.", int(bool(stored)))
        yield from stored


def _counted(counting: Counting) -> Iterator[Metric]:
    checked = CounterMetricFamily(
        f"{PREFIX}checks", "Checks since the start.", labels=("source", "outcome")
    )
    for (source, outcome), count in dict(counting.checks).items():
        checked.add_metric((source, outcome.value), count)
    yield checked
    passes = CounterMetricFamily(f"{PREFIX}passes", "Passes since the start.", labels=("result",))
    for end in ("well", "trouble", "failed"):
        passes.add_metric((end,), counting.passes[end])
    yield passes
    yield CounterMetricFamily(
        f"{PREFIX}mail_session_failures",
        "How often no session with the mail server opened, since the start.",
        value=counting.session_failure_count,
    )
    not_composed = counting.not_composed_count
    yield _gauge("digests_not_composed", "Digests that failed at the last try.", not_composed)
    yield _instant("last_pass", "When the last pass ended.", counting.last_pass_at)
    yield _gauge("last_pass_duration_seconds", "How long it took.", counting.last_pass_seconds)


def _stored(config: Config, connection: sa.Connection) -> Iterator[Metric]:
    sources = [look_at_source(connection, source) for source in config.settings.sources]
    checked_at = {each.name: each.last.started_at if each.last else None for each in sources}
    good_at = {each.name: each.state.last_good_at for each in sources}
    yield _instants("source_last_check", "When a source was last checked; 0: never.", checked_at)
    yield _instants("source_last_good", "When a check of it was last good; 0: never.", good_at)
    outcomes = GaugeMetricFamily(
        f"{PREFIX}source_outcome", "1 for how the last check ended.", labels=("source", "outcome")
    )
    for each in sources:
        for outcome in Outcome:
            is_it = each.last is not None and each.last.outcome is outcome
            outcomes.add_metric((each.name, outcome.value), int(is_it))
    yield outcomes
    paper_count = papers.count_since(connection)
    yield CounterMetricFamily(f"{PREFIX}papers", "Papers ever seen.", value=paper_count)
    pairs = dict.fromkeys(map(str, MatchState), 0)
    for counts in matches.counts(connection).values():
        for state, count in counts.items():
            pairs[state] += count
    yield _gauge("matches", "Matches by what became of them.", pairs, "state")
    digest_count = outbox.digest_count(connection)
    yield CounterMetricFamily(f"{PREFIX}digests", "Digests ever composed.", value=digest_count)
    yield _instant("last_digest", "When the last was composed.", outbox.last_digest_at(connection))
    mails = {state.value: count for state, count in outbox.counts(connection).items()}
    yield _gauge("deliveries", "Mails by their state; queued and sending wait.", mails, "state")
    oldest = outbox.oldest_waiting(connection)
    queued_at = oldest.queued_at if oldest else None
    yield _instant("outbox_oldest", "Since when the oldest waits.", queued_at)
    trouble_at = checks.get_meta(connection, TROUBLE)
    stuck_at = dt.datetime.fromisoformat(trouble_at) if trouble_at else None
    yield _instant("mail_stuck", "Since when no mail session opens.", stuck_at)
    paused_count = len(bounces.paused(connection))
    yield _gauge("paused_recipients", "Recipients whose mails came back.", paused_count)


def _gauge(name: str, about: str, found: float | dict[str, int], label: str = "") -> Metric:
    gauge = GaugeMetricFamily(f"{PREFIX}{name}", about, labels=(label,) if label else ())
    for value, amount in (found if isinstance(found, dict) else {"": found}).items():
        gauge.add_metric((value,) if label else (), amount)
    return gauge


def _instants(name: str, about: str, found: dict[str, dt.datetime | None]) -> Metric:
    gauge = GaugeMetricFamily(f"{PREFIX}{name}_timestamp_seconds", about, labels=("source",))
    for source, at in found.items():
        gauge.add_metric((source,), at.timestamp() if at else 0)
    return gauge


def _instant(name: str, about: str, at: dt.datetime | None) -> Metric:
    """An instant that may be none: then there is no sample."""
    gauge = GaugeMetricFamily(f"{PREFIX}{name}_timestamp_seconds", about)
    if at is not None:
        gauge.add_metric((), at.timestamp())
    return gauge
