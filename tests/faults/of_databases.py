"""The database is locked, damaged, gone, of another version; or the power fails."""

from __future__ import annotations

import itertools
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import msgspec
from alembic import command as alembic
from alembic import config

from tests.faults.dying import command, finish, said, see_repeats
from tests.faults.ledger import settle
from tests.faults.of_kills import LIFETIME, PEOPLE, dawn
from tests.faults.rows import Tally, row
from tests.faults.victim import Victims
from tests.store.test_versions import OLD_ROWS
from tests.world import ZORBLAX, World
from watcher.models import Paper
from watcher.store import versions
from watcher.store.database import Database

PAGE = 4096

_HOLD = (
    "import sqlite3, sys; other = sqlite3.connect(sys.argv[1], isolation_level=None);"
    "other.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()"
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a pass is to say of it, and how it is put right: by a command, or by hand."""

    words: str
    command: tuple[str, ...] = ()
    by_hand: Callable[[], object] = lambda: None


Make = Callable[[World, random.Random], Trouble]


def database(world: World) -> Path:
    """SQLite's file."""
    return world.state_dir / "watcher.db"


def copy(world: World) -> Path:
    """What `watcher backup` made of it."""
    return world.directory / "copy.db"


def restored(world: World, words: str) -> Trouble:
    """What a backup puts right."""
    return Trouble(words, ("restore", str(copy(world)), "--yes"))


def damaged(world: World, rng: random.Random) -> Trouble:
    """Rubbish in place of a page."""
    content = bytearray(database(world).read_bytes())
    at = rng.randrange(len(content) // PAGE) * PAGE
    content[at : at + PAGE] = rng.randbytes(PAGE)
    database(world).write_bytes(content)
    return restored(world, "is damaged")


def cut_off(world: World, rng: random.Random) -> Trouble:
    """The file ends early."""
    content = database(world).read_bytes()
    database(world).write_bytes(content[: rng.randrange(100, len(content) - PAGE)])
    return restored(world, "is damaged")


def overwritten(world: World, rng: random.Random) -> Trouble:
    """Another file has its name."""
    database(world).write_bytes(rng.randbytes(rng.randrange(1_000, 100_000)))
    return restored(world, "is damaged")


def emptied(world: World, rng: random.Random) -> Trouble:
    """The file has nothing in it."""
    database(world).write_bytes(b"")
    return restored(world, "is gone")


def gone(world: World, rng: random.Random) -> Trouble:
    """There is no file, but perhaps the journal that was beside it."""
    database(world).unlink()
    if rng.random() < 0.5:
        (world.state_dir / "watcher.db-wal").write_bytes(rng.randbytes(5 * PAGE))
    return restored(world, "is gone")


def away(world: World, rng: random.Random) -> Trouble:
    """The disk is not mounted: it comes back with all that is on it."""
    elsewhere = world.directory / "disk"
    database(world).rename(elsewhere)
    return Trouble("is gone", by_hand=lambda: elsewhere.rename(database(world)))


def newer(world: World, rng: random.Random) -> Trouble:
    """A newer version of the program was here."""
    set_version(world, "9999")
    return Trouble("by a newer version", by_hand=lambda: set_version(world, versions.REVISIONS[-1]))


def set_version(world: World, number: str) -> None:
    """Claim another schema."""
    with closing(sqlite3.connect(database(world))) as raw, raw:
        raw.execute(f"UPDATE {versions.VERSION_TABLE} SET version_num = {number!r}")


def foreign(world: World, rng: random.Random) -> Trouble:
    """Another program's database has its name."""
    database(world).unlink()
    with closing(sqlite3.connect(database(world))) as raw, raw:
        raw.execute("CREATE TABLE songs (id)")
    return restored(world, "is not a database of this program")


def locked(world: World, rng: random.Random) -> Trouble:
    """Another program holds the right to write for longer than anybody waits."""
    # Of its own: whoever in a process closes a file gives up all that the process has locked of it.
    other = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(database(world))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdout
    other.stdout.readline()
    return Trouble("is locked by another program", by_hand=other.communicate)


TROUBLES = (damaged, away, newer, cut_off, gone, foreign, emptied, overwritten, locked)


@row(
    "database damaged, missing, newer, another program's, locked",
    "refused and left as it is, nothing mailed; goes on once it is put right",
    few=3,
    many=10 * len(TROUBLES),
)
def unusable(tries: int, directory: Path) -> Tally:
    """Each in turn, on a day that has a paper for everybody; a lock is waited for half a minute."""
    tally = Tally()
    rng = random.Random(tries)
    with Victims() as victims:
        while tally.tries < tries:
            with World(directory / f"{tally.tries}") as world:
                dawn(world)
                finish(tally, victims, world)
                world.new_mails()
                for _ in range(min(LIFETIME, tries - tally.tries)):
                    make = TROUBLES[tally.tries % len(TROUBLES)]
                    _trouble(tally, victims, world, make, rng)
                    tally.tries += 1
    return tally


def _trouble(tally: Tally, victims: Victims, world: World, make: Make, rng: random.Random) -> None:
    copy(world).unlink(missing_ok=True)
    finish(tally, victims, world, command(world, "backup", str(copy(world))))
    paper_id = dawn(world)
    trouble = make(world, rng)
    is_hurt = make is not damaged or not _is_whole(world)  # or it was a page that nobody uses
    before, sent_count = _content(world), len(world.smtp.messages)
    fate = victims.run(command(world, "check-now"))
    text = said(world)
    name = make.__name__
    if is_hurt or fate.code:
        tally.expect(
            fate.code == 74 and trouble.words in text, f"{name}: {fate.code}, {text[-500:]}"
        )
        tally.expect(_content(world) == before, f"{name}: it was not left as it is")
        tally.expect(len(world.smtp.messages) == sent_count, f"{name}: there was mail")
        trouble.by_hand()
        if trouble.command:
            finish(tally, victims, world, command(world, *trouble.command))
    world.later(minutes=1)
    finish(tally, victims, world)
    settle(tally, world.new_mails(), [(person, paper_id) for person in PEOPLE])


def _is_whole(world: World) -> bool:
    """What SQLite says of a copy."""
    with tempfile.TemporaryDirectory() as folder:
        for each in world.state_dir.glob("watcher.db*"):
            shutil.copy(each, folder)
        with closing(sqlite3.connect(Path(folder, "watcher.db"))) as raw:
            try:
                return raw.execute("PRAGMA integrity_check(1)").fetchall() == [("ok",)]
            except sqlite3.DatabaseError:
                return False


def _content(world: World) -> dict[str, bytes]:
    """The files of the database, but for what its readers leave: memory, a lock, nothing at all."""
    files = world.state_dir.glob("watcher.db*")
    found = {each.name: each.read_bytes() for each in files}
    return {
        name: said for name, said in found.items() if said and name[-4:] not in {"-shm", "lock"}
    }


LEFT = (None, ("queued", "queued"), ("delivered", "sending"), ("delivered", "delivered"))
"""What an older version left: a pair that waits for a digest, or Ada's and Bob's mails of one."""


@row(
    "database of an older version",
    "copied, brought up to date, nothing lost that waited in it",
    few=1,
    many=len(versions.REVISIONS[:-1]) * len(LEFT),
)
def older(tries: int, directory: Path) -> Tally:
    """Each older schema with each; brought up to date by a pass, or before by `watcher migrate`."""
    tally = Tally()
    cases = list(itertools.product(LEFT, versions.REVISIONS[:-1]))
    with Victims() as victims:
        for number, (left, revision) in enumerate(cases[:tries]):
            with World(directory / f"{number}") as world:
                paper_id = dawn(world)
                frozen = _make_old(world, revision, left)
                if (number + number // len(LEFT)) % 2:
                    finish(tally, victims, world, command(world, "migrate"))
                    tally.expect(not world.mails, f"{revision}: migrating sent mail")
                finish(tally, victims, world)
                copies = list(world.state_dir.glob("watcher.db.before-*"))
                tally.expect(len(copies) == 1, f"{revision}: there is no copy of what was there")
                owed = [(person, paper_id) for person in PEOPLE]
                for person, state in zip(PEOPLE, left or ("pending", "pending"), strict=False):
                    owed += [] if state == "delivered" else [(person, OLD_PAPER)]
                settle(tally, world.mails, owed)
                came = {mail.raw for mail in world.mails if OLD_PAPER in mail.paper_ids}
                if left:
                    tally.expect(came <= frozen, f"{revision}: a mail is not as it was frozen")
            tally.tries += 1
    return tally


OLD_PAPER = "2602.00001"


def _make_old(world: World, revision: str, left: tuple[str, str] | None) -> set[bytes]:
    """A database of that schema, in which that was left; the mails in it."""
    settings = config.Config()
    settings.set_main_option("script_location", str(versions.MIGRATIONS))
    old = Database(world.config().store_url, writable=True)
    mails = {person: _frozen(person) for person in PEOPLE[:2]} if left else {}
    with old.write() as connection:
        settings.attributes["connection"] = connection
        alembic.upgrade(settings, revision)
        facts = msgspec.json.encode(Paper(OLD_PAPER, ZORBLAX)).decode()
        for statement in OLD_ROWS.replace("'{}'", f"'{facts}'", 1).split(";"):
            if "INTO remarks" not in statement or revision < "0004":  # which dropped that table
                connection.exec_driver_sql(statement)
        if left:
            connection.exec_driver_sql(OLD_DIGEST)
            connection.exec_driver_sql("UPDATE matches SET state = 'composed', digest_id = 7")
        for state, (person, raw) in zip(left or (), mails.items(), strict=True):
            facts_of_mail = (person, f"<{person}>", raw, state)
            connection.exec_driver_sql(OLD_DELIVERY, facts_of_mail)
    old.close()
    return set(mails.values())


OLD_DIGEST = """
INSERT INTO digests (id, subscription_id, slot_key, composed_at, subject, html, paper_count)
VALUES (7, 'weights', '2026-02-19T08:00:00Z', '2026-02-19 08:00', 'weights', '', 1)
"""

OLD_DELIVERY = """
INSERT INTO deliveries (digest_id, sender, recipient, message_id, message, state, queued_at,
next_attempt_at) VALUES (7, 'papers@example.org', ?, ?, ?, ?, '2026-02-19 08:00',
'2026-02-19 08:00')
"""


def _frozen(recipient: str) -> bytes:
    """A digest's mail as an older version might have made it."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = "papers@example.org", recipient, "weights"
    mail["Message-ID"] = f"<{recipient}>"
    mail.set_content(f"https://huggingface.co/papers/{OLD_PAPER}\n")
    mail.add_alternative("<p>A paper.</p>\n", subtype="html")
    return mail.as_bytes()


@row(
    "power cut, at any moment of a pass",
    "the files open well and whole, nothing lost; what was mailed and not recorded goes again",
    few=3,
    many=150,
)
def power_cut(tries: int, directory: Path) -> Tally:
    """The process is held, its files are copied, and the pass goes on with the copy."""
    tally = Tally()
    rng = random.Random(tries)
    with Victims() as victims:
        while tally.tries < tries:
            with World(directory / f"{tally.tries}") as world:
                for _ in range(LIFETIME):
                    if tally.tries < tries:
                        tally.tries += _cut(tally, victims, world, rng)
    return tally


def _cut(tally: Tally, victims: Victims, world: World, rng: random.Random) -> bool:
    """Whether the pass was still under way."""
    paper_id = dawn(world)
    since = len(world.smtp.messages)
    cut = world.directory / "cut"
    job = msgspec.structs.replace(
        command(world, "check-now"),
        after=rng.randint(0, 40),
        delay=rng.choice((0.002, 0.02)) * rng.random(),
        copy_to=str(cut),
    )
    is_cut = victims.run(job).is_killed and cut.exists()
    world.smtp.wait_for_idle()
    if is_cut:
        shutil.rmtree(world.state_dir)
        cut.rename(world.state_dir)
        _lose_unsynced(world.state_dir / "watcher.db-wal", rng)
        _see_recorded(tally, world)
    world.later(minutes=1)
    finish(tally, victims, world)
    owed = [(person, paper_id) for person in PEOPLE]
    settle(tally, world.new_mails(), owed, may_repeat=True)
    see_repeats(tally, world.smtp, since)
    with closing(sqlite3.connect(database(world))) as raw:
        [[found]] = raw.execute("PRAGMA integrity_check(1)").fetchall()
    tally.expect(found == "ok", f"the database is damaged: {found}")
    return is_cut


def _lose_unsynced(journal: Path, rng: random.Random) -> None:
    """What is behind the last commit was not synced yet: of that, anything may be there.

    https://www.sqlite.org/fileformat2.html#the_write_ahead_log
    """
    if not journal.exists():
        return
    content = journal.read_bytes()
    kept, at = 32, 32
    while len(content) >= at + 24 + PAGE:
        _, page_count, *salts = struct.unpack_from(">IIII", content, at)
        if struct.pack(">II", *salts) != content[16:24]:  # of an earlier round
            break
        at += 24 + PAGE
        if page_count:
            kept = at
    tail = content[kept:]
    garbled = tail[: rng.randrange(len(tail) + 1)] + rng.randbytes(rng.choice((0, 10, 5000)))
    journal.write_bytes(content[:kept] + garbled)


def _see_recorded(tally: Tally, world: World) -> None:
    """Expect of what is recorded as delivered that it was."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(world.state_dir, folder, dirs_exist_ok=True)
        with closing(sqlite3.connect(Path(folder, "watcher.db"))) as raw:
            if not raw.execute("SELECT 1 FROM sqlite_master WHERE name = 'deliveries'").fetchall():
                return
            recorded = raw.execute(
                "SELECT recipient, message_id FROM deliveries WHERE state = 'delivered'"
            ).fetchall()
    taken = {(mail.recipient, mail.message_id) for mail in world.mails}
    tally.expect(taken.issuperset(recorded), "a mail counts as delivered that never was")
