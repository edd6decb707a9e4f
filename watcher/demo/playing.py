"""Plays the two days with the real engine, tells what happens, and looks whether it is right."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from email.message import EmailMessage
from textwrap import fill, indent

from watcher import app
from watcher.demo.folder import Folder
from watcher.demo.papers import SitePaper
from watcher.demo.post import Post
from watcher.demo.site import Site
from watcher.demo.story import CONFIG, CROSSING, Moment
from watcher.digest.language import ENGLISH
from watcher.digest.papers import title_of
from watcher.digest.reasons import matched_words, news
from watcher.engine import Result
from watcher.models import DeliveryState, Outcome, Reason
from watcher.settings import Config, load
from watcher.store import matches, outbox, papers
from watcher.store.database import Database

Say = Callable[[str], None]

_PAPER = re.compile(r"/papers/(\d{4}\.\d{5})")
_INDENT = " " * 4
_WIDTH = 96


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that arrived: its two bodies, and the ids of the papers they link to."""

    recipient: str
    subject: str
    message_id: str
    text: str
    html: str

    @classmethod
    def read(cls, message: EmailMessage) -> Mail:
        """The mail as a mail program would show it; a body it lacks is empty."""
        text, html = message.get_body(("plain",)), message.get_body(("html",))
        return cls(
            recipient=str(message["Delivered-To"]),
            subject=str(message["Subject"]),
            message_id=str(message["Message-ID"]),
            text=text.get_content() if text else "",
            html=html.get_content() if html else "",
        )

    @property
    def paper_ids(self) -> frozenset[str]:
        """The papers it brings: those that both bodies link to."""
        return frozenset(_PAPER.findall(self.text)) & frozenset(_PAPER.findall(self.html))


class Play:
    """One demo. `deviations` are sentences on what was not as it must be."""

    def __init__(self, folder: Folder, say: Say, *, with_text: bool = False) -> None:
        self.deviations: list[str] = []
        self._folder, self._say, self._with_text = folder, say, with_text
        self._mails: list[Mail] = []

    async def run(self, site_papers: Sequence[SitePaper], story: Sequence[Moment]) -> None:
        """Check at every moment of the story. Raises WatcherError."""
        site = Site(site_papers, story[0].at)
        post = Post(self._folder.maildir, self._folder.claim)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(site.serving())
            await stack.enter_async_context(post.serving())
            config = self._configure(site, post)
            self._introduce(site, post, config)
            database = stack.enter_context(app.writing(config, "demo", site.now))
            engine = await stack.enter_async_context(
                app.running(config, database, clock=lambda: site.now)
            )
            for moment in story:
                site.now, site.is_down = moment.at, moment.is_down
                result = await engine.run_pass()
                self._say(f"\n{moment.at:%a %d %b %H:%M}  {_outcomes(result)}")
                self._say(indent(fill(moment.text, _WIDTH), _INDENT))
                arrived = [Mail.read(message) for message in post.mails()[len(self._mails) :]]
                self._judge(moment, result, arrived)
                self._deliver(moment, result, arrived, database)
        self._judge_all()

    def _configure(self, site: Site, post: Post) -> Config:
        text = CONFIG.substitute(site_url=site.url, smtp_port=post.port)
        self._folder.write("watcher.toml", text)
        self._folder.claim_database()
        path = self._folder.path / "watcher.toml"
        return load(path, state_dir=self._folder.path, environ={})

    def _introduce(self, site: Site, post: Post, config: Config) -> None:
        self._say(
            f"A site with {len(site.papers)} invented papers at {site.url}, a mail server at"
            f" 127.0.0.1:{post.port};\nonly the clock is simulated. Subscriptions:"
        )
        for subscription in config.settings.subscriptions:
            rules = ", ".join(f'"{rule.name}"' for rule in subscription.rules)
            self._say(
                f"{_INDENT}{subscription.name}: {rules}; {subscription.digest} UTC,"
                f" to {', '.join(subscription.to)}"
            )

    def _judge(self, moment: Moment, result: Result, arrived: Sequence[Mail]) -> None:
        for checked in result.sources:
            is_failed = checked.outcome is Outcome.FAILED
            if not (is_failed if moment.is_down else checked.outcome.is_good):
                self._deviate(moment, f"{checked.source} was {checked.outcome}: {checked.error}")
        came = Counter((mail.recipient, mail.paper_ids) for mail in arrived)
        due = Counter(moment.mails.items())
        for recipient, ids in (due - came).elements():
            self._deviate(moment, f"no mail to {recipient} with just {', '.join(sorted(ids))}")
        for recipient, ids in (came - due).elements():
            listed = ", ".join(sorted(ids)) or "no paper at all"
            self._deviate(moment, f"an unexpected mail to {recipient} with {listed}")

    def _judge_all(self) -> None:
        self.deviations += doubled(self._mails)
        paper_id, sentence = CROSSING
        for mail in self._mails:
            if paper_id in mail.paper_ids and sentence not in mail.text:
                self.deviations.append(f'the mail with {paper_id} does not say "{sentence}"')

    def _deviate(self, moment: Moment, text: str) -> None:
        self.deviations.append(f"{moment.at:%a %d %b %H:%M}: {text}")

    def _deliver(
        self, moment: Moment, result: Result, arrived: Sequence[Mail], database: Database
    ) -> None:
        if not arrived:
            waiting = f"; {result.pending_count} papers wait" if result.pending_count else ""
            self._say(f"{_INDENT}No mail{waiting}.")
        reasons = _reasons(database)
        for mail in arrived:
            self._mails.append(mail)
            name = f"{len(self._mails)}-{moment.at:%a}-{mail.recipient.partition('@')[0]}.html"
            self._folder.write(name.lower(), mail.html)
            self._say(f'{_INDENT}Mail to {mail.recipient}: "{mail.subject}"  ({name.lower()})')
            for title, why in reasons.get(mail.message_id, ()):
                self._say(f"{_INDENT * 2}{title}\n{_INDENT * 3}{why}")
            if self._with_text:
                self._say(indent(mail.text, f"{_INDENT}| ", lambda _: True))


