"""The ground the other tests stand on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tests.postgres import PostgresServer

CHECKOUT = Path(__file__).parents[1]


def pytest_run(directory: Path, test: str, *arguments: str, no_skip: bool) -> str:
    """All that a run of one module under these very fixtures and rules says."""
    module = directory / "test_it.py"
    module.write_text(test)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-q", *arguments, module],
        cwd=CHECKOUT,
        check=False,
        capture_output=True,
        text=True,
        env={
            **{key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")},
            "WATCHER_TESTS_NO_SKIP": "1" if no_skip else "0",
            "WATCHER_SMTP__PASSWORD": "of the developer",
            "https_proxy": "http://proxy.invalid",
        },
    )
    return done.stdout + done.stderr


def test_nothing_of_the_environment_reaches_a_test(tmp_path: Path) -> None:
    test = (
        "import os\nfrom pathlib import Path\n"
        "def test_it(tmp_path):\n"
        "    assert not {'WATCHER_SMTP__PASSWORD', 'https_proxy'} & set(os.environ)\n"
        "    assert Path.home() == tmp_path\n"
    )
    assert "1 passed" in pytest_run(tmp_path, test, no_skip=False)


def test_whatever_is_skipped_fails_where_nothing_may_be(tmp_path: Path) -> None:
    test = (
        "import pytest\n"
        "def test_by_itself(): pytest.skip('no')\n"
        "@pytest.mark.skip(reason='no')\ndef test_by_mark(): pass\n"
        "@pytest.mark.xfail(reason='no')\ndef test_expected(): assert 0\n"
    )
    assert "2 skipped, 1 xfailed" in pytest_run(tmp_path, test, no_skip=False)
    assert "2 failed, 1 error" in pytest_run(tmp_path, test, no_skip=True)


def test_a_module_that_skips_itself_fails_where_none_may(tmp_path: Path) -> None:
    test = "import pytest\npytest.importorskip('no_such_module')\n"
    assert "1 error" in pytest_run(tmp_path, test, no_skip=True)


def test_leaving_tests_out_fails_where_none_may_be(tmp_path: Path) -> None:
    test = "def test_it(): pass\ndef test_other(): pass\n"
    assert "forbids" in pytest_run(tmp_path, test, "-k", "other", no_skip=True)


@pytest.mark.untraced
def test_what_is_not_to_be_measured_is_not() -> None:
    """Also where a process runs tests for another one, and is measured twice."""
    assert sys.gettrace() is None
    assert "COVERAGE_PROCESS_CONFIG" not in os.environ


def test_each_database_is_new(database_url: str) -> None:
    engine = sa.create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    assert sa.inspect(engine).get_table_names() == []
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE it (id INTEGER)"))
    engine.dispose()


def test_what_is_stored_survives_a_crash_of_the_server(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE it (id INTEGER)")
    postgres_server.stop("immediate")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres_url)
    postgres_server.restart()
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM it").fetchone() == (0,)


def test_a_server_that_cannot_start_says_why() -> None:
    with PostgresServer() as server:
        server.stop()
        with (server.directory / "cluster" / "postgresql.conf").open("a") as file:
            file.write("no_such_setting = 1\n")
        with pytest.raises(RuntimeError, match="no_such_setting"):
            server.start()
