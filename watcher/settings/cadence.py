"""When digests go out and pages are fetched, as people write it."""

from __future__ import annotations

import datetime as dt
import difflib
import functools
import re
from dataclasses import dataclass

from cronsim import CronSim, CronSimError

DEFAULT_TIME = (8, 0)
FORMS = (
    "each-check, hourly, daily 08:00, weekdays 08:00, weekly mon 08:00, or a cron line "
    "such as 0 8 1 * *"
)

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EVERY_CHECK = {"each-check", "each check", "every check", "every-check"}
_NAMED = {
    "": tuple(range(7)),
    "daily": tuple(range(7)),
    "every day": tuple(range(7)),
    "weekdays": tuple(range(5)),
    "weekday": tuple(range(5)),
    "weekends": (5, 6),
    "weekend": (5, 6),
    "weekly": (0,),
}
_FORMS = {form.split()[0]: form for form in FORMS.split(", ")[:5]}
_TIMED = re.compile(r"(?P<days>.*?)(?:(?:^| )at)? ?(?P<hour>\d{1,2}):(?P<minute>\d\d)")
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Cadence:
    """When a subscription has its slots: `text` in canonical form, `cron` the same as five fields.

    `cron` is None for `each-check`, whose slots are no instants but checks.
    """

    text: str
    cron: str | None

    @property
    def is_each_check(self) -> bool:
        """Whether every check closes a slot."""
        return self.cron is None


@functools.lru_cache(maxsize=1000)  # thousands of subscriptions share a few
def parse_cadence(text: str) -> Cadence:
    """What a `digest` key says: `each-check | hourly | daily HH:MM | weekdays HH:MM | …`.

    Forgiven: `8:00` for `08:00`, a missing time (08:00) or day (all), `mon-fri 8:00`, long day
    names, capitals. ValueError, with the nearest form, where it says nothing.
    """
    words = " ".join(text.lower().split()).removeprefix("@")
    if words in _EVERY_CHECK:
        return Cadence("each-check", None)
    if words in {"hourly", "every hour"}:
        return Cadence("hourly", "0 * * * *")
    if not words:
        raise ValueError(f"is empty; write {FORMS}")
    if len(words.split()) == 5 and not words[0].isalpha():
        cron = check_cron(text)
        return Cadence(cron, cron)
    timed = _TIMED.fullmatch(words)
    hour, minute = (int(timed["hour"]), int(timed["minute"])) if timed else DEFAULT_TIME
    if hour > 23 or minute > 59:
        raise ValueError(f"{hour}:{minute:02} is no time of day; 00:00 to 23:59 are")
    written = timed["days"].rstrip(",") if timed else words
    days = _days(written)
    if days is None:
        raise ValueError(_advice(text, written))
    return _on(days, f"{hour:02}:{minute:02}")


def check_cron(text: str) -> str:
    """A cron line of five fields that comes at all, its spaces evened. Raises ValueError."""
    line = " ".join(text.split())
    if len(line.split()) != 5 or len(line) > _LONGEST:
        raise ValueError(
            "a cron line has five fields (minute, hour, day of the month, month, day of the week), "
            "such as */30 * * * *"
        )
    try:
        next(CronSim(line, dt.datetime(2026, 1, 1)))  # noqa: DTZ001  # whether, not when
    except CronSimError as error:
        field = str(error).removeprefix("Bad ")
        raise ValueError(f"the cron line's {field} is not valid: {line}") from error
    except StopIteration as error:
        raise ValueError(f"the cron line names a day that never comes: {line}") from error
    return line


def _days(written: str) -> tuple[int, ...] | None:
    """The days that are meant, Monday being 0; None where it cannot be told."""
    if written in _NAMED:
        return _NAMED[written]
    found: set[int] = set()
    listed = written.removeprefix("weekly ").removeprefix("on ").replace(" and ", ",")
    for part in re.split(r" ?, ?", re.sub(r" ?[-–] ?", "-", listed)):  # noqa: RUF001  # an en dash, as typed
        first, dash, last = part.partition("-")
        begin, end = _day(first), _day(last if dash else first)
        if begin is None or end is None:
            return None
        found |= {(begin + more) % 7 for more in range((end - begin) % 7 + 1)}
    return tuple(sorted(found))


def _day(word: str) -> int | None:
    if len(word) < 3:
        return None
    return next((at for at, day in enumerate(_DAYS) if f"{day}s".startswith(word)), None)


def _on(days: tuple[int, ...], time: str) -> Cadence:
    hour, minute = map(int, time.split(":"))
    at = f"{minute} {hour} * *"
    if len(days) == 7:
        return Cadence(f"daily {time}", f"{at} *")
    if days == (0, 1, 2, 3, 4):
        return Cadence(f"weekdays {time}", f"{at} 1-5")
    names = ",".join(_DAYS[day][:3] for day in days)
    prefix = "weekly " if len(days) == 1 else ""
    return Cadence(f"{prefix}{names} {time}", f"{at} {','.join(str(day + 1) for day in days)}")


def _advice(text: str, written: str) -> str:
    shown = text if len(text) <= 40 else f"{text[:40]}…"
    if written == "monthly":
        return f'"{shown}" is not known; for the first of each month write "0 8 1 * *"'
    for near in difflib.get_close_matches(written.split(maxsplit=1)[0], _FORMS, 1, 0.6):
        return f'"{shown}" is not known; did you mean "{_FORMS[near]}"? Possible are {FORMS}'
    return f'"{shown}" is not known; possible are {FORMS}'
