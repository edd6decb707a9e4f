"""A digest's subject, HTML and plain text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

from watcher.digest import dates
from watcher.digest.arrange import grouped, ordered
from watcher.digest.bibtex import bibliography
from watcher.digest.headers import slug, unsubscribe_url
from watcher.digest.language import Language, language
from watcher.digest.papers import Link, PaperView, page_url, paper_id, paper_view, title_of
from watcher.digest.templating import render
from watcher.digest.text import clean, isolated, shorten, web_url
from watcher.digest.troubles import failure_sentences, outage_sentences
from watcher.errors import RenderError
from watcher.models import Attachment, DigestContent, DigestPaper, Rendered

HTML_LIMIT = 90_000
"""Bytes of HTML; Gmail shows no more than 102 kB of a mail."""

SUBJECT_LIMIT = 120
EXCERPTS = (380, 280, 200, 140)
"""Characters of abstract tried in turn until the HTML is small enough."""

_FULL_LIMIT = 150
"""Papers in full: more never fit the HTML, and nobody reads more."""

_FULL_LEAST = 10
"""Papers in full for which titles make room: many titles alone tell nobody what to read."""

_LISTED_LIMIT = 600
_RULES_SHOWN = 4
_NOTES_SHOWN = 8
_NOTE_LIMIT = 300
_NAME_LIMIT = 80
_SHORT_TITLE = 40


@dataclass(frozen=True, slots=True)
class GroupView:
    """The papers in full under one rule's name."""

    rule: str
    papers: tuple[PaperView, ...]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How much the HTML shows: characters of abstract, papers in full, and papers by title."""

    excerpt: int
    full_count: int
    listed_count: int


def render_digest(content: DigestContent, templates: Path | None = None) -> Rendered:
    """Write a digest out. The HTML stays under 90 kB; the text lists every paper.

    Templates in the directory `templates` go before the built-in ones. Where they cannot be used,
    or leave papers out, the built-in ones stand in for all of them, and the digest has a complaint.
    Raises RenderError when the time zone or the language is not usable.
    """
    if templates is not None:
        try:
            return _Digest(content, templates).rendered()
        except RenderError as error:
            return replace(_Digest(content).rendered(), complaint=str(error))
    return _Digest(content).rendered()


class _Digest:
    """One digest with all its texts cleaned once, to be rendered more or less fully."""

    def __init__(self, content: DigestContent, templates: Path | None = None) -> None:
        self._content = content
        self._templates = templates
        self._tz = dates.zone(content.timezone)
        self._language = language(content.language)
        self._today = content.composed_at.astimezone(self._tz).date()
        self._papers = ordered(content.papers)
        self._full_limit = min(max(content.max_papers, 0), len(self._papers), _FULL_LIMIT)
        self._views = {
            id(paper): paper_view(
                paper,
                tz=self._tz,
                today=self._today,
                hub_url=content.hub_url,
                language=self._language,
            )
            for paper in self._papers[: self._full_limit]
        }
        self._titles = [title_of(paper.paper) for paper in self._papers]
        self._listed = [
            Link(isolated(title), page_url(paper.paper, content.hub_url))
            for title, paper in zip(self._titles, self._papers, strict=True)
        ]
        self._name = shorten(clean(content.subscription), _NAME_LIMIT) or "papers"
        self.subject = self._subject()
        self._context = self._common()

    def rendered(self) -> Rendered:
        """All of it."""
        return Rendered(self.subject, self._text(), self._html(), self._attachments())

    def _text(self) -> str:
        """The plain text: every paper, at least by title."""
        plan = _Plan(EXCERPTS[0], self._full_limit, len(self._papers))
        return self._render("digest.txt.j2", plan)

    def _attachments(self) -> tuple[Attachment, ...]:
        """The papers as BibTeX, where that is wanted."""
        if not self._content.wants_bibtex:
            return ()
        name = f"{slug(self._content.subscription)}-{self._today}.bib"
        text = bibliography(paper.paper for paper in self._papers)
        return (Attachment(name, "x-bibtex", text),)

    def _html(self) -> str:
        """The HTML under the limit: abstracts shorten first, then papers move to the list."""
        count = len(self._papers)
        full, listed = self._full_limit, min(count, self._full_limit + _LISTED_LIMIT)
        plans = [_Plan(excerpt, full, listed) for excerpt in EXCERPTS]
        for plan in plans:
            if fitting := self._fitting(plan):
                return fitting
        shortest, least = EXCERPTS[-1], min(full, _FULL_LEAST)
        # What is lost to the list costs less there, so fewer papers in full are never longer.
        return (
            self._largest(full - least, lambda n: _Plan(shortest, least + n, listed))
            or self._largest(listed - least, lambda n: _Plan(shortest, least, least + n))
            or self._largest(least, lambda n: _Plan(shortest, n, n))
            or self._too_long()
        )

    def _too_long(self) -> NoReturn:
        raise RenderError(
            "template digest.html.j2: more than 90 kB of HTML, however little there is to show; "
            "abstracts are as long as `excerpt` says"
        )

    def _largest(self, upper: int, plan: Callable[[int], _Plan]) -> str | None:
        """The HTML of the plan with the greatest number that fits, from 0 to `upper`."""
        best = None
        low, high = 0, upper
        while low <= high:
            middle = (low + high) // 2
            if fitting := self._fitting(plan(middle)):
                best, low = fitting, middle + 1
            else:
                high = middle - 1
        return best

    def _fitting(self, plan: _Plan) -> str | None:
        html = self._render("digest.html.j2", plan)
        return html if len(html.encode("utf-8", "replace")) <= HTML_LIMIT else None

    def _render(self, template: str, plan: _Plan) -> str:
        """What the template makes of so much; RenderError where it leaves papers out of it."""
        context = self._context | self._planned(plan)
        written = render(template, context, self._templates, self._language)
        if self._templates is not None:
            for shown in self._papers[: max(plan.full_count, plan.listed_count)]:
                if quote(paper_id(shown.paper), safe="") not in written:
                    raise RenderError(
                        f"template {template}: {paper_id(shown.paper)} is left out; "
                        "every paper of `groups` and `listed` has its link in the mail"
                    )
        return written

    def _planned(self, plan: _Plan) -> dict[str, object]:
        full = self._papers[: plan.full_count]
        listed = self._listed[plan.full_count : plan.listed_count]
        return {
            "groups": [
                GroupView(
                    isolated(shorten(clean(group.rule), _NAME_LIMIT)),
                    tuple(self._views[id(paper)] for paper in group.papers),
                )
                for group in grouped(full)
            ],
            "excerpt": plan.excerpt,
            "listed": listed,
            "unlisted_count": len(self._papers) - len(full) - len(listed),
        }

    def _common(self) -> dict[str, object]:
        content = self._content
        tz, words = self._tz, self._language
        breakdown = _breakdown(self._papers, words)
        titles = " · ".join(self._titles[:8])
        address = clean(content.unsubscribe)
        return {
            "language": words.tag,
            "subject": self.subject,
            "name": isolated(self._name),
            "day": dates.long_day(self._today, words),
            "count": _papers_counted(len(self._papers), words),
            "breakdown": breakdown,
            "preheader": shorten(f"{breakdown}. {titles}" if breakdown else titles, 180),
            "notes": _bounded(outage_sentences(content.outages, tz, words), words),
            "failures": _bounded(failure_sentences(content.failures, tz, words), words),
            "next_at": content.next_slot_at and dates.instant(content.next_slot_at, tz, words),
            "unsubscribe": address,
            "unsubscribe_url": unsubscribe_url(address, self._name) if address else "",
            "manage_url": web_url(content.manage_url) or "",
            "archive_url": web_url(content.archive_url) or "",
        }

    def _subject(self) -> str:
        words = self._language
        count = _papers_counted(len(self._papers), words)
        told = words.listed((count, dates.short_day(self._today, words)))
        head = f"{isolated(self._name)}{words.colon}{told}"
        subject = head
        shown: list[str] = []
        for title in map(_short_title, self._titles):
            shown.append(isolated(title))
            longer = f"{head}{words.colon}{words.listed(shown)}"
            if len(longer) > SUBJECT_LIMIT:
                shown[-1] = "…"
                if len(shown) == 1:
                    shown = [isolated(shorten(title, max(SUBJECT_LIMIT - len(head), 20)))]
                return f"{head}{words.colon}{words.listed(shown)}"
            subject = longer
        return subject


def _bounded(sentences: Iterable[str], words: Language) -> list[str]:
    found = [shorten(sentence, _NOTE_LIMIT) for sentence in sentences]
    if more := len(found[_NOTES_SHOWN:]):
        found[_NOTES_SHOWN:] = [
            words.counted("and %(count)s more like this", "and %(count)s more like these", more)
        ]
    return found


def _papers_counted(count: int, words: Language) -> str:
    if not count:
        return words.say("no new papers")
    return words.counted("%(count)s new paper", "%(count)s new papers", count)


def _short_title(title: str) -> str:
    """What a title says before its colon, where that is a name."""
    name, colon, _ = title.partition(": ")
    return name if colon and 2 < len(name) <= _SHORT_TITLE else title


def _breakdown(papers: Iterable[DigestPaper], words: Language) -> str:
    """How many papers each rule brought, and how many reached what they lacked before."""
    papers = tuple(papers)
    groups = grouped(papers)
    named = [
        words.say(
            "%(count)s %(rule)s",
            count=words.number(len(group.papers)),
            rule=isolated(shorten(rule, _SHORT_TITLE)),
        )
        for group in groups[:_RULES_SHOWN]
        if (rule := clean(group.rule))
    ]
    if others := sum(len(group.papers) for group in groups[_RULES_SHOWN:]):
        named.append(words.counted("%(count)s by other rules", "%(count)s by other rules", others))
    parts = (words.listed(named), words.listed(_news_counted(papers, words)))
    return words.grouped(part for part in parts if part)


def _news_counted(papers: tuple[DigestPaper, ...], words: Language) -> Iterator[str]:
    crossed = [{key for reason in paper.reasons for key in reason.crossed} for paper in papers]
    if votes := sum(bool(keys & {"min_upvotes", "min_upvotes_per_day"}) for keys in crossed):
        yield words.counted("%(count)s reached your votes", "%(count)s reached your votes", votes)
    if stars := sum("min_stars" in keys for keys in crossed):
        yield words.counted("%(count)s reached your stars", "%(count)s reached your stars", stars)
    if code := sum("has_code" in keys for keys in crossed):
        yield words.counted("%(count)s with code released", "%(count)s with code released", code)
