"""How votes have grown, in marks and in words."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from tests.digest.builders import NOW, chosen, content
from tests.digest.html import shown
from watcher.digest import render_digest
from watcher.digest.growth import growth_view
from watcher.digest.language import ENGLISH
from watcher.models import VoteCount


def votes(*counts: int | None) -> tuple[VoteCount, ...]:
    """A count a day, but for days on which nothing was seen."""
    days = (dt.timedelta(days=number) for number in range(len(counts)))
    return tuple(
        VoteCount(count, NOW + day)
        for day, count in zip(days, counts, strict=True)
        if count is not None
    )


@pytest.mark.parametrize(
    ("counts", "bars", "told"),
    [
        ((2, 4, 8), "▂▄█", "+6 votes in 2 days"),
        ((1, None, None, 8), "▁▁▁█", "+7 votes in 3 days"),
        ((7, 8), "▇█", "+1 vote in a day"),
        ((0, 2000), "·█", "+2,000 votes in a day"),
        ((4, 8, 6), "▄█▆", "+2 votes in 2 days"),
    ],
)
def test_growth_is_drawn_day_by_day(counts: tuple[int | None, ...], bars: str, told: str) -> None:
    view = growth_view(votes(*counts), ENGLISH)
    assert view is not None
    assert (view.bars, view.told) == (bars, told)


@pytest.mark.parametrize("counts", [(), (5,), (5, 5), (8, 3)])
def test_what_did_not_grow_is_not_drawn(counts: tuple[int, ...]) -> None:
    assert growth_view(votes(*counts), ENGLISH) is None


def test_a_digest_shows_how_votes_have_grown() -> None:
    rendered = render_digest(content(replace(chosen(), votes=votes(12, None, 34))))
    assert "1.7K stars · ▃▃█ +22 votes in 2 days" in shown(rendered.html)
    assert "1.7K stars, +22 votes in 2 days" in " ".join(rendered.text.split())
    assert "▃" not in rendered.text
    assert "votes in" not in render_digest(content(chosen())).text
