"""What several keys must be together, and what one of them implies for another."""

from __future__ import annotations

import difflib
import hmac
import re
from collections.abc import Iterable, Iterator, Sequence
from email.utils import parseaddr

from pydantic import SecretStr

from watcher.settings import values
from watcher.settings.explaining import Problem
from watcher.settings.tables import (
    DkimSettings,
    HttpSettings,
    MailSettings,
    Settings,
    SmtpSettings,
    SourceSettings,
    SubscriptionSettings,
    WebSettings,
)

_APP_PASSWORD = re.compile(r"[a-z]{4}(\s[a-z]{4}){3}", re.IGNORECASE)
_LOCAL_SENDER = "paper-watcher@localhost"
_SHORTEST_SECRET = 32
_SHORTEST_PASSWORD = 16
_MAKING_ONE = "`openssl rand -hex 32` writes one"


def completed(settings: Settings, timezone: str) -> Settings:
    """The settings with what follows from others; `timezone` is the machine's."""
    mail, smtp, dkim = settings.mail, settings.smtp, settings.dkim
    sender = mail.from_
    if not sender and _is_address(smtp.username):
        sender = values.address(smtp.username)
    if not sender and mail.transport == "maildir":
        sender = _LOCAL_SENDER  # what goes into a folder leaves no machine
    operator = mail.operator or parseaddr(sender)[1]
    secret = smtp.password.get_secret_value()
    if _APP_PASSWORD.fullmatch(secret.strip()):
        secret = "".join(secret.split())
    domain = dkim.domain or (_signing_domain(sender) if dkim.is_on else "")
    web = _completed(settings.web)
    return settings.model_copy(
        update={
            "schedule": settings.schedule.model_copy(
                update={"timezone": settings.schedule.timezone or timezone}
            ),
            "mail": mail.model_copy(
                update={
                    "from_": sender,
                    "operator": operator,
                    "unsubscribe": mail.unsubscribe or operator,
                    "reply_to": mail.reply_to or operator,
                    **_one_click(mail, web),
                }
            ),
            "smtp": smtp.model_copy(update={"password": SecretStr(secret)}),
            "dkim": dkim.model_copy(update={"domain": domain}),
            "web": web,
        }
    )


def _completed(web: WebSettings) -> WebSettings:
    if not web.listen or web.public_url:
        return web
    return web.model_copy(update={"public_url": f"http://{web.listen}"})


def _one_click(mail: MailSettings, web: WebSettings) -> dict[str, object]:
    """The pages unsubscribe at a click, unless something else does; mail programs want https."""
    secret = web.secret.get_secret_value()
    if mail.unsubscribe_url or not secret or not web.public_url.startswith("https://"):
        return {}
    # A key of its own: what is made with it can be taken for nothing else that `secret` signs.
    key = hmac.digest(secret.encode(), b"one-click", "sha256").hex()
    query = "of={subscription}&who={recipient}&token={token}"
    return {
        "unsubscribe_url": f"{web.public_url}/stop?{query}",
        "unsubscribe_secret": SecretStr(key),
    }


def problems_in(settings: Settings) -> Iterator[Problem]:
    """What of the configuration itself cannot be; the settings are completed."""
    yield from _http(settings.http)
    if settings.mail.transport == "smtp" and settings.smtp.host:
        yield from _smtp(settings.smtp)
    needs_sender = settings.mail.transport == "sendmail" or (
        settings.mail.transport == "smtp" and settings.smtp.host
    )
    if needs_sender and not settings.mail.from_:
        yield Problem(
            ("mail", "from"),
            'is missing; say who the mails come from: from = "Papers <you@example.org>"',
        )
    yield from _unsubscribing(settings.mail)
    yield from _web(settings.web)
    yield from _dkim(settings.dkim)
    yield from _sources(settings.sources)
    yield from subscription_problems(settings.subscriptions, settings.sources)


