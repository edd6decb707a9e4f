from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from watcher.digest import dates
from watcher.errors import RenderError

TODAY = dt.date(2026, 2, 19)


def test_days_and_instants() -> None:
    at = dt.datetime(2026, 2, 19, 23, 5, tzinfo=dt.UTC)
    assert dates.short_day(TODAY) == "Thu 19 Feb"
    assert dates.long_day(TODAY) == "Thu 19 Feb 2026"
    assert dates.instant(at) == "Thu 19 Feb 2026, 23:05 UTC"
    assert dates.instant(at, ZoneInfo("Asia/Tokyo")) == "Fri 20 Feb 2026, 08:05 Asia/Tokyo"


@pytest.mark.parametrize(
    ("at", "zone", "shown"),
    [
        (dt.datetime(2026, 2, 12, 17, 0, tzinfo=dt.UTC), "Asia/Tokyo", "13 Feb"),
        (dt.datetime(2026, 2, 12, 0, 0, tzinfo=dt.UTC), "America/New_York", "12 Feb"),
        (dt.datetime(2024, 10, 4, 1, 0, tzinfo=dt.UTC), "Europe/Paris", "4 Oct 2024"),
        (dt.datetime.max.replace(tzinfo=dt.UTC), "Asia/Tokyo", "31 Dec 9999"),
        (dt.datetime.min.replace(hour=1, tzinfo=dt.UTC), "America/New_York", "1 Jan 1"),
    ],
)
def test_the_day_a_paper_came_out(at: dt.datetime, zone: str, shown: str) -> None:
    assert dates.published(at, ZoneInfo(zone), TODAY) == shown


@pytest.mark.parametrize("name", ["Europe/Atlantis", "../etc/passwd", "", "a\0b"])
def test_unknown_zones_are_explained(name: str) -> None:
    with pytest.raises(RenderError, match="no time zone"):
        dates.zone(name)
