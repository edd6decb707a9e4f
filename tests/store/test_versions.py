"""Migrating, refusing, copying, putting back."""

from __future__ import annotations

import contextlib
import datetime as dt
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import autogenerate, command, config, migration, script

from tests.store.conftest import NOW
from watcher.errors import StoreError
from watcher.models import DeliveryState, Outage
from watcher.store import backfills, bounces, checks, leaving, matches, outages, outbox, versions
from watcher.store.database import Database
from watcher.store.schema import metadata

DAY = dt.timedelta(days=1)

OLD_ROWS = """
INSERT INTO papers (id, title, facts, first_facts, first_seen_at, facts_at)
VALUES ('2602.00001', 'T', '{}', '{}', '2026-02-19 08:00', '2026-02-19 08:00');
INSERT INTO subscriptions (id, definition, fingerprint, known_at)
VALUES ('weights', '{}', 'f', '2026-02-19 08:00');
INSERT INTO matches (subscription_id, paper_id, state, is_baseline, source, matched_at, reasons)
VALUES ('weights', '2602.00001', 'pending', false, 'daily', '2026-02-19 08:00', '[]');
INSERT INTO remarks (source, made_at, text) VALUES
('daily', '2026-01-02 08:00',
'daily: caught up 3 days after an outage since Tue 29 Dec 20:00 UTC.'),
('trending', '2026-02-19 08:00',
'trending could not be read from Tue 17 Feb 06:30 to Thu 19 Feb 08:00 UTC: papers that came …')
"""
"""Of the first schema."""


OLD_MAILS = """
INSERT INTO subscriptions (id, definition, fingerprint, known_at)
VALUES ('weights', '{}', 'f', '2026-02-19 08:00');
INSERT INTO digests (id, subscription_id, slot_key, composed_at, subject, html, paper_count)
VALUES (7, 'weights', 's', '2026-02-19 08:00', 'weights', '', 1);
INSERT INTO deliveries (id, digest_id, sender, recipient, message_id, state, queued_at,
next_attempt_at, bounce_token)
VALUES (9, 7, 'a@b.c', 'ada@example.org', '<1@b.c>', 'dead', '2026-02-19 08:00',
'2026-02-19 08:00', 'token');
INSERT INTO bounces (delivery_id, is_final, status, text, reported_at)
VALUES (9, true, '5.1.1', 'no such user', '2026-02-19 09:00')
"""
"""Of the fourth schema."""


OLD_CLICKS = """
INSERT INTO subscriptions (id, definition, fingerprint, known_at, removed_at) VALUES
('weights', '{}', 'f', '2026-02-19 08:00', NULL),
('gone', '{}', 'f', '2026-02-19 08:00', '2026-02-19 08:00');
INSERT INTO paused_recipients (address, paused_at, reason, resumed_at) VALUES
('Ada@example.org', '2026-02-19 09:00', 'unsubscribed at a click from weights', NULL),
('max@example.org', '2026-02-19 09:00', 'unsubscribed at a click from gone', NULL),
('eve@example.org', '2026-02-19 09:00', 'unsubscribed at a click from weights', '2026-02-20 09:00'),
('bob@example.org', '2026-02-19 09:00', '3 mails in a row came back', NULL)
"""
"""Of the twelfth schema."""


KILLED = """
import datetime as dt, os, signal, sys
from watcher import steps
from watcher.store import versions
from watcher.store.database import Database
def kill(step, is_committed):
    if is_committed == (sys.argv[2] == "after"):
        os.kill(os.getpid(), signal.SIGKILL)
steps.hook = kill
versions.migrate(Database(sys.argv[1], writable=True), dt.datetime.fromisoformat(sys.argv[3]))
"""
"""An upgrade that dies before or after its commit."""


WAITING = """
SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'subscriptions'::regclass
"""


def at(*moment: int) -> dt.datetime:
    return dt.datetime(*moment, tzinfo=dt.UTC)  # type: ignore[misc,arg-type]  # as many as are told


@contextlib.contextmanager
def another(url: str) -> Iterator[Database]:
    database = Database(url, writable=True)
    yield database
    database.close()


def left_by(revision: str, rows: str, url: str) -> Database:
    """A database in which an older version left these rows."""
    database = Database(url, writable=True)
    settings = config.Config()
    settings.set_main_option("script_location", str(versions.MIGRATIONS))
    with database.write() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, revision)
        for statement in rows.split(";"):
            connection.execute(sa.text(statement))
    return database


