"""The way from a PageRequest to a Page.

The firewall's headers are those of AWS WAF's "CAPTCHA and Challenge actions"; without them no
answer counts as blocked, whatever it looks like.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Final, Self

import httpcore
import httpx
import stamina

from watcher.errors import BlockedError, ConfigError, FetchError
from watcher.fetch.body import Body, BodyError
from watcher.fetch.client import (
    Origin,
    explain,
    is_local,
    is_public,
    make_client,
    origin,
    parsed,
    root,
)
from watcher.fetch.limits import Limits
from watcher.models import Page, PageRequest
from watcher.settings import HttpSettings
from watcher.steps import Step, reached

# What failed in the end is reported; a word for each try would have cron write for every hiccup.
stamina.instrumentation.set_on_retry_hooks([])

MAX_REDIRECTS: Final = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HOPELESS = (ssl.SSLCertVerificationError, httpx.InvalidURL)
_LONGEST_VALIDATOR = 1024  # characters
_ADVICE = {
    401: ": check [http] token",
    403: ": check [http] token",
    404: ": there is no such page",
    407: ": the proxy wants a login, as in [http] proxy = http://user:password@host:port",
}


class Fetcher:
    """Fetches from one origin, that of `base_url`, over kept connections.

    `attempts` counts the first try; before the second it waits about `wait_initial` seconds, then
    about twice that, 8 times at most. `clock` gives aware UTC. Entering raises ConfigError.
    """

    def __init__(
        self,
        http: HttpSettings,
        *,
        attempts: int = 3,
        wait_initial: float = 1.0,
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._http, self._clock = http, clock
        self._limits = Limits(clock)
        self._retry = stamina.AsyncRetryingCaller(
            attempts=attempts,
            timeout=None,
            wait_initial=wait_initial,
            wait_max=8 * wait_initial,
            wait_jitter=wait_initial,
        ).on(_is_worth_retrying)
        base = parsed(http.base_url)
        if base is None:
            raise ConfigError("is not an http(s) URL without a login", key="http.base_url")
        self._base = base
        self._origin: Origin = origin(base)
        # An address of the operator's own choice, or behind a proxy that looks names up itself.
        self._is_peer_free = bool(http.proxy) or is_local(base.host)
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        self._client = make_client(self._http, self._base)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def fetch(self, request: PageRequest) -> Page:
        """The answer to one request: whole with 200, or empty with a 304 that was asked for.

        Raises BlockedError and FetchError, the latter also without asking while the site wants to
        be left alone (`retry_after` says for how long).
        """
        return await self._retry(self._attempt, request)

    async def _attempt(self, request: PageRequest) -> Page:
        try:
            async with asyncio.timeout(self._http.timeout):
                return await self._follow(request)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise _error(
                request,
                explain(error, self._http),
                retryable=not isinstance(root(error), _HOPELESS),
            ) from error

    async def _follow(self, request: PageRequest) -> Page:
        url = self._allowed(request, request.url, None)
        for _ in range(1 + MAX_REDIRECTS):
            self._see_held(request)
            answer = await self._ask(request, url)
            if isinstance(answer, Page):
                return answer
            url = self._allowed(request, answer, url)
        raise _error(request, f"more than {MAX_REDIRECTS} redirects", retryable=False)

    async def _ask(self, request: PageRequest, url: httpx.URL) -> Page | str:
        """One request: the page, or where it has moved."""
        if self._client is None:
            raise AssertionError("a Fetcher is used within `async with`")
        headers = {"If-None-Match": request.etag, "If-Modified-Since": request.last_modified}
        conditions = {name: value for name, value in headers.items() if value}
        extensions = {} if self._is_peer_free else {"trace": partial(_see_peer, request)}
        async with self._client.stream(
            "GET", url, headers=conditions, extensions=extensions
        ) as response:
            reached(Step.ASKED)
            self._see_status(request, response)
            if response.status_code in _REDIRECTS:
                return str(response.headers.get("location", ""))
            body = b""
            if response.status_code == 200:
                body = await self._body(request, response)
            return Page(
                request=request,
                url=str(url),
                status=response.status_code,
                body=body,
                fetched_at=self._clock(),
                etag=_validator(response, "etag"),
                last_modified=_validator(response, "last-modified"),
                next_url=self._next_url(response, url),
            )

    async def _body(self, request: PageRequest, response: httpx.Response) -> bytes:
        encoding = response.headers.get("content-encoding", "").strip().lower()
        try:
            body = Body(encoding, self._http.max_bytes)
            async for chunk in response.aiter_raw():
                body.feed(chunk)
            return body.finish()
        except BodyError as error:
            raise _error(request, str(error), status=200, retryable=error.is_retryable) from error

    def _allowed(self, request: PageRequest, target: str, base: httpx.URL | None) -> httpx.URL:
        """Where a request or redirect leads, if that is our origin. Raises FetchError."""
        url = parsed(target, base)
        if not target or url is None or origin(url) != self._origin:
            what = "the address" if base is None else "a redirect to"
            raise _error(
                request,
                f"{what} {target[:200]!r} leaves {self._http.base_url}: not followed",
                retryable=False,
            )
        return url

    def _see_held(self, request: PageRequest) -> None:
        held = self._limits.held(request.form)
        if held is not None:
            raise _held(request, *held)

    def _see_status(self, request: PageRequest, response: httpx.Response) -> None:
        """Raise what an answer without a page means."""
        status, action = response.status_code, response.headers.get("x-amzn-waf-action")
        if action is not None:
            raise BlockedError(
                f"the site's firewall wants a proof ({action[:40]!r}, status {status})",
                source=request.source,
                url=request.url,
            )
        wait = self._limits.note(request.form, response)
        if wait is not None:
            raise _held(request, wait, status)
        if status in _REDIRECTS or status == 200:
            return
        if status == 304 and (request.etag or request.last_modified):
            return
        raise _error(
            request,
            f"the site answered {status}{_ADVICE.get(status, '')}",
            status=status,
            retryable=status >= 500,
        )

    def _next_url(self, response: httpx.Response, url: httpx.URL) -> str | None:
        link = response.links.get("next", {}).get("url")
        target = parsed(link, url) if link else None
        return str(target) if target and origin(target) == self._origin else None


async def _see_peer(request: PageRequest, event: str, info: Mapping[str, object]) -> None:
    """Leave a connection that led into a private network, before a byte is sent over it.

    Whatever the name meant when it was looked up before: this is where it has led.
    """
    stream = info.get("return_value")
    if event != "connection.connect_tcp.complete":
        return
    if not isinstance(stream, httpcore.AsyncNetworkStream):
        raise TypeError(f"not a connection: {stream!r}")
    peer, *_ = stream.get_extra_info("server_addr") or ("nowhere",)
    if not is_public(peer):
        await stream.aclose()
        raise _error(
            request,
            f"the host name leads to {peer}, which is no public address: nothing was asked. "
            "Check the DNS; a server of your own is given by its address in [http] base_url",
            retryable=False,
        )


def _is_worth_retrying(error: Exception) -> bool:
    return isinstance(error, FetchError) and error.retryable and error.retry_after is None


def _validator(response: httpx.Response, name: str) -> str | None:
    """A validator that can be sent back as it is."""
    value: str = response.headers.get(name, "")
    is_sound = value.isascii() and value.isprintable() and len(value) <= _LONGEST_VALIDATOR
    return value if value and is_sound else None


def _held(request: PageRequest, wait: float, status: int) -> FetchError:
    message = f"the site asks for no more requests for {wait:.0f} s ({status})"
    return _error(request, message, status=status, retry_after=wait)


def _error(
    request: PageRequest,
    message: str,
    *,
    status: int | None = None,
    retryable: bool = True,
    retry_after: float | None = None,
) -> FetchError:
    return FetchError(
        message,
        source=request.source,
        url=request.url,
        status=status,
        retryable=retryable,
        retry_after=retry_after,
    )
