"""Sending the mails of the pages: kept in the store until a server has taken or refused them."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeVar

import sqlalchemy as sa
import stamina
import structlog

from watcher.errors import DeliveryError, LeaseLostError, StoreError, WatcherError
from watcher.mail import make_mailer
from watcher.mail.text import without_links
from watcher.models import Envelope
from watcher.settings import Config
from watcher.store import clock as server
from watcher.store import letters, links
from watcher.store.database import Database
from watcher.store.letters import StoredLetter

log = structlog.get_logger(__name__)

T = TypeVar("T")

_RANDOM = secrets.SystemRandom()

AT_ONCE = 2
LEAVE_WITHIN = 5.0
"""Seconds for what is being sent when the pages end."""

RECORD_WITHIN = 30.0
"""Seconds for the store to take what must not be lost: while it is busy, it is asked again."""

SOON = 0.1
"""Seconds, where another process was quicker."""


@dataclass(frozen=True, slots=True)
class Made:
    """A mail that was made whoever it is for; unless `is_wanted`, it goes to nobody."""

    kind: Literal["confirm", "lost"]
    envelope: Envelope
    is_wanted: bool


@dataclass(frozen=True, slots=True)
class Pace:
    """When letters are sent, in seconds.

    `before_first` are the bounds of a time at random: what comes of a form is not to be seen in how
    the pages answer at some instant after it. `after` is how long to wait after each attempt that
    failed, the last of these after all further ones: first a person waits, then as with digests.
    `look_every` is how often the store is asked for what other processes have left. `most` are the
    letters that may wait.
    """

    before_first: tuple[float, float] = (0.3, 2.0)
    after: Sequence[float] = (15, 60, 120, 240, 480, 960, 1920, 3600)
    look_every: float = 30.0
    most: int = letters.MOST


class Post:
    """Sends letters in its own time, so that no answer tells whether there was one to send.

    What is done is the same for a letter that nobody is to have: it is made and kept, the mail
    server is greeted in its turn, and only then it is forgotten. `database` is written to past the
    daemon's lock.
    """

    def __init__(
        self,
        config: Callable[[], Config],
        database: Database,
        reader: Database,
        clock: Callable[[], dt.datetime],
        pace: Pace = Pace(),
    ) -> None:
        self._config, self._clock, self._pace = config, clock, pace
        self._database, self._reader = database, reader
        self._token = secrets.token_hex(8)
        self._being_made: set[asyncio.Task[None]] = set()
        self._workers: set[asyncio.Task[None]] = set()
        self._under_way: set[str] = set()
        self._counting = asyncio.Lock()
        self._looking = asyncio.Lock()
        self._woken = asyncio.Event()
        self._is_ending = False

    async def is_full(self) -> bool:
        """Whether no more can be taken on now. Raises StoreError."""
        async with self._counting:
            kept = await asyncio.to_thread(self._read, letters.count)
            return kept + len(self._being_made) >= self._pace.most

    def take_on(self, prepare: Callable[[], Made]) -> None:
        """Keep and send what `prepare` makes; that is called in a thread."""
        task = asyncio.create_task(self._keep(prepare))
        self._being_made.add(task)
        task.add_done_callback(self._being_made.discard)

    def start(self) -> None:
        """Send what is due, from now on until `close`."""
        self._workers = {asyncio.create_task(self._work()) for _ in range(AT_ONCE)}

    async def close(self) -> None:
        """Give what is due a moment; the rest waits for the next process."""
        ends = asyncio.get_running_loop().time() + LEAVE_WITHIN
        await _within(ends, self._being_made)
        self._is_ending = True
        self._woken.set()
        await _within(ends, self._workers)
        with contextlib.suppress(StoreError):  # a lease ends by itself, only later
            await asyncio.to_thread(self._write, partial(letters.release, token=self._token))

    async def _keep(self, prepare: Callable[[], Made]) -> None:
        try:
            made = await asyncio.to_thread(prepare)
            async with self._counting:  # each counts once: as being made, or as kept
                await self._record(partial(self._put, made=made))
                if task := asyncio.current_task():
                    self._being_made.discard(task)
        except WatcherError as error:
            log.error("a mail of the pages could not be made", error=without_links(str(error)))
        else:
            self._woken.set()

    def _put(self, connection: sa.Connection, made: Made) -> None:
        now = self._now(connection)
        due_at = now + dt.timedelta(seconds=_RANDOM.uniform(*self._pace.before_first))
        letters.keep(connection, made.kind, made.envelope, now, due_at, is_wanted=made.is_wanted)

    async def _work(self) -> None:
        while letter := await self._next():
            try:
                with _going_on():
                    await self._send(letter)
            finally:
                self._under_way.discard(letter.message_id)
                self._woken.set()  # it, or another that waited for the server, may be due

    async def _next(self) -> StoredLetter | None:
        """The next letter, when it is due; None where none is, and the pages end.

        One worker looks for all: else each would ask the store as often.
        """
        async with self._looking:
            while True:
                self._woken.clear()
                wait = self._pace.look_every
                with _going_on():
                    letter, wait = await asyncio.to_thread(self._claim)
                    if letter is not None:
                        return letter
                if self._is_ending:
                    return None
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._woken.wait()

    def _claim(self) -> tuple[StoredLetter | None, float]:
        """A letter that is due, leased; and the seconds until it is worth to look again."""
        with self._reader.read() as connection:
            now = self._now(connection)
            due_at = letters.next_due_at(connection, now, tuple(self._under_way))
        if due_at is None or due_at > now:
            wait = (due_at - now).total_seconds() if due_at else self._pace.look_every
            return None, min(wait, self._pace.look_every)
        with self._database.write() as connection:
            now = self._now(connection)
            under_way = tuple(self._under_way)
            late_count = letters.expire(connection, now, under_way)
            letter = letters.claim(connection, self._token, now, under_way)
        if letter is not None:
            self._under_way.add(letter.message_id)
        if late_count:
            log.error("mails of the pages were given up", count=late_count)
        return letter, SOON

    async def _send(self, letter: StoredLetter) -> None:
        config = self._config()
        try:
            mailer = make_mailer(config.settings, config.state_dir)
            if letter.recipient is None:
                await mailer.probe()
                await self._may_go(letter)
            else:
                envelope = Envelope(
                    0,
                    letter.message_id,
                    letter.sender,
                    letter.recipient,
                    letter.message,
                    is_notice=True,
                )
                async with mailer.session() as session:
                    await session.send(envelope, partial(self._may_go, letter))
        except LeaseLostError:
            log.info("a mail of the pages is not sent: it was withdrawn, or another process has it")
        except DeliveryError as error:
            await self._put_off(letter, error, is_session_trouble=error.session)
        except StoreError as error:
            await self._put_off(letter, error, is_session_trouble=True)
        else:
            await self._record(partial(self._finish, letter=letter))

    async def _may_go(self, letter: StoredLetter) -> bool:
        """Asked when only its bytes are left to go: whoever wants none now has none."""

        def hold(connection: sa.Connection) -> bool:
            if letter.recipient and not links.may_be_asked(connection, letter.recipient):
                letters.finish(connection, letter.message_id)  # kept just after the others went
                return False
            now = self._now(connection)
            return letters.hold(connection, letter.message_id, self._token, now)

        return await asyncio.to_thread(self._write, hold)

    def _finish(self, connection: sa.Connection, letter: StoredLetter) -> None:
        letters.finish(connection, letter.message_id)
        if letter.recipient:  # a server that only greets may still take none
            letters.hasten(connection, self._now(connection))

    async def _put_off(
        self, letter: StoredLetter, error: WatcherError, *, is_session_trouble: bool
    ) -> None:
        """Leave it for later, or give it up."""
        answer = str(error)
        after = self._pace.after
        wait = dt.timedelta(seconds=after[min(letter.attempt_count, len(after)) - 1])
        is_dead = isinstance(error, DeliveryError) and not error.retryable

        def settle(connection: sa.Connection) -> bool:
            until = self._now(connection) + wait
            if is_dead or until >= letter.created_at + letters.GIVE_UP_AFTER:
                letters.finish(connection, letter.message_id)
                return False
            letters.put_off(
                connection,
                letter.message_id,
                self._token,
                until,
                answer,
                is_session_trouble=is_session_trouble,
            )
            return True

        waits = await self._record(settle)
        if letter.recipient is None:
            return
        if waits:
            log.warning("a mail of the pages waits", error=answer)
        else:
            log.error("a mail of the pages was not sent", error=answer)

    async def _record(self, step: Callable[[sa.Connection], T]) -> T:
        """Write what must not be lost. Raises StoreError after RECORD_WITHIN."""
        patiently = stamina.AsyncRetryingCaller(
            attempts=None, timeout=RECORD_WITHIN, wait_initial=0.1, wait_max=5.0
        ).on(StoreError)
        return await patiently(asyncio.to_thread, self._write, step)

    def _write(self, step: Callable[[sa.Connection], T]) -> T:
        with self._database.write() as connection:
            return step(connection)

    def _read(self, step: Callable[[sa.Connection], T]) -> T:
        with self._reader.read() as connection:
            return step(connection)

    def _now(self, connection: sa.Connection) -> dt.datetime:
        """The time by which letters go: where several machines may serve pages, the store's."""
        return self._clock() if self._database.path else server.now(connection)


@contextlib.contextmanager
def _going_on() -> Iterator[None]:
    """Log what goes wrong with one letter, or with looking for one; the others go their way."""
    try:
        yield
    except StoreError as error:
        log.error("mails of the pages cannot be seen to", error=str(error))
    except Exception as error:  # noqa: BLE001  # a bug with one letter stops no other
        told = f"{type(error).__name__}: {without_links(str(error))}"
        log.error("a mail of the pages met a bug", error=told)


async def _within(ends: float, tasks: set[asyncio.Task[None]]) -> None:
    """Wait for them until then, by the loop's clock; whoever is not through is cancelled."""
    if not tasks:
        return
    left = max(ends - asyncio.get_running_loop().time(), 0)
    _, late = await asyncio.wait(tasks, timeout=left)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
