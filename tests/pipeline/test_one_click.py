"""Each recipient's mail names a URL that takes off them alone, as RFC 8058 has it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from tests import documents
from tests.fakesite import make_paper
from tests.modes import in_all_modes
from tests.settings.making import write
from tests.signing import DKIM, verdicts, write_keys, zone
from tests.world import DAILY, WEIGHTS, ZORBLAX, Mail, World
from watcher.mail import make_signer

SECRET = "0123456789abcdef0123456789abcdef"
QUERY = "?of={subscription}&who={recipient}&token={token}"
MAILTO = "mailto:root@example.org?subject=unsubscribe%20"

Check = Callable[[str, str, str, str], bool]


@pytest.fixture(scope="module")
def is_genuine() -> Check:
    """What the guide has an endpoint do."""
    [block] = documents.blocks("python", "endpoint")
    defined: dict[str, Check] = {}
    exec(block.text, defined)  # the guide's own
    return defined["is_genuine"]


def one_click(url: str = f"https://example.org/stop{QUERY}", secret: str = SECRET) -> str:
    return (
        f'[mail]\nfrom = "Papers <papers@example.org>"\noperator = "root@example.org"\n'
        f'unsubscribe_url = "{url}"\nunsubscribe_secret = "{secret}"\n'
    )


def configure(world: World, *parts: str, mail: str = "") -> None:
    """The world's configuration with another [mail]."""
    world.configure(*parts)
    text = world.config_path.read_text(encoding="utf-8")
    text = re.sub(r"\[mail\]\n(.+ = .+\n)+", lambda _: mail or one_click(), text)
    write(world.directory, text)


def subscribed(*to: str, name: str = "weights") -> str:
    return (
        f"[[subscriptions]]\nname = {json.dumps(name)}\nto = {json.dumps(to)}\n"
        'digest = "each-check"\nany = ["zorblax"]\n'
    )


def lines(mail: Mail) -> list[str]:
    """The mail's header, unfolded."""
    head = mail.raw.partition(b"\r\n\r\n")[0].decode("ascii")
    return re.sub(r"\r\n[ \t]", "", head).split("\r\n")


def ways_out(mail: Mail) -> list[str]:
    """The URLs of the only List-Unsubscribe."""
    [line] = [line for line in lines(mail) if line.lower().startswith("list-unsubscribe:")]
    return re.findall(r"<([^<>]*)>", line.partition(": ")[2])


def asked(mail: Mail) -> tuple[str, str, str]:
    """What the endpoint of `one_click` is given: subscription, recipient, token."""
    [found] = [url for url in ways_out(mail) if url.startswith("https:")]
    assert re.fullmatch(r"[\w.~:/?&=%-]+", found, re.ASCII)
    given = parse_qs(urlsplit(found).query, strict_parsing=True)
    [of], [who], [token] = given["of"], given["who"], given["token"]
    return of, who, token


async def test_mails_have_a_way_out_at_a_click_beside_the_address(
    world: World, is_genuine: Check
) -> None:
    configure(world, DAILY, subscribed("ada@example.org", "bob@example.org"))
    world.add(make_paper(1, world.now, title=ZORBLAX))
    await world.run_pass()
    ada, bob = sorted(world.mails, key=lambda mail: mail.recipient)
    for mail in (ada, bob):
        of, who, token = asked(mail)
        assert (of, who) == ("weights", mail.recipient)
        assert is_genuine(SECRET, of, who, token)
        https, mailto = ways_out(mail)
        assert (https[:8], mailto) == ("https://", f"{MAILTO}weights")
        assert lines(mail).count("List-Unsubscribe-Post: List-Unsubscribe=One-Click") == 1
        assert "To stop it, write to root@example.org." in mail.text
        assert "https://example.org/stop" not in mail.text + mail.html, "they are one for all"
    *_, token = asked(ada)
    assert token != asked(bob)[2]
    assert not is_genuine(SECRET, "weights", "bob@example.org", token)
    assert not is_genuine(SECRET, "Weights", "ada@example.org", token)
    assert not is_genuine(SECRET[::-1], "weights", "ada@example.org", token)
    assert not is_genuine(SECRET, "weights", "ada@example.org", token[:-1])
    assert not is_genuine(SECRET, "weights", "ada@example.org", "é")


async def test_without_an_endpoint_they_have_the_address_alone(world: World) -> None:
    world.configure(DAILY, WEIGHTS)
    world.add(make_paper(1, world.now, title=ZORBLAX))
    await world.run_pass()
    [mail] = world.mails
    assert ways_out(mail) == [f"{MAILTO}weights"]
    assert mail.header("List-Unsubscribe-Post") is None


