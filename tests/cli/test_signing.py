"""Commands say how mails are signed, what DNS must hold, and what keeps them from being signed."""

from __future__ import annotations

import pytest

from tests.cli.looking import Asker, Said, fill
from tests.settings.making import write
from tests.signing import DKIM, ed25519_key, rsa_key, verdicts, write_keys, zone
from tests.world import DAILY, WEIGHTS, World
from watcher.mail import make_signer


@pytest.fixture
def signing(world: World) -> World:
    """A world that signs."""
    write_keys(world.directory)
    world.configure(DAILY, WEIGHTS, DKIM)
    fill(world)
    return world


def told(said: Said) -> list[tuple[str, str, str]]:
    """What `doctor` found about signatures."""
    return [
        (one["level"], one["about"], one["text"])
        for one in said.json["findings"]
        if one["about"].startswith("dkim")
    ]


def test_a_test_mail_is_signed_like_a_digest(signing: World, ask: Asker) -> None:
    assert ask("send-test").code == 0
    [mail] = signing.mails
    dns = zone(make_signer(signing.config()).records)
    assert verdicts(mail.raw, dns, signing.now) == [True, True]


def test_doctor_prints_the_records_to_be_published(signing: World, ask: Asker) -> None:
    findings = told(ask("doctor", "--json"))
    assert findings[0] == (
        "ok",
        "dkim",
        (
            "mails are signed for example.org, selector papers and papers-ed25519;"
            " DNS must hold what follows"
        ),
    )
    dns = {}
    for level, about, text in findings[1:]:
        assert (level, about) == ("ok", "dkim record")
        name, _, value = text.partition(" TXT ")
        dns[name] = value
    assert dns["papers._domainkey.example.org"].startswith("v=DKIM1; k=rsa; p=MIIBIjANBgk")
    assert dns["papers-ed25519._domainkey.example.org"].startswith("v=DKIM1; k=ed25519; p=")
    # A receiver that finds just what was printed finds the mails good.
    ask("send-test")
    assert verdicts(signing.mails[0].raw, dns, signing.now) == [True, True]
    assert "papers._domainkey.example.org TXT v=DKIM1;" in ask("doctor").out


def test_doctor_says_that_nothing_is_signed(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    [(level, _, text)] = told(ask("doctor", "--json"))
    assert level == "ok"
    assert text.startswith("mails are not signed here")


@pytest.mark.parametrize("bits", [1024, 5120])
def test_doctor_warns_of_a_key_that_not_everybody_takes(
    signing: World, ask: Asker, bits: int
) -> None:
    write(signing.directory, rsa_key(bits=bits), "rsa.pem")
    said = ask("doctor", "--json")
    assert said.code == 0
    [text] = [text for level, _, text in told(said) if level == "warning"]
    assert f"selector papers has {bits} bits" in text


def test_check_config_says_for_whom_mails_are_signed(signing: World, ask: Asker) -> None:
    said = ask("check-config")
    assert said.code == 0
    assert "from Papers <papers@example.org>, signed for example.org\n" in said.out


@pytest.mark.parametrize(
    "command",
    [
        *(("check-config",), ("check-config", "--json"), ("run",), ("check-now",)),
        *(("check-now", "--dry-run"), ("send-test",), ("doctor",)),
    ],
    ids=" ".join,
)
def test_a_key_of_no_use_is_told_before_anything_is_done(
    signing: World, ask: Asker, command: tuple[str, ...]
) -> None:
    path = write(signing.directory, ed25519_key(), "rsa.pem")
    said = ask(*command)
    assert said.code == (3 if command == ("doctor",) else 78)
    assert f"{path} holds an Ed25519 key, and not an RSA key" in said.out + said.err
    assert "dkim.key_file" in said.out + said.err
    assert signing.mails == []
    assert command == ("doctor",) or signing.site.requests == []


@pytest.mark.parametrize("command", ["run", "check-now"])
def test_a_key_of_no_use_leaves_the_database_alone(world: World, ask: Asker, command: str) -> None:
    write_keys(world.directory)
    world.configure(DAILY, WEIGHTS, DKIM)
    write(world.directory, "no key", "ed25519.pem")
    assert ask(command).code == 78
    assert not world.state_dir.exists()
