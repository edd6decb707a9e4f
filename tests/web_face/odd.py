"""Requests that nobody foresaw: of the pages' routes, fields and tokens, and of noise."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from urllib.parse import quote, urlencode

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.documents import CHECKOUT
from watcher.digest import OneClick
from watcher.links import Links, Purpose
from watcher.settings import Config, RuleSettings, SubscriptionSettings, definition_of
from watcher.web.ruleform import RuleWish

EVE = "eve@example.org"
RULE = RuleSettings(any=("zorblax",))
WAS = RuleWish.of_rule(RULE).was
IDS = ("web-000000000001/papers", "web-000000000002/papers")
"""Subscriptions that are there, Eve's; `GONE` is not."""

GONE = "web-000000000003/papers"
WORD = "a-word-of-this-browser"
_COOKIE = ("cookie", f"__Host-form={WORD}".encode())

CANARY = "<zz\"' zz=\"1\" zz='1'>"
"""What would be seen of text that a page shows as it came."""

_TEMPLATES = CHECKOUT / "templates" / "web"
_WRITTEN = "".join(path.read_text("utf-8") for path in sorted(_TEMPLATES.glob("*.j2")))
_FIELDS = sorted({*re.findall(r'\bname="([\w-]+)"', _WRITTEN), "n", "q", "page", "since"})
_DEEDS = sorted(set(re.findall(r'\bvalue="([\w-]+)"', _WRITTEN)))
_AFTER = ("", "?after=2602.00001", "?after=%00", f"?after={quote(CANARY)}")
_DIGESTS = tuple(f"/archive/{{}}/{number}" for number in (1, 2, 10**17, 10**30))
_ASKED = ("", *(f"?q={quote(each)}&page=2" for each in ("zorblax", '"a b', "-", "\0*", CANARY)))
_PAPERS = ("2602.00001", "2602.00001v3", "2602.99999", "%00", quote(CANARY))
_DAYS = ("2026-02-19", "2026-02-30", "0000-00-00", "9999-12-31", "%00", quote(CANARY))
_NOISE = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            "",
            "\0",
            CANARY,
            "x" * 5_000,
            "\r\nX: y",
            "../../etc/passwd",
            "{{ 7*7 }}",
            "%00",
            "\ufb03\u202e",
        ]
    ),
)
_HEADERS = (
    *(
        "accept",
        "authorization",
        "accept-language",
        "content-type",
        "content-length",
        "cookie",
        "forwarded",
        "host",
    ),
    *("if-modified-since", "if-none-match", "origin", "range", "referer", "sec-fetch-site"),
    *("transfer-encoding", "user-agent", "x-forwarded-for", "x-forwarded-host"),
    *("x-forwarded-proto", "x-http-method-override"),
)
_GOOD: dict[str, SearchStrategy[str]] = {
    "act": st.sampled_from(["preview", "subscribe", "save", "snooze-0", "remove-0", *_DEEDS]),
    "address": st.sampled_from([EVE, "Max@Example.org"]),
    "at": st.sampled_from(["08:00", "23:59"]),
    "days": st.sampled_from(["daily", "weekdays", "weekly mon", "as-it-is"]),
    "timezone": st.sampled_from(["UTC", "Europe/Paris"]),
    "language": st.sampled_from(["", "en", "ja"]),
    "topics": st.just("agents"),
    "words": st.sampled_from(["zorblax", '"LoRA"', "network*\nmodel zoo"]),
    "none": st.sampled_from(["", "survey"]),
    "sure": st.just("yes"),
    "never": st.just("no"),
    "rule-0-was": st.just(WAS),
    "rule-0-words": st.sampled_from(["zorblax", '"LoRA"']),
    "rule-1-was": st.just(""),
    "rule-1-words": st.just("model zoo"),
    "paper": st.just("2602.00001"),
}
"""Fields of the forms, and what makes sense in them."""

