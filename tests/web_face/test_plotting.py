"""Votes over time as a plot: one point, none, many."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from watcher.models import VoteCount
from watcher.web.plotting import MOST_POINTS, MOST_ROWS, Plot, plot

START = dt.datetime(2026, 2, 19, 8, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def counts(*given: int, step: dt.timedelta = HOUR) -> list[VoteCount]:
    return [VoteCount(count, START + number * step) for number, count in enumerate(given)]


def places(drawn: Plot) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"(\S+),(\S+)", drawn.line)]


def drawn(*given: int, step: dt.timedelta = HOUR) -> Plot:
    made = plot(counts(*given, step=step))
    assert made is not None
    for x, y in places(made):
        assert made.left <= x <= made.right
        assert made.top <= y <= made.bottom
    for ticks, low, high in (
        (made.across, made.left, made.right),
        (made.up, made.top, made.bottom),
    ):
        assert all(low <= tick.at <= high for tick in ticks)
        assert len({tick.label for tick in ticks}) == len(ticks) <= 6
    return made


def test_without_votes_there_is_no_plot() -> None:
    assert plot([]) is None


@pytest.mark.parametrize("count", [0, 1, 7, 999, 2_000_000])
def test_one_point_is_a_dot_in_the_middle(count: int) -> None:
    made = drawn(count)
    [(x, _)] = places(made)
    assert x == (made.left + made.right) / 2
    assert len(made.dots) == 1
    assert made.description.endswith(("vote on 19 Feb 2026.", "votes on 19 Feb 2026."))
    assert [row.count for row in made.rows] == [count]


def test_more_votes_stand_higher_and_later_ones_further_right() -> None:
    made = drawn(3, 5, 9, 8)
    points = places(made)
    assert [x for x, _ in points] == sorted({x for x, _ in points})
    assert points[0][1] > points[1][1] > points[3][1] > points[2][1]
    assert made.description == "From 3 votes on 19 Feb 2026 to 8 on 19 Feb 2026; 9 at most."
    assert made.time_label == "19 Feb 2026, hours of UTC"


def test_ten_thousand_sightings_are_thinned_out() -> None:
    made = drawn(*range(10_000), step=dt.timedelta(minutes=57))
    points = places(made)
    assert 200 < len(points) <= MOST_POINTS
    assert points[0] == (float(made.left), float(made.bottom))
    assert max(x for x, _ in points) == float(made.right)
    assert len(made.dots) == 0
    assert len(made.rows) <= MOST_ROWS
    assert made.rows[0].count == 9999
    assert made.description.endswith(" to 9,999 on 22 Mar 2027.")


@pytest.mark.parametrize("days", [0.001, 0.3, 1, 3, 9, 40, 200, 800, 9000])
def test_every_span_has_its_ticks(days: float) -> None:
    made = drawn(1, 2, step=dt.timedelta(days=days))
    assert made.across or days < 0.1
    assert made.up[0].label == "0"


def test_of_counts_at_one_instant_the_last_is_drawn() -> None:
    made = plot([VoteCount(3, START), VoteCount(4, START)])
    assert made is not None
    assert made.description == "4 votes on 19 Feb 2026."