def migrated_from(revision: str, rows: str, url: str) -> Database:
    """The same, brought up to this version."""
    database = left_by(revision, rows, url)
    versions.migrate(database, NOW)
    return database


def schema_of(connection: sa.Connection) -> dict[tuple[str, str], list[str]]:
    """What the database itself says of its tables; in no order, since none matters."""
    database = sa.inspect(connection)
    found: dict[tuple[str, str], list[str]] = {}
    for table in database.get_table_names():
        parts: dict[str, list[Any]] = {
            "columns": list(database.get_columns(table)),
            "key": [database.get_pk_constraint(table)],
            "foreign keys": list(database.get_foreign_keys(table)),
            "indexes": [
                {**each, "dialect_options": _words(each.get("dialect_options"))}
                for each in database.get_indexes(table)
            ],
            "unique": list(database.get_unique_constraints(table)),
            "checks": list(database.get_check_constraints(table)),
        }
        found |= {(table, kind): sorted(map(repr, those)) for kind, those in parts.items()}
    if connection.dialect.name == "sqlite":
        virtual = "SELECT sql FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL%'"
        made = [" ".join(sql.split()) for sql in connection.execute(sa.text(virtual)).scalars()]
        found["virtual", "tables"] = made
    return found


def _words(options: dict[str, Any] | None) -> dict[str, str]:
    return {name: str(value) for name, value in (options or {}).items()}


def is_of_schema(name: str | None, *_: object) -> bool:
    """Whether it is no part of the index of words, which stands beside the schema."""
    return not (name or "").startswith(("paper_words", "indexed_papers", "ix_papers_to_index"))


def test_the_migrations_make_the_very_tables_of_the_schema(database_url: str) -> None:
    database = migrated_from("0001", OLD_ROWS, database_url)
    with database.read() as connection:
        context = migration.MigrationContext.configure(
            connection,
            opts={"version_table": versions.VERSION_TABLE, "include_name": is_of_schema},
        )
        assert autogenerate.compare_metadata(context, metadata) == []
        migrated = schema_of(connection)
    with database.write() as connection:
        for table in (versions.VERSION_TABLE, "paper_words", "indexed_papers"):
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")
        metadata.drop_all(connection)
    versions.migrate(database, NOW)
    with database.read() as connection:
        assert schema_of(connection) == migrated
    database.close()


def test_the_known_revisions_are_the_migrations() -> None:
    settings = config.Config()
    settings.set_main_option("script_location", str(versions.MIGRATIONS))
    found = script.ScriptDirectory.from_config(settings).walk_revisions()
    assert tuple(revision.revision for revision in reversed(list(found))) == versions.REVISIONS


def test_migrating_twice_changes_nothing(database: Database) -> None:
    assert versions.version(database) == versions.REVISIONS[-1]
    assert versions.migrate(database, NOW) is None


def test_a_database_of_a_newer_version_is_refused_and_left_alone(database: Database) -> None:
    with database.write() as connection:
        connection.execute(sa.text("UPDATE watcher_version SET version_num = '9999'"))
    for act in (versions.version, versions.require_newest):
        with pytest.raises(StoreError, match=r"newer version of this program \(schema 9999"):
            act(database)
    with pytest.raises(StoreError, match="newer version"):
        versions.migrate(database, NOW)
    with database.read() as connection:
        found = connection.execute(sa.text("SELECT version_num FROM watcher_version")).scalar()
    assert found == "9999"


def test_a_damaged_page_is_found_before_anything_is_read_from_it(database: Database) -> None:
    versions.require_whole(database)
    if not database.path:
        return
    database.close()
    content = bytearray(database.path.read_bytes())
    content[-4096:] = b"\xa5" * 4096
    database.path.write_bytes(content)
    with pytest.raises(StoreError, match=r"is damaged \(.*watcher restore"):
        versions.require_whole(database)


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE songs (id)")
    raw.close()
    before = path.read_bytes()
    database = Database(f"sqlite:///{path}", writable=True)
    with pytest.raises(StoreError, match=r"holds other tables \(songs\)"):
        versions.migrate(database, NOW)
    database.close()
    assert path.read_bytes() == before


def test_readers_want_the_newest_schema(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'w.db'}", writable=True)
    with pytest.raises(StoreError, match="still empty; `watcher check-now`"):
        versions.require_newest(database)
    versions.migrate(database, NOW)
    versions.require_newest(database)
    database.close()


def copies(database: Database) -> list[Path]:
    """What was made of SQLite's file, whole or not."""
    return sorted(database.path.parent.glob("*.before-*")) if database.path else []


