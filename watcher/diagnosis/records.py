"""What DNS says of a domain that sends mail: SPF (RFC 7208), DMARC (RFC 9989) and DKIM's keys.

checkdmarc reads and judges the records; it has no types, and ends here. It is an extra, so this
module is imported only where it is used.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import dns.exception
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.resolver
from checkdmarc.dmarc import check_dmarc
from checkdmarc.spf import check_spf
from typing_extensions import override

_ODD = (dns.exception.DNSException, OSError, ValueError, RecursionError)
"""What records that nobody should publish can raise in their reader."""

_QUERY_SECONDS = 3.0


class NoDnsError(Exception):
    """Nobody answers; the text says why."""


@dataclass(frozen=True, slots=True)
class Spf:
    """An SPF record; `text` is empty where there is none, `error` where nothing is wrong.

    `others` is the answer for senders it does not name: fail, softfail, neutral or pass.
    """

    text: str
    error: str
    others: str


@dataclass(frozen=True, slots=True)
class Dmarc:
    """A DMARC record, published at `domain` or above; `policy` is none, quarantine or reject."""

    text: str
    error: str
    domain: str
    policy: str
    has_reports: bool


class Names:
    """Asks DNS about domains for at most so many seconds in all.

    `nameserver` is the address and port of the one to ask; None: those of the system. Raises
    NoDnsError where the system names none.
    """

    def __init__(self, nameserver: tuple[str, int] | None, seconds: float) -> None:
        try:
            self._resolver = _Resolver(nameserver, seconds)
        except dns.exception.DNSException as error:
            raise NoDnsError(_first_line(error)) from error

    def exists(self, domain: str) -> bool:
        """Whether there is such a name, or one below it (RFC 8020). Raises NoDnsError."""
        try:
            self._resolver.resolve(domain, "TXT", raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return False
        except _ODD as error:
            raise NoDnsError(_first_line(error)) from error
        return True

    def texts(self, domain: str) -> tuple[str, ...]:
        """The TXT records of a name; none where there is no such name. Raises NoDnsError."""
        try:
            answer = self._resolver.resolve(domain, "TXT", raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return ()
        except _ODD as error:
            raise NoDnsError(_first_line(error)) from error
        return tuple(b"".join(each.strings).decode("utf-8", "replace") for each in answer)

    def spf(self, domain: str) -> Spf:
        """The SPF record of a domain. Raises NoDnsError where that is not known."""
        self._resolver.unanswered.clear()
        try:
            found = check_spf(domain, resolver=self._resolver)
        except _ODD as error:
            return Spf("", _first_line(error), "")
        parsed = found.get("parsed")
        others = parsed.get("all") if isinstance(parsed, Mapping) else ""
        text, wrong = str(found.get("record") or ""), str(found.get("error") or "")
        self._see_answered(text, wrong)
        is_absent = not text and "does not exist" in wrong
        return Spf(text, "" if is_absent else _first_line(wrong), str(others or ""))

    def dmarc(self, domain: str) -> Dmarc:
        """The DMARC record that holds for a domain: its own, or that of a domain above it.

        Raises NoDnsError where that is not known.
        """
        self._resolver.unanswered.clear()
        try:
            found = check_dmarc(domain, resolver=self._resolver)
        except _ODD as error:
            return Dmarc("", _first_line(error), domain, "", has_reports=False)
        tags = found.get("tags")
        tags = tags if isinstance(tags, Mapping) else {}
        location = str(found.get("location") or domain)
        policy = _tag(tags, "p" if location == domain else "sp")
        text, wrong = str(found.get("record") or ""), str(found.get("error") or "")
        self._see_answered(text, wrong)
        is_absent = not text and "does not exist" in wrong
        return Dmarc(
            text,
            "" if is_absent else _first_line(wrong),
            location,
            policy,
            has_reports="rua" in tags,
        )

    def _see_answered(self, text: str, error: str) -> None:
        """What looks absent or wrong may only have stayed unanswered."""
        missed = self._resolver.unanswered
        if missed and (error or not text):
            raise NoDnsError(f"no answer about {missed[0]}")


def _tag(tags: Mapping[str, object], name: str) -> str:
    tag = tags.get(name)
    return str(tag.get("value", "")) if isinstance(tag, Mapping) else ""


class _Resolver(dns.resolver.Resolver):
    """All its answers together come within so many seconds; it remembers what stayed unanswered."""

    def __init__(self, nameserver: tuple[str, int] | None, seconds: float) -> None:
        super().__init__(configure=nameserver is None)
        if nameserver is not None:
            self.nameservers, self.port = [nameserver[0]], nameserver[1]
        self.unanswered: list[str] = []
        self._ends = time.monotonic() + seconds

    @override
    def resolve(
        self,
        qname: dns.name.Name | str,
        rdtype: dns.rdatatype.RdataType | str = dns.rdatatype.A,
        rdclass: dns.rdataclass.RdataClass | str = dns.rdataclass.IN,
        tcp: bool = False,
        source: str | None = None,
        raise_on_no_answer: bool = True,
        source_port: int = 0,
        lifetime: float | None = None,
        search: bool | None = None,
    ) -> dns.resolver.Answer:
        """As the library's, within what is left of the time."""
        left = max(0.0, min(_QUERY_SECONDS, self._ends - time.monotonic()))
        try:
            return super().resolve(
                qname,
                rdtype,
                rdclass,
                tcp,
                source,
                raise_on_no_answer,
                source_port,
                left,
                search,
            )
        except (dns.resolver.LifetimeTimeout, dns.resolver.NoNameservers, OSError):
            if rdtype != "SPF":  # a type long given up, which some servers choke on
                self.unanswered.append(str(qname))
            raise


def _first_line(error: object) -> str:
    lines = str(error).splitlines() or [""]
    return lines[0][:300].strip().rstrip(".")