def doubled(mails: Sequence[Mail]) -> list[str]:
    """What came twice: mails by their Message-ID, papers to one recipient."""
    mail_counts = Counter(mail.message_id for mail in mails)
    paper_counts = Counter((mail.recipient, i) for mail in mails for i in sorted(mail.paper_ids))
    return [f"the mail {i} came {count} times" for i, count in mail_counts.items() if count > 1] + [
        f"{paper_id} was mailed to {recipient} {count} times"
        for (recipient, paper_id), count in paper_counts.items()
        if count > 1
    ]


def _outcomes(result: Result) -> str:
    parts = [
        f"{checked.source}: {checked.outcome}"
        + (
            f", {checked.paper_count} papers, {checked.new_count} new"
            if checked.outcome.is_good
            else f" ({checked.error})"
        )
        for checked in result.sources
    ]
    return "; ".join(parts)


def _reasons(database: Database) -> dict[str, list[tuple[str, str]]]:
    """Title and reasons of each paper, by the Message-ID of the mail that brought it."""
    found: dict[str, list[tuple[str, str]]] = {}
    with database.read() as connection:
        for delivery in outbox.in_state(connection, [DeliveryState.DELIVERED]):
            if delivery.digest_id is None:
                continue
            pairs = matches.of_digest(connection, delivery.digest_id)
            stored = papers.load(connection, (pair.paper_id for pair in pairs))
            found[delivery.message_id] = [
                (title_of(stored[pair.paper_id].paper), "; ".join(map(_why, pair.reasons)))
                for pair in pairs
            ]
    return found


def _why(reason: Reason) -> str:
    words = {word.casefold(): word for word in matched_words(reason)}
    said = [", ".join(f'"{word}"' for word in words.values()), *news(reason, ENGLISH)]
    return f"{reason.rule}: {'; '.join(part for part in said if part)}"
