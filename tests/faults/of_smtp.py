"""What a mail server can do to a mail."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.authority import Authority
from tests.fakesite import make_paper
from tests.faults.ledger import settle
from tests.faults.rows import Tally, row
from tests.smtpserver import Stage
from tests.world import DAILY, WEIGHTS, ZORBLAX, Mail, World

ADA, BOB, EVE, ROOT = "ada@example.org", "bob@example.org", "eve@example.org", "root@example.org"
TO_BOTH = WEIGHTS.replace(f'["{ADA}"]', f'["{ADA}", "{BOB}"]')
BY_THE_HOUR = f"""
[[subscriptions]]
name = "by the hour"
to = ["{EVE}"]
digest = "hourly"
any = ["zorblax"]
"""
PAPERS = ("2602.00001", "2602.00002", "2602.00003")
SILENT_AFTER = 1.5  # seconds of a server's silence, where it is silent

STAGES: tuple[Stage, ...] = (
    *("connect", "ehlo", "starttls", "auth", "mail"),
    *("rcpt", "data", "dot", "quit"),
)
ANSWERS = ("451 4.3.0 later", "554 5.7.1 no", "421 4.3.2 bye", "drop", "hang")


@dataclass(frozen=True, slots=True)
class Case:
    """A stage and what the server does there; `refuse` is a port on which nobody listens."""

    stage: Stage
    answer: str

    def __str__(self) -> str:
        return f"{self.answer} at {self.stage}"

    @property
    def is_session(self) -> bool:
        return self.stage in STAGES[:5]

    @property
    def is_final(self) -> bool:
        return self.answer.startswith("5") and self.stage in {"rcpt", "data", "dot"}

    def begin(self, world: World) -> None:
        """From the recipient on, it is Bob's trouble alone."""
        if self.answer == "refuse":
            world.smtp.stop()
            return
        is_bobs = self.stage in {"rcpt", "data", "dot"}
        world.smtp.fail(self.stage, self.answer, recipient=BOB if is_bobs else None)

    def end(self, world: World) -> None:
        world.smtp.heal()
        if self.answer == "refuse":
            world.smtp.start()


# Each run of as many as there are stages has every stage, and every answer.
CASES = [
    *(
        Case(stage, ANSWERS[(number + at) % len(ANSWERS)])
        for number in range(len(ANSWERS))
        for at, stage in enumerate(STAGES)
    ),
    Case("connect", "refuse"),
    Case("auth", "535 5.7.8 credentials invalid"),
]


PLAIN = 'security = "none"\n'


def configure(
    world: World,
    *,
    seconds: float,
    mail: str = "",
    smtp: str = 'security = "none"\n',
    also: str = "",
) -> None:
    """Both subscribed, with what `[mail]` and `[smtp]` have besides, and `also` at the end."""
    world.smtp_timeout = seconds
    world.configure(DAILY, TO_BOTH, also)
    text = world.config_path.read_text(encoding="utf-8")
    assert PLAIN in text
    text = text.replace(PLAIN, smtp)
    world.config_path.write_text(text.replace("[mail]\n", f"[mail]\n{mail}"), encoding="utf-8")
    world.config_path.chmod(0o600)
    world.fill(8)


def passes(world: World, *each: tuple[float, int | None]) -> None:
    """A new process that makes passes, so many minutes later each, when that paper has come."""

    async def run() -> None:
        async with world.engine() as engine:
            for minutes, number in each:
                world.later(minutes=minutes)
                if number is not None:
                    world.add(make_paper(number, world.now, title=ZORBLAX))
                await engine.run_pass()

    asyncio.run(run())


def digests(world: World) -> list[Mail]:
    return [mail for mail in world.mails if mail.recipient != ROOT]


def owed(*pairs: tuple[str, int]) -> list[tuple[str, str]]:
    return [(recipient, PAPERS[number - 1]) for recipient, number in pairs]


@row(
    "SMTP: refuse, 4xx, 5xx, drop, hang at each of connect, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA,"
    " dot, QUIT",
    "5xx from RCPT on is dead for that recipient and reported, and the next digest goes; all else"
    " waits, 1 minute and then twice as long each time, and goes once; a failing QUIT means sent",
    few=2,
    many=len(CASES),
)
def every_stage(tries: int, directory: Path) -> Tally:
    """The server is out of order for an hour and a half, minute by minute, and then well."""
    tally = Tally()
    for number, case in enumerate(itertools.islice(itertools.cycle(CASES), tries)):
        with World(directory / f"{number}") as world:
            authority = Authority(world.directory)
            world.smtp.tls, world.smtp.login = authority.server_context(), ("ada", "secret")
            if number % 2:  # it takes MAIL, RCPT and DATA together
                world.smtp.extensions += ("PIPELINING",)
            login = 'username = "ada"\npassword = "secret"\n'
            smtp = f'security = "starttls"\nca_file = "{authority.ca_file}"\n{login}'
            seconds = SILENT_AFTER if case.answer == "hang" else 10
            configure(world, seconds=seconds, smtp=smtp, also=BY_THE_HOUR)
            case.begin(world)
            _see_waits(tally, case, world, asyncio.run(_minutes(world)))
            before = digests(world)
            case.end(world)
            passes(world, (60, None), (30, 3), (60, None))
            _judge(tally, case, world, before)
        tally.tries += 1
    return tally


