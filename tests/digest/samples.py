"""Mails as readers get them, for the programs that judge mails: each digest and notice once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache

from watcher.demo.papers import SitePaper, bundled_papers
from watcher.digest import (
    AUTOMATIC,
    LANGUAGE_TAGS,
    ConfigBroken,
    DeliveryExpired,
    Gap,
    Letter,
    MailParked,
    MailReturned,
    MailStuck,
    NearMiss,
    Notice,
    PapersSkipped,
    Quiet,
    RecipientDead,
    RecipientPaused,
    RenameSuspected,
    SourceDegraded,
    SourceRecovered,
    TemplatesBroken,
    boundary_for,
    list_headers,
    message_id,
    render_digest,
    render_notice,
    thread_headers,
)
from watcher.models import (
    Author,
    DigestContent,
    DigestPaper,
    Failure,
    FirstSeen,
    Organization,
    Outage,
    Outcome,
    Paper,
    Rendered,
    Skipped,
    VoteCount,
)
from watcher.rules import Ruleset
from watcher.settings import RuleSettings, SubscriptionSettings

NOW = dt.datetime(2026, 3, 12, 8, 0, tzinfo=dt.UTC)
SENDER = "Papers <papers@example.org>"
RECIPIENT = "ada@example.org"
OPERATOR = "root@example.org"

OTHERS = [code for code in LANGUAGE_TAGS if code != "en"]

_RULES = (
    RuleSettings(name="weights as data", any=("hypernetwork*", "model zoo", '"LoRA"')),
    RuleSettings(name="agents that many read", any=("agents",), min_upvotes=20),
    RuleSettings(name="proofs, and whatever else is formal", any=("theorem proving", "formal*")),
    RuleSettings(name="friends", authors=("Quill", "Łukasz Żółty", "Sommerfeld")),
)
_UNBREAKABLE = "Pneumonoultramicroscopicsilicovolcanoconiosis" * 3
_LONG = Paper(
    id="2603.90040",
    title=f"A Hypernetwork for {_UNBREAKABLE}, and Much More That Makes a Title Long: "
    "What Happens Where a Column of a Phone Has No Place for the Words of a Paper",
    abstract=f"See https://example.org/{_UNBREAKABLE}/{_UNBREAKABLE} for the hypernetwork.",
    authors=tuple(Author(f"Maximiliane von und zu Wolkenstein-{name}") for name in "ABCDEFGHIJK"),
    author_count=30,
    organization=Organization("long", "The Very Long Institute of " + "Everything " * 6),
    upvotes=123_456,
    star_count=98_765,
    code_url=f"https://github.com/example/{_UNBREAKABLE}",
    is_full=True,
)
_RIGHT_TO_LEFT = Paper(
    id="2603.90041",
    title="שלום hypernetwork مرحبا 超网络",
    abstract=None,
    published_at=NOW - dt.timedelta(days=500),
)
_DAY = dt.timedelta(days=1)
_OUTAGES = (
    Outage("daily", NOW - 4 * _DAY, NOW, "day", 3),
    Outage("trending", NOW - 2 * _DAY, NOW - _DAY),
)
_FAILURES = (
    Failure("trending", NOW - 2 * _DAY, NOW - _DAY),
    Failure("weekly", NOW - _DAY / 3),
    Failure("hypernetworks", NOW - _DAY, NOW - _DAY / 2, is_degraded=True),
)


def paper_of(seen: SitePaper) -> Paper:
    """A paper of the demo's site as the program knows it."""
    home = seen.organization
    return Paper(
        id=seen.id,
        title=seen.title,
        abstract=seen.abstract,
        authors=tuple(map(Author, seen.authors)),
        organization=Organization(home.name, home.fullname) if home else None,
        published_at=seen.published_at,
        upvotes=seen.votes(NOW),
        star_count=seen.stars,
        code_url=seen.code_url,
        project_url=seen.project_url,
        summary=seen.summary,
        keywords=seen.keywords,
        is_full=True,
    )


