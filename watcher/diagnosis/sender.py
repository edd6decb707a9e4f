"""Whether the domain of `from` is one from which other mail servers take mail."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from email.utils import parseaddr
from functools import partial
from typing import TYPE_CHECKING

from watcher.diagnosis.finding import Finding, ok, problem, warning
from watcher.digest.message import ascii_address
from watcher.errors import ConfigError
from watcher.mail import KeyRecord, make_signer
from watcher.settings import Config

if TYPE_CHECKING:
    from watcher.diagnosis.records import Names

SECONDS = 15.0
"""How long DNS may take in all."""

_EXAMPLES = ("test", "example", "invalid", "example.com", "example.net", "example.org")
"""RFC 2606: never anybody's."""

_INSIDE = ("localhost", "local", "internal", "lan", "home.arpa")
"""Names that only a machine or its own network knows (RFC 6761, 6762, 8375)."""


def examine_sender(
    config: Config, nameserver: tuple[str, int] | None = None, seconds: float = SECONDS
) -> Iterator[Finding]:
    """Ask DNS for SPF, DKIM and DMARC of the sender's domain, and for the keys that we sign with.

    `nameserver` is the address and port of the one to ask; None: those of the system.
    """
    mail = config.settings.mail
    domain = parseaddr(mail.from_)[1].rpartition("@")[2].lower().rstrip(".")
    if not domain:
        return  # without a sender, the finding about mail says what is missing
    if mail.transport == "maildir":
        yield ok("sender", "mail stays on this machine and needs no SPF, DKIM or DMARC")
        return
    if "." not in domain or _is_below(domain, _INSIDE):
        yield ok(
            "sender",
            f"{domain} is a name of this machine or its network alone, and needs no SPF, DKIM or"
            " DMARC",
        )
        return
    if _is_below(domain, _EXAMPLES):
        yield warning(
            "sender",
            f"{domain} is a name for examples, from which no mail is taken; write an address of"
            " yours as [mail] from",
        )
        return
    if importlib.util.find_spec("checkdmarc") is None:
        yield warning(
            "sender",
            f"SPF, DKIM and DMARC of {domain} were not looked at: pip install"
            " 'paper-watcher[doctor]'",
        )
        return
    try:
        keys = make_signer(config).records
    except ConfigError:  # as the finding about signing says
        keys = ()
    yield from _examine(domain, keys, nameserver, seconds)


def _is_below(domain: str, names: tuple[str, ...]) -> bool:
    return any(domain == name or domain.endswith(f".{name}") for name in names)


def _examine(
    domain: str, keys: tuple[KeyRecord, ...], nameserver: tuple[str, int] | None, seconds: float
) -> Iterator[Finding]:
    from watcher.diagnosis.records import Names, NoDnsError  # noqa: PLC0415  # needs the extra

    name = ascii_address(f"papers@{domain}").partition("@")[2]
    try:
        names = Names(nameserver, seconds)
        if not names.exists(name):
            yield warning(
                "sender",
                f"DNS knows no {domain}: servers outside refuse its mail, and answers and bounces"
                " go nowhere; write an address of a domain that is there as [mail] from",
            )
            return
    except NoDnsError as error:
        yield warning(
            "sender",
            f"DNS did not answer about {domain} ({error}), so SPF, DKIM and DMARC were not looked"
            " at; see to the network and its name servers, and ask again",
        )
        return
    signing: list[Callable[[], Finding]] = [partial(_key, names, key) for key in keys]
    looks: tuple[tuple[str, Callable[[], Finding]], ...] = (
        ("spf", partial(_spf, names, name)),
        *(("dkim", look) for look in signing or [partial(_dkim, names, name)]),
        ("dmarc", partial(_dmarc, names, name)),
    )
    for about, look in looks:
        try:
            yield look()
        except NoDnsError as error:
            yield warning(about, f"not known: {error}; ask again")


def _spf(names: Names, domain: str) -> Finding:
    found = names.spf(domain)
    if found.error:
        if "lookups" in found.error:
            advice = "leave out includes of services that do not send for you"
        elif "multiple" in found.error:
            advice = "make one record of them"
        else:
            advice = "correct it: as it is, it counts for nothing"
        return problem("spf", f"{domain}: {found.error}; {advice}")
    if not found.text:
        return warning(
            "spf",
            f"{domain} has no SPF record, so nobody can tell that your server may send for it;"
            f' publish a TXT record at {domain}, "v=spf1 include:NAME ~all", with the NAME that'
            " your mail provider gives",
        )
    if found.others == "pass":
        return problem(
            "spf",
            f"{domain}: {found.text} lets everybody send in its name; end it in ~all or -all",
        )
    if found.others not in {"fail", "softfail"}:
        return warning(
            "spf",
            f"{domain}: {found.text} says nothing about all other servers; end it in ~all or -all",
        )
    return ok("spf", f"{domain}: {found.text}")


def _dkim(names: Names, domain: str) -> Finding:
    place = f"_domainkey.{domain}"
    if not names.exists(place):
        return warning(
            "dkim",
            f"no key is published below {place}, so no mail is signed in its name; turn DKIM on at"
            " your mail provider, and publish the key that it gives",
        )
    return ok(
        "dkim",
        f"keys are published below {place}; whether mails are signed is seen in one that has"
        " arrived: `watcher doctor --received FILE.eml`",
    )


def _key(names: Names, key: KeyRecord) -> Finding:
    """Whether receivers find the key that mails are signed with."""
    wanted = _tags(key.text)
    found = [tags for tags in map(_tags, names.texts(key.name)) if "p" in tags]
    advice = "publish what `dkim record` gives"
    if not found:
        text = f"no key is published at {key.name}, so nobody can check its signatures; {advice}"
    elif len(found) > 1:
        text = f"{len(found)} keys are published at {key.name}, where one may be; leave ours only"
    elif not found[0]["p"]:
        text = f"the key at {key.name} is withdrawn (p=); sign with a new one, by a new selector"
    elif (found[0].get("k", "rsa"), found[0]["p"]) != (wanted["k"], wanted["p"]):
        text = f"another key is published at {key.name}, so every signature fails; {advice}"
    else:
        return ok("dkim", f"{key.name}: the key that mails are signed with is published")
    return problem("dkim", text)


def _tags(record: str) -> dict[str, str]:
    """The tags of a key's record, their values without white space (RFC 6376, 3.2)."""
    pairs = (each.partition("=") for each in re.sub(r"\s", "", record).split(";"))
    return {name: value for name, sign, value in pairs if sign}


def _dmarc(names: Names, domain: str) -> Finding:
    found = names.dmarc(domain)
    if found.error:
        return problem(
            "dmarc", f"{domain}: {found.error}; correct it: as it is, it counts for nothing"
        )
    if not found.text:
        return warning(
            "dmarc",
            f"{domain} has no DMARC record, which large providers want of who sends much; publish a"
            f' TXT record at _dmarc.{domain}: "v=DMARC1; p=none; rua=mailto:ADDRESS", with the'
            " ADDRESS that is to get the reports",
        )
    text = f"{found.domain}: {found.text}"
    if not found.has_reports:
        return warning(
            "dmarc", f"{text} asks for no reports; add rua=mailto:ADDRESS to learn who sends for it"
        )
    if found.policy == "none":
        return ok(
            "dmarc",
            f"{text}; p=none is fine to begin with, but keeps nobody from sending in its name: once"
            " the reports show that your own mail passes, make it quarantine or reject",
        )
    return ok("dmarc", text)
