"""SPF, DKIM and DMARC of the sender's domain, asked of a real name server on loopback.

Each test has a domain of its own: the library remembers what it was told of one.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.nameserver import NameServer
from tests.signing import DKIM, write_keys, zone
from watcher.diagnosis import Finding, Level, examine_sender
from watcher.mail import make_signer
from watcher.settings import Config, load

Zone = Mapping[str, tuple[str, ...]]


def configured(tmp_path: Path, sender: str, *, transport: str = "smtp") -> Config:
    path = tmp_path / "config.toml"
    path.write_text(
        f'[mail]\ntransport = "{transport}"\nfrom = "{sender}"\n[smtp]\nhost = "mail.example.org"\n'
    )
    return load(path, state_dir=tmp_path, environ={"TZ": "UTC"})


def examined(tmp_path: Path, domain: str, zone: Zone) -> dict[str, Finding]:
    with NameServer(zone) as server:
        config = configured(tmp_path, f"Papers <papers@{domain}>")
        findings = list(examine_sender(config, server.address))
    return {each.about: each for each in findings}


def spf(tmp_path: Path, domain: str, *records: str, **others: str) -> Finding:
    zone = {domain: records} | {f"{name}.{domain}": (record,) for name, record in others.items()}
    return examined(tmp_path, domain, zone)["spf"]


def dmarc(tmp_path: Path, domain: str, record: str) -> Finding:
    zone = {domain: ("MX 10 mx.example.org.",), f"_dmarc.{domain}": (record,)}
    return examined(tmp_path, domain, zone)["dmarc"]


def test_a_domain_with_all_three_is_well(tmp_path: Path) -> None:
    zone = {
        "well.edu": ("v=spf1 include:_spf.well.edu -all", "other text", "MX 10 mx.well.edu."),
        "_spf.well.edu": ("v=spf1 ip4:192.0.2.1 -all",),
        "s1._domainkey.well.edu": ("v=DKIM1; p=abc",),
        "_dmarc.well.edu": ("v=DMARC1; p=reject; rua=mailto:dmarc@well.edu",),
    }
    found = examined(tmp_path, "well.edu", zone)
    assert {about: each.level for about, each in found.items()} == {
        "spf": Level.OK,
        "dkim": Level.OK,
        "dmarc": Level.OK,
    }
    assert "v=spf1 include:_spf.well.edu -all" in found["spf"].text
    assert "doctor --received" in found["dkim"].text


def test_a_domain_with_none_is_told_what_to_publish(tmp_path: Path) -> None:
    found = examined(tmp_path, "bare.edu", {"bare.edu": ("MX 10 mx.bare.edu.",)})
    assert {each.level for each in found.values()} == {Level.WARNING}
    assert '"v=spf1 include:NAME ~all"' in found["spf"].text
    assert "no key is published below _domainkey.bare.edu" in found["dkim"].text
    assert '_dmarc.bare.edu: "v=DMARC1; p=none' in found["dmarc"].text


@pytest.mark.parametrize(
    ("domain", "record", "level", "words"),
    [
        ("open.edu", "v=spf1 mx ?all", Level.WARNING, "end it in ~all or -all"),
        ("unsaid.edu", "v=spf1 ip4:192.0.2.1", Level.WARNING, "end it in ~all or -all"),
        ("all.edu", "v=spf1 +all", Level.PROBLEM, "lets everybody send"),
        ("soft.edu", "v=spf1 ip4:192.0.2.1 ~all", Level.OK, "v=spf1"),
        ("broken.edu", "v=spf1 ipv4:192.0.2.1 -all", Level.PROBLEM, "it counts for nothing"),
        ("void.edu", "v=spf1 include:none.void.edu -all", Level.PROBLEM, "none.void.edu"),
    ],
)
def test_an_spf_record_that_does_not_do_its_work_is_told(
    tmp_path: Path, domain: str, record: str, level: Level, words: str
) -> None:
    found = spf(tmp_path, domain, record)
    assert found.level is level, found
    assert words in found.text


def signing(tmp_path: Path, domain: str) -> tuple[Config, dict[str, tuple[str, ...]]]:
    """What signs with two keys for the domain, and a zone with both."""
    write_keys(tmp_path)
    path = configured(tmp_path, f"papers@{domain}").path
    assert path is not None
    path.write_text(path.read_text() + DKIM)
    config = load(path, state_dir=tmp_path, environ={"TZ": "UTC"})
    published: dict[str, tuple[str, ...]] = {domain: ("MX 10 mx.example.org.",)}
    published |= {name: (text,) for name, text in zone(make_signer(config).records).items()}
    return config, published


def keys_found(config: Config, zone: Zone) -> dict[str, Finding]:
    """What was found of the keys, by what stands first in it: the selector."""
    with NameServer(zone) as server:
        found = [each for each in examine_sender(config, server.address) if each.about == "dkim"]
    return {each.text.partition("._domainkey")[0].rpartition(" ")[2]: each for each in found}


def test_the_keys_that_mails_are_signed_with_are_published(tmp_path: Path) -> None:
    config, published = signing(tmp_path, "signed.edu")
    found = keys_found(config, published)
    assert {name: each.level for name, each in found.items()} == {
        "papers": Level.OK,
        "papers-ed25519": Level.OK,
    }


@pytest.mark.parametrize(
    ("domain", "change", "words"),
    [
        ("k1.edu", lambda _: (), "no key is published at papers._domainkey.k1.edu"),
        ("k2.edu", lambda _: ("some text",), "no key is published"),
        ("k3.edu", lambda ours: (ours, "v=DKIM1; p=abc"), "2 keys are published"),
        ("k4.edu", lambda _: ("v=DKIM1; k=rsa; p=",), "is withdrawn"),
        ("k5.edu", lambda ours: (ours[:-9],), "another key is published"),
        ("k6.edu", lambda ours: (ours.replace("k=rsa", "k=ed25519"),), "another key is published"),
    ],
)
def test_a_key_that_receivers_do_not_find_is_told(
    tmp_path: Path, domain: str, change: Callable[[str], tuple[str, ...]], words: str
) -> None:
    config, published = signing(tmp_path, domain)
    name = f"papers._domainkey.{domain}"
    published[name] = change(published[name][0])
    found = keys_found(config, published)
    assert found["papers"].level is Level.PROBLEM
    assert words in found["papers"].text
    assert found["papers-ed25519"].level is Level.OK


def test_a_key_may_be_published_in_other_words(tmp_path: Path) -> None:
    config, published = signing(tmp_path, "words.edu")
    name = "papers._domainkey.words.edu"
    [ours] = published[name]
    published[name] = (ours.replace("v=DKIM1; k=rsa; p=MII", "t=s;p = MI I") + " ;",)
    assert keys_found(config, published)["papers"].level is Level.OK


def test_a_key_that_nobody_answers_for_is_not_missing(tmp_path: Path) -> None:
    config, published = signing(tmp_path, "mute.edu")
    with NameServer(published, silent=("papers._domainkey.mute.edu",)) as server:
        found = list(examine_sender(config, server.address, seconds=1.0))
    assert [each.level for each in found if "not known" in each.text] == [Level.WARNING] * 3


def test_two_spf_records_are_none(tmp_path: Path) -> None:
    found = spf(tmp_path, "twice.edu", "v=spf1 mx -all", "v=spf1 a -all")
    assert found.level is Level.PROBLEM
    assert "make one record of them" in found.text


def test_the_end_of_a_record_elsewhere_counts(tmp_path: Path) -> None:
    record = "v=spf1 redirect=_spf.redirected.edu"
    found = spf(tmp_path, "redirected.edu", record, _spf="v=spf1 ip4:192.0.2.1 -all")
    assert found.level is Level.OK, found


def test_too_many_lookups_are_counted(tmp_path: Path) -> None:
    names = [f"n{number}" for number in range(11)]
    record = " ".join(("v=spf1", *(f"include:{name}.many.edu" for name in names), "-all"))
    others = dict.fromkeys(names, "v=spf1 ip4:192.0.2.1 -all")
    found = spf(tmp_path, "many.edu", record, **others)
    assert found.level is Level.PROBLEM
    assert "11/10" in found.text
    assert "leave out includes" in found.text


@pytest.mark.parametrize(
    ("domain", "record", "level", "words"),
    [
        ("p0.edu", "v=DMARC1; p=none; rua=mailto:a@p0.edu", Level.OK, "fine to begin with"),
        ("p1.edu", "v=DMARC1; p=quarantine; rua=mailto:a@p1.edu", Level.OK, "p=quarantine"),
        ("p2.edu", "v=DMARC1; p=reject", Level.WARNING, "add rua=mailto:ADDRESS"),
        ("p3.edu", "v=DMARC1; p=perhaps", Level.PROBLEM, "it counts for nothing"),
        ("p4.edu", "v=spf1 -all", Level.PROBLEM, "it counts for nothing"),
    ],
)
def test_a_dmarc_record_is_judged(
    tmp_path: Path, domain: str, record: str, level: Level, words: str
) -> None:
    found = dmarc(tmp_path, domain, record)
    assert found.level is level, found
    assert words in found.text


def test_a_dmarc_record_above_holds_by_what_it_says_of_names_below(tmp_path: Path) -> None:
    zone = {
        "lab.above.edu": ("MX 10 mx.above.edu.",),
        "above.edu": ("MX 10 mx.above.edu.",),
        "_dmarc.above.edu": ("v=DMARC1; p=reject; sp=none; rua=mailto:a@above.edu",),
    }
    found = examined(tmp_path, "lab.above.edu", zone)["dmarc"]
    assert found.text.startswith("above.edu: v=DMARC1; p=reject")
    assert "fine to begin with" in found.text


def test_a_domain_that_is_not_there_is_told(tmp_path: Path) -> None:
    found = examined(tmp_path, "gone.edu", {})
    assert found["sender"].level is Level.WARNING
    assert "DNS knows no gone.edu" in found["sender"].text


def test_a_domain_in_letters_of_its_own_is_asked_for_in_ascii(tmp_path: Path) -> None:
    zone = {"xn--bcher-kva.edu": ("v=spf1 ip4:192.0.2.1 -all",)}
    assert examined(tmp_path, "bücher.edu", zone)["spf"].level is Level.OK


@pytest.mark.parametrize(
    ("sender", "transport"),
    [
        ("papers@localhost", "smtp"),
        ("papers@desk.local", "sendmail"),
        ("papers@lab.internal", "smtp"),
        ("papers@well.edu", "maildir"),
    ],
)
def test_who_stays_inside_needs_none_of_it(tmp_path: Path, sender: str, transport: str) -> None:
    with NameServer({}) as server:
        config = configured(tmp_path, sender, transport=transport)
        [found] = examine_sender(config, server.address)
    assert found.level is Level.OK
    assert "needs no SPF, DKIM or DMARC" in found.text
    assert server.asked == []


def test_a_domain_of_examples_is_told_and_not_asked_for(tmp_path: Path) -> None:
    with NameServer({}) as server:
        config = configured(tmp_path, "papers@lists.example.org")
        [found] = examine_sender(config, server.address)
    assert found.level is Level.WARNING
    assert server.asked == []


def test_without_any_answer_it_ends_in_time(tmp_path: Path) -> None:
    began = time.monotonic()
    with NameServer({}, silent=("silent.edu",)) as server:
        config = configured(tmp_path, "papers@silent.edu")
        [found] = examine_sender(config, server.address, seconds=0.5)
    assert time.monotonic() - began < 5
    assert found.level is Level.WARNING
    assert "DNS did not answer about silent.edu" in found.text


def test_without_a_name_server_it_is_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        port = int(deaf.getsockname()[1])
    config = configured(tmp_path, "papers@nobody.edu")
    [found] = examine_sender(config, ("127.0.0.1", port), seconds=0.5)
    assert found.level is Level.WARNING


def test_an_answer_that_breaks_off_is_no_record_that_is_missing(tmp_path: Path) -> None:
    zone = {"half.edu": ("v=spf1 include:spf.half.edu -all",), "s._domainkey.half.edu": ("p=x",)}
    with NameServer(zone, silent=("_dmarc.half.edu", "spf.half.edu")) as server:
        config = configured(tmp_path, "papers@half.edu")
        found = {each.about: each for each in examine_sender(config, server.address, seconds=1.0)}
    assert "not known: no answer about spf.half.edu" in found["spf"].text
    assert found["spf"].level is found["dmarc"].level is Level.WARNING
    assert "not known" in found["dmarc"].text


def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "checkdmarc", None)
    [found] = examine_sender(configured(tmp_path, "papers@extra.edu"))
    assert found.level is Level.WARNING
    assert "pip install 'paper-watcher[doctor]'" in found.text
