"""What a mail's headers say of it: its ids, the list it is of, the way out of that."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from urllib.parse import quote

from watcher.digest.message import ascii_address
from watcher.digest.text import clean
from watcher.errors import RenderError

AUTOMATIC = {"Auto-Submitted": "auto-generated"}
"""What keeps answering machines quiet (RFC 3834, 5)."""

_FEEDBACK_SENDER = "paper-watcher"
"""Gmail wants 5 to 15 characters, the same in all mails of a sender."""


def message_id(subscription_id: str, slot_key: str, recipient: str, *, domain: str) -> str:
    """The Message-ID of one mail, in angle brackets; the same whenever it is asked for."""
    name = _hash("message-id", subscription_id, slot_key, recipient)
    return f"<{name}@{_header_domain(domain)}>"


def boundary_for(*key: str) -> str:
    """The MIME boundary of the mails of that key; `=_` cannot stand in its parts."""
    return f"=_{_hash('boundary', *key)}"


def list_headers(name: str, domain: str, unsubscribe: str) -> dict[str, str]:
    """The headers of a mail to a list of subscribers (RFC 2369, 2919, 3834).

    `name` is the subscription's, `domain` the sender's, `unsubscribe` an address or empty.
    Feedback-ID groups what Gmail counts of complaints, by subscription.
    """
    known_as = slug(name)
    headers = {
        "List-Id": f"<{known_as}.paper-watcher.{_header_domain(domain)}>",
        **AUTOMATIC,
        "Precedence": "bulk",
        "Feedback-ID": f"{known_as}:digest:{_FEEDBACK_SENDER}",
    }
    if unsubscribe:
        headers["List-Unsubscribe"] = f"<{unsubscribe_url(unsubscribe, name)}>"
    return headers


def slug(name: str) -> str:
    """A subscription's name in lower-case letters, digits and hyphens, and still its alone."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    return plain if plain == name else f"{plain or 'list'}-{_hash('list', name)[:8]}"


def thread_headers(subscription_id: str, *, domain: str) -> dict[str, str]:
    """The headers that put all digests of a subscription into one thread (RFC 5322, 3.6.4).

    They answer a mail that never was: what is fixed is found again however many were deleted.
    """
    root = message_id(subscription_id, "thread", "", domain=domain)
    return {"In-Reply-To": root, "References": root}


def unsubscribe_url(address: str, name: str) -> str:
    """The mailto URL that asks to be taken off the subscription of that name."""
    subject = quote(f"unsubscribe {clean(name)}", safe="")
    return f"mailto:{quote(clean(address), safe='@')}?subject={subject}"


@lru_cache(maxsize=64)
def _header_domain(domain: str) -> str:
    """A domain fit for a header, whatever was configured."""
    try:
        return ascii_address(f"x@{domain}").removeprefix("x@").strip("[]").replace(":", ".")
    except RenderError:
        return "paper-watcher.invalid"


def _hash(*parts: str) -> str:
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:32]