@pytest.mark.parametrize(
    "name",
    [
        "two words & more = 100% + {token}",
        '"quoted", <angled>',
        "Gewichte und 重み",
        "重" * 100,
        "=?utf-8?q?=0D=0ABcc:_eve=40example.org?=",
    ],
)
async def test_names_and_addresses_arrive_at_the_endpoint_as_they_are(
    world: World, is_genuine: Check, name: str
) -> None:
    to = ("a+b@example.org", "50%{token}@example.org", "who=x&of=y@bücher.example")
    configure(world, DAILY)
    write(world.directory, subscribed(*to, name=name), "subscriptions.d/the lab.toml")
    world.add(make_paper(1, world.now, title=ZORBLAX))
    await world.run_pass()
    in_ascii = {recipient.replace("bücher", "xn--bcher-kva") for recipient in to}
    assert {mail.recipient for mail in world.mails} == in_ascii
    for mail in world.mails:  # several connections: they come in any order
        of, who, token = asked(mail)
        assert (of, who) == (f"the lab/{name}", mail.recipient)
        assert is_genuine(SECRET, of, who, token)
        assert not [line for line in lines(mail) if "=?" in line and "Subject: " not in line]
        assert max(map(len, mail.raw.split(b"\r\n"))) <= 998
        assert mail.header_names.count("List-Unsubscribe") == 1
        assert "Bcc" not in mail.header_names


@pytest.mark.parametrize(("length", "folds"), [(750, []), (820, [b">,"]), (1700, [b"x", b">,"])])
async def test_long_urls_are_folded_between_them_first(
    world: World, length: int, folds: list[bytes]
) -> None:
    path = "x" * length
    configure(world, DAILY, WEIGHTS, mail=one_click(f"https://example.org/{path}?{{token}}"))
    world.add(make_paper(1, world.now, title=ZORBLAX))
    await world.run_pass()
    [mail] = world.mails
    assert ways_out(mail)[0].startswith(f"https://example.org/{path}?")
    _, _, value = mail.raw.partition(b"\r\nList-Unsubscribe: ")
    parts = value.partition(b"\r\nList-Unsubscribe-Post")[0].split(b"\r\n ")
    assert [part[-len(end) :] for part, end in zip(parts, folds, strict=False)] == folds
    assert len(parts) == len(folds) + 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"https://example.org/stop", b"https://example.com/stop"),
        (b"who=ada", b"who=eve"),
        (b"=One-Click", b"=Two-Click"),
        (b"\r\nList-Unsubscribe: ", b"\r\nX-Unsubscribe: "),
        (b"\r\nList-Unsubscribe-Post: ", b"\r\nX-Unsubscribe-Post: "),
        (b"\r\nList-Id:", b"\r\nList-Unsubscribe: <https://example.com/>\r\nList-Id:"),
        (b"\r\nList-Id:", b"\r\nList-Unsubscribe-Post: x\r\nList-Id:"),
    ],
)
async def test_nobody_can_change_the_way_out_of_a_signed_mail(
    world: World, before: bytes, after: bytes
) -> None:
    write_keys(world.directory)
    configure(world, DAILY, WEIGHTS, DKIM)
    world.add(make_paper(1, world.now, title=ZORBLAX))
    await world.run_pass()
    [mail] = world.mails
    dns = zone(make_signer(world.config()).records)
    assert verdicts(mail.raw, dns, world.now) == [True, True]
    assert before in mail.raw
    assert verdicts(mail.raw.replace(before, after), dns, world.now) == [False, False]


@in_all_modes
async def test_a_pair_has_one_token_whenever_a_mail_goes(world: World) -> None:
    configure(world, DAILY, WEIGHTS)
    world.add(make_paper(1, world.now, title=ZORBLAX))
    world.smtp.fail("dot", "accept+drop", times=1)
    await world.run_pass()
    world.later(hours=1)
    world.add(make_paper(2, world.now, title=ZORBLAX))
    await world.run_pass()
    first, again, second = world.digests()
    assert first.raw == again.raw
    assert second.message_id != first.message_id
    assert asked(first) == asked(second)


async def test_a_new_secret_makes_new_tokens_and_leaves_what_is_frozen(
    world: World, is_genuine: Check
) -> None:
    configure(world, DAILY, WEIGHTS)
    world.add(make_paper(1, world.now, title=ZORBLAX))
    world.smtp.fail("rcpt", "450 4.2.0 greylisted", times=1)
    await world.run_pass()
    assert world.mails == []
    configure(world, DAILY, WEIGHTS, mail=one_click(secret=SECRET[::-1]))
    world.later(minutes=5)
    world.add(make_paper(2, world.now, title=ZORBLAX))
    await world.run_pass()
    first, second = world.digests()
    assert is_genuine(SECRET, *asked(first))
    assert is_genuine(SECRET[::-1], *asked(second))