def oddities_in(settings: Settings) -> Iterator[str]:
    """What is allowed, but hardly meant."""
    url = settings.http.base_url
    host = url.partition("://")[2].rpartition(":")[0] or url.partition("://")[2]
    if url.startswith("http://") and not values.is_loopback(host.strip("[]").partition("/")[0]):
        secret = ", the token too" if settings.http.token.get_secret_value() else ""
        yield f"[http] base_url is plain http: whoever is on the way can read and change it{secret}"
    smtp = settings.smtp
    if smtp.password.get_secret_value() and not smtp.username and smtp.host:
        yield "[smtp] password is given without username, and so never used"
    if settings.mail.unsubscribe_secret.get_secret_value() and not settings.mail.unsubscribe_url:
        yield "[mail] unsubscribe_secret is given without unsubscribe_url, and so never used"
    web = settings.web
    if web.secret.get_secret_value() and not (web.listen or web.public_url):
        yield "[web] secret is given without listen, and so never used"
    if web.operator_password.get_secret_value() and not (web.listen or web.public_url):
        yield "[web] operator_password is given without listen, and so never used"
    domain, sender = settings.dkim.domain, _domain_of(settings.mail.from_)
    if domain and not settings.dkim.is_on:
        yield "[dkim] domain is given without a key, and so nothing is signed"
    elif domain and sender and not _are_akin(domain, sender):
        yield (
            f"[dkim] domain is {domain}, but mails come from {sender}: "
            "receivers that go by DMARC may take that for no signature"
        )


def subscription_problems(
    subscriptions: Sequence[SubscriptionSettings], sources: Iterable[SourceSettings]
) -> Iterator[Problem]:
    """What cannot be of the subscriptions of one file."""
    known = [source.name for source in sources]
    first: dict[str, int] = {}
    for at, subscription in enumerate(subscriptions):
        path = ("subscriptions", at)
        if subscription.id in first:
            yield Problem(
                (*path, "name"),
                f"two subscriptions of this file are called {values.quoted(subscription.name)}; "
                "give each a name of its own",
            )
        first.setdefault(subscription.id, at)
        for position, source in enumerate(subscription.sources):
            if source not in known:
                near = difflib.get_close_matches(source, known, 1, 0.6)
                hint = f"; did you mean {values.quoted(near[0])}?" if near else ""
                yield Problem(
                    (*path, "sources", position),
                    f"there is no source {values.quoted(source)} among {', '.join(known)}{hint}",
                )


def _http(http: HttpSettings) -> Iterator[Problem]:
    if http.timeout < 1:
        yield Problem(("http", "timeout"), "must be at least 1 (second): timeout = 60")
    if http.max_bytes < 100_000:
        yield Problem(
            ("http", "max_bytes"),
            "is in bytes, and pages have 1 to 2 million: max_bytes = 8_000_000",
        )
    token = http.token.get_secret_value()
    if not (token.isascii() and token.isprintable()) or " " in token:
        yield Problem(("http", "token"), "must be one word of printable ASCII characters")


def _smtp(smtp: SmtpSettings) -> Iterator[Problem]:
    password = smtp.password.get_secret_value()
    if smtp.port == 465 and smtp.security != "tls":
        yield Problem(
            ("smtp", "security"),
            f'port 465 speaks TLS from its first byte, not "{smtp.security}"; '
            'write security = "tls", or port = 587',
        )
    if smtp.port == 587 and smtp.security == "tls":
        yield Problem(
            ("smtp", "security"),
            "port 587 begins in the clear and changes over; "
            'write security = "starttls", or port = 465',
        )
    if smtp.security == "none" and password and not values.is_loopback(smtp.host):
        yield Problem(
            ("smtp", "security"),
            f"would send the password to {smtp.host} in the clear; "
            'write security = "starttls", or "tls"',
        )
    if not re.fullmatch(r"[\x21-\x7e]*", smtp.helo):
        yield Problem(
            ("smtp", "helo"),
            'must be a host name in ASCII, such as helo = "papers.example.org"',
        )
    if smtp.username and not password:
        yield Problem(
            ("smtp", "username"),
            "is given without a password; put it into a file that only you can read and name "
            "that in password_file, or set WATCHER_SMTP__PASSWORD",
        )


