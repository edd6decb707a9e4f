"""Slots, above all on the days on which clocks change, against a walk through every minute."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from watcher.schedule import (
    Cadence,
    describe,
    latest_slot,
    next_check,
    next_slot,
    parse_cadence,
    previous_check,
)

UTC = dt.UTC
ZONES = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Havana",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Asia/Tokyo",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Europe/London",
    "Europe/Paris",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kwajalein",
    "UTC",
]
YEARS = [1993, 2008, 2011, 2018, 2024, 2026]


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=UTC)


def changes(zone: ZoneInfo, year: int) -> list[dt.datetime]:
    """The hours (UTC) of a year after which the zone's clock has jumped."""
    hours = (dt.datetime(year, 1, 1, tzinfo=UTC) + dt.timedelta(hours=n) for n in range(8784))
    step = dt.timedelta(hours=1)
    return [
        hour
        for hour in hours
        if hour.astimezone(zone).utcoffset() != (hour + step).astimezone(zone).utcoffset()
    ]


CHANGES = [
    pytest.param(zone, hour, id=f"{name}-{hour:%Y-%m-%d}")
    for name in ZONES
    for zone in [ZoneInfo(name)]
    for year in YEARS
    for hour in changes(zone, year)
]


def walked(zone: ZoneInfo, start: dt.datetime, days: int) -> dict[dt.time, list[dt.datetime]]:
    """For each time of day, the instants at which the wall clock first shows or jumps over it."""
    found: dict[dt.time, list[dt.datetime]] = {}
    minute = dt.timedelta(minutes=1)
    latest = start.astimezone(zone).replace(tzinfo=None)
    for n in range(1, days * 1440):
        now = start + n * minute
        shown = now.astimezone(zone).replace(tzinfo=None)
        while latest < shown:
            latest += minute
            found.setdefault(latest.time(), []).append(now)
    return found


def forwards(
    cadence: Cadence, zone: ZoneInfo, start: dt.datetime, end: dt.datetime
) -> Iterator[dt.datetime]:
    slot = next_slot(cadence, zone, after=start)
    while slot is not None and slot <= end:
        yield slot
        slot = next_slot(cadence, zone, after=slot)


def backwards(
    cadence: Cadence, zone: ZoneInfo, start: dt.datetime, end: dt.datetime
) -> Iterator[dt.datetime]:
    slot = latest_slot(cadence, zone, after=start, now=end)
    while slot is not None:
        yield slot
        slot = latest_slot(cadence, zone, after=start, now=slot - dt.timedelta(microseconds=1))


@pytest.mark.parametrize(("zone", "change"), CHANGES)
def test_each_time_comes_once_when_clocks_change(zone: ZoneInfo, change: dt.datetime) -> None:
    start = change.replace(minute=0) - dt.timedelta(days=1)
    end = start + dt.timedelta(days=3) - dt.timedelta(minutes=1)
    expected = walked(zone, start, 3)
    around = change.astimezone(zone).replace(tzinfo=None)
    for minutes in (-90, -60, -30, 0, 1, 15, 30, 45, 60, 90, 120, 150, 600):
        time_of_day = (around + dt.timedelta(minutes=minutes)).time()
        cadence, slots = parse_cadence(f"{time_of_day:%H:%M}"), expected[time_of_day]
        # Times within one gap fall together at its end; a gap of a day is its own second slot.
        assert list(forwards(cadence, zone, start, end)) == sorted(set(slots))
        assert list(backwards(cadence, zone, start, end)) == sorted(set(slots))[::-1]


