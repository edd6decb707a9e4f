"""Worlds whose program dies: running commands in them, and what came of the mails."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from tests.faults.rows import Tally
from tests.faults.victim import Fate, Job, Victims
from tests.smtpserver import SmtpServer
from tests.world import World


def command(world: World, *words: str, state_dir: Path | None = None) -> Job:
    """A command on a world's configuration, at the world's instant."""
    place = ("--config", str(world.config_path), "--state-dir", str(state_dir or world.state_dir))
    return Job([*words, *place], world.now, str(log_path(world)), str(world.state_dir))


def log_path(world: World) -> Path:
    """What the commands say."""
    return world.directory / "said"


def said(world: World) -> str:
    """What they said since this was last asked."""
    path = log_path(world)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    path.unlink(missing_ok=True)
    return text


def finish(
    tally: Tally,
    victims: Victims,
    world: World,
    job: Job | None = None,
    *,
    codes: tuple[int, ...] = (0,),
) -> Fate:
    """A pass that nothing disturbs, once the server has noticed that the one before is dead."""
    world.smtp.wait_for_idle()
    fate = victims.run(job or command(world, "check-now"))
    text = said(world)
    tally.expect(fate.code in codes, f"the pass afterwards ended with {fate.code}: {text[-500:]}")
    tally.expect("Traceback" not in text, f"a traceback: {text[-2000:]}")
    return fate


def see_repeats(tally: Tally, server: SmtpServer, since: int = 0) -> int:
    """Expect of mails that came again that they had been cut short; how many these are.

    A client that lives to record a mail says something more on its connection: MAIL or QUIT. So
    the earlier copies are the last that was heard of their connections.
    """
    last = _cut_short(server)
    copies: dict[tuple[str, bytes], list[int]] = defaultdict(list)
    for number, mail in enumerate(server.messages):
        if number >= since:
            copies[mail.recipient, mail.message].append(number)
    again = [numbers for numbers in copies.values() if len(numbers) > 1]
    for numbers in again:
        tally.expect(last.issuperset(numbers[:-1]), "a mail came again that was not cut short")
    return len(again)


def _cut_short(server: SmtpServer) -> set[int]:
    """The mails, counted from 0, after which nothing more was said on their connections."""
    verbs: dict[int, str] = {}
    for each in server.commands:
        verbs[each.connection] = each.verb
    last = {mail.connection: number for number, mail in enumerate(server.messages)}
    return {number for connection, number in last.items() if verbs[connection] == "DATA"}
