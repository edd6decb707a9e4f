"""What every test stands on: a clean environment, databases, and a way to allow no skipping."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import os
import re
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog

from tests.booted import namespaces_are_allowed
from tests.fleet.hosts import hosts_are_allowed
from tests.postgres import PostgresServer
from tests.tracing import untraced
from tests.web import packages

STORE = Path(__file__).parent / "store"
NO_SKIP = os.environ.get("WATCHER_TESTS_NO_SKIP") == "1"

hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")

_FOREIGN = re.compile(
    r"""
    (WATCHER|XDG|PG|SYSTEMD|LISTEN|WATCHDOG|SSL_CERT)_? .* | .* _PROXY | .* _COLOR | CLICOLOR .*
    | (CREDENTIALS|STATE|CONFIGURATION|RUNTIME|CACHE|LOGS)_DIRECTORY | NOTIFY_SOCKET
    | INVOCATION_ID | JOURNAL_STREAM | EMAIL | BROWSER | CHROME_PATH | COLUMNS | LINES | CI
    """,
    re.VERBOSE | re.IGNORECASE,
)


@pytest.fixture(autouse=True)
def _clean_environment(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing of this machine's configuration reaches a test or the programs it starts.

    Coverage is measured neither of a test so marked nor of those programs: it takes half as long
    again, and writes a file.
    """
    if request.node.get_closest_marker("untraced"):
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    for name in [name for name in os.environ if _FOREIGN.fullmatch(name)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TZ", "UTC")


@pytest.fixture(autouse=True)
def _log_of_its_own() -> Iterator[None]:
    """How a test has set the log up does not reach those after it.

    Tracebacks are plain: structlog's own, with the variables of all frames, take seconds.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.StackInfoRenderer(),
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    )
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL for each process that runs tests; who stops it starts it again."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A new database on a running PostgreSQL."""
    postgres_server.start()
    url = postgres_server.create_database()
    yield url
    postgres_server.start()
    postgres_server.drop_database(url)


@pytest.fixture
def migrated_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A new database of this version on a running PostgreSQL, a copy: to make one takes longer."""
    postgres_server.start()
    url = postgres_server.create_database(_migrate)
    yield url
    postgres_server.start()
    postgres_server.drop_database(url)


def _migrate(url: str) -> None:
    from watcher.store import versions  # what is imported before the tests begin is not traced
    from watcher.store.database import Database

    database = Database(url, writable=True)
    versions.migrate(database, dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new database, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'watcher.db'}"
    url = request.getfixturevalue("postgres_url")
    assert isinstance(url, str)
    return url


_PROGRAMS = {
    "postfix": "postfix",
    "dovecot": "dovecot",
    "spamassassin": "spamassassin",
    "browser": "chromium",
    "openssl": "openssl",
    "systemd": "systemd-analyze",
    "booted": "systemd-analyze",
    "hosts": "ip",
    "nginx": "nginx",
}
"""What tests with these marks run."""

_AS_ROOT = {"postfix", "dovecot", "booted", "hosts"}


def _missing(marker: str) -> str | None:
    """What this machine lacks for tests so marked."""
    if marker == "npm":
        return packages.missing()
    if marker in _AS_ROOT and os.geteuid() != 0:
        return "needs root"
    program = _PROGRAMS.get(marker)
    if program and not shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/usr/bin"):
        return f"needs {program}"
    if marker == "booted" and not namespaces_are_allowed():
        return "needs namespaces, which this machine does not allow"
    if marker == "hosts" and not hosts_are_allowed():
        return "needs network namespaces, which this machine does not allow"
    return None


def _is_again(item: pytest.Item) -> bool:
    """Whether a test that is not about databases runs on another than the first of them."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    kinds = {each for each in parameters.values() if isinstance(each, str)}
    return bool(kinds & {"postgresql", "fleet"}) and STORE not in item.path.parents


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, each process with its share of that.

    Coverage is not measured of that, nor of what does the same again: on another database, or with
    hundreds of examples. What these reach, others are to reach.
    """
    for item in items:
        has_examples = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        if has_examples or _is_again(item) or item.get_closest_marker("long"):
            item.add_marker("untraced")
    long = [item for item in items if item.get_closest_marker("long")]
    others = iter([item for item in items if not item.get_closest_marker("long")])
    count, dealt = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")), list[pytest.Item]()
    for number in range(count):  # as xdist deals them out: all in equal parts, one after the other
        size, own = (len(items) - len(dealt)) // (count - number), long[number::count]
        dealt += [*own, *itertools.islice(others, max(size - len(own), 0))]
    items[:] = [*dealt, *others]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine cannot run, by its markers."""
    for marker in item.iter_markers():
        if reason := _missing(marker.name):
            pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Measure no coverage of what is marked for that."""
    with untraced() if item.get_closest_marker("untraced") else contextlib.nullcontext():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where nothing may be skipped, a skipped test has failed."""
    report = yield
    if NO_SKIP and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, which WATCHER_TESTS_NO_SKIP forbids: {report.longreprtext}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a module that skips itself."""
    report = yield
    if NO_SKIP and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, which WATCHER_TESTS_NO_SKIP forbids: {report.longreprtext}"
    return report


def pytest_deselected() -> None:
    """Where nothing may be skipped, nothing may be left out either."""
    if NO_SKIP:
        raise pytest.UsageError("tests were deselected, which WATCHER_TESTS_NO_SKIP forbids")