async def _minutes(world: World) -> dict[int, tuple[int, list[str]]]:
    """That time, in the program's daemon: at each minute the connections, and what was said."""
    found = {}
    async with world.engine() as engine:
        for minute in range(91):
            if minute:
                world.later(minutes=1)
            connections, lines = _heard(world)
            if number := {0: 1, 30: 2}.get(minute):
                world.add(make_paper(number, world.now, title=ZORBLAX))
            await (engine.run_pass() if minute in CHECKED else engine.run_slots())
            said = [command.line for command in world.smtp.commands[lines:]]
            found[minute] = (world.smtp.connection_count - connections, said)
    return found


CHECKED = (0, 30, 90)
"""The minutes of the checks."""

PROBED = (*CHECKED, *range(60, 90, 5))
"""The minutes at which something is to be composed: with a check, or because an hour is full."""


def _see_waits(
    tally: Tally, case: Case, world: World, heard: dict[int, tuple[int, list[str]]]
) -> None:
    """Expect the server to be called when a wait has ended, and at no other time."""
    if case.answer == "refuse":  # it hears nothing
        return
    if case.is_session:
        # In a session nobody is refused before MAIL: until then, what waits for one may go.
        frozen = [0, 0] if case.stage == "mail" else []
        queued, probed = [*frozen, 60], PROBED
        called = [minute for minute, (count, _) in heard.items() if count]
    else:
        queued, probed = ([], (0, 30)) if case.is_final or case.stage == "quit" else ([0, 30], ())
        called = [m for m, (_, lines) in heard.items() if any(f"TO:<{BOB}>" in e for e in lines)]
    due = sorted({*probed, *_waits(queued, probed if case.stage == "mail" else ())})
    tally.expect(called == due, f"{case}: called in the minutes {called}, not {due}")
    for minute, (count, lines) in heard.items():
        logins = sum(line.startswith("AUTH") for line in lines)
        tally.expect(logins <= count, f"{case}: {logins} logins in {count} connections")
        # A probe, and what waits; three are due at once at most: two digests, a mail on them.
        tally.expect(count <= 4 or not case.is_session, f"{case}: {count} calls in {minute}")


def _waits(queued: list[int], hastened: tuple[int, ...]) -> Iterator[int]:
    """The minutes at which mails that never go are tried; some go at once when a session opens."""
    for first in queued:
        due, wait = first, 1
        for minute in range(first, 91):
            if minute == due or minute in hastened:
                yield minute
                due, wait = minute + wait, min(2 * wait, 60)


def _judge(tally: Tally, case: Case, world: World, before: list[Mail]) -> None:
    everybody = [(who, number) for who in (ADA, BOB, EVE) for number in (1, 2, 3)]
    lost_to = [(BOB, 1), (BOB, 2)] if case.is_final else []
    settle(tally, world.mails, owed(*(pair for pair in everybody if pair not in lost_to)))
    early = {(mail.recipient, paper) for mail in before for paper in mail.paper_ids}
    untouched = [] if case.is_session else [ADA, EVE] if case.stage != "quit" else [ADA, BOB, EVE]
    expected = {*owed(*((who, number) for who in untouched for number in (1, 2)))}
    tally.expect(early == expected, f"{case}: meanwhile came {sorted(early)}")
    told = [mail.subject for mail in world.notices()]
    due = []
    if case.is_session:
        due = ["paper-watcher: mail is stuck"]
        count = len(world.digests())
        # What was frozen before it went wrong, all that came meanwhile, and the last one.
        tally.expect(count <= 2 + (case.stage == "mail"), f"{case}: {count} digests")
    elif case.is_final:
        due = [f"paper-watcher: {BOB} was refused"] * 2
    tally.expect(told == due, f"{case}: the operator was told {told}")
    if case.answer.startswith("535"):
        tally.expect("app password" in world.notices()[0].text, f"{case}: not explained")


