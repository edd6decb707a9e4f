"""What could not be read since the last digest, in the reader's words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator

from watcher.digest.dates import moment
from watcher.digest.language import Language
from watcher.digest.text import clean, isolated, shorten
from watcher.models import Failure, Outage

_NAME_LIMIT = 60
_SHORT = dt.timedelta(hours=6)
"""What a page showed comes again within this time: nothing was missed."""


def outage_sentences(outages: Iterable[Outage], tz: dt.tzinfo, language: Language) -> Iterator[str]:
    """What an outage of a day or more means for the digest."""
    for outage in outages:
        source, since = _name(outage.source), moment(outage.since_at, tz, language)
        if outage.unit is None:
            yield language.say(
                "%(source)s could not be read from %(since)s to %(until)s: papers that came and "
                "went in between were not seen.",
                source=source,
                since=since,
                until=moment(outage.until_at, tz, language),
            )
        else:
            yield language.say(
                "%(source)s: caught up %(periods)s after an outage since %(since)s.",
                source=source,
                periods=_PERIODS[outage.unit](language, outage.caught_up_count),
                since=since,
            )


def failure_sentences(
    failures: Iterable[Failure], tz: dt.tzinfo, language: Language
) -> Iterator[str]:
    """What failed for some hours, or still does."""
    for failure in failures:
        facts = {
            "source": _name(failure.source),
            "since": moment(failure.since_at, tz, language),
        }
        if failure.until_at is None and failure.is_degraded:
            yield language.say("%(source)s has not been as usual since %(since)s.", **facts)
        elif failure.until_at is None:
            yield language.say("%(source)s could not be read since %(since)s.", **facts)
        elif failure.until_at - failure.since_at < _SHORT:
            continue
        else:
            facts["until"] = moment(failure.until_at, tz, language)
            yield (
                language.say("%(source)s was not as usual from %(since)s to %(until)s.", **facts)
                if failure.is_degraded
                else language.say(
                    "%(source)s could not be read from %(since)s to %(until)s.", **facts
                )
            )


def _name(source: str) -> str:
    return isolated(shorten(clean(source), _NAME_LIMIT))


_PERIODS: dict[str, Callable[[Language, int], str]] = {
    "day": lambda language, count: language.counted("%(count)s day", "%(count)s days", count),
    "week": lambda language, count: language.counted("%(count)s week", "%(count)s weeks", count),
    "month": lambda language, count: language.counted("%(count)s month", "%(count)s months", count),
}