def revision_of(path: Path) -> str:
    with contextlib.closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        [(found,)] = raw.execute("SELECT version_num FROM watcher_version").fetchall()
    return str(found)


def see_old_mails(database: Database) -> None:
    """Expect all that `OLD_MAILS` says, in the newest schema."""
    versions.require_newest(database)
    with database.read() as connection:
        [kept] = outbox.of_digests(connection, [7])
        assert (kept.id, kept.state, kept.resend_number) == (9, DeliveryState.DEAD, 0)
        assert bounces.by_token(connection, "token") == kept
        run = bounces.in_a_row(connection, kept)
        assert run is not None
        assert run.first_at == at(2026, 2, 19, 9)


def test_who_was_paused_by_a_click_stays_so_and_has_left_that_list(database_url: str) -> None:
    database = migrated_from("0012", OLD_CLICKS, database_url)
    with database.read() as connection:
        assert leaving.left(connection).by_pair == {
            ("weights", "ada@example.org"): leaving.LeftRecipient(
                "weights", "ada@example.org", at(2026, 2, 19, 9)
            )
        }
        paused = bounces.paused(connection)
    assert paused.keys() == {"Ada@example.org", "bob@example.org", "max@example.org"}
    database.close()


def test_an_old_database_is_copied_before_it_is_changed(tmp_path: Path) -> None:
    database = left_by("0004", OLD_MAILS, f"sqlite:///{tmp_path / 'w.db'}")
    copy = versions.migrate(database, NOW)
    assert copy == tmp_path / f"w.db.before-{versions.REVISIONS[-1]}-20260219080000"
    assert copies(database) == [copy]
    assert revision_of(copy) == "0004"
    # Put back within the same second, and upgraded once more: no copy takes another's place.
    database.close()
    versions.restore(database, copy, NOW)
    again = versions.migrate(database, NOW)
    assert again is not None
    assert again.name == f"{copy.name}-2"
    assert [revision_of(each) for each in copies(database)] == ["0004", "0004"]
    database.close()


def test_an_upgrade_that_fails_leaves_all_as_it_was(database_url: str) -> None:
    database = left_by("0004", OLD_MAILS, database_url)
    in_the_way = ("_alembic_tmp_deliveries", "uq_deliveries_message_id_resend_number")
    with database.write() as connection:
        for name in in_the_way:
            connection.execute(sa.text(f"CREATE TABLE {name} (id integer)"))
    for second in range(2):
        with pytest.raises(StoreError, match="already exists"):
            versions.migrate(database, NOW + dt.timedelta(seconds=second))
        assert copies(database) == []
    with database.write() as connection:
        for name in in_the_way:
            connection.execute(sa.text(f"DROP TABLE {name}"))
    versions.migrate(database, NOW)
    see_old_mails(database)
    database.close()


@pytest.mark.parametrize("kills", [("before", "before"), ("after",)])
def test_an_upgrade_that_is_killed_is_done_by_the_next_start(
    database_url: str, kills: tuple[str, ...]
) -> None:
    database = left_by("0004", OLD_MAILS, database_url)
    database.close()
    for second, moment in enumerate(kills):
        now = (NOW + dt.timedelta(seconds=second)).isoformat()
        killed = [sys.executable, "-c", KILLED, database_url, moment, now]
        assert subprocess.run(killed, check=False).returncode == -signal.SIGKILL
    assert [revision_of(each) for each in copies(database)] == ["0004"] * bool(database.path)
    copy = versions.migrate(database, NOW + dt.timedelta(minutes=1))
    see_old_mails(database)
    assert copies(database) == ([copy] if copy else [])
    if database.path:
        assert copy is not None
        assert copy.name.endswith("-20260219080100")
        assert revision_of(copy) == "0004"
    assert versions.migrate(database, NOW + DAY) is None
    database.close()


def until_it_waits(connection: sa.Connection) -> None:
    """Wait until somebody waits for subscriptions; there is no event to wait for."""
    end = time.monotonic() + 10
    while not connection.scalar(sa.text(WAITING)):
        assert time.monotonic() < end, "nobody waits"
        time.sleep(0.01)


