"""What stands around every page: bounded requests, headers, and forms that are ours."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
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
_HEADERS = {
    "Content-Security-Policy": _POLICY,
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

OF_NETWORK = Limit(20, 40)
"""How many forms a network may send."""

MAILS_OF_NETWORK = Limit(1, 10)
"""How many confirmations a network may ask for."""

MAILS_OF_ADDRESS = Limit(1 / 60, 3)
"""How many an address is sent: three, then one an hour."""


class TooLargeError(Exception):
    """A form beyond `LARGEST_BODY`, `MOST_FIELDS` or `BODY_WITHIN`."""


class WithHeaders:
    """Sets the headers of every answer; `is_https`: browsers shall come by https alone."""

    def __init__(self, app: ASGIApp, *, is_https: bool) -> None:
        self._app = app
        self._headers = _HEADERS | ({"Strict-Transport-Security": _FOR_A_YEAR} if is_https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on (ASGI)."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)


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
        self._links, self._is_https = links, is_https
        self._cookie = "__Host-form" if is_https else "form"

    def mark(self, request: Request) -> tuple[str, str]:
        """The word of this browser's cookie, and what its forms are marked with."""
        word = request.cookies.get(self._cookie, "")
        if not (word.isascii() and 16 <= len(word) <= 64):
            word = secrets.token_urlsafe(16)
        return word, self._links.token(Purpose.FORM, word)

    def remember(self, response: Response, word: str) -> None:
        """Have the browser keep the word."""
        response.set_cookie(
            self._cookie, word, path="/", secure=self._is_https, httponly=True, samesite="lax"
        )

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

    def take(
        self, database: Database, limits: Mapping[tuple[str, str], Limit], now: dt.datetime
    ) -> dt.timedelta | None:
        """Count once for each pair of kind and whom; how long to wait where one is used up.

        Whom, the store holds as a hash alone.
        """
        hashed = {f"web:{kind}:{self._hash(whom)}": limit for (kind, whom), limit in limits.items()}
        with database.write() as connection:
            waits = buckets.take(connection, hashed, now)
        return max(waits.values()) if waits else None

    def _hash(self, text: str) -> str:
        return hmac.digest(self._secret, text.lower().encode(), "sha256").hex()[:32]


def network_of(request: Request) -> str:
    """The network a request comes from: what one customer of a provider has."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return hashlib.sha256(host.encode()).hexdigest()
    bits = 32 if address.version == 4 else 64
    return str(ipaddress.ip_network(f"{address}/{bits}", strict=False))
