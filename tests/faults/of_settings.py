"""The configuration is broken, at the start or under a running daemon; or one file of a hundred."""

from __future__ import annotations

import contextlib
import datetime as dt
import random
import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from tests.fakesite import SitePaper, make_paper
from tests.faults.breaking import Break, of_main, of_person
from tests.faults.dying import command, finish, said
from tests.faults.ledger import OPERATOR, Pair, settle
from tests.faults.rows import Tally, row
from tests.faults.victim import Victims
from tests.test_daemon import Service
from tests.world import DAILY, ZORBLAX, Mail, World

WORD = "zorblax"
ADA = "ada@example.org"
PEOPLE = 100
FEW = 1
CHUNK = 20
"""Tries in one world: its page grows with each."""

TOPIC = '[topics.mine]\nany = ["quux"]\n'
RULES = f"""
[[subscriptions]]
name = "weights"
to = ["{ADA}"]
digest = "each-check"
[[subscriptions.rules]]
any = ["{WORD}"]
"""


@row(
    "TOML or a rule broken at the start: cut off, a wrong type, an unknown name, no file, 20 MB",
    "78, with file and line; nothing is fetched or mailed; mended, it goes on",
    few=3,
    many=430,
)
def at_start(tries: int, directory: Path) -> Tally:
    """`check-now` and `run` by turns on what is made of one good configuration."""
    tally = Tally()
    with World(directory) as world, Victims() as victims:
        world.configure(DAILY, TOPIC, RULES)
        good = world.config_path.read_text(encoding="utf-8")
        world.fill()
        finish(tally, victims, world)
        paper = make_paper(1, world.now, title=ZORBLAX)
        world.add(paper)
        before = len(world.site.requests), world.smtp.connection_count
        for number, each in enumerate(of_main(good, random.Random(1))[:tries]):
            each.make(world.config_path)
            fate = victims.run(command(world, "run" if number % 2 else "check-now"))
            text = said(world)
            tally.expect(fate.code == 78, f"{each.name}: it ended with {fate.code}: {text[-500:]}")
            tally.expect("Traceback" not in text, f"{each.name}: a traceback: {text[-2000:]}")
            _expect_named(tally, each, world.config_path, text)
            after = len(world.site.requests), world.smtp.connection_count
            tally.expect(before == after, f"{each.name}: it fetched or mailed")
            _put_right(world.config_path, good)
            tally.tries += 1
        finish(tally, victims, world)
        settle(tally, world.mails, [(ADA, paper.id)])
    return tally


@row(
    "the same under a running daemon, at SIGHUP or found at the next check",
    "the old rules stay in force, log and status say so, the operator is told once; mended, the "
    "new rules are in force",
    few=2,
    many=100,
)
def on_reload(tries: int, directory: Path) -> Tally:
    """The new rules ask for another word; their file is broken at first."""
    tally = Tally()
    for first in range(0, tries, CHUNK):
        with World(directory / f"{first}") as world, Victims() as victims:
            world.now = dt.datetime.now(dt.UTC)
            world.fill()
            _configure(world, TOPIC, _rules(first))
            with Service(world) as service:
                _wait_for_pass(service)
                owed: list[Pair] = []
                for number in range(first, min(first + CHUNK, tries)):
                    owed += _reload(tally, world, victims, service, number)
                    tally.tries += 1
                tally.expect("Traceback" not in service.log(), f"a traceback: {service.log()}")
            settle(tally, world.mails, owed)
    return tally


def _configure(world: World, *parts: str) -> None:
    """No check is due by itself while a daemon is watched."""
    world.configure(DAILY, *parts)
    text = world.config_path.read_text(encoding="utf-8")
    seldom = text.replace("[schedule]\n", '[schedule]\ncheck = "0 0 1 1 *"\n')
    world.config_path.write_text(seldom, encoding="utf-8")


def _rules(number: int) -> str:
    return RULES.replace(WORD, f"{WORD}{number}")


def _reload(
    tally: Tally, world: World, victims: Victims, service: Service, number: int
) -> list[Pair]:
    """The rules of this number are in force at first, and those of the next at last."""
    world.now = dt.datetime.now(dt.UTC)
    old, again, new = (
        make_paper(3 * (number % CHUNK) + at, world.now, title=f"On {WORD}{number + is_new}")
        for at, is_new in enumerate((0, 0, 1))
    )
    _configure(world, TOPIC, _rules(number + 1))
    good = world.config_path.read_text(encoding="utf-8")
    each = of_main(good, random.Random(2))[number]
    log = len(service.log())
    seen = len(world.smtp.messages)

    def see(what: str, *papers: SitePaper, told: bool = False) -> None:
        """What the pass now done has mailed."""
        nonlocal seen
        mails = [Mail.of(accepted) for accepted in world.smtp.messages[seen:]]
        seen += len(mails)
        got = [mail.paper_ids for mail in mails if mail.recipient == ADA]
        wanted = [[paper.id] for paper in papers]
        tally.expect(got == wanted, f"{each.name}, {what}: mailed was {got}, not {wanted}")
        notices = [mail.text for mail in mails if mail.recipient == OPERATOR]
        tally.expect(len(notices) == told, f"{each.name}, {what}: the operator got {notices}")
        for text in notices:
            tally.expect("config.toml" in text, f"{each.name}: the operator got {text}")

    each.make(world.config_path)
    if number % 2:
        _take_up(service)
    world.add(old, new)
    _check(service)
    see("broken", old, told=True)
    _expect_named(tally, each, world.config_path, service.log()[log:])
    world.add(again)
    _check(service)
    see("still broken", again)
    fate = victims.run(command(world, "status"))
    text = said(world)
    tally.expect(fate.code in {3, 78}, f"{each.name}: status ended with {fate.code}: {text}")
    _expect_named(tally, each, world.config_path, text)
    _put_right(world.config_path, good)
    if number % 2:
        _take_up(service)
    _check(service)
    see("mended", new)
    return [(ADA, paper.id) for paper in (old, again, new)]


