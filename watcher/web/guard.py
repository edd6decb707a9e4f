"""What stands around every page: bounded requests, headers, and forms that are ours."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from watcher.links import LinkError, Links, Purpose
from watcher.store import buckets
from watcher.store.buckets import Limit
from watcher.store.database import Database

LARGEST_BODY = 131_072
"""Bytes: forty keywords and as many exclusions have 20,000, and there may be ten rules."""

BODY_WITHIN = 10.0
"""Seconds for a whole form to arrive."""

MOST_FIELDS = 500

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
_DEFAULTS = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
"""What a page can have otherwise."""

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Links carry what lets people in: no other site hears of them.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Robots-Tag": "noindex, nofollow",
}
_FOR_A_YEAR = "max-age=31536000"
_WORD = re.compile(r"[A-Za-z0-9_-]{16,64}")  # nothing that would have to be quoted in a cookie

OF_NETWORK = Limit(20, 40)
"""How many forms a network may send."""

WRONG_PASSWORDS = Limit(1, 10)
"""How many wrong passwords a network may send."""

MAILS_OF_NETWORK = Limit(1, 10)
"""How many confirmations a network may ask for."""

MAILS_OF_ADDRESS = Limit(1 / 60, 3)
"""How many an address is sent, whatever stands behind a + in it: three, then one an hour."""


class TooLargeError(Exception):
    """A form beyond `LARGEST_BODY`, `MOST_FIELDS` or `BODY_WITHIN`."""


class WithHeaders:
    """Sets the headers of every answer; `is_https`: browsers shall come by https alone."""

    def __init__(self, app: ASGIApp, *, is_https: bool) -> None:
        self._app = app
        headers = _HEADERS | ({"Strict-Transport-Security": _FOR_A_YEAR} if is_https else {})
        self._headers = _coded(headers)
        self._names = set(self._headers)
        self._defaults = _coded(_DEFAULTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on (ASGI)."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = [each for each in message["headers"] if each[0] not in self._names]
                names = {name for name, _ in said}
                added = [each for each in self._defaults.items() if each[0] not in names]
                message["headers"] = [*said, *added, *self._headers.items()]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _coded(headers: Mapping[str, str]) -> Mapping[bytes, bytes]:
    return {name.lower().encode(): value.encode() for name, value in headers.items()}


async def form_of(request: Request) -> Mapping[str, list[str]]:
    """The fields of a form. Raises TooLargeError; what is no such form has no fields."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST_BODY:
                    raise TooLargeError
    except (TimeoutError, ClientDisconnect) as error:
        raise TooLargeError from error
    try:
        return parse_qs(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS
        )
    except ValueError as error:
        raise TooLargeError from error


class Forms:
    """Tells the forms of our own pages from those that another site has people send.

    A form has a signed word that stands in a cookie as well: the other site knows neither.
    """

    def __init__(self, links: Links, *, is_https: bool) -> None:
        self._links = links
        self._cookie = "__Host-form" if is_https else "form"
        self._kept = f"; HttpOnly; Path=/; SameSite=lax{'; Secure' if is_https else ''}"

    def mark(self, request: Request) -> tuple[str, str]:
        """The word of this browser's cookie, and what its forms are marked with."""
        word = request.cookies.get(self._cookie, "")
        if not _WORD.fullmatch(word):
            word = secrets.token_urlsafe(16)
        return word, self._links.token(Purpose.FORM, word)

    def remember(self, response: Response, word: str) -> None:
        """Have the browser keep the word."""
        # By hand: `set_cookie` takes as long as all else of a page that is kept.
        response.headers.append("Set-Cookie", f"{self._cookie}={word}{self._kept}")

    def are_ours(self, request: Request, form: Mapping[str, list[str]]) -> bool:
        """Whether a page of ours made the form, for this browser, and lately."""
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return False
        word = request.cookies.get(self._cookie, "")
        try:
            told = self._links.read(Purpose.FORM, (form.get("form") or [""])[0])
        except LinkError:
            return False
        return bool(word) and hmac.compare_digest("".join(told).encode(), word.encode())


class Limits:
    """How often is often enough, counted in the store: for all processes, across restarts."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self.guesses = asyncio.Lock()  # one after the other, or many at once would count as few

    def take(
        self, database: Database, limits: Mapping[tuple[str, str], Limit], now: dt.datetime
    ) -> dt.timedelta | None:
        """Count once for each pair of kind and whom; how long to wait where one is used up.

        Whom, the store holds as a hash alone.
        """
        hashed = {self._key(kind, whom): limit for (kind, whom), limit in limits.items()}
        with database.write() as connection:
            waits = buckets.take(connection, hashed, now)
        return max(waits.values()) if waits else None

    def wait(
        self, reader: Database, kind: str, whom: str, limit: Limit, now: dt.datetime
    ) -> dt.timedelta | None:
        """How long they have to wait, if they do. Counts nothing."""
        with reader.read() as connection:
            return buckets.wait(connection, self._key(kind, whom), limit, now)

    def _key(self, kind: str, whom: str) -> str:
        return f"web:{kind}:{self._hash(whom)}"

    def _hash(self, text: str) -> str:
        return hmac.digest(self._secret, text.lower().encode(), "sha256").hex()[:32]


def network_of(request: Request) -> str:
    """The network a request comes from: what one customer of a provider has."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return hashlib.sha256(host.encode()).hexdigest()
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped:  # as a proxy that listens for both tells it: not one network of all
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), 64), strict=False))  # without a zone