@pytest.mark.parametrize(
    ("zone", "written", "after", "expected"),
    [
        # 02:00 to 03:00 is skipped.
        ("Europe/Paris", "2:30", "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T00:30"]),
        # 02:00 to 03:00 comes twice.
        ("Europe/Paris", "2:30", "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),
        # 02:00 to 02:30 is skipped.
        (
            "Australia/Lord_Howe",
            "2:15",
            "2026-10-03T00:00",
            ["2026-10-03T15:30", "2026-10-04T15:15"],
        ),
        # 01:30 to 02:00 comes twice.
        (
            "Australia/Lord_Howe",
            "1:45",
            "2026-04-04T00:00",
            ["2026-04-04T14:45", "2026-04-05T15:15"],
        ),
        # Midnight to one is skipped.
        ("Africa/Cairo", "0:00", "2026-04-23T12:00", ["2026-04-23T22:00", "2026-04-24T21:00"]),
        ("America/Sao_Paulo", "0:30", "2018-11-03T12:00", ["2018-11-04T03:00", "2018-11-05T02:30"]),
        # The 30th of December is skipped: its slot falls where the 31st begins.
        (
            "Pacific/Apia",
            "8:00",
            "2011-12-29T17:00",
            ["2011-12-29T18:00", "2011-12-30T10:00", "2011-12-30T18:00"],
        ),
        ("Asia/Tokyo", "8:00", "2026-03-28T12:00", ["2026-03-28T23:00", "2026-03-29T23:00"]),
        # 23:00 to midnight comes twice.
        ("Africa/Cairo", "23:30", "2026-10-28T22:00", ["2026-10-29T20:30", "2026-10-30T21:30"]),
        ("Europe/Paris", "weekdays 8:00", "2026-03-27T08:00", ["2026-03-30T06:00"]),
        ("Europe/Paris", "0 8 29 2 *", "2026-03-27T08:00", ["2028-02-29T07:00"]),
        # Several that fall into the gap are one.
        (
            "Europe/Paris",
            "10,40 2 * * *",
            "2026-03-29T00:00",
            ["2026-03-29T01:00", "2026-03-30T00:10"],
        ),
        (
            "Europe/Paris",
            "*/30 2,3 * * *",
            "2026-03-29T00:00",
            ["2026-03-29T01:00", "2026-03-29T01:30"],
        ),
        (
            "Europe/Paris",
            "*/30 2 * * *",
            "2026-10-25T00:00",
            ["2026-10-25T00:30", "2026-10-26T01:00"],
        ),
        ("Europe/Paris", "hourly", "2026-03-29T00:30", ["2026-03-29T01:00", "2026-03-29T02:00"]),
        (
            "Europe/Paris",
            "hourly",
            "2026-10-24T23:30",
            ["2026-10-25T00:00", "2026-10-25T01:00", "2026-10-25T02:00"],
        ),
    ],
)
def test_days_on_which_clocks_change(
    zone: str, written: str, after: str, expected: list[str]
) -> None:
    slots = [at(text) for text in expected]
    found = forwards(parse_cadence(written), ZoneInfo(zone), at(after), slots[-1])
    assert list(found) == slots
    found = backwards(parse_cadence(written), ZoneInfo(zone), at(after), slots[-1])
    assert list(found) == slots[::-1]


@given(
    st.sampled_from(ZONES),
    st.dates(dt.date(1985, 1, 1), dt.date(2035, 1, 1)),
    st.times(),
)
@example("America/Sao_Paulo", dt.date(2018, 11, 4), dt.time(0, 30))
@example("Europe/London", dt.date(2026, 10, 25), dt.time(1, 30))
def test_every_date_has_one_daily_slot(name: str, on: dt.date, time_of_day: dt.time) -> None:
    zone, cadence = ZoneInfo(name), parse_cadence(f"{time_of_day:%H:%M}")
    begin = dt.datetime.combine(on, dt.time(12), UTC)
    end = begin + dt.timedelta(days=40)
    slots = list(forwards(cadence, zone, begin, end))
    dates = [slot.astimezone(zone).date() for slot in slots]
    skipped = {dt.date(2011, 12, 30), dt.date(1993, 8, 21)}
    wanted = {dates[0] + dt.timedelta(days=n) for n in range((dates[-1] - dates[0]).days + 1)}
    assert set(dates) | (skipped & wanted) == wanted
    assert len(dates) - len(set(dates)) == len((skipped & wanted) - set(dates))
    assert slots == sorted(set(slots))
    assert list(backwards(cadence, zone, begin, end)) == slots[::-1]


CRONS = st.sampled_from(
    [
        "*/30 * * * *",
        "0 * * * *",
        "15 * * * *",
        "30 2 * * *",
        "0 */6 * * *",
        "*/20 1-3 * * *",
        "5,35 0,23 * * 1-5",
        "0 8 1 * *",
        "59 23 L * *",
    ]
)
INSTANTS = st.integers(0, 25 * 365 * 86_400_000).map(
    lambda count: at("2005-01-01") + count * dt.timedelta(milliseconds=1)
)


