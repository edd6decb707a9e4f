"""Hostile papers, all of them at once, from the site's page to the mail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.digest.builders import NASTY
from tests.digest.html import our_signatures, shown, signatures
from tests.fakesite import make_paper
from tests.modes import in_both_modes
from tests.world import DAILY, World

pytestmark = pytest.mark.untraced  # what it reaches, others do as well

SUBSCRIPTION = """
[[subscriptions]]
name = "weights"
to = ["ada@example.org"]
digest = "each-check"
max_papers = 200
bibtex = true
any = ["zorblax"]
"""

HEADERS = [
    *("From", "To", "Subject", "Date", "Reply-To", "Message-ID", "List-Id", "Auto-Submitted"),
    *("Precedence", "Feedback-ID", "List-Unsubscribe", "Content-Language", "MIME-Version"),
    "Content-Type",
]


@in_both_modes
async def test_no_kind_of_hostile_paper_breaks_or_stops_a_digest(world: World) -> None:
    kinds = [nasty.encode("utf-8", "replace").decode() for nasty in NASTY]
    assert len(set(kinds)) >= 60
    world.configure(DAILY, SUBSCRIPTION)
    papers = [
        replace(
            make_paper(number, world.now, title=f"Zorblax {number} {nasty}"),
            abstract=f"{nasty} abstract",
            ai_summary=f"{nasty} summary" if number % 2 else None,
            repo_url=f"https://github.com/{nasty}",
            authors=(nasty, f"Ada {nasty}"),
        )
        for number, nasty in enumerate(kinds)
    ]
    world.fill()
    world.add(*papers)
    result = await world.run_pass()
    assert result.is_well
    [mail] = world.digests()
    assert sorted(mail.paper_ids) == sorted(paper.id for paper in papers)
    assert mail.header_names == HEADERS
    assert signatures(mail.html) <= our_signatures()
    text = shown(mail.html)
    assert all(f"Zorblax {number}" in text for number in range(len(kinds)))