def _unsubscribing(mail: MailSettings) -> Iterator[Problem]:
    secret = mail.unsubscribe_secret.get_secret_value()
    if mail.unsubscribe_url and not secret:
        yield Problem(
            ("mail", "unsubscribe_secret"),
            f"is missing, and unsubscribe_url has tokens made with it; {_MAKING_ONE}, for a file "
            "that only you can read: name that in unsubscribe_secret_file",
        )
    key = "unsubscribe_secret_file" if mail.unsubscribe_secret_file else "unsubscribe_secret"
    yield from _too_short(("mail", key), secret)


def _web(web: WebSettings) -> Iterator[Problem]:
    secret = web.secret.get_secret_value()
    if (web.listen or web.public_url) and not secret:
        yield Problem(
            ("web", "secret"),
            f"is missing, and the links in mails are signed with it; {_MAKING_ONE}, for a file "
            "that only you can read: name that in secret_file",
        )
    yield from _too_short(("web", "secret_file" if web.secret_file else "secret"), secret)
    password = web.operator_password.get_secret_value()
    key = "operator_password_file" if web.operator_password_file else "operator_password"
    yield from _too_short(("web", key), password, _SHORTEST_PASSWORD, "anybody")
    is_bare = web.listen and web.public_url == f"http://{web.listen}"
    if password and is_bare and not values.is_loopback(web.address[0]):
        yield Problem(
            ("web", key),
            "would be asked for in the clear; say at which https:// URL people reach the pages: "
            'public_url = "https://papers.example.org"',
        )


def _too_short(
    key: tuple[str, str],
    secret: str,
    shortest: int = _SHORTEST_SECRET,
    who: str = "who gets a mail",
) -> Iterator[Problem]:
    if secret and len(secret) < shortest:
        yield Problem(
            key,
            f"must have {shortest} characters at least, or {who} can find it by trying; "
            f"{_MAKING_ONE}",
        )


def _dkim(dkim: DkimSettings) -> Iterator[Problem]:
    for kind, selector, key in (
        ("", dkim.selector, dkim.key),
        ("ed25519", dkim.ed25519_selector, dkim.ed25519_key),
    ):
        prefix, name = (f"{kind}_", f"papers-{kind}") if kind else ("", "papers")
        if key.get_secret_value() and not selector:
            yield Problem(
                ("dkim", f"{prefix}selector"),
                "is missing; say under which name DNS has the public key: "
                f'{prefix}selector = "{name}"',
            )
        if selector and not key.get_secret_value():
            yield Problem(
                ("dkim", f"{prefix}key_file"),
                f'is missing; name the file of the private key: {prefix}key_file = "{name}.pem"',
            )
    if dkim.selector and dkim.selector.lower() == dkim.ed25519_selector.lower():
        yield Problem(
            ("dkim", "ed25519_selector"),
            "is the selector of the other key too, and DNS holds one key for each; "
            f"take another, such as {values.quoted(f'{dkim.selector}-ed25519')}",
        )
    if dkim.is_on and not dkim.domain:
        yield Problem(
            ("dkim", "domain"),
            'is missing, and [mail] from has none that can sign; write domain = "example.org"',
        )


def _sources(sources: Sequence[SourceSettings]) -> Iterator[Problem]:
    if not sources:
        yield Problem(
            ("sources",), "is empty; name a source, or leave the key out for trending and daily"
        )
    first: dict[str, int] = {}
    for at, source in enumerate(sources):
        path = ("sources", at)
        if source.page == "search" and not source.query.strip():
            yield Problem(
                (*path, "query"),
                'is missing: page = "search" needs what to search for, '
                'such as query = "diffusion language model"',
            )
        if source.page != "search" and source.query:
            yield Problem((*path, "query"), 'is for page = "search" only')
        if source.name in first:
            yield Problem(
                (*path, "name"),
                f"two sources are called {values.quoted(source.name)}; give one of them another "
                f'name, such as name = "{source.name}-2"',
            )
        first.setdefault(source.name, at)


def _domain_of(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2].lower()


def _signing_domain(sender: str) -> str:
    try:
        return values.signing_domain(_domain_of(sender))
    except ValueError:
        return ""


def _are_akin(one: str, other: str) -> bool:
    return f".{one}".endswith(f".{other}") or f".{other}".endswith(f".{one}")


def _is_address(text: str) -> bool:
    try:
        return bool(values.address(text))
    except ValueError:
        return False
