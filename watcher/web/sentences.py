"""What rules, warnings and cadences say, in the language of the page.

In English the same as the commands say, which have it from where they are made.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.numbers import format_percent

from watcher import schedule
from watcher.backtest import RuleWarning
from watcher.backtest.trial import Word
from watcher.digest.language import ENGLISH, Language
from watcher.rules import describe
from watcher.rules.momentum import plain
from watcher.settings import RuleSettings
from watcher.settings.cadence import Cadence
from watcher.web.tongues import phrase

_ALL_FIELDS = frozenset(("title", "abstract", "keywords"))
_FIELDS: Mapping[str, str] = {
    "title": phrase("title"),
    "abstract": phrase("abstract"),
    "keywords": phrase("keywords"),
}
_WEEKLY: Mapping[str, str] = {
    "mon": phrase("Monday"),
    "tue": phrase("Tuesday"),
    "wed": phrase("Wednesday"),
    "thu": phrase("Thursday"),
    "fri": phrase("Friday"),
    "sat": phrase("Saturday"),
    "sun": phrase("Sunday"),
}


def described(rule: RuleSettings, language: Language) -> str:
    """What the rule asks of a paper, without a subject: `mentions X AND is by Ha`."""
    if language is ENGLISH:
        return describe(rule)
    say = language.say
    wanted = list(_conditions(rule, language))
    sentence = say("%(first)s AND %(next)s", first="", next="").join(wanted)
    sentence = sentence or say("is any paper")
    if rule.none:
        words = either(rule.none, language)
        sentence = say("%(sentence)s, and never mentions %(words)s", sentence=sentence, words=words)
    has_words = rule.any or rule.topics or rule.all or rule.none
    if has_words and frozenset(rule.fields) != _ALL_FIELDS:
        fields = fields_of(rule, language)
        sentence = say(
            "%(sentence)s (looking only at %(fields)s)", sentence=sentence, fields=fields
        )
    return sentence


def named(rule: RuleSettings, name: str, language: Language) -> str:
    """Its name, `name` in English, or what it asks for where that would be put in words."""
    has_name = language is ENGLISH or rule.name or rule.any or rule.topics or rule.all
    return name if has_name else described(rule, language)


def fields_of(rule: RuleSettings, language: Language) -> str:
    """The fields that it looks at."""
    names = (language.say(_FIELDS[each]) for each in dict.fromkeys(rule.fields))
    return both(names, language)


def either(words: Iterable[str], language: Language) -> str:
    """As in `a or b`."""
    return language.say("%(first)s or %(next)s", first="", next="").join(words)


def both(words: Iterable[str], language: Language) -> str:
    """As in `a and b`."""
    return language.say("%(first)s and %(next)s", first="", next="").join(words)


def _conditions(rule: RuleSettings, language: Language) -> Iterator[str]:
    say = language.say
    if rule.any or rule.topics:
        topics = (say("the topic %(topic)s", topic=topic) for topic in rule.topics)
        yield say("mentions %(words)s", words=either([*rule.any, *topics], language))
    if rule.all:
        yield say("mentions %(words)s", words=both(rule.all, language))
    if rule.authors:
        yield say("is by %(names)s", names=either(rule.authors, language))
    if rule.organizations:
        yield say("is from %(names)s", names=either(rule.organizations, language))
    if rule.min_upvotes > 0:
        yield language.counted(
            "has at least %(count)s vote", "has at least %(count)s votes", rule.min_upvotes
        )
    if (gain := rule.min_upvotes_per_day) > 0:
        yield language.counted(
            "has gained at least %(count)s vote a day",
            "has gained at least %(count)s votes a day",
            1 if gain == 1 else max(2, math.ceil(gain)),
            language.number(Decimal(plain(gain))),
        )
    if rule.min_stars > 0:
        yield language.counted(
            "has at least %(count)s star", "has at least %(count)s stars", rule.min_stars
        )
    if rule.has_code:
        yield say("comes with code")


def times(cadence: Cadence, zone: ZoneInfo | None, language: Language) -> str:
    """When mails come: `weekdays at 08:00 (Asia/Tokyo)`, or without the zone."""
    say = language.say
    if language is ENGLISH:
        return schedule.describe(cadence, zone)
    if cadence.cron is None:
        return say("after each check")
    if cadence.text == "hourly":
        return say("every hour")
    days, _, time = cadence.text.removeprefix("weekly ").rpartition(" ")
    if ":" not in time:  # a cron line is put in words in English alone
        told = say("at the times of the cron line %(line)s", line=cadence.cron)
    elif days in {"daily", "weekdays"}:
        told = (
            say("daily at %(time)s", time=time)
            if days == "daily"
            else say("weekdays at %(time)s", time=time)
        )
    else:
        names = both((say(_WEEKLY[day]) for day in days.split(",")), language)
        told = say("every %(days)s at %(time)s", days=names, time=time)
    return say("%(times)s (%(zone)s)", times=told, zone=zone.key) if zone else told


def warned(warning: RuleWarning, language: Language) -> str:
    """What looks wrong with a rule, in the words of the form, not of a file."""
    say, labels = language.say, [_label(each, language) for each in warning.labels]
    told = warning.text
    match warning.kind, warning.counts, labels:
        case "dead", (days, papers), _:
            told = say(
                "dead: nothing in %(days)s, %(papers)s",
                days=language.counted("a day", "%(count)s days", days),
                papers=papers_of(papers, language),
            )
        case "broad", (share,), _:
            shown = format_percent(share / 100, locale=language.locale)
            told = say("too broad: %(share)s of all papers", share=shown)
        case "removed", (count, wanted), [label]:
            told = say(
                "%(word)s under Never removes %(count)s of %(papers)s wanted",
                word=label,
                count=language.number(count),
                papers=papers_of(wanted, language),
            )
        case "removed", (count,), [label]:
            told = say(
                "What is under Never removes every paper that %(word)s finds (%(count)s)",
                word=label,
                count=language.number(count),
            )
        case "redundant", (count, shared), [label, beside]:
            told = _redundant(count, shared, language, word=label, other=beside)
        case _:
            pass
    return told


def _redundant(count: int, shared: int, language: Language, *, word: str, other: str) -> str:
    if shared < count:
        return language.say(
            "%(word)s is never the only reason: its %(count)s papers have %(other)s or another",
            count=language.number(count),
            word=word,
            other=other,
        )
    return language.counted(
        "%(word)s is never the only reason: its %(count)s paper has %(other)s",
        "%(word)s is never the only reason: its %(count)s papers have %(other)s",
        count,
        word=word,
        other=other,
    )


def papers_of(count: int, language: Language) -> str:
    """As in `1 paper`, `7 papers`."""
    return language.counted("%(count)s paper", "%(count)s papers", count)


def _label(word: Word, language: Language) -> str:
    if word.key == "topics":
        return language.say("the topic %(topic)s", topic=word.written)
    return language.say("“%(word)s”", word=word.written)
