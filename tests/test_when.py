"""Instants in words."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from watcher.when import ago, moment

NOW = dt.datetime(2026, 2, 19, 8, 0, tzinfo=dt.UTC)


def test_a_moment_names_its_day_and_zone() -> None:
    assert moment(NOW, ZoneInfo("Asia/Tokyo")) == "Thu 2026-02-19 17:00 JST"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (3599, "59 minutes ago"),
        (3600, "1 hour ago"),
        (86399, "23 hours ago"),
        (172800, "2 days ago"),
        (-30, "just now"),
        (-7200, "in 2 hours"),
    ],
)
def test_how_long_ago(seconds: int, words: str) -> None:
    assert ago(NOW - dt.timedelta(seconds=seconds), NOW) == words
