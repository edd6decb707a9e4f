"""Papers as the fake site knows them, and a seedable way to make as many as a test wants."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

Json: TypeAlias = dict[str, object]
Votes: TypeAlias = Callable[[dt.datetime], int]

_METHODS = (
    "Diffusion Transformers", "Sparse Attention", "Hypernetworks", "LoRA Adapters",
    "Reward Models", "World Models", "Mixture-of-Experts", "Flow Matching",
    "Speculative Decoding", "State Space Models", "Graph Neural Networks", "Tokenizers",
)  # fmt: skip
_TASKS = (
    "Video Generation", "Code Agents", "Protein Design", "Long-Context Reasoning",
    "Robot Manipulation", "Speech Recognition", "3D Reconstruction", "Theorem Proving",
    "Image Editing", "Weather Forecasting", "Weight Space Learning", "Document Parsing",
)  # fmt: skip
_SHAPES = (
    "{method} for {task}", "Rethinking {method} in {task}", "Scaling {method} to {task}",
    "{name}: {method} Make Better {task}", "Do {method} Understand {task}?",
)  # fmt: skip
_SENTENCES = (
    "We study how {method} behave when they are applied to {task}.",
    "Existing approaches to {task} are costly and brittle, with over 95\\% of compute wasted.",
    "We introduce {name}, which treats {task} as inference over a learned prior.",
    "On three public benchmarks it improves on the best baseline by $4.2 \\pm 0.3$ points.",
    "Ablations show that {method} account for most of the gain & that it persists at scale.",
    "Code and models are released to support \"open\" research on {task}.",
)  # fmt: skip
_GIVEN = ("Ada", "Bo", "Chen", "Daniël", "Eun-ji", "Fatima", "Grégoire", "Hà", "Ivan", "Jun")
_FAMILY = ("Lovelace", "Nguyễn", "Zhang", "O'Neill", "Kim", "García", "van der Berg", "Li", "Sato")
_ORGANIZATIONS = (("Princeton", "Princeton University"), ("tsinghua", "Tsinghua University"),
                  ("OCC", "OCC"), ("acme-ai", "ACME <AI> & Sons"))  # fmt: skip


def growing(since: dt.datetime, total: int, days: float = 5) -> Votes:
    """Votes that rise evenly from 0 at `since` to `total` after `days`."""

    def votes(now: dt.datetime) -> int:
        share = (now - since) / dt.timedelta(days=days)
        return round(total * min(1.0, max(0.0, share)))

    return votes


@dataclass(frozen=True, slots=True)
class SitePaper:
    """A paper on the fake site.

    `arrives_at` is when it appears anywhere; `listed_on` the day whose page holds it (a paper
    that arrives after midnight may still be of the day before). `votes(now)` drift. The `ai_*`
    fields appear at `ai_at`. `trends` are the instants between which the trending page holds it
    whatever its votes; `changes` overwrite keys of the JSON paper (None removes the key).
    """

    id: str
    title: str
    abstract: str
    authors: tuple[str, ...]
    arrives_at: dt.datetime
    listed_on: dt.date
    published_at: dt.datetime
    votes: Votes
    organization: tuple[str, str] | None = None
    repo_url: str | None = None
    stars: int | None = None
    project_url: str | None = None
    comments: int = 0
    ai_summary: str | None = None
    ai_keywords: tuple[str, ...] = ()
    ai_at: dt.datetime | None = None
    trends: tuple[dt.datetime, dt.datetime] | None = None
    changes: Json = field(default_factory=dict)

    def has_ai(self, now: dt.datetime) -> bool:
        """Whether the site has written its summary and keywords yet."""
        return self.ai_summary is not None and (self.ai_at is None or self.ai_at <= now)

    @property
    def submitter(self) -> str:
        """The account that put it on the page."""
        return f"sub{self.id.replace('.', '')}"

    def paper_json(self, now: dt.datetime) -> Json:
        """The `paper` object of an entry."""
        paper: Json = {
            "id": self.id,
            "authors": [
                {"_id": f"{position:024x}", "name": name, "hidden": False}
                for position, name in enumerate(self.authors)
            ],
            "publishedAt": _instant(self.published_at),
            "submittedOnDailyAt": f"{self.listed_on}T00:00:00.000Z",
            "title": self.title,
            "submittedOnDailyBy": self._submitter_json(),
            "summary": self.abstract,
            "upvotes": self.votes(now),
            "discussionId": f"{int(self.id.replace('.', '')):024x}",
        }
        if self.repo_url:
            paper |= {"githubRepo": self.repo_url, "githubRepoAddedBy": "user"}
            if self.stars is not None:
                paper["githubStars"] = self.stars
        if self.project_url:
            paper["projectPage"] = self.project_url
        if self.has_ai(now):
            paper |= {"ai_summary": self.ai_summary, "ai_keywords": list(self.ai_keywords)}
        if self.organization:
            paper["organization"] = self._organization_json()
        for key, value in self.changes.items():
            paper[key] = value
            if value is None:
                del paper[key]
        return paper

    def entry_json(self, now: dt.datetime, *, api: bool = False) -> Json:
        """The whole entry; the API's lacks `upvoted`."""
        entry: Json = {
            "paper": self.paper_json(now),
            "publishedAt": _instant(self.published_at - dt.timedelta(hours=4)),
            "title": self.title,
            "summary": self.abstract,
            "thumbnail": f"https://cdn-thumbnails.huggingface.co/social-thumbnails/papers/{self.id}.png",
            "numComments": self.comments,
            "upvoted": False,
            "submittedBy": self._submitter_json(),
            "isAuthorParticipating": False,
        }
        if self.organization:
            entry["organization"] = self._organization_json()
        if api:
            del entry["upvoted"]
        return entry

    def _submitter_json(self) -> Json:
        name = self.submitter
        return {
            "_id": f"{int(self.id.replace('.', '')):024x}",
            "avatarUrl": "/avatars/x.svg",
            "isPro": False,
            "fullname": f"Sub {self.id}",
            "user": name,
            "type": "user",
            "name": name,
        }

    def _organization_json(self) -> Json:
        assert self.organization is not None
        name, fullname = self.organization
        return {"_id": "5bf483e0d0c0d430be37dd8a", "name": name, "fullname": fullname}


