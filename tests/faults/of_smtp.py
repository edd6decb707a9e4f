"""What a mail server can do to a mail."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.fakesite import make_paper
from tests.faults.ledger import settle
from tests.faults.rows import Tally, row
from tests.world import DAILY, WEIGHTS, ZORBLAX, World


@row(
    "SMTP: one of two recipients refused",
    "the other has it, once; the operator is told",
    few=1,
    many=20,
)
def one_refused(tries: int, directory: Path) -> Tally:
    """The first of two is refused at RCPT."""
    tally = Tally()
    for number in range(tries):
        folder = directory / f"{number}"
        folder.mkdir()
        with World(folder) as world:
            to = '["bob@example.org", "ada@example.org"]'
            world.configure(DAILY, WEIGHTS.replace('["ada@example.org"]', to))
            world.fill(8)
            world.add(make_paper(1, world.now, title=ZORBLAX))
            world.smtp.fail("rcpt", "550 5.1.1 no such user", recipient="bob@example.org")
            asyncio.run(world.run_pass())
            asyncio.run(world.run_pass())
            told = [mail for mail in world.notices() if "bob@example.org" in mail.text]
            tally.expect(len(told) == 1, "the operator was not told once")
            digests = [mail for mail in world.mails if mail.recipient != "root@example.org"]
            settle(tally, digests, [("ada@example.org", "2602.00001")])
        tally.tries += 1
    return tally
