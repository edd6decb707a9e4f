"""The papers of the demo's site, and what the site says of each at an instant."""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import msgspec

Json: TypeAlias = dict[str, object]

BUNDLED = Path(__file__).with_name("papers.toml")


@dataclass(frozen=True, slots=True)
class SiteOrganization:
    """Slug and name."""

    name: str
    fullname: str


@dataclass(frozen=True, slots=True)
class SitePaper:
    """A paper and its fate on the site.

    It stands on the page of the day `listed_on` from `arrives_at` on (after midnight for some),
    and on the trending page from `trends_at` on (None: never). Votes are `upvotes` at first and
    grow by `upvotes_a_day`.
    """

    id: str
    title: str
    abstract: str
    authors: tuple[str, ...]
    published_at: dt.datetime
    arrives_at: dt.datetime
    listed_on: dt.date
    upvotes: int
    upvotes_a_day: float
    trends_at: dt.datetime | None = None
    organization: SiteOrganization | None = None
    code_url: str | None = None
    stars: int | None = None
    project_url: str | None = None
    summary: str | None = None
    keywords: tuple[str, ...] | None = None

    def votes(self, now: dt.datetime) -> int:
        """The votes at `now`."""
        days = (now - self.arrives_at) / dt.timedelta(days=1)
        return self.upvotes + int(days * self.upvotes_a_day)

    def as_json(self, now: dt.datetime) -> Json:
        """The record of the site's hydration JSON; what is not known is left out."""
        submitter = {"name": f"sub{self.id[5:]}", "fullname": self.authors[0], "type": "user"}
        known: Json = {
            "githubRepo": self.code_url,
            "githubStars": self.stars,
            "projectPage": self.project_url,
            "ai_summary": self.summary,
            "ai_keywords": self.keywords,
            "organization": self.organization,
        }
        paper: Json = {
            "id": self.id,
            "authors": [{"name": name, "hidden": False} for name in self.authors],
            "publishedAt": _instant(self.published_at),
            "submittedOnDailyAt": f"{self.listed_on}T00:00:00.000Z",
            "title": self.title,
            "summary": self.abstract,
            "upvotes": self.votes(now),
            "discussionId": f"{int(self.id.replace('.', '')):024x}",
        } | {name: value for name, value in known.items() if value is not None}
        return {
            "paper": paper,
            "publishedAt": _instant(self.published_at - dt.timedelta(hours=4)),
            "title": self.title,
            "summary": self.abstract,
            "thumbnail": f"https://cdn-thumbnails.huggingface.co/social-thumbnails/papers/{self.id}.png",
            "numComments": 0,
            "submittedBy": submitter,
            "isAuthorParticipating": False,
        }


def bundled_papers(path: Path = BUNDLED) -> tuple[SitePaper, ...]:
    """The papers of a TOML file, those that come with the demo by default."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))["papers"]
    return msgspec.convert(tables, tuple[SitePaper, ...])


def _instant(at: dt.datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