def _week(upvotes: int) -> tuple[VoteCount, ...]:
    """Votes that grow by a seventh every day."""
    ago = range(7, -1, -1)
    return tuple(VoteCount(upvotes * (7 - n) // 7, NOW - dt.timedelta(days=n)) for n in ago)


def _chosen(papers: Iterable[Paper], *rules: RuleSettings) -> tuple[DigestPaper, ...]:
    subscription = SubscriptionSettings(id="weights", to=(RECIPIENT,), rules=rules)
    ruleset = Ruleset.compile([subscription], {})
    before = FirstSeen(upvotes=3, stars=0)
    return tuple(
        DigestPaper(paper, judgement.reasons, NOW, votes=_week(paper.upvotes or 0))
        for paper in papers
        for judgement in ruleset.judge(paper, now=NOW, first_seen=before, as_it_stands=True)
    )


def _digest(papers: tuple[DigestPaper, ...], **facts: object) -> Rendered:
    plain = DigestContent(
        subscription="weights",
        papers=papers,
        composed_at=NOW,
        timezone="Europe/Paris",
        max_papers=30,
        next_slot_at=NOW + dt.timedelta(days=1),
        unsubscribe="papers@example.org",
    )
    return render_digest(replace(plain, **facts))  # type: ignore[arg-type]  # of a DigestContent


def _asked(papers: tuple[DigestPaper, ...]) -> tuple[DigestPaper, ...]:
    """With links as long as they are where there are pages."""
    token = f"{'W' * 52}.awv9nA.{'s' * 22}"
    site = "https://papers.example.org"
    return tuple(
        replace(each, more_url=f"{site}/more/{token}", not_url=f"{site}/not/{token}")
        for each in papers
    )


def _invented(number: int) -> str:
    """Two names of methods, as a title has them that no other title has."""
    sounds = ("ba", "ke", "li", "mo", "nu", "ra", "se", "ti", "vo", "zu")
    told = "".join(sounds[int(digit)] for digit in f"{number:03}")
    return f"{told.title()}Net with {told[::-1].title()}Former"


@cache
def digests() -> dict[str, Rendered]:
    """A digest as most are, one paper alone, all that can be in one, and more than it can hold.

    That with all stands there in each language.
    """
    site = [paper_of(seen) for seen in bundled_papers()]
    usual = _chosen(site, *_RULES)
    every = RuleSettings(name="all")
    known = _chosen([*site, _LONG], *_RULES, every)
    unknown = _chosen([_RIGHT_TO_LEFT], *_RULES, every)
    rich = _asked((*known, *(replace(each, backfill_days=7) for each in unknown)))
    many = [
        replace(paper, id=f"2603.{n:05}", title=f"{_invented(n)}: {paper.title}")
        for n, paper in enumerate(site * 35)
    ]
    all_told = {"max_papers": len(rich) - 4, "outages": _OUTAGES, "failures": _FAILURES}
    return {
        "usual": _digest(usual),
        "single": _digest(usual[:1]),
        "rich": _digest(rich, wants_bibtex=True, **all_told),
        "overfull": _digest(_asked(_chosen(many, *_RULES, every))),
        **{f"rich-{code}": _digest(rich, language=code, **all_told) for code in OTHERS},
    }


@cache
def notices() -> dict[str, Rendered]:
    """One mail to the operator of each kind."""
    return {notice.kind: render_notice(notice) for notice in _notices()}


def message(rendered: Rendered, *, is_notice: bool = False) -> bytes:
    """The mail's bytes, to its kind of reader and with the headers of its kind."""
    recipient = OPERATOR if is_notice else RECIPIENT
    mail_id = message_id("weights", rendered.subject, recipient, domain="example.org")
    headers = list_headers("weights", "example.org", "papers@example.org") | thread_headers(
        "weights", domain="example.org"
    )
    letter = Letter(
        rendered,
        sender=SENDER,
        sent_at=NOW,
        boundary=boundary_for(mail_id),
        headers=AUTOMATIC if is_notice else headers,
    )
    return letter.addressed(recipient, mail_id)


def _notices() -> Iterator[Notice]:
    since, until = NOW - dt.timedelta(days=1), NOW - dt.timedelta(hours=1)
    page = "https://huggingface.co/papers/trending"
    found = ("3 papers, usually 50",)
    yield SourceDegraded("trending", Outcome.DEGRADED, since, found, 3, page, ("votes: 0",))
    yield SourceRecovered("daily", since, until)
    yield RecipientDead("weights", RECIPIENT, "550 5.1.1 <ada@example.org>: no such user")
    yield DeliveryExpired("weights", RECIPIENT, since, 31, "451 4.3.0 try again later")
    yield MailStuck(since, "nothing listens on mail.example.org, port 587", 2)
    yield ConfigBroken(tuple(f"ada.toml, line {n}: unknown key `wheights`" for n in range(30)))
    yield PapersSkipped("daily", page, (Skipped(3, "it has no id"), Skipped(7, "it has no title")))
    yield Quiet(7, 412, (NearMiss("weights", "2603.90006", "Four Days", "9 of 20 votes"),))
    yield RenameSuspected("weights", "team/weights")
    yield Gap("trending", since, until)
    yield MailParked("weights", RECIPIENT, 12, "smtp.example.org port 587: no answer in time")
    yield MailReturned("weights", RECIPIENT, "554 5.7.1 refused by policy")
    yield RecipientPaused("weights", RECIPIENT, "550 5.1.1 no such user")
    yield TemplatesBroken("templates/digest.html.j2, line 3: 'papers' is undefined")
