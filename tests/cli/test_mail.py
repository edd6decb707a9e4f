"""A test mail goes the way of the digests, and says what the server said."""

from __future__ import annotations

import pytest

from tests.cli.looking import Asker
from tests.world import DAILY, WEIGHTS, World


def test_the_operator_gets_a_real_mail(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    said = ask("send-test")
    assert said.code == 0
    [mail] = world.mails
    assert mail.recipient == "root@example.org"
    assert mail.subject == "A test from paper-watcher"
    assert "they will reach you too" in mail.text
    assert "taken: 250" in said.out
    assert "127.0.0.1" in said.err
    assert not (world.state_dir / "watcher.db").exists()


def test_another_address_and_json(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    said = ask("send-test", "eve@example.org", "--json")
    assert said.code == 0
    assert (said.json["recipient"], said.json["delivered"]) == ("eve@example.org", True)
    assert [mail.recipient for mail in world.mails] == ["eve@example.org"]
    assert ask("send-test", "eve@bücher.example", "--json").code == 0
    assert world.mails[-1].recipient == "eve@xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("stage", "answer", "words"),
    [
        ("connect", "421 4.3.2 not now", "the connection"),
        ("mail", "550 5.7.1 not from you", "the sender (MAIL)"),
        ("rcpt", "550 5.1.1 no such user", "the recipient (RCPT)"),
        ("dot", "554 5.6.0 spam", "the message's end"),
    ],
)
def test_each_step_that_fails_is_told(
    world: World, ask: Asker, stage: str, answer: str, words: str
) -> None:
    world.configure(DAILY, WEIGHTS)
    world.smtp.fail(stage, answer)  # type: ignore[arg-type]  # the parameters are stages
    said = ask("send-test")
    assert said.code == 3
    assert words in said.err
    assert answer in said.err
    told = ask("send-test", "--json")
    assert (told.code, told.json["delivered"]) == (3, False)
    assert answer in told.json["answer"]


def test_what_is_no_address_is_exit_2(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    for address in ("nobody", "a@b\r\nBcc: eve@example.org", "<eve@example.org>"):
        assert ask("send-test", address).code == 2
    assert world.mails == []


def test_without_a_way_to_send_it_says_so(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    text = world.config_path.read_text().replace('host = "127.0.0.1"\n', "")
    world.config_path.write_text(text)
    said = ask("send-test")
    assert said.code == 78


def test_the_maildir_is_a_way_too(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    text = world.config_path.read_text().replace("[mail]", '[mail]\ntransport = "maildir"')
    world.config_path.write_text(text)
    said = ask("send-test")
    assert said.code == 0
    assert len(list((world.state_dir / "outbox" / "new").iterdir())) == 1