@given(CRONS, st.sampled_from(ZONES), INSTANTS)
@example("15 * * * *", "Australia/Lord_Howe", at("2026-04-04T14:50"))
@example("30 2 * * *", "Europe/Paris", at("2026-10-25T01:15"))
@example("*/20 1-3 * * *", "America/St_Johns", at("2006-10-29T02:40:00.5"))
def test_forwards_and_backwards_agree(cron: str, name: str, now: dt.datetime) -> None:
    zone = ZoneInfo(name)
    following = next_check(cron, zone, now)
    assert following > now
    assert previous_check(cron, zone, following) == following
    before = previous_check(cron, zone, following - dt.timedelta(microseconds=1))
    assert before <= now
    assert next_check(cron, zone, before) == following
    assert previous_check(cron, zone, now) == before
    assert following.tzinfo is before.tzinfo is UTC


def test_missed_slots_collapse_into_the_latest_one() -> None:
    zone, cadence = ZoneInfo("Europe/Paris"), parse_cadence("daily 08:00")
    now = at("2026-02-19T12:00")
    assert latest_slot(cadence, zone, after=at("2026-02-10T00:00"), now=now) == at(
        "2026-02-19T07:00"
    )
    assert latest_slot(cadence, zone, after=at("2026-02-19T06:59"), now=now) == at(
        "2026-02-19T07:00"
    )
    assert latest_slot(cadence, zone, after=at("2026-02-19T07:00"), now=now) is None
    on_time = at("2026-02-19T07:00")
    assert latest_slot(cadence, zone, after=at("2026-02-19T00:00"), now=on_time) == on_time


def test_a_slot_recorded_in_the_future_leaves_none() -> None:
    cadence = parse_cadence("hourly")
    future, now = at("2027-01-01T00:00"), at("2026-01-01T00:30")
    assert latest_slot(cadence, ZoneInfo("UTC"), after=future, now=now) is None


def test_each_check_has_no_instants() -> None:
    cadence, now = parse_cadence("each-check"), at("2026-02-19T12:00")
    assert latest_slot(cadence, ZoneInfo("UTC"), after=at("2026-01-01T00:00"), now=now) is None
    assert next_slot(cadence, ZoneInfo("UTC"), after=now) is None


@pytest.mark.parametrize(
    "written", ["*/1 * * * *", "hourly", "* 2 * * *", "* * * * 1-6", "0 8 29 2 *"]
)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "Pacific/Apia"])
def test_years_without_a_slot_cost_nothing(written: str, zone: str) -> None:
    cadence, now = parse_cadence(written), at("2026-10-25T01:30:30")
    begin = time.process_time()
    for _ in range(10):
        assert latest_slot(cadence, ZoneInfo(zone), after=at("1990-01-01T00:00"), now=now)
    assert time.process_time() - begin < 1


def test_a_line_that_never_comes_is_an_error() -> None:
    now = at("2026-01-01T00:00")
    with pytest.raises(ValueError, match="never comes"):
        next_check("0 0 */9 2 MON#5", ZoneInfo("UTC"), now)
    with pytest.raises(ValueError, match="never came"):
        previous_check("0 0 */9 2 MON#5", ZoneInfo("UTC"), now)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("each-check", "after each check"),
        ("hourly", "every hour"),
        ("8:00", "daily at 08:00 (Asia/Tokyo)"),
        ("mon-fri 8:00", "weekdays at 08:00 (Asia/Tokyo)"),
        ("weekly", "every Monday at 08:00 (Asia/Tokyo)"),
        ("mon,thu 18:30", "every Monday and Thursday at 18:30 (Asia/Tokyo)"),
        ("mon,wed,sun 8:00", "every Monday, Wednesday and Sunday at 08:00 (Asia/Tokyo)"),
        ("0 8 * * *", "at 08:00 every day (Asia/Tokyo)"),
    ],
)
def test_a_cadence_in_words(written: str, words: str) -> None:
    cadence = parse_cadence(written)
    assert describe(cadence, ZoneInfo("Asia/Tokyo")) == words
    assert describe(cadence) == words.removesuffix(" (Asia/Tokyo)")
