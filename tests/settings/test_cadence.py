"""What a digest key may say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.settings import Cadence, parse_cadence
from watcher.settings.cadence import check_cron

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


@pytest.mark.parametrize(
    ("written", "text", "cron"),
    [
        ("each-check", "each-check", None),
        ("Every check", "each-check", None),
        ("hourly", "hourly", "0 * * * *"),
        ("@hourly", "hourly", "0 * * * *"),
        ("daily", "daily 08:00", "0 8 * * *"),
        ("@daily", "daily 08:00", "0 8 * * *"),
        ("daily 18:30", "daily 18:30", "30 18 * * *"),
        ("Daily at 8:00", "daily 08:00", "0 8 * * *"),
        ("every day at 8:05", "daily 08:05", "5 8 * * *"),
        ("8:00", "daily 08:00", "0 8 * * *"),
        ("  at  08:00 ", "daily 08:00", "0 8 * * *"),
        ("00:00", "daily 00:00", "0 0 * * *"),
        ("mon-sun 8:00", "daily 08:00", "0 8 * * *"),
        ("weekdays", "weekdays 08:00", "0 8 * * 1-5"),
        ("weekday 7:00", "weekdays 07:00", "0 7 * * 1-5"),
        ("mon-fri 8:00", "weekdays 08:00", "0 8 * * 1-5"),
        ("Mon – Fri, 8:00", "weekdays 08:00", "0 8 * * 1-5"),
        ("weekends 10:00", "sat,sun 10:00", "0 10 * * 6,7"),
        ("weekly", "weekly mon 08:00", "0 8 * * 1"),
        ("weekly sunday", "weekly sun 08:00", "0 8 * * 7"),
        ("weekly on Thursday at 9:15", "weekly thu 09:15", "15 9 * * 4"),
        ("tuesdays 8:00", "weekly tue 08:00", "0 8 * * 2"),
        ("mon, thu 8:00", "mon,thu 08:00", "0 8 * * 1,4"),
        ("monday and thursday", "mon,thu 08:00", "0 8 * * 1,4"),
        ("sat-mon 8:00", "mon,sat,sun 08:00", "0 8 * * 1,6,7"),
        ("0  8 1 * *", "0 8 1 * *", "0 8 1 * *"),
        ("0 8 * * MON", "0 8 * * MON", "0 8 * * MON"),
        ("*/30 8-18 * * 1-5", "*/30 8-18 * * 1-5", "*/30 8-18 * * 1-5"),
    ],
)
def test_what_is_understood(written: str, text: str, cron: str | None) -> None:
    cadence = parse_cadence(written)
    assert cadence == Cadence(text, cron)
    assert cadence.is_each_check == (cron is None)
    assert parse_cadence(text) == cadence


@pytest.mark.parametrize(
    "written", ["", " ", "mo 8:00", "daily daily", "8", "8:0", "24:00", "8:60"]
)
def test_what_is_not_understood(written: str) -> None:
    with pytest.raises(ValueError, match=r"write|known|time of day"):
        parse_cadence(written)


@given(st.integers(0, 23), st.integers(0, 59), st.sets(st.sampled_from(DAYS), min_size=1))
def test_every_canonical_form_reads_back(hour: int, minute: int, days: set[str]) -> None:
    cadence = parse_cadence(f"{','.join(days)} {hour}:{minute:02}")
    assert parse_cadence(cadence.text) == cadence
    assert cadence.text.endswith(f"{hour:02}:{minute:02}")


@given(st.text(st.sampled_from("0123456789*/-,:#lw mondaily@–"), max_size=30))
def test_any_text_is_understood_or_explained(text: str) -> None:
    try:
        cadence = parse_cadence(text)
    except ValueError:
        return
    assert parse_cadence(cadence.text) == cadence


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("* * * *", "has five fields"),
        ("0 * * * * *", "has five fields"),
        ("* * * * " + "1," * 200 + "1", "has five fields"),
        ("61 * * * *", "minute is not valid: 61"),
        ("* * * 13 *", "month is not valid"),
        ("* * * * mon-", "day-of-week is not valid"),
        ("0 0 30 2 *", "day-of-month is not valid"),
        ("0 0 */9 2 mon#5", "a day that never comes"),
        ("1" * 150 + " * * * *", "minute is not valid"),
    ],
)
def test_a_cron_line_that_cannot_be(line: str, answer: str) -> None:
    with pytest.raises(ValueError, match=answer):
        check_cron(line)
