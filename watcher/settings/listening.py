"""Single values about what listens: where, under which name, to whom."""

from __future__ import annotations

import ipaddress
import re

from watcher.settings import values


def listen(text: str) -> str:
    """Host and port on this machine; an empty text stays empty."""
    bare, port = _host_and_port(text, "127.0.0.1:9464")
    if bare and not values.is_loopback(bare):
        raise ValueError(
            f"{values.quoted(bare)} is not this machine alone, and nobody is asked for a login; "
            'write "127.0.0.1:9464", and put a web server with one in front'
        )
    return _listening(bare, port)


def web_listen(text: str) -> str:
    """Host and port that pages are served at; an empty text stays empty."""
    bare, port = _host_and_port(text, "127.0.0.1:8466")
    return _listening(bare, port)


def _host_and_port(text: str, example: str) -> tuple[str, str]:
    stripped = text.strip()
    if not stripped:
        return "", ""
    host_name, _, port = stripped.rpartition(":")
    bare = host_name.removeprefix("[").removesuffix("]")
    if not bare or not (port.isascii() and port.isdigit()) or not 1 <= int(port) <= 65535:
        raise ValueError(f'must be a host and a port: "{example}"')
    return bare, port


def _listening(bare: str, port: str) -> str:
    if not bare:
        return ""
    return f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}"


def public_url(text: str) -> str:
    """Where people reach the pages, without a slash at its end; an empty text stays empty."""
    stripped = text.strip().rstrip("/")
    if not stripped:
        return ""
    parts = values.split(stripped)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError('must be a URL such as "https://papers.example.org"')
    if "@" in parts.netloc or "{" in parts.netloc or values.NOT_IN_URL.search(stripped):
        raise ValueError("must hold no user name and nothing but a host in ASCII, and its port")
    if parts.path or parts.query or parts.fragment or "?" in stripped or "#" in stripped:
        raise ValueError(
            "must end behind the host: the pages have a host of their own, such as "
            '"https://papers.example.org"'
        )
    if parts.scheme == "http" and not values.is_loopback(parts.hostname):
        raise ValueError(
            "must begin with https://, or who is on the way reads the links that let people in; "
            "http:// is for this machine alone"
        )
    return stripped


def address_pattern(text: str) -> str:
    """A pattern of addresses, in which * stands for whatever there is."""
    stripped = text.strip().lower()
    local, _, domain = stripped.rpartition("@")
    if not local or not domain or re.search(r"[\s,?\[\]]", stripped) or "@" in local:
        raise ValueError(
            f"{values.quoted(text)} is no pattern of addresses; "
            'write "*@example.org", or a whole address'
        )
    return stripped


def network(text: str) -> str:
    """An IP address or a network of them."""
    try:
        ipaddress.ip_network(text.strip())
    except ValueError:
        raise ValueError(
            f"{values.quoted(text)} is no IP address and no network; "
            'write "127.0.0.1" or "10.0.0.0/8"'
        ) from None
    return text.strip()