def _instant(at: dt.datetime) -> str:
    return f"{at.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%S}.000Z"


def make_paper(
    number: int, arrives_at: dt.datetime, *, seed: int = 0, **changes: object
) -> SitePaper:
    """A plausible paper, the same for the same `number`, `arrives_at` and `seed`.

    `number` (0 to 99,999) makes the id, with the month it arrives in. `changes` are fields of
    SitePaper.
    """
    rng = random.Random(f"{seed}:{number}")
    words = {
        "method": rng.choice(_METHODS),
        "task": rng.choice(_TASKS),
        "name": rng.choice(("Sparse", "Flow", "Hyper")) + rng.choice(("Net", "GPT", "-V")),
    }
    has_repo, has_ai = rng.random() < 0.54, rng.random() < 0.34
    total = int(rng.paretovariate(0.8) * 3) % 400
    published_at = arrives_at - dt.timedelta(hours=rng.randint(12, 72), minutes=rng.randint(0, 59))
    paper = SitePaper(
        id=f"{arrives_at:%y%m}.{number:05}",
        title=rng.choice(_SHAPES).format(**words) + f" ({number})",
        abstract=" ".join(
            sentence.format(**words) for sentence in rng.sample(_SENTENCES, rng.randint(4, 6))
        ),
        authors=tuple(
            f"{rng.choice(_GIVEN)} {rng.choice(_FAMILY)}" for _ in range(rng.randint(1, 12))
        ),
        arrives_at=arrives_at,
        listed_on=arrives_at.date(),
        published_at=published_at.replace(microsecond=0),
        votes=growing(arrives_at, total),
        organization=rng.choice(_ORGANIZATIONS) if rng.random() < 0.65 else None,
        repo_url=f"https://github.com/lab/project-{number}" if has_repo else None,
        stars=int(rng.paretovariate(0.5)) % 120_000 if has_repo else None,
        project_url=f"https://project-{number}.example.org/" if rng.random() < 0.52 else None,
        comments=rng.randint(0, 5),
        ai_summary=f"In one line: {words['name']} does {words['task'].lower()}."
        if has_ai
        else None,
        ai_keywords=(words["method"].lower(), words["task"].lower()) if has_ai else (),
        ai_at=arrives_at + dt.timedelta(hours=6),
    )
    return replace(paper, **changes)  # type: ignore[arg-type]  # fields of SitePaper, by contract


def make_day(
    on: dt.date, count: int, *, first: int = 0, seed: int = 0, late: int = 0
) -> Iterator[SitePaper]:
    """`count` papers of one day's page, the last `late` of which come only after midnight.

    The others arrive evenly over the day, the first one at 00:00 UTC.
    """
    start = dt.datetime.combine(on, dt.time(), dt.UTC)
    on_time = count - late
    for position in range(count):
        if position < on_time:
            arrives_at = start + dt.timedelta(hours=22) * position / max(1, on_time)
        else:
            arrives_at = start + dt.timedelta(hours=25 + 2 * (position - on_time))
        paper = make_paper(first + position, arrives_at, seed=seed)
        yield replace(paper, id=f"{on:%y%m}.{first + position:05}", listed_on=on)
