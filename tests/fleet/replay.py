"""Days of the site under replicas that are killed, stopped, and cut off from their database."""

from __future__ import annotations

import contextlib
import datetime as dt
import quopri
import random
import re
import time
from collections import Counter, defaultdict

from tests.fakesite import make_paper
from tests.faults.ledger import settle
from tests.faults.rows import Tally
from tests.fleet.blows import LEASES_END, Fleet
from tests.fleet.nursery import Nursery
from tests.fleet.processes import leap, prepare
from tests.fleet.rest import settle_down
from tests.postgres import PostgresServer
from tests.smtpserver import Accepted
from tests.world import DAILY, Mail, World
from watcher.store import checks
from watcher.store.database import Database

SHARD_SIZE = 1_500
CHECKS = 4
"""A day."""

EVERY = dt.timedelta(days=1) / CHECKS
IS_BUSY = (1, 2)
"""Those after which daily digests are due."""

PAPERS = 3
"""At each check."""

READERS_OF_A_WORD = 10
DIGESTS = (
    *("daily 09:00",) * 9,
    *("weekdays 08:00",) * 4,
    *("weekly mon 08:00",) * 3,
    *("daily 18:30",) * 3,
    "each-check",
)
SUBSCRIPTION = """
[[subscriptions]]
name = "s{number}"
to = ["r{number}@example.org"]
digest = "{digest}"
any = ["zorblax{word}"]
"""


class Readership:
    """Readers, each of one word, and what they are owed. Most papers concern few of them."""

    def __init__(self, world: World, count: int, rng: random.Random) -> None:
        self._world, self._rng = world, rng
        self._word_count = max(1, count // READERS_OF_A_WORD)
        self._of_word: dict[int, list[str]] = defaultdict(list)
        self._paper_count = 0
        self.owed: set[tuple[str, str]] = set()
        parts = []
        for number in range(count):
            word = number % self._word_count
            digest = rng.choice(DIGESTS)
            self._of_word[word].append(f"r{number}@example.org")
            parts.append(SUBSCRIPTION.format(number=number, digest=digest, word=word))
        world.configure(DAILY, *parts)
        path = world.config_path
        path.write_text(path.read_text().replace("[schedule]", '[schedule]\ncheck = "0 */6 * * *"'))

    def publish(self) -> None:
        """Put papers on the site that some of them ask for."""
        for _ in range(PAPERS):
            word = self._rng.randrange(self._word_count)
            self._paper_count += 1
            title = f"Of zorblax{word}"
            paper = make_paper(self._paper_count, self._world.now, title=title)
            self.owed |= {(address, paper.id) for address in self._of_word[word]}
            self._world.add(paper)


class Asked:
    """What the site was asked for: no page twice for a slot."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen_count = self._check_count = 0

    def expect_once(self, tally: Tally) -> None:
        """Look at what was asked since this was last called, when nothing is left to do."""
        database = Database(self._world.config().store_url, writable=False)
        with contextlib.closing(database), database.read() as connection:
            check_count = len(checks.recent(connection, limit=10_000))  # one source: so many slots
        slot_count, self._check_count = check_count - self._check_count, check_count
        asked = Counter(request.target for request in self._world.site.requests[self._seen_count :])
        self._seen_count = len(self._world.site.requests)
        for page, count in asked.items():
            tally.expect(
                count <= slot_count, f"{page} was asked for {count} times in {slot_count} slots"
            )


def read(accepted: Accepted) -> Mail:
    """What a reader has of a digest's plain text: of thousands, for little."""
    head, _, rest = accepted.message.partition(b"\r\n\r\n")
    names = re.findall(rb"(?m)^Message-ID: (\S+)", head)
    text = quopri.decodestring(rest.partition(b"text/html")[0]).decode()
    return Mail(accepted.recipient, "", names[0].decode(), text, "", accepted.message)


def replay(
    world: World, server: PostgresServer, *, seed: int, days: int, subscriptions: int
) -> Tally:
    """So many days of two clocks and four workers, with a blow or two at each check."""
    rng, tally = random.Random(seed), Tally(tries=days)
    readers, asked = Readership(world, subscriptions, rng), Asked(world)
    world.site.redirects_empty = False  # or a page is asked for by the way of another
    world.fill()
    prepare(world)
    start, slots = world.now, range(1, CHECKS * days + 1)
    restarts = {len(slots) // 3, 2 * len(slots) // 3}
    with Nursery(world, SHARD_SIZE) as nursery, Fleet(world, nursery, rng) as fleet:
        for slot in slots:
            world.now = max(world.now + LEASES_END, start + slot * EVERY)
            readers.publish()
            is_held_up = slot > CHECKS and slot % CHECKS in IS_BUSY
            if is_held_up:
                fleet.hold_up()
            leap(world)
            if is_held_up:
                fleet.see_held_up()
            time.sleep(rng.uniform(0, 1.5))  # a blow may fall at any moment
            fleet.disturb()
            if slot in restarts:
                server.restart()
            settle_down(world, EVERY, fleet.pass_time)
            asked.expect_once(tally)
        world.now += dt.timedelta(days=7)  # the last weekly digests
        leap(world)
        settle_down(world, EVERY, fleet.pass_time, is_end=True)
    mails = [read(accepted) for accepted in world.smtp.messages]
    settle(tally, mails, readers.owed, may_repeat=True)
    copies = Counter(mail.message_id for mail in mails)
    for message_id, count in copies.items():
        is_excused = count - 1 <= fleet.exposed[message_id]
        tally.expect(is_excused, f"{message_id} came {count} times, and was in no window")
    return tally
