"""The HTTP client as configured, which URLs it may be given, and what its errors mean."""

from __future__ import annotations

import http.cookiejar
import ipaddress
import os
import socket
import ssl

import httpx

from watcher import __version__
from watcher.errors import ConfigError
from watcher.settings import HttpSettings

Origin = tuple[str, bytes, int]

# Compatible (RFC 4291, 2.5.5.1) and NAT64 (RFC 6052; RFC 8215 leaves the lengths to a site).
_WITH_IPV4 = tuple(map(ipaddress.IPv6Network, ("::/96", "64:ff9b::/96", "64:ff9b:1::/48")))


def make_client(settings: HttpSettings, base: httpx.URL) -> httpx.AsyncClient:
    """A client without redirects, cookies, the environment's settings or timeouts of its own.

    Raises ConfigError.
    """
    trust = _trust(settings) if "https" in {base.scheme, settings.proxy.split(":")[0]} else None
    headers = {
        "User-Agent": _header("user_agent", settings.user_agent) or f"paper-watcher/{__version__}",
        "Accept-Encoding": "gzip",
    }
    if token := _header("token", settings.token.get_secret_value()):
        headers["Authorization"] = f"Bearer {token}"
    no_cookies = http.cookiejar.DefaultCookiePolicy(allowed_domains=[])
    return httpx.AsyncClient(  # nosec B113
        headers=headers,
        # Where no TLS is spoken a context that trusts nobody stands in, at no cost.
        verify=trust or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        proxy=_proxy(settings, trust),
        cookies=http.cookiejar.CookieJar(no_cookies),
        trust_env=False,
        follow_redirects=False,
        timeout=None,  # noqa: S113  # the whole answer has one deadline
    )


def parsed(text: str, base: httpx.URL | None = None) -> httpx.URL | None:
    """An absolute http(s) URL without its fragment, None where there is a login or worse in it."""
    try:
        url = httpx.URL(text) if base is None else base.join(text)
    except (httpx.InvalidURL, ValueError):
        return None
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo:
        return None
    return url.copy_with(fragment=None)


def origin(url: httpx.URL) -> Origin:
    """Scheme, host and port."""
    return url.scheme, url.raw_host, url.port or (443 if url.scheme == "https" else 80)


def is_local(host: str) -> bool:
    """Whether a URL's host is localhost or an address outside of the open internet."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return not is_public(host)


def is_public(address: str) -> bool:
    """Whether this is an address, and in the open internet."""
    try:
        parsed_address = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed_address, ipaddress.IPv6Address):
        if parsed_address.is_site_local:
            return False
        if (embedded := _embedded(parsed_address)) is not None:
            parsed_address = embedded
    return parsed_address.is_global and not parsed_address.is_multicast


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Where an address leads that holds one of IPv4: mapped, compatible, by NAT64 or 6to4."""
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if any(address in network for network in _WITH_IPV4):
        return ipaddress.IPv4Address(address.packed[-4:])
    return None


def explain(error: BaseException, settings: HttpSettings) -> str:
    """What went wrong on the way, and which key to look at."""
    cause = root(error)
    match cause:
        case ssl.SSLCertVerificationError():
            text = (
                f"the certificate is not trusted: {_brief(cause.verify_message)}. If its "
                "authority is your own, or that of a proxy which reads along, name its "
                "certificate in [http] ca_file"
            )
        case ssl.SSLError():
            text = f"no encryption could be agreed on ({_brief(str(cause))})"
        case socket.gaierror():
            text = "the host name is not known; check the network and [http] base_url"
        case ConnectionRefusedError():
            text = "nothing listens there"
        case httpx.InvalidURL():  # ours are checked before
            text = f"a redirect to what is no address: not followed ({_brief(str(cause))})"
        case TimeoutError():
            text = f"no whole answer within {settings.timeout:g} s ([http] timeout)"
        case _:
            text = _brief(str(error)) or type(error).__name__
    is_unreached = isinstance(error, (httpx.ConnectError, httpx.ProxyError, TimeoutError))
    if is_unreached and settings.proxy:
        text += f"; the way leads through the proxy {httpx.URL(settings.proxy).host}"
    elif is_unreached and (name := _unused_proxy()):
        text += f"; the environment has {name} set but it is not used: set [http] proxy"
    return text


def root(error: BaseException) -> BaseException:
    """What it all began with; the libraries in between name no causes but leave the contexts."""
    while not isinstance(error, TimeoutError):
        earlier = error.__cause__ or error.__context__
        if earlier is None:
            break
        error = earlier
    return error


def _trust(settings: HttpSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        reason = "holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigError(f"{settings.ca_file}: {reason}", key="http.ca_file") from error


def _proxy(settings: HttpSettings, trust: ssl.SSLContext | None) -> httpx.Proxy | None:
    if not settings.proxy:
        return None
    try:
        proxy = httpx.Proxy(settings.proxy)
    except (ValueError, httpx.InvalidURL) as error:
        raise ConfigError("is not a URL of a proxy", key="http.proxy") from error
    if proxy.url.scheme not in {"http", "https"} or not proxy.url.host:
        raise ConfigError("is not an http:// or https:// URL", key="http.proxy")
    proxy.ssl_context = trust if proxy.url.scheme == "https" else None
    return proxy


def _header(key: str, value: str) -> str:
    value = value.strip()
    if not (value.isascii() and value.isprintable()) and value:
        raise ConfigError("holds characters that no HTTP header can", key=f"http.{key}")
    return value


def _unused_proxy() -> str | None:
    names = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy")
    return next((name for name in names if os.environ.get(name)), None)


def _brief(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300]
