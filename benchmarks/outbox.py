"""Rows of the outbox written to SQLite: by the store, against `executemany` of the module sqlite3.

Both write the same rows to databases of the same schema, each in transactions of 1,000 mails: a
digest with its HTML for every mail, the delivery, and the mail's bytes. They take turns.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.measuring import Bound, in_turns
from watcher.store import outbox, versions
from watcher.store.database import Database
from watcher.store.schema import subscriptions

MAILS = 20_000
TOGETHER = 1_000
"""Mails of one transaction."""

SIZE = 2_000
"""Bytes of a mail."""

ROUNDS = 5

NOW = dt.datetime(2026, 2, 19, 7, tzinfo=dt.UTC)
_AT = f"{NOW:%Y-%m-%d %H:%M:%S}.000000"
_NEW = ("queued", _AT, _AT, None, None)
_BODY = b"Subject: papers\r\n\r\n".ljust(SIZE, b".")

_DIGEST = """
INSERT INTO digests (id, subscription_id, slot_key, composed_at, subject, html, paper_count)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_DELIVERY = """
INSERT INTO deliveries (id, digest_id, notice_id, sender, recipient, message_id, message, state,
queued_at, next_attempt_at, finished_at, answer, bounce_token)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_MESSAGE = "INSERT INTO messages (delivery_id, message) VALUES (?, ?)"


def frozen(numbers: Sequence[int]) -> list[outbox.Frozen]:
    """A digest for one recipient by each of the numbers."""
    return [
        outbox.Frozen(
            "weights",
            f"{number}",
            "weights: 5 new papers",
            "",
            (),
            (
                outbox.Message(
                    f"papers+{number:020x}@example.org",
                    f"reader-{number}@example.org",
                    f"<{number:032x}@example.org>",
                    _BODY,
                    f"{number:020x}",
                ),
            ),
        )
        for number in numbers
    ]


@contextlib.contextmanager
def empty(folder: Path, name: str) -> Iterator[Path]:
    """A new database with the one subscription; it is removed afterwards."""
    path = folder / f"{name}.db"
    database = Database(f"sqlite:///{path}", writable=True)
    versions.migrate(database, NOW)
    with database.write() as connection:
        known = {"id": "weights", "definition": "{}", "fingerprint": "", "known_at": NOW}
        connection.execute(subscriptions.insert(), known)
    database.close()
    yield path
    for end in ("", "-wal", "-shm"):
        path.with_name(f"{path.name}{end}").unlink(missing_ok=True)


def by_the_store(path: Path, digests: Sequence[outbox.Frozen]) -> None:
    """As composing does."""
    database = Database(f"sqlite:///{path}", writable=True)
    for first in range(0, len(digests), TOGETHER):
        with database.write() as connection:
            outbox.enqueue_digests(connection, digests[first : first + TOGETHER], NOW)
    database.close()


def by_executemany(path: Path, digests: Sequence[outbox.Frozen]) -> None:
    """The same rows by hand; the same pragmas."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA foreign_keys=ON")
        raw.execute("PRAGMA synchronous=FULL")
        for first in range(0, len(digests), TOGETHER):
            some = list(enumerate(digests[first : first + TOGETHER], first + 1))
            mails = [(i, mail) for i, digest in some for mail in digest.messages]
            raw.execute("BEGIN IMMEDIATE")
            raw.executemany(
                _DIGEST,
                [(i, d.subscription_id, d.slot_key, _AT, d.subject, d.html, 0) for i, d in some],
            )
            raw.executemany(
                _DELIVERY,
                [
                    (i, i, None, m.sender, m.recipient, m.message_id, None, *_NEW, m.bounce_token)
                    for i, m in mails
                ],
            )
            raw.executemany(_MESSAGE, [(i, mail.message) for i, mail in mails])
            raw.execute("COMMIT")


def rows(path: Path) -> list[list[tuple[object, ...]]]:
    """All that is in the three tables."""
    with contextlib.closing(sqlite3.connect(path)) as raw:
        return [
            raw.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
            for table in ("digests", "deliveries", "messages")
        ]


def measure() -> list[Bound]:
    """Processor time of both."""
    digests = frozen(range(MAILS))
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)

        def ours() -> None:
            with empty(folder, "ours") as path:
                by_the_store(path, digests)

        def theirs() -> None:
            with empty(folder, "theirs") as path:
                by_executemany(path, digests)

        took = in_turns(ROUNDS, {"ours": ours, "theirs": theirs})
    return [
        Bound(
            f"queue {MAILS:,} mails of {SIZE // 1000} kB",
            "sqlite3, executemany of the same rows",
            took["ours"],
            took["theirs"],
            least=0.5,
        )
    ]
