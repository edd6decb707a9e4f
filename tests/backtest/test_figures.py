"""Counts made short."""

from __future__ import annotations

import pytest

from watcher.backtest import a_day, grouped, percent
from watcher.sparkline import BLOCKS, PLAIN, sparkline


def test_a_sparkline_has_a_mark_for_each_count() -> None:
    assert sparkline([0, 1, 2, 4, 8]) == "·▁▂▄█"
    assert sparkline([0, 1000, 1], PLAIN) == ".81", "what is there is never drawn as nothing"
    assert sparkline([0, 0]) == "··"
    assert sparkline([]) == ""
    assert len(BLOCKS) == len(PLAIN)


def test_many_days_are_grouped_from_the_last_one_back() -> None:
    assert grouped([1, 2, 3], 3) == (1, [1, 2, 3])
    assert grouped([1, 2, 3, 4, 5], 3) == (2, [1, 5, 9])
    assert grouped([1] * 400, 45) == (9, [4, *[9] * 44])


@pytest.mark.parametrize(
    ("count", "days", "text"),
    [(7, 2, "3.5 a day"), (300, 30, "10 a day"), (0, 30, "0.0 a day"), (1, 30, "less than 0.1")],
)
def test_a_mean_has_as_many_digits_as_it_is_worth(count: int, days: int, text: str) -> None:
    assert a_day(count, days).startswith(text)


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (0.0001, "under 0.1%"), (0.0312, "3.1%"), (0.251, "25%"), (1, "100%")],
)
def test_a_share_has_as_many_digits_as_it_is_worth(share: float, text: str) -> None:
    assert percent(share) == text
