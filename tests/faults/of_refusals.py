"""SIGKILL around a mail that is refused, put off or parked."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from tests.faults.dying import command, finish, see_repeats
from tests.faults.ledger import settle
from tests.faults.of_kills import AMBIGUOUS, PEOPLE, dawn
from tests.faults.rows import Tally, row
from tests.faults.victim import Point, Victims
from tests.smtpserver import Stage
from tests.world import Mail, World
from watcher.steps import Step

ADA, BOB, EVE = PEOPLE
ROOT = "root@example.org"

IN_DOUBT: set[Point] = {(Step.STARTED, True), *AMBIGUOUS, (Step.REFUSED, False)}
"""The store knows that a mail was begun, and not how it ended."""

STAGES: tuple[Stage, ...] = ("rcpt", "data", "dot")

CODES = (0, 3)
"""How a pass ends whose mails do not all go."""


@dataclass(frozen=True, slots=True)
class Case:
    """What Bob's mail meets, "" for nothing, and where the passes are killed.

    The first is killed at `first`, with a mail to `who` in flight, for the `nth` time that it comes
    there; the next one at `second`. `parks`: `ambiguous = "park"`.
    """

    answer: str
    stage: Stage
    parks: bool
    first: Point
    nth: int
    who: str
    second: Point | None = None

    def __str__(self) -> str:
        met = f"{self.answer or 'well'} at {self.stage}{', parking' * self.parks}"
        return f"{met}: {self.first} to {self.who}, {self.second}"

    @property
    def kills(self) -> list[Point]:
        return [self.first, self.second] if self.second else [self.first]

    @property
    def parked(self) -> set[str]:
        """Whose mail must wait for a word of the operator."""
        if not self.parks:
            return set()
        doubted = {self.who} if self.first in IN_DOUBT else set()
        return (doubted | ({BOB} if self.answer else set())) - {ROOT}

    @property
    def takers(self) -> set[str]:
        """Who has the mail once all is well again, without a word of the operator."""
        found = {*PEOPLE}
        if self.answer[:1] == "5" or self.answer == "drop":
            found -= {BOB}
        if self.parks and self.first == (Step.STARTED, True):
            found -= {self.who}  # it was parked before a byte of it went
        return found


def _cases() -> Iterator[Case]:
    """Every point at every mail; the next pass let through, or killed in its turn."""
    stages = itertools.cycle(STAGES)
    committed = itertools.cycle((False, True))
    for parks, answers in (
        (False, ("550 5.1.1 no such user",)),
        (False, ("450 4.2.0 greylisted",)),
        (True, ("",)),
        (True, ("accept+drop", "drop")),
    ):
        tells = parks or answers[0].startswith("5")
        for number, (first, nth, who) in enumerate(_points(answers[0], tells=tells)):
            answer = answers[number % len(answers)]
            stage: Stage = "dot" if parks else next(stages)
            case = Case(answer, stage, parks, first, nth, who)
            yield case
            yield replace(case, second=(Step.RECOVERED, next(committed)))
            if answer and _comes_again(case):
                yield replace(case, second=(Step.REFUSED, next(committed)))


def _points(answer: str, *, tells: bool) -> Iterator[tuple[Point, int, str]]:
    """What a pass comes to for whom; its mails go one after the other."""
    started = (ADA, BOB, EVE, ROOT) if answer and tells else (ADA, BOB, EVE)
    taken = tuple(who for who in started if who != BOB or not answer)
    for is_committed in (False, True):
        for nth, who in enumerate(started, 1):
            yield (Step.STARTED, is_committed), nth, who
        if answer:
            yield (Step.REFUSED, is_committed), 1, BOB
        for nth, who in enumerate(taken, 1):
            yield (Step.DELIVERED, is_committed), nth, who
    for nth, who in enumerate(taken, 1):
        yield (Step.ACCEPTED, True), nth, who


def _comes_again(case: Case) -> bool:
    """Whether Bob's mail was not tried yet, or is tried again at once."""
    if case.who == BOB:
        return case.first == (Step.STARTED, False) or (case.first in IN_DOUBT and not case.parks)
    return case.who == ADA


CASES = list(_cases())


