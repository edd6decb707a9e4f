"""What was not news at first: votes, stars, code and site keywords that come later."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from tests.fakesite import SitePaper, make_paper
from tests.modes import in_both_modes
from tests.world import THURSDAY, TRENDING, ZORBLAX, World

pytestmark = pytest.mark.untraced  # what it reaches, others do as well

DAY = dt.timedelta(days=1)

SUBSCRIPTION = """
[[subscriptions]]
name = "weights"
to = ["ada@example.org"]
digest = "each-check"
[[subscriptions.rules]]
any = ["zorblax"]
"""

BARE = make_paper(
    70, THURSDAY, title=ZORBLAX, votes=lambda _: 19, repo_url=None, stars=None, ai_summary=None
)
CODE = replace(BARE, repo_url="https://github.com/lab/zorblax", stars=4)


@pytest.mark.parametrize(
    ("bound", "before", "after", "sentence"),
    [
        ("min_upvotes = 20", BARE, replace(BARE, votes=lambda _: 23), "reached 20 votes"),
        ("min_stars = 5", CODE, replace(CODE, stars=6), "reached 5 stars"),
        ("min_stars = 1", BARE, CODE, "reached 1 star"),
        ("has_code = true", BARE, CODE, "code released"),
    ],
)
async def test_what_is_reached_later_is_news_then_and_the_mail_says_so(
    world: World, bound: str, before: SitePaper, after: SitePaper, sentence: str
) -> None:
    world.configure(TRENDING, SUBSCRIPTION, bound)
    others = [make_paper(number, THURSDAY) for number in range(500, 508)]
    world.site.papers[:] = [*others, before]
    await world.run_pass()
    assert world.digests() == []
    world.site.papers[:] = [*others, after]
    for _ in range(3):
        world.later(days=1)
        await world.run_pass()
    [mail] = world.digests()
    assert mail.paper_ids == [BARE.id]
    assert sentence in mail.text
    assert sentence in mail.html


async def test_the_mail_shows_how_the_votes_came(world: World) -> None:
    world.configure(TRENDING, SUBSCRIPTION, "min_upvotes = 20\n")
    others = [make_paper(number, THURSDAY) for number in range(500, 508)]
    seen_at = THURSDAY.date()
    counts = {seen_at + number * DAY: votes for number, votes in enumerate((2, 2, 15, 23))}
    world.site.papers[:] = [*others, replace(BARE, votes=lambda now: counts[now.date()])]
    for _ in counts:
        await world.run_pass()
        world.later(days=1)
    [mail] = world.digests()
    assert "▁▁▆█" in mail.html
    assert "+21 votes in 3 days" in " ".join(mail.text.split())


@in_both_modes
async def test_all_that_was_reached_is_told(world: World) -> None:
    world.configure(TRENDING, SUBSCRIPTION, "min_upvotes = 20\nmin_stars = 4\nhas_code = true\n")
    others = [make_paper(number, THURSDAY) for number in range(500, 508)]
    world.site.papers[:] = [*others, BARE]
    await world.run_pass()
    world.site.papers[:] = [*others, replace(CODE, votes=lambda _: 20)]
    world.later(days=1)
    await world.run_pass()
    [mail] = world.digests()
    for sentence in ("reached 20 votes", "reached 4 stars", "code released"):
        assert sentence in mail.text
        assert sentence in mail.html
