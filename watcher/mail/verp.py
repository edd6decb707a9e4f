"""Envelope senders that name the mail they are of (VERP): what comes back says what it was.

Anybody can write to such an address. Its token is therefore random, with 120 bits, and stored with
the delivery: who was not sent the mail cannot name it. The letters are of one case, because servers
may change that, and none is one that addresses cannot have.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

_TOKEN_BYTES = 15
_TOKEN = re.compile(r"\+([a-z2-7]{24})@", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender in an envelope, and the token in it, if there is one."""

    address: str
    token: str | None


def new_sender(bounce: str, address: str) -> Sender:
    """A sender for one mail: below `bounce` with a new token, or just `address` without it."""
    if not bounce:
        return Sender(address, None)
    token = base64.b32encode(secrets.token_bytes(_TOKEN_BYTES)).decode("ascii").lower()
    local, _, domain = bounce.rpartition("@")
    return Sender(f"{local}+{token}@{domain}", token)


def tokens_in(texts: Iterable[str]) -> tuple[str, ...]:
    """The tokens in addresses, in any text around them; each once, in their order."""
    found = (match[1].lower() for text in texts for match in _TOKEN.finditer(text))
    return tuple(dict.fromkeys(found))