@contextlib.contextmanager
def in_use(url: str) -> Iterator[tuple[sa.Connection, Callable[..., Path | None]]]:
    """A transaction that has read what an upgrade changes, and what makes that upgrade.

    It is for the transaction to find out that they wait for each other, as where the upgrade has
    looked for that already.
    """
    upgraded = left_by("0004", OLD_MAILS, f"{url}&options=-c%20deadlock_timeout%3D1min")
    using = Database(url, writable=True)
    try:
        with using.write() as connection:
            connection.execute(sa.text("SELECT id FROM subscriptions"))
            yield connection, partial(versions.migrate, upgraded, NOW)
    finally:
        using.close()
        upgraded.close()


def test_an_upgrade_gives_way_to_a_step_when_they_wait_for_each_other(postgres_url: str) -> None:
    with ThreadPoolExecutor(1) as thread, in_use(postgres_url) as (step, upgrade):
        upgraded = thread.submit(upgrade)
        until_it_waits(step)
        step.execute(sa.text("UPDATE deliveries SET answer = 'no such user'"))
        step.commit()
        upgraded.result()
    with another(postgres_url) as server:
        see_old_mails(server)
        with server.read() as connection:
            [kept] = outbox.of_digests(connection, [7])
        assert kept.answer == "no such user"


def test_nobody_stands_in_line_behind_an_upgrade_that_waits_for_a_dump(postgres_url: str) -> None:
    with ThreadPoolExecutor(1) as thread, in_use(postgres_url) as (dump, upgrade):
        upgraded = thread.submit(upgrade)
        until_it_waits(dump)
        with another(postgres_url) as server, server.write() as step:
            step.execute(sa.text("SET LOCAL statement_timeout = '5s'"))
            step.execute(sa.text("UPDATE subscriptions SET definition = '{}'"))
        assert not upgraded.done()
        dump.commit()
        upgraded.result()
    with another(postgres_url) as server:
        see_old_mails(server)


def test_an_upgrade_that_is_held_up_for_long_says_so_and_changes_nothing(postgres_url: str) -> None:
    with in_use(postgres_url) as (_, upgrade):
        with pytest.raises(StoreError, match="some transaction used what is to be changed"):
            upgrade(held_up_at_most=0.1)
        with another(postgres_url) as server:
            assert versions.version(server) == "0004"


def test_a_copy_that_was_cut_off_is_made_anew(tmp_path: Path) -> None:
    database = left_by("0004", OLD_MAILS, f"sqlite:///{tmp_path / 'w.db'}")
    for end in ("", ".partial", ".partial-journal"):
        (tmp_path / f"w.db.before-{versions.REVISIONS[-1]}{end}").write_bytes(b"half of it" * 1000)
    copy = versions.migrate(database, NOW)
    assert copy is not None
    assert copies(database) == [copy]
    assert revision_of(copy) == "0004"
    database.close()


def test_without_a_copy_nothing_is_changed(tmp_path: Path) -> None:
    database = left_by("0004", OLD_MAILS, f"sqlite:///{tmp_path / 'w.db'}")
    in_the_way = tmp_path / f"w.db.before-{versions.REVISIONS[-1]}"
    in_the_way.mkdir()
    with pytest.raises(StoreError, match=f"{in_the_way} cannot be removed"):
        versions.migrate(database, NOW)
    assert revision_of(tmp_path / "w.db") == "0004"
    in_the_way.rmdir()
    versions.migrate(database, NOW)
    see_old_mails(database)
    database.close()


def test_what_an_older_version_stored_is_kept(database_url: str) -> None:
    database = migrated_from("0001", OLD_ROWS, database_url)
    with database.read() as connection:
        [pair] = matches.of_paper(connection, "2602.00001")
        assert backfills.done(connection) == set()
        known = outages.ended_since(connection, {"daily", "trending"}, NOW - 365 * DAY)
    database.close()
    assert known == (
        Outage("daily", at(2025, 12, 29, 20), at(2026, 1, 2, 8), "day", 3),
        Outage("trending", at(2026, 2, 17, 6, 30), NOW),
    )
    assert (pair.subscription_id, pair.votes_per_day, pair.backfill_days) == ("weights", None, None)


def test_mails_and_what_came_back_of_them_are_kept(database_url: str) -> None:
    database = migrated_from("0004", OLD_MAILS, database_url)
    see_old_mails(database)
    for change, broken in (
        ("state = 'lost'", "ck_deliveries_state"),
        ("digest_id = NULL", "ck_deliveries_one_origin"),
    ):
        with pytest.raises(StoreError, match=broken), database.write() as connection:
            connection.execute(sa.text(f"UPDATE deliveries SET {change}"))
    database.close()


