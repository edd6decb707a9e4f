"""How the votes of a paper have grown lately."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from watcher.digest.language import Language
from watcher.models import VoteCount
from watcher.sparkline import sparkline

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class GrowthView:
    """A bar for each day, and what they say in words."""

    bars: str
    told: str


def growth_view(votes: Sequence[VoteCount], language: Language) -> GrowthView | None:
    """What counts by day, oldest first, show; None where they are too few or did not grow."""
    if len(votes) < 2 or votes[-1].count <= votes[0].count:
        return None
    seen = {one.at.date(): one.count for one in votes}
    first, last = votes[0].at.date(), votes[-1].at.date()
    counts = [votes[0].count]
    for day in range(1, (last - first).days + 1):  # nothing is seen where nothing changed
        counts.append(seen.get(first + day * _DAY, counts[-1]))
    gained = votes[-1].count - votes[0].count
    told = language.say(
        "%(votes)s in %(days)s",
        votes=language.counted("+%(count)s vote", "+%(count)s votes", gained),
        days=language.counted("a day", "%(count)s days", len(counts) - 1),
    )
    return GrowthView(sparkline(counts), told)
