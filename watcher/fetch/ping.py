"""A word to a dead man's switch, which alarms somebody once such words stay out."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Final

import httpx
from pydantic import SecretStr

from watcher.errors import ConfigError
from watcher.fetch.client import make_client, root
from watcher.settings import HttpSettings

WITHIN: Final = 10.0
"""Seconds for all of it."""


async def ping(
    url: SecretStr, http: HttpSettings, *, is_good: bool, within: float = WITHIN
) -> str | None:
    """Ask for the URL, with `/fail` behind its path where things are not good.

    Returns what went wrong, None where nothing did or there is no URL. Never tells the URL, which
    is a secret, and sends nothing but the request: no token, no body.
    """
    if not url.get_secret_value():
        return None
    try:
        target = httpx.URL(url.get_secret_value())
        if not is_good:
            path, mark, query = target.raw_path.partition(b"?")
            target = target.copy_with(raw_path=path.rstrip(b"/") + b"/fail" + mark + query)
        without_token = http.model_copy(update={"token": SecretStr("")})
        async with (
            asyncio.timeout(within),
            make_client(without_token, target) as client,
            client.stream("GET", target) as response,
        ):
            return None if response.is_success else f"it answered {response.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ConfigError, ValueError) as error:
        return _brief(error, within)


def _brief(error: Exception, within: float) -> str:
    if isinstance(error, ConfigError):
        return str(error)
    cause = root(error)
    for kind, text in (
        (TimeoutError, f"no answer within {within:g} s"),
        (ssl.SSLCertVerificationError, "its certificate is not trusted ([http] ca_file)"),
        (socket.gaierror, "its host name is not known"),
        (ConnectionRefusedError, "nothing listens there"),
        (UnicodeError, "its host is no name that can be looked up"),
    ):
        if isinstance(cause, kind):
            return text
    told = cause.strerror if isinstance(cause, OSError) else None
    return told or type(error).__name__