def test_a_backup_holds_everything_even_while_someone_writes(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'w.db'}", writable=True)
    versions.migrate(database, NOW)
    with database.write() as connection:
        checks.put_meta(connection, "key", "committed")
    with database.write() as connection:
        checks.put_meta(connection, "key", "under way")
        versions.backup(database, tmp_path / "copy.db")
    copy = Database(f"sqlite:///{tmp_path / 'copy.db'}", writable=False)
    with copy.read() as connection:
        assert checks.get_meta(connection, "key") == "committed"
    assert versions.integrity(copy) == ()
    assert (tmp_path / "copy.db").stat().st_mode & 0o077 == 0
    copy.close()
    with pytest.raises(StoreError, match="exists already"):
        versions.backup(database, tmp_path / "copy.db")
    with pytest.raises(StoreError, match="no copy of"):
        versions.backup(database, tmp_path / "nowhere" / "copy.db")
    database.close()


def test_restore_puts_a_copy_back_and_keeps_what_was_there(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'w.db'}", writable=True)
    versions.migrate(database, NOW)
    with database.write() as connection:
        checks.put_meta(connection, "key", "old")
    versions.backup(database, tmp_path / "copy.db")
    with database.write() as connection:
        checks.put_meta(connection, "key", "new")
    database.close()
    kept = versions.restore(database, tmp_path / "copy.db", NOW)
    assert kept is not None
    for path, value in ((tmp_path / "w.db", "old"), (kept, "new")):
        found = Database(f"sqlite:///{path}", writable=False)
        with found.read() as connection:
            assert checks.get_meta(connection, "key") == value
        found.close()


def test_restoring_twice_in_a_second_keeps_both(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'w.db'}", writable=True)
    versions.migrate(database, NOW)
    versions.backup(database, tmp_path / "copy.db")
    kept = []
    for value in ("first", "second", "third"):
        with database.write() as connection:
            checks.put_meta(connection, "key", value)
        database.close()
        kept.append(versions.restore(database, tmp_path / "copy.db", NOW))
    assert [each and meta_of(each) for each in kept] == ["first", "second", "third"]


def test_restore_keeps_and_puts_back_what_a_reader_holds_in_the_wal(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'w.db'}", writable=True)
    versions.migrate(database, NOW)
    versions.backup(database, tmp_path / "copy.db")
    reader = Database(f"sqlite:///{tmp_path / 'w.db'}", writable=False)
    with reader.read() as view:
        assert checks.get_meta(view, "key") is None
        with database.write() as connection:
            checks.put_meta(connection, "key", "new")
        database.close()
        kept = versions.restore(database, tmp_path / "copy.db", NOW)
    reader.close()
    assert kept is not None
    assert kept.with_name(f"{kept.name}-wal").exists()
    assert meta_of(tmp_path / "w.db") is None
    versions.restore(database, kept, NOW + DAY)
    assert meta_of(tmp_path / "w.db") == "new"
    assert meta_of(kept) == "new"


def meta_of(path: Path) -> str | None:
    found = Database(f"sqlite:///{path}", writable=False)
    with found.read() as connection:
        value = checks.get_meta(connection, "key")
    found.close()
    return value


def test_restore_refuses_what_is_no_good_copy(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'w.db'}", writable=True)
    versions.migrate(database, NOW)
    database.close()
    before = (tmp_path / "w.db").read_bytes()
    (tmp_path / "damaged.db").write_bytes(b"nonsense" * 1000)
    sqlite3.connect(tmp_path / "empty.db").close()
    (tmp_path / "empty.db").touch()
    for name, message in (("damaged.db", "damaged"), ("empty.db", "empty or damaged")):
        with pytest.raises(StoreError, match=message):
            versions.restore(database, tmp_path / name, NOW)
    with pytest.raises(StoreError, match="no database at"):
        versions.restore(database, tmp_path / "missing.db", NOW)
    assert (tmp_path / "w.db").read_bytes() == before


def test_postgresql_is_backed_up_by_its_own_tools(postgres_url: str, tmp_path: Path) -> None:
    database = Database(postgres_url, writable=True)
    with pytest.raises(StoreError, match="pg_dump"):
        versions.backup(database, tmp_path / "copy.db")
    with pytest.raises(StoreError, match="no database at"):
        versions.restore(database, tmp_path / "copy.db", NOW)
    assert versions.integrity(database) == ()
    database.close()


def test_a_database_of_an_older_version_is_told_to_readers(database: Database) -> None:
    with pytest.raises(StoreError, match="older version; run `watcher migrate`"):
        versions.require_newest(database, (*versions.REVISIONS, "9999"))