def _take_up(service: Service) -> None:
    service.process.send_signal(signal.SIGHUP)
    service.wait_for("RELOADING=1")
    service.wait_for("READY=1")


def _check(service: Service) -> None:
    service.process.send_signal(signal.SIGUSR1)
    _wait_for_pass(service)


def _wait_for_pass(service: Service) -> None:
    """A pass ends with a status alone, what was read again with one among others."""
    while not service.wait_for("STATUS=").startswith("STATUS="):
        pass


ONE_BROKEN = "the 99 others and the last good rules go on; the operator is told once; nobody twice"


@row("one user's file of a hundred broken at the start", ONE_BROKEN, few=FEW, many=20)
def one_at_start(tries: int, directory: Path) -> Tally:
    """Each pass is a `check-now`; of every second file there is nothing that was ever good."""
    return _hundred(tries, directory, _by_commands)


@row("one user's file of a hundred broken under a running daemon", ONE_BROKEN, few=FEW, many=20)
def one_on_reload(tries: int, directory: Path) -> Tally:
    """By turns at SIGHUP and found at the next check."""
    return _hundred(tries, directory, _by_daemon)


Check = Callable[[], str]
"""Makes a pass; what was logged since the one before."""


@contextlib.contextmanager
def _by_commands(tally: Tally, world: World) -> Iterator[Check]:
    with Victims() as victims:

        def check() -> str:
            fate = victims.run(command(world, "check-now"))
            text = said(world)
            tally.expect(fate.code == 0, f"it ended with {fate.code}: {text[-500:]}")
            world.later(minutes=30)
            return text

        yield check


@contextlib.contextmanager
def _by_daemon(tally: Tally, world: World) -> Iterator[Check]:
    heard = count = 0
    with Service(world) as service:
        _wait_for_pass(service)

        def check() -> str:
            nonlocal heard, count
            world.now = dt.datetime.now(dt.UTC)
            count += 1
            if count % 2:
                _take_up(service)
            _check(service)
            text = service.log()[heard:]
            heard += len(text)
            return text

        yield check


def _hundred(
    tries: int,
    directory: Path,
    running: Callable[[Tally, World], AbstractContextManager[Check]],
) -> Tally:
    tally = Tally()
    for first in range(0, tries, CHUNK):
        folder = directory / f"{first}"
        (folder / "subscriptions.d").mkdir(parents=True)
        with World(folder) as world:
            world.now = dt.datetime.now(dt.UTC)
            world.fill()
            _configure(world)
            people = [f"p{n:02}" for n in range(PEOPLE if tries > FEW else 10)]
            for person in people:
                _file(world, person).write_text(_person(person), encoding="utf-8")
            with running(tally, world) as check:
                check()
                owed: set[Pair] = set()
                for number in range(first, min(first + CHUNK, tries)):
                    _break_one(tally, world, check, people, number, owed)
                    tally.tries += 1
            settle(tally, world.mails, owed)
    return tally


def _file(world: World, person: str) -> Path:
    return world.directory / "subscriptions.d" / f"{person}.toml"


def _person(person: str) -> str:
    return f'to = ["{person}@example.org"]\ndigest = "each-check"\nany = ["{WORD}"]\n'


def _break_one(
    tally: Tally, world: World, check: Check, people: list[str], number: int, owed: set[Pair]
) -> None:
    """Break the file of one of `people`, or that of one more; what is `owed` grows."""
    person = f"n{number:02}" if number % 2 else people[number % len(people)]
    path, text = _file(world, person), _person(person)
    each = of_person(text, random.Random(3))[number]
    seen = len(world.smtp.messages)

    def see(what: str, wanted: list[str], *, told: bool = False) -> None:
        nonlocal seen
        got = [mail.recipient for mail in world.smtp.messages[seen:]]
        seen += len(got)
        expected = [f"{one}@example.org" for one in wanted] + [OPERATOR] * told
        odd = (Counter(got) - Counter(expected)) + (Counter(expected) - Counter(got))
        tally.expect(not odd, f"{each.name}, {what}: not as it should be are mails to {dict(odd)}")

    path.write_text(text, encoding="utf-8")
    each.make(path)
    for what in ("broken", "still broken"):
        paper = make_paper(2 * (number % CHUNK) + (what == "broken"), world.now, title=ZORBLAX)
        world.add(paper)
        log = check()
        tally.expect("Traceback" not in log, f"{each.name}: a traceback: {log[-2000:]}")
        see(what, people, told=what == "broken")
        owed |= {(f"{one}@example.org", paper.id) for one in people}
        if what == "broken":
            _expect_named(tally, each, path, log)
    _put_right(path, text)
    check()
    see("mended", [person] if number % 2 else [])
    if number % 2:
        people.append(person)
        owed |= {(f"{person}@example.org", paper_id) for _, paper_id in tuple(owed)}


def _expect_named(tally: Tally, each: Break, path: Path, text: str) -> None:
    found = re.search(re.escape(str(path)) + each.told, text)
    tally.expect(found, f"{each.name}: not {path.name}{each.told}, but {text[-1000:]}")


def _put_right(path: Path, text: str) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
