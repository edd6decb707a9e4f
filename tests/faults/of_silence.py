"""The mail server's word on a mail is lost: it may have been taken."""

from __future__ import annotations

import itertools
from pathlib import Path

from tests.cli.looking import Asker
from tests.faults.ledger import settle
from tests.faults.of_smtp import (
    ADA,
    BOB,
    SILENT_AFTER,
    configure,
    owed,
    passes,
)
from tests.faults.rows import Tally, row
from tests.world import World
from watcher import logs

SILENCES = ("accept+drop", "accept+hang", "drop", "hang", "accept+rubbish")


@row(
    'SMTP: silence or drop after the dot, `ambiguous = "resend"`',
    "the same bytes again until they are answered",
    few=1,
    many=2 * 3 * len(SILENCES),
)
def resent(tries: int, directory: Path) -> Tally:
    """Up to three answers to Bob or Ada get lost, whether or not the mail was taken."""
    tally = Tally()
    cases = itertools.product(((BOB, ADA), (ADA, BOB)), (1, 2, 3), SILENCES)
    for number, ((who, other), times, answer) in enumerate(itertools.islice(cases, tries)):
        with World(directory / f"{number}") as world:
            configure(world, seconds=SILENT_AFTER)
            world.smtp.fail("dot", answer, recipient=who, times=times)
            passes(world, (0, 1), (1, None))
            passes(world, (2, None), (4, None), (60, None))
            settle(tally, world.mails, owed((ADA, 1), (BOB, 1)), may_repeat=True)
            count = times + 1 if answer.startswith("accept") else 1
            came = len(world.digests(who))
            tally.expect(came == count, f"{answer}: {who} has it {came} times, not {count}")
            tally.expect(len(world.digests(other)) == 1, f"{answer}: {other} has it again")
            tally.expect(not world.notices(), f"{answer}: the operator was told")
        tally.tries += 1
    return tally


@row(
    'SMTP: silence or drop after the dot, `ambiguous = "park"`',
    "not sent again until the operator, who is told, says `watcher resend`: then the same bytes,"
    " once",
    few=1,
    many=2 * 2 * len(SILENCES),
)
def parked(tries: int, directory: Path) -> Tally:
    """The next digest goes meanwhile; then the mail is sent again, or let go."""
    tally = Tally()
    cases = itertools.product(((BOB, ADA), (ADA, BOB)), (False, True), SILENCES)
    for number, ((who, other), is_dropped, answer) in enumerate(itertools.islice(cases, tries)):
        with World(directory / f"{number}") as world:
            configure(world, seconds=SILENT_AFTER, mail='ambiguous = "park"\n')
            world.smtp.fail("dot", answer, recipient=who, times=1)
            passes(world, (0, 1))
            passes(world, (30, 2), (3 * 24 * 60, None), (3 * 24 * 60, None))
            is_taken = answer.startswith("accept")
            pairs = [(other, 1), (other, 2), (who, 2), *([(who, 1)] if is_taken else [])]
            settle(tally, world.mails, owed(*pairs))
            told = [mail.text for mail in world.notices()]
            tally.expect(len(told) == 1, f"{answer}: the operator was told {len(told)} times")
            tally.expect(all(f"watcher resend 1 --to {who}" in text for text in told), answer)
            command = ("resend", "1", "--to", who, "--yes", *(["--drop"] if is_dropped else []))
            said = Asker(world)(*command)
            logs.configure("error")  # the command set up its own
            tally.expect(said.code == 0, f"{answer}: {said}")
            passes(world, (3 * 24 * 60, None))
            pairs = pairs if is_dropped else [*pairs, (who, 1)]
            settle(tally, world.mails, owed(*pairs), may_repeat=is_taken and not is_dropped)
        tally.tries += 1
    return tally
