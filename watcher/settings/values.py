"""Single values, checked and brought into one form. Each raises ValueError with what to write."""

from __future__ import annotations

import difflib
import email.utils
import functools
import ipaddress
import json
import re
import zoneinfo
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

_NAMED_ADDRESS = re.compile(r"\s*(.*?)\s*<([^<>]*)>\s*", re.DOTALL)
# What email-validator gives back as it is, up to a length at which none of its limits is near.
_PLAIN_ADDRESS = re.compile(r"[a-z0-9]+(?:[._+-][a-z0-9]+)*@[a-z0-9]+(?:[.-][a-z0-9]+)*")
_LONGEST_PLAIN = 64
_SPECIALS = re.compile(r'[()<>\[\]:;@\\,."]')
_LONGEST_NAME = 100
_LONGEST_BOUNCE = 39
"""Characters before the @ that leave room for + and 24 more, of 64 (RFC 5321, 4.5.3.1.1)."""

_PLAIN_LOCAL_PART = re.compile(r"[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*")
_DOTTED = re.compile(r"(?i)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
LONGEST_IN_SIGNATURE = 64
"""Characters that a line of a signature has room for, which must not be folded inside a name."""

_PLACEHOLDERS = ("{subscription}", "{recipient}", "{token}")
NOT_IN_URL = re.compile(r"[^A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]")
_SQLITE = "sqlite:///watcher.db (in the state directory) or sqlite:////srv/watcher.db"


def quoted(text: str) -> str:
    """A value as TOML has it, at most 60 characters of it."""
    return json.dumps(text if len(text) <= 60 else f"{text[:60]}…", ensure_ascii=False)


def address(text: str) -> str:
    """An e-mail address with its domain in ASCII; a display name before it is dropped.

    Domains of special use (`localhost`, `.test`) pass, nothing is looked up. What no mail of ours
    can be addressed to does not.
    """
    if len(text) <= _LONGEST_PLAIN and _PLAIN_ADDRESS.fullmatch(text):
        return text
    import email_validator  # noqa: PLC0415  # slow, and many commands need none

    if text.count("@") > 1 and re.search(r"[,;\s]", text):
        raise ValueError(
            'holds more than one address; write a list: ["ada@example.org", "bob@example.org"]'
        )
    named = _NAMED_ADDRESS.fullmatch(text)
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    try:
        found = email_validator.validate_email(
            named[2] if named else text.strip().removeprefix("mailto:"),
            check_deliverability=False,
            globally_deliverable=False,
        )
    except email_validator.EmailNotValidError as error:
        raise ValueError(f"{quoted(text)} is not an e-mail address: {error}") from error
    if not found.local_part.isascii():
        raise ValueError(
            f"{quoted(text)} has letters before the @ that only some mail servers take (SMTPUTF8);"
            " write an address in ASCII"
        )
    if "=?" in found.local_part:
        raise ValueError(f"{quoted(text)} has =? before the @, where some would read a code")
    return f"{found.local_part}@{found.ascii_domain}"


def bounce_address(text: str) -> str:
    """An address that can have a token put behind its first part; an empty one stays empty."""
    if not text.strip():
        return ""
    found = address(text)
    local = found.rpartition("@")[0]
    if not _PLAIN_LOCAL_PART.fullmatch(local):
        raise ValueError(
            f"{quoted(found)} must have only ASCII letters, digits, dots and -_+ before the @"
        )
    if len(local) > _LONGEST_BOUNCE:
        raise ValueError(
            f"{quoted(found)} has {len(local)} characters before the @, of which there may be "
            f"{_LONGEST_BOUNCE}: 25 more come behind them, and servers take 64"
        )
    return found


def sender(text: str) -> str:
    """An address, or `Name <address>`, the name quoted where mail asks for it."""
    named = _NAMED_ADDRESS.fullmatch(text)
    if not named or not named[1]:
        return address(text)
    name = email.utils.unquote(named[1])
    if not name.isprintable():
        raise ValueError(f"the name in {quoted(text)} must be one line of printable characters")
    if _SPECIALS.search(name):
        name = f'"{email.utils.quote(name)}"'
    return f"{name} <{address(named[2])}>"


def name(text: str) -> str:
    """What a subscription or source is called: one short line without a slash."""
    stripped = text.strip()
    if not stripped:
        raise ValueError("is empty; give it a name, or leave the key out")
    if "/" in stripped:
        raise ValueError(f"{quoted(text)} holds a slash, which ids of files use; take another name")
    if not stripped.isprintable() or len(stripped) > _LONGEST_NAME:
        raise ValueError(
            f"must be one line of printable characters, {_LONGEST_NAME} of them at most"
        )
    return stripped


def one_line(text: str) -> str:
    """Text that can stand in a header: printable ASCII."""
    stripped = text.strip()
    if not (stripped.isascii() and stripped.isprintable()):
        raise ValueError("must be one line of printable ASCII characters")
    return stripped


LANGUAGES = {
    "en": ("english",),
    "fr": ("french", "français"),
    "de": ("german", "deutsch"),
    "zh": ("chinese", "中文", "简体中文"),
    "ja": ("japanese", "日本語"),
}
"""The languages of digests by their codes, and what else people call them."""


def language(text: str) -> str:
    """The code of one of the languages; `fr-CA`, `de_AT.UTF-8` and `French` will do."""
    wanted = text.strip().lower()
    code = re.split(r"[-_.]", wanted)[0]
    for known, names in LANGUAGES.items():
        if code == known or wanted in names:
            return known
    raise ValueError(f"{quoted(text)} is not one of the languages {', '.join(LANGUAGES)}")


def zone(text: str) -> str:
    """The name of an IANA time zone; an empty one stays empty."""
    stripped = text.strip()
    if stripped and not is_zone(stripped):
        raise ValueError(f"{quoted(text)} is not the name of a time zone{_nearest_zone(stripped)}")
    return stripped


def is_zone(text: str) -> bool:
    """Whether a time zone has this name."""
    try:
        _zone(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of zones
        return False
    return True


# Python keeps eight at hand; thousands of subscriptions have dozens.
_zone = functools.lru_cache(maxsize=600)(zoneinfo.ZoneInfo)


def _nearest_zone(text: str) -> str:
    wanted = text.lower().replace(" ", "_")
    known = {name.lower(): name for name in sorted(zoneinfo.available_timezones())}
    cities = {low.rpartition("/")[2]: name for low, name in known.items() if "/" in low}
    near = difflib.get_close_matches(wanted, [*known, *cities], 1, 0.7)
    if not near:
        return '; write one such as "Europe/Paris", or leave it out for the machine\'s own'
    return f"; did you mean {quoted(known.get(near[0]) or cities[near[0]])}?"


def base_url(text: str) -> str:
    """The address of the Hub or of a mirror, without a slash at its end."""
    parts = split(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        bare = text.strip().partition("://")[2] or text.strip()
        guess = f"; did you mean {quoted(f'https://{bare}')}?" if "@" not in bare else ""
        raise ValueError(f"must begin with https:// (or http://){guess}")
    if parts.username or parts.password:
        raise ValueError("must hold no user name or password; a token goes into [http] token")
    if parts.query or parts.fragment:
        raise ValueError("must end before any ? or #")
    return text.strip().rstrip("/")


def proxy(text: str) -> str:
    """The URL of an HTTP proxy; an empty one stays empty. Never quoted: it may hold a password."""
    stripped = text.strip()
    parts = split(stripped)
    if stripped and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise ValueError('must be the URL of an HTTP proxy: "http://proxy.example.org:3128"')
    return stripped


def ping_url(text: str) -> str:
    """The URL of a dead man's switch; an empty one stays empty. Never quoted: it is a secret."""
    stripped = text.strip()
    parts = split(stripped)
    if stripped and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise ValueError('must be a URL such as "https://hc-ping.com/…", as the service names it')
    if parts.username or parts.password or parts.fragment:
        raise ValueError("must hold no user name, no password and no #")
    if stripped and not (stripped.isascii() and stripped.isprintable() and " " not in stripped):
        raise ValueError("must be one word of printable ASCII characters")
    return stripped


def unsubscribe_url(text: str) -> str:
    """The URL that unsubscribes at a click, with its placeholders; an empty one stays empty."""
    stripped = text.strip()
    if not stripped:
        return ""
    parts = split(stripped)
    if not stripped.startswith("https://") or not parts.hostname:
        raise ValueError("must begin with https:// and a host: mail programs take no other")
    if "@" in parts.netloc:
        raise ValueError("must hold no user name or password: everybody who gets a mail sees it")
    if "{" in parts.netloc:
        raise ValueError("must name its host itself: placeholders come behind that")
    if "#" in stripped:
        raise ValueError("must end before any #: what follows one is never sent to a server")
    bare = re.sub("|".join(map(re.escape, _PLACEHOLDERS)), "", stripped)
    if unknown := re.search(r"\{[^{}]*\}", bare):
        raise ValueError(
            f"there is no placeholder {quoted(unknown[0])}, only {', '.join(_PLACEHOLDERS)}"
        )
    if strange := NOT_IN_URL.search(bare):
        domain = "" if strange[0].isascii() else ", or a domain in its form that begins with xn--"
        raise ValueError(
            f"must not hold {quoted(strange[0])} as it is; write {quote(strange[0])}{domain}"
        )
    if "{token}" not in stripped:
        raise ValueError(
            "must hold {token}: without it anybody could take anybody off the list, "
            "by an address alone"
        )
    return stripped


def store_url(text: str) -> str:
    """Where the database is. Never quoted: it may hold a password."""
    stripped = text.strip()
    if stripped.startswith("sqlite:"):
        path = stripped.removeprefix("sqlite:///")
        if path == stripped or not path.strip("/") or path.startswith(":") or "?" in path:
            raise ValueError(f"an SQLite database is written {_SQLITE}")
        return f"sqlite:///{expanded(Path(path))}"
    if stripped.startswith(("postgres://", "postgresql+")):
        raise ValueError("write postgresql:// at its beginning")
    if not stripped.startswith("postgresql://"):
        raise ValueError(f"must be {_SQLITE}, or postgresql://user@host/database")
    parts = split(stripped)
    if parts.netloc.count("@") > 1 or "@" in parts.path:
        raise ValueError(
            "must hold one @, before the host; within a password write %40 for @, and %2F for /"
        )
    # Not `parts.query`: SQLAlchemy reads what stands behind a # too.
    asked = {name.casefold() for name, _ in parse_qsl(stripped.partition("?")[2])}
    if told := sorted(asked & {"password", "sslpassword"}):
        raise ValueError(
            f"must not hold {told[0]}= behind its ?, where it would be shown; write "
            "postgresql://user:password@host/database, with %40 for an @ in it, or use ~/.pgpass"
        )
    if not parts.path.strip("/"):
        raise ValueError("names no database: postgresql://user@host/database")
    return stripped


def host(text: str) -> str:
    """The name or IP address of a mail server; an empty one stays empty."""
    stripped = text.strip().removeprefix("[").removesuffix("]")
    if "/" not in stripped and stripped.count(":") == 1:
        bare, _, port = stripped.partition(":")
        raise ValueError(f"holds a port; write host = {quoted(bare)} and port = {port or 587}")
    if not re.fullmatch(r"[\x21-\x2e\x30-\x7e]*", stripped):
        raise ValueError('must be a bare name in ASCII, such as "smtp.example.org"')
    return stripped


def signing_domain(text: str) -> str:
    """The domain that signs mail, in ASCII (RFC 6376, 3.5); an empty one stays empty."""
    stripped = text.strip().removesuffix(".").lower()
    if not stripped:
        return ""
    try:
        found = address(f"x@{stripped}").partition("@")[2]
    except ValueError:
        found = ""
    if "." not in found or not _DOTTED.fullmatch(found):
        raise ValueError(f'{quoted(text)} is not a domain in DNS, such as "example.org"')
    if len(found) > LONGEST_IN_SIGNATURE:
        raise ValueError(f"must have {LONGEST_IN_SIGNATURE} characters at most")
    return found


def selector(text: str) -> str:
    """What stands before `._domainkey` in DNS (RFC 6376, 3.1); an empty one stays empty."""
    stripped = text.strip()
    if stripped and (not _DOTTED.fullmatch(stripped) or len(stripped) > LONGEST_IN_SIGNATURE):
        raise ValueError(
            "must be what stands before ._domainkey in DNS: letters, digits and hyphens, "
            f'{LONGEST_IN_SIGNATURE} at most, such as "papers"'
        )
    return stripped


def expanded(path: Path) -> Path:
    """The path with a leading `~` resolved."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError(f"there is no home directory for {quoted(path.parts[0])}") from error


def is_loopback(name: str) -> bool:
    """Whether a host is this machine for certain."""
    bare = name.lower().rstrip(".")
    if bare == "localhost" or bare.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def split(url: str) -> SplitResult:
    """The parts of a URL that is one; ValueError otherwise, never quoting it."""
    try:
        parts = urlsplit(url.strip())
        parts.port  # noqa: B018  # read for its error
    except ValueError:
        raise ValueError("is not a URL") from None  # the cause would quote it
    return parts
