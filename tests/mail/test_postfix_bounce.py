"""The guide's lines for Postfix: a real bounce of a digest comes out of its pipe, and is taken."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import documents
from tests.cli.looking import Asker
from tests.fakesite import make_paper
from tests.mail.postfix import Postfix
from tests.unprivileged import NOBODY
from tests.world import DAILY, WEIGHTS, ZORBLAX, World

pytestmark = pytest.mark.postfix

PIPED = """\
#!/bin/sh
# Keeps what the pipe gives it: the user of the pipe may not be able to reach this program.
mail=$(mktemp {folder}/mail.XXXXXX) && cat > "$mail" && printf '%s\\n' "$@" > "$mail.arguments"
"""


def lines(name: str) -> str:
    [block] = documents.blocks("postfix", name)
    return block.text


@pytest.fixture
def piped() -> Iterator[Path]:
    """What stands in for the command, in a folder that its user can reach and write to."""
    with tempfile.TemporaryDirectory(prefix="piped-") as folder:
        os.chown(folder, NOBODY, NOBODY)
        program = Path(folder, "watcher")
        program.write_text(PIPED.format(folder=folder))
        program.chmod(0o755)
        yield program


@pytest.fixture
def postfix(piped: Path) -> Iterator[Postfix]:
    shown = dict(line.split(" = ", 1) for line in lines("main.cf").splitlines())
    service = lines("master.cf").replace("user=paper-watcher", "user=nobody")
    service = service.replace("/usr/local/bin/watcher", str(piped))
    # It finds out only when it delivers, as a server does that takes mail for another one.
    late = {"smtpd_reject_unlisted_recipient": "no"}
    with Postfix("sam", "bounces", main=shown | late, services=service) as running:
        yield running


async def test_an_unknown_user_is_paused_by_the_bounce(
    postfix: Postfix, piped: Path, tmp_path: Path
) -> None:
    with World(tmp_path) as world:
        to = '["ghost@example.org", "sam@example.org"]'
        world.configure(DAILY, WEIGHTS.replace('["ada@example.org"]', to))
        text = world.config_path.read_text()
        text = text.replace("[mail]\n", '[mail]\nbounce = "bounces@example.org"\n')
        text = text.replace(f"port = {world.smtp.port}", f"port = {postfix.port}")
        world.config_path.write_text(text)
        world.fill()
        world.add(make_paper(1, world.now, title=ZORBLAX))
        result = await world.run_pass()
        assert result.delivered_count == 2, "it takes both"
        postfix.wait_for_log("relay=paper-watcher", "to=<bounces+", "status=sent")
        assert postfix.wait_for_mail("sam").startswith(b"Return-Path: <bounces+")
        [mail] = [path for path in piped.parent.glob("mail.*") if path.suffix != ".arguments"]
        arguments = mail.with_name(f"{mail.name}.arguments").read_text().splitlines()
        assert arguments[:2] == ["bounce", "--to"]
        ask = Asker(world)
        said = ask(*arguments, stdin=mail.read_bytes())
        assert said.code == 0
        assert "ghost@example.org is paused: 5.1.1 unknown user" in said.err
        again = ask("bounce", stdin=mail.read_bytes())
        assert "that mail to ghost@example.org has ended already" in again.err, "by its headers"
        shown = ask("subscriptions", "show", "weights", "--json").json["paused"]
        assert [each["recipient"] for each in shown] == ["ghost@example.org"]
