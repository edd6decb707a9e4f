"""What the recipient's provider did to one of our mails, read off a delivered copy of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import pairwise

from watcher.diagnosis import verdicts
from watcher.diagnosis.comparison import (
    compare_body,
    compare_header,
    decoded,
    look_at_body,
)
from watcher.diagnosis.delivered import Mail
from watcher.diagnosis.finding import Finding, ok, problem, warning
from watcher.diagnosis.verdicts import Hop, Results
from watcher.digest.text import clean, shorten
from watcher.when import span

SLOW = dt.timedelta(minutes=5)
"""A hop that takes longer is told."""

_HOP_LIMIT = 100
"""More is a loop (RFC 5321, 6.3)."""

_METHODS = {"spf": "SPF", "dkim": "DKIM", "dmarc": "DMARC"}
_MEANING = {
    "none": "nothing to go by was found",
    "neutral": "the domain says neither yes nor no",
    "softfail": "the domain thinks that this server may not send for it",
    "policy": "a rule of the receiver's own decided",
    "temperror": "DNS did not answer the receiver",
    "permerror": "the record cannot be read",
}
_POST = "List-Unsubscribe-Post"
_ADVICE = "`watcher doctor` says what to publish"


def message_id_of(raw: bytes) -> str:
    """The Message-ID of a delivered mail, maybe empty. Raises ValueError for what is no mail."""
    return Mail.read(raw).value("Message-ID")


def examine_received(raw: bytes, sent: bytes | None = None) -> Iterator[Finding]:
    """What a delivered mail tells; `sent` are the bytes that were given to the mail server.

    Raises ValueError for what is no mail.
    """
    came = Mail.read(raw)
    yield ok("mail", _shown(f"“{decoded(came.value('Subject'))}” to {came.value('To')}"))
    yield from _authentication(came)
    yield from _spam(came)
    yield from _way(came)
    if sent is None:
        yield from look_at_body(came)
        yield from _unsubscribe(came)
        return
    before = Mail.read(sent)
    yield from compare_header(before, came)
    yield from compare_body(before, came)
    if before.values("List-Unsubscribe"):
        yield from _unsubscribe(came)


def _authentication(came: Mail) -> Iterator[Finding]:
    fields = [verdicts.authentication(each) for each in came.values("Authentication-Results")]
    if not fields:
        yield warning(
            "verdicts",
            "no server wrote down what it thinks of the sender (Authentication-Results); take the"
            " original out of the recipient's mailbox, as its mail program saves it",
        )
        return
    # The server that delivers writes last and so on top. One of another name below was written
    # outside, and may say what the sender likes (RFC 8601, 7.1).
    by = fields[0].by
    own = [verdict for each in fields if each.by == by for verdict in each.verdicts]
    found = Results(by, tuple(own))
    for method, name in _METHODS.items():
        yield _judged(method, name, found)
    foreign = list(dict.fromkeys(each.by for each in fields if each.by != by))
    if foreign:
        names = ", ".join(each or "a server without a name" for each in foreign)
        yield ok("verdicts", _shown(f"left aside, for anybody could have written them: {names}"))


def _judged(method: str, name: str, found: Results) -> Finding:
    by = found.by or "a server that does not name itself"
    mine = [verdict for verdict in found.verdicts if verdict.method == method]
    if not mine:
        return warning(method, _shown(f"{by} says nothing of {name}"))
    # Of several signatures one that holds is enough.
    best = next((each for each in mine if each.result == "pass"), mine[0])
    text = f"{by} says {best.result}{f' for {best.domain}' if best.domain else ''}"
    if best.result == "pass":
        return ok(method, _shown(text))
    if best.result in {"fail", "hardfail"}:
        why = {
            "spf": "that server may not send for the domain",
            "dkim": "no signature holds; something changed the mail, or the key is wrong",
            "dmarc": "neither SPF nor DKIM passed for the domain of From",
        }[method]
        return problem(method, _shown(f"{text}: {why}; {_ADVICE}"))
    meaning = _MEANING.get(best.result, "which is no pass")
    return warning(method, _shown(f"{text}: {meaning}; {_ADVICE}"))


def _spam(came: Mail) -> Iterator[Finding]:
    found = list(verdicts.filters(came.fields))
    for each in found:
        text = _shown(f"{each.name}: {each.text}")
        yield problem("spam", text) if each.is_spam else ok("spam", text)
    if not found:
        yield ok("spam", "no filter wrote down a verdict; the folder that it came in is one, too")


def _way(came: Mail) -> Iterator[Finding]:
    """Each hop from the first server to the last, and how long all of it took."""
    hops = [verdicts.hop(each) for each in reversed(came.values("Received"))]
    if not hops:
        yield warning("way", "no server wrote down that it took the mail (Received)")
        return
    if len(hops) > _HOP_LIMIT:
        yield problem("way", f"{len(hops)} servers: the mail went round and round")
        return
    start = Hop("", "", verdicts.moment(came.value("Date")))
    yield _hop(1, hops[0], None)
    for number, (before, after) in enumerate(pairwise(hops), start=2):
        yield _hop(number, after, _delay(before, after))
    total = _delay(start, hops[-1])
    if total is not None:
        yield ok("way", f"{_lasted(total)} from its Date to the mailbox, servers: {len(hops)}")


def _hop(number: int, hop: Hop, delay: dt.timedelta | None) -> Finding:
    names = [hop.by or "a server without a name"]
    names += [f"from {hop.sender}"] if hop.sender else []
    names += [f"after {_lasted(delay)}"] if delay is not None else []
    text = _shown(f"{number}. {' '.join(names)}")
    if hop.at is None:
        return warning("way", f"{text}; its date cannot be read")
    if delay is not None and delay > SLOW:
        return warning("way", f"{text}: it was put off (greylisting), or waited in a queue")
    return ok("way", text)


def _delay(before: Hop, after: Hop) -> dt.timedelta | None:
    return after.at - before.at if before.at and after.at else None


def _lasted(delay: dt.timedelta) -> str:
    seconds = delay.total_seconds()
    words = span(abs(seconds)) or f"{abs(int(seconds))} s"
    return words if seconds >= 0 else f"minus {words} (a clock is wrong)"


def _unsubscribe(came: Mail) -> Iterator[Finding]:
    value = came.value("List-Unsubscribe")
    if not value:
        if came.value("List-Id"):
            yield problem("unsubscribe", "List-Unsubscribe was taken away")
        else:
            yield ok("unsubscribe", "no List-Unsubscribe, which digests alone have")
    elif value.startswith("<"):
        yield ok("unsubscribe", _shown(f"readers are offered {value}"))
        yield from _one_click(came, value)
    else:
        yield problem(
            "unsubscribe",
            _shown(f"List-Unsubscribe was encoded, so that no reader understands it: {value}"),
        )


def _one_click(came: Mail, ways_out: str) -> Iterator[Finding]:
    """Whether mail programs may offer the https URL as a button (RFC 8058, 4)."""
    if "<https:" not in ways_out.lower():
        return
    if came.value(_POST).replace(" ", "").lower() != "list-unsubscribe=one-click":
        yield problem("one click", f"{_POST} was taken away or changed, so nobody has a button")
        return
    signed = [verdicts.signed_fields(each) for each in came.values("DKIM-Signature")]
    if any({"list-unsubscribe", _POST.lower()} <= names for names in signed):
        yield ok("one click", f"{_POST} is there and signed: programs may offer a button")
    else:
        yield warning(
            "one click",
            f"no DKIM signature covers List-Unsubscribe and {_POST}, so mail programs offer no"
            " button; have the mail server sign both, or sign here ([dkim])",
        )


def _shown(text: str) -> str:
    return shorten(clean(text), 300)