@row(
    "SMTP: trouble that stays",
    "waits from 1 minute to 1 hour; given up after 5 days and 30 attempts, not before; reported,"
    " and the next digest goes",
    few=2,
    many=12,
)
def for_good(tries: int, directory: Path) -> Tally:
    """Every instant at which a mail may be tried again, and the second before it."""
    cases = (
        Case("rcpt", "450 4.2.0 later"),
        Case("mail", "550 5.7.1 not you"),
        Case("dot", "drop"),
        Case("connect", "421 4.3.2 bye"),
        Case("data", "451 4.3.0 disk"),
        Case("connect", "refuse"),
    )
    tally = Tally()
    for number in range(tries):
        # Every second one; on the second round the others.
        case, is_asleep = cases[number % len(cases)], (number + number // len(cases)) % 2 == 1
        with World(directory / f"{number}") as world:
            configure(world, seconds=10)
            asyncio.run(_until_given_up(tally, world, case, is_asleep=is_asleep))
        tally.tries += 1
    return tally


async def _until_given_up(tally: Tally, world: World, case: Case, *, is_asleep: bool) -> None:
    """`is_asleep`: the program is away for six days after its sixth attempt."""
    world.add(make_paper(1, world.now, title=ZORBLAX))
    # Frozen before the server goes wrong, or else nothing would be composed.
    world.smtp.fail("data", "451 4.3.0 later", recipient=BOB, times=1)
    frozen_at, second = world.now, dt.timedelta(seconds=1)
    async with world.engine() as engine:
        await engine.run_pass()
        case.begin(world)
        for attempt in itertools.count(2):
            wait = dt.timedelta(minutes=min(2 ** (attempt - 2), 60))
            if is_asleep and attempt == 7:
                wait += dt.timedelta(days=6)
            elif not case.is_session:  # else the mail to the operator knocks in between
                heard = _heard(world)
                world.now += wait - second
                await engine.run_slots()
                tally.expect(_heard(world) == heard, f"{case}: attempt {attempt} came early")
                wait = second
            world.now += wait
            heard = _heard(world)
            result = await engine.run_slots()
            if case.answer != "refuse":
                tally.expect(_heard(world) > heard, f"{case}: attempt {attempt} did not come")
            is_due = world.now >= frozen_at + dt.timedelta(days=5) and attempt >= 30
            if result.failed_count or is_due or attempt > 200:
                tally.expect(is_due, f"{case}: given up at attempt {attempt}, {world.now}")
                tally.expect(result.failed_count == 1, f"{case}: not given up at {world.now}")
                break
        case.end(world)
        world.later(hours=2)
        world.add(make_paper(2, world.now, title=ZORBLAX))
        await engine.run_pass()
        await engine.run_slots()
    settle(tally, world.mails, owed((ADA, 1), (ADA, 2), (BOB, 2)))
    told = [mail for mail in world.notices() if BOB in mail.subject]
    tally.expect(len(told) == 1, f"{case}: the operator was told {len(told)} times")


def _heard(world: World) -> tuple[int, int]:
    return world.smtp.connection_count, len(world.smtp.commands)


@row(
    "SMTP: one of two recipients refused",
    "the other has it, once; the operator is told of a 5xx; of all else it comes later, once",
    few=1,
    many=24,
)
def one_refused(tries: int, directory: Path) -> Tally:
    """The first or the second, at each stage that knows a recipient, in each way."""
    answers = ("550 5.1.1 no such user", "450 4.2.0 greylisted", "drop", "421 4.3.2 bye")
    stages: tuple[Stage, ...] = ("rcpt", "data", "dot")
    cases = [
        (stage, answers[(number + at) % len(answers)], who)
        for who, number, (at, stage) in itertools.product(
            (BOB, ADA), range(len(answers)), enumerate(stages)
        )
    ]
    tally = Tally()
    for number, (stage, answer, who) in enumerate(itertools.islice(itertools.cycle(cases), tries)):
        with World(directory / f"{number}") as world:
            configure(world, seconds=10)
            world.smtp.fail(stage, answer, recipient=who, times=2)
            other = ADA if who == BOB else BOB
            passes(world, (0, 1))
            settle(tally, world.mails, owed((other, 1)))
            passes(world, (1, None), (2, None), (4, None))
            is_final = answer.startswith("5")
            everybody = [(other, 1)] if is_final else [(other, 1), (who, 1)]
            settle(tally, world.mails, owed(*everybody))
            told = [mail for mail in world.notices() if who in mail.text]
            tally.expect(len(told) == is_final, f"{answer} at {stage}: told {len(told)} times")
        tally.tries += 1
    return tally