_BAD: dict[str, SearchStrategy[str]] = {
    "act": st.sampled_from(["Delete", "remove-7", "wake-0", "snooze-²", f"wake-{'9' * 5_000}"]),
    "address": st.sampled_from([f"{CANARY}@example.org", "a@b\0c", "eve", "é@example.org"]),
    "at": st.sampled_from(["8:00", "24:00", "-1:00"]),
    "days": st.sampled_from(["never", "* * * * *"]),
    "timezone": st.sampled_from(["../UTC", "Mars/Base", ""]),
    "language": st.sampled_from(["tlh", "%s", CANARY]),
    "topics": st.sampled_from(["no-such-topic", CANARY]),
    "words": st.sampled_from(["a*\n*b", "\n".join(["x y"] * 50), '"', "**", "a\0b", "\x1f"]),
    "none": st.sampled_from(["a*\n*b", '"', "zorblax", CANARY]),
    "sure": st.just(CANARY),
    "never": st.just("yes"),
    "rule-0-was": st.sampled_from(["", CANARY]),
    "rule-0-words": st.sampled_from(["", "a*\n*b", CANARY]),
    "rule-1-was": st.sampled_from([WAS, "0"]),
    "rule-1-words": st.sampled_from(["", '"']),
    "paper": st.sampled_from(["\0", "2602.99999", CANARY]),
    "of": st.sampled_from(IDS),
    "who": st.just(EVE),
    "done": st.sampled_from(["saved", CANARY]),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    target: str
    headers: tuple[tuple[str, bytes], ...]
    content: bytes


class Odd:
    """Draws requests to the routes of a configuration's pages; `tokens` is every good token."""

    def __init__(self, config: Config, links: Links) -> None:
        self._mark = form = links.token(Purpose.FORM, WORD)
        secret = config.settings.mail.unsubscribe_secret.get_secret_value()
        wanted = [definition_of(subscription(each)) for each in IDS]
        told = [*wanted, "", "{}", "[1]", CANARY, '{"to": "x"}', "nonsense = ["]
        confirm = [links.token(Purpose.CONFIRM, each) for each in told]
        manage = [links.token(Purpose.MANAGE, each, EVE) for each in (*IDS, GONE, "weights")]
        manage.append(links.token(Purpose.MANAGE, IDS[0], "mal@example.org"))
        never = [links.token(Purpose.NEVER, each) for each in ("mal@example.org", CANARY)]
        readable = (*IDS, GONE, "weights", "weights")
        archive = [links.token(Purpose.ARCHIVE, each) for each in (*readable, CANARY)]
        feed = [links.token(Purpose.FEED, each) for each in (*readable, CANARY)]
        said = [("2602.00001", each) for each in (*readable, CANARY)] + [("\0", IDS[0])]
        more = [links.token(Purpose.MORE, *each) for each in said]
        other = [links.token(Purpose.NOT, *each) for each in said]
        stop = [
            (each, OneClick("", secret, subscription_id=each, otherwise="").token(EVE))
            for each in (*IDS, GONE, "weights")
        ]
        self.tokens = {form, *confirm, *manage, *never, *archive, *feed, *more, *other}
        self.tokens |= {token for _, token in stop}
        fields = {name: st.one_of(*[good] * 9, _BAD[name]) for name, good in _GOOD.items()}
        whole = st.fixed_dictionaries({"form": st.just(form), **fields})
        self._form = whole.map(lambda fields: _encoded([*fields.items()]).encode())
        stops = [urlencode({"of": of, "who": EVE, "token": token}) for of, token in stop]
        # Each route by its path: to what paths and queries of it requests go.
        self.places: Mapping[str, SearchStrategy[str]] = {
            "/": st.just("/"),
            "/sent": st.just("/sent"),
            "/lost": st.just("/lost"),
            "/lost/sent": st.just("/lost/sent"),
            "/style.css": st.just("/style.css"),
            "/icon.svg": st.just("/icon.svg"),
            "/healthz": st.just("/healthz"),
            "/readyz": st.just("/readyz"),
            "/confirm/{token}": _each(confirm, "/confirm/{}"),
            "/manage/{token}": _each(manage, "/manage/{}"),
            "/manage/{token}/papers.{form}": st.builds(
                str.__add__,
                _each(manage, "/manage/{}/papers."),
                st.sampled_from(["toml", "json", "exe", "", "%00", "toml/.."]),
            ),
            "/archive/{token}": _each(
                archive, *(f"/archive/{{}}{query}" for query in ("", "?before=2", "?before=x"))
            ),
            "/archive/{token}/{digest:digest}": _each(archive, *_DIGESTS),
            "/archive/{token}/{digest:digest}/papers": _each(
                archive, *(f"{path}/papers{query}" for path in _DIGESTS for query in _AFTER)
            ),
            "/archive/{token}/search": _each(
                archive, *(f"/archive/{{}}/search{q}" for q in _ASKED)
            ),
            "/archive/{token}/papers/{id}": _each(
                archive, *(f"/archive/{{}}/papers/{each}" for each in _PAPERS)
            ),
            "/search": st.sampled_from(_ASKED).map("/search{}".format),
            "/papers/{id}": st.sampled_from(_PAPERS).map("/papers/{}".format),
            "/trending": st.just("/trending"),
            "/trending/{day}": st.sampled_from(_DAYS).map("/trending/{}".format),
            "/feed/{token}/atom.xml": _each(feed, "/feed/{}/atom.xml"),
            "/feed/{token}/feed.json": _each(feed, "/feed/{}/feed.json"),
            "/more/{token}": _each(more, "/more/{}"),
            "/not/{token}": _each(other, "/not/{}"),
            "/status": st.just("/status"),
            "/status.json": st.just("/status.json"),
            "/never/{token}": _each(never, "/never/{}"),
            "/stop": st.one_of(st.just("/stop"), _each(stops, "/stop?{}")),
        }

    def subscribe(self) -> Asked:
        """A request with nothing wrong."""
        fields = {"address": EVE, "at": "08:00", "days": "daily", "timezone": "UTC", "words": "x"}
        form = _encoded([("form", self._mark), ("act", "subscribe"), *fields.items()])
        return Asked("POST", "/", (_COOKIE,), form.encode())

    def requests(self) -> SearchStrategy[Asked]:
        """Right, but for what is wrong with most: so they come far."""
        # Those with the large forms come as often as all others.
        large = [self.places[path] for path in ("/", "/manage/{token}")]
        place = st.one_of(*self.places.values(), *large * (len(self.places) // 2))
        cookie = st.just((("cookie", f"__Host-form={WORD}".encode()),))
        right = st.builds(
            Asked, st.sampled_from(["GET", "POST", "POST"]), place, cookie, self._form
        )
        return st.builds(
            lambda asked, changes: reduce(lambda one, change: change(one), changes, asked),
            right,
            st.lists(_changes(), max_size=2),
        )


def _changes() -> SearchStrategy[Callable[[Asked], Asked]]:
    """What may be wrong with a request."""
    methods = st.sampled_from(["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "ODD"])
    pair = st.one_of(*_pairs(_BAD), *[_noisy_pair()] * 3)
    pairs = st.lists(pair, min_size=1, max_size=3).map(_encoded)
    huge = st.just(b"&words=" + b"x" * 70_000)
    elsewhere = st.one_of(
        _paths().map(lambda to: lambda asked: replace(asked, target=to)),
        _NOISE.map(lambda text: lambda asked: replace(asked, target=_spoilt(asked.target, text))),
        st.just(lambda asked: replace(asked, headers=())),
        methods.map(lambda method: lambda asked: replace(asked, method=method)),
    )
    otherwise = st.one_of(
        pairs.map(lambda query: lambda asked: replace(asked, target=_queried(asked.target, query))),
        _header().map(lambda one: lambda asked: replace(asked, headers=(*asked.headers, one))),
        # Of a field that comes twice, the first counts.
        pairs.map(lambda form: lambda asked: _with(asked, form.encode() + b"&" + asked.content)),
        pairs.map(lambda form: lambda asked: _with(asked, asked.content + b"&" + form.encode())),
        st.one_of(huge, st.binary(max_size=50)).map(
            lambda content: lambda asked: _with(asked, asked.content + content)
        ),
        st.binary(max_size=50).map(lambda content: lambda asked: _with(asked, content)),
    )
    return st.one_of(elsewhere, otherwise, otherwise, otherwise)


def _with(asked: Asked, content: bytes) -> Asked:
    return replace(asked, content=content)


def _header() -> SearchStrategy[tuple[str, bytes]]:
    noise = _NOISE.map(lambda text: re.sub(r"[\0\r\n]", " ", text).encode())
    known = st.sampled_from([b"cross-site", b"same-origin", b"multipart/form-data", b"-1"])
    return st.one_of(
        st.tuples(st.just("cookie"), noise.map(lambda value: b"__Host-form=" + value)),
        st.tuples(st.sampled_from(_HEADERS), st.one_of(noise, known)),
    )


def subscription(subscription_id: str) -> SubscriptionSettings:
    """One of Eve's."""
    return SubscriptionSettings(id=subscription_id, name="papers", to=(EVE,), rules=(RULE,))


def _pairs(
    fields: Mapping[str, SearchStrategy[str]],
) -> list[SearchStrategy[tuple[str, str]]]:
    return [st.tuples(st.just(name), values) for name, values in fields.items()]


def _noisy_pair() -> SearchStrategy[tuple[str, str]]:
    return st.tuples(st.one_of(st.sampled_from(_FIELDS), _NOISE), _NOISE)


def _paths() -> SearchStrategy[str]:
    odd = [f"/{name}" for name in ("%00", "%ff%fe", "..%2f..%2fetc%2fpasswd", "//evil.example")]
    odd += [
        "/" + "a" * 9_000,
        "/manage",
        "/manage/",
        "/confirm/a/b",
        "/stop/",
        "/style.css/..",
        "/%",
    ]
    return st.one_of(st.sampled_from(odd), st.text(max_size=30).map(lambda text: f"/{quote(text)}"))


def _each(tokens: list[str], *forms: str) -> SearchStrategy[str]:
    return st.builds(str.format, st.sampled_from(forms), st.sampled_from(tokens))


def _spoilt(place: str, noise: str) -> str:
    cut = len(noise) * 7 % len(place)
    return place[: cut + 1] + quote(noise) + place[cut + 1 :]


def _queried(target: str, query: str) -> str:
    if not query:
        return target
    return f"{target}{'&' if '?' in target else '?'}{query}"


def _encoded(pairs: list[tuple[str, str]]) -> str:
    return urlencode(pairs, errors="replace")