@row(
    "SIGKILL while a mail is refused, put off or parked",
    "refused for good: told once, not tried again; put off: comes once; parked: told once, goes by"
    " `watcher resend` alone; the others have theirs",
    few=2,
    many=len(CASES),
)
def around_a_refusal(tries: int, directory: Path) -> Tally:
    """Each case on a first day; a cut is another one each day."""
    tally = Tally()
    day = dt.datetime.now(dt.UTC).date().toordinal()
    with Victims() as victims:
        for number in range(tries):
            case = CASES[(number * len(CASES) // tries + day) % len(CASES)]
            with World(directory / f"{number}") as world:
                _kill(tally, victims, world, case, "run" if number % 2 else "check-now")
                if case.parks:
                    _decide(tally, victims, world, case, is_dropped=number % 4 > 1)
            tally.tries += 1
    return tally


def _kill(tally: Tally, victims: Victims, world: World, case: Case, name: str) -> None:
    paper_id = dawn(world)
    if case.parks:
        text = world.config_path.read_text(encoding="utf-8")
        text = text.replace("[mail]\n", '[mail]\nambiguous = "park"\n')
        world.config_path.write_text(text, encoding="utf-8")
    if case.answer:
        world.smtp.fail(case.stage, case.answer, recipient=BOB)
    for point, nth in zip(case.kills, (case.nth, 1), strict=False):
        world.smtp.wait_for_idle()
        fate = victims.run(msgspec.structs.replace(command(world, name), at=point, nth=nth))
        tally.expect(fate.is_killed, f"{case}: {name} did not come to {point}")
        world.later(minutes=2)
    finish(tally, victims, world, codes=CODES)
    asked = _asked_for_bob(world)
    world.smtp.heal()
    world.later(hours=5)
    finish(tally, victims, world, codes=CODES)

    may_repeat = case.first in AMBIGUOUS and not case.parks
    settle(tally, world.mails, [(who, paper_id) for who in case.takers], may_repeat=may_repeat)
    see_repeats(tally, world.smtp)
    if case.answer.startswith("5"):
        # Each time that its answer was not taken down, and once more.
        count = 1 + case.kills.count((Step.REFUSED, False))
        tally.expect(asked == count, f"{case}: Bob's mail was tried {asked} times, not {count}")
        tally.expect(_asked_for_bob(world) == asked, f"{case}: Bob's mail was tried again")
    told = {mail.raw: mail for mail in world.notices()}.values()
    due = {BOB} if case.answer.startswith("5") else case.parked
    about = sorted(who for mail in told for who in PEOPLE if who in mail.text)
    tally.expect(about == sorted(due), f"{case}: the operator was told of {about}")
    count = len(world.notices()) - len(told)
    is_repeated = case.first in AMBIGUOUS and case.who == ROOT
    tally.expect(count == is_repeated, f"{case}: {count} mails to the operator came again")


def _decide(tally: Tally, victims: Victims, world: World, case: Case, *, is_dropped: bool) -> None:
    """Give the word that each parked mail waits for, as the mail to the operator has it."""
    before = _digests(world)
    texts = {mail.text for mail in world.notices()}
    words = {
        found for text in texts for found in re.findall(r"watcher resend (\d+) --to (\S+)", text)
    }
    tally.expect({who for _, who in words} == case.parked, f"{case}: the words were {words}")
    for digest, who in sorted(words):
        drop = ["--drop"] if is_dropped else []
        job = command(world, "resend", digest, "--to", who, "--yes", *drop)
        finish(tally, victims, world, job)
    world.later(minutes=2)
    finish(tally, victims, world)
    came = sorted(mail.recipient for mail in _digests(world)[len(before) :])
    due = [] if is_dropped else sorted(case.parked)
    tally.expect(came == due, f"{case}: the word brought {came}, not {due}")
    by_recipient = {mail.recipient: mail.raw for mail in before}
    for mail in _digests(world)[len(before) :]:
        is_same = by_recipient.get(mail.recipient, mail.raw) == mail.raw
        tally.expect(is_same, f"{case}: {mail.recipient} has other bytes")


def _digests(world: World) -> list[Mail]:
    return [mail for mail in world.mails if mail.recipient != ROOT]


def _asked_for_bob(world: World) -> int:
    return sum(each.verb == "RCPT" and BOB in each.line for each in world.smtp.commands)
