"""What somebody wants to be mailed: as a form has it, and as a subscription."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from watcher.errors import RuleError
from watcher.rules import Ruleset
from watcher.settings import RuleSettings, SubscriptionSettings, TopicSettings
from watcher.settings.explaining import problems_of

NAME = "papers"
MAX_AGE_DAYS = 30
"""As `init` writes it: what is older is no news."""

MOST_WORDS = 40
LONGEST_WORD = 100
AS_IT_IS = "as-it-is"

DAYS = {
    "daily": "every day",
    "weekdays": "Monday to Friday",
    "weekly mon": "Mondays",
    "weekly tue": "Tuesdays",
    "weekly wed": "Wednesdays",
    "weekly thu": "Thursdays",
    "weekly fri": "Fridays",
    "weekly sat": "Saturdays",
    "weekly sun": "Sundays",
}
"""The cadences that the form offers, without their time."""

_SEPARATORS = re.compile(r"[\r\n,;]+")
_TIMED = re.compile(r"(.*) (\d\d:\d\d)")

_FIELDS = {
    "to": "address",
    "digest": "at",
    "timezone": "timezone",
    "any": "words",
    "none": "none",
    "topics": "topics",
}
"""The field of the form that a key of a subscription, or of its rule, comes from."""


class WishError(Exception):
    """What cannot be subscribed to: sentences by the field of the form they are about."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems.values()))


@dataclass(frozen=True, slots=True)
class Wish:
    """The form's fields as they were typed."""

    address: str = ""
    topics: tuple[str, ...] = ()
    words: str = ""
    none: str = ""
    days: str = "daily"
    at: str = "08:00"
    timezone: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_form(cls, form: Mapping[str, Sequence[str]]) -> Wish:
        """What a form sent."""

        def one(name: str, default: str = "") -> str:
            return (form.get(name) or (default,))[0].strip()

        return cls(
            address=one("address"),
            topics=tuple(form.get("topics", ())),
            words=one("words"),
            none=one("none"),
            days=one("days", "daily"),
            at=one("at", "08:00"),
            timezone=one("timezone"),
        )

    @classmethod
    def of_subscription(cls, subscription: SubscriptionSettings, timezone: str) -> Wish:
        """What a form is filled with; `timezone` is that of the configuration."""
        rule = subscription.rules[0] if subscription.rules else RuleSettings()
        timed = _TIMED.fullmatch(subscription.digest)
        days, at = (timed[1], timed[2]) if timed else (AS_IT_IS, "08:00")
        return cls(
            address=subscription.to[0],
            topics=rule.topics,
            words="\n".join(rule.any),
            none="\n".join(rule.none),
            days=days if days in DAYS else AS_IT_IS,
            at=at,
            timezone=subscription.timezone or timezone,
        )

    def subscription(
        self,
        subscription_id: str,
        topics: Mapping[str, TopicSettings],
        former: SubscriptionSettings | None = None,
    ) -> SubscriptionSettings:
        """The subscription that is meant, in place of `former`, checked. Raises WishError.

        What the form does not show stays as it was.
        """
        words, none = _words(self.words), _words(self.none)
        problems = _too_many(words, "words") | _too_many(none, "none")
        if not words and not self.topics:
            problems["words"] = "choose a topic, or write a keyword: without either nothing comes"
        if problems:
            raise WishError(problems)
        rule = former.rules[0] if former and former.rules else RuleSettings()
        wanted = {"any": words, "none": none, "topics": self.topics}
        rule_given = rule.model_dump(exclude_unset=True) | {
            key: value for key, value in wanted.items() if value or key in rule.model_fields_set
        }
        given: dict[str, object] = {
            "id": subscription_id,
            "name": NAME,
            "to": [self.address],
            "max_age_days": MAX_AGE_DAYS,
        }
        if former:
            given = former.model_dump(exclude_unset=True, by_alias=True)
        given |= {"timezone": self.timezone, "rules": [rule_given]}
        if self.days != AS_IT_IS or former is None:
            given["digest"] = f"{self.days} {self.at}"
        try:
            subscription = SubscriptionSettings.model_validate(given)
        except ValidationError as error:
            found = problems_of(error, SubscriptionSettings)
            raise WishError(
                {_field(map(str, problem.path)): problem.message for problem in found}
            ) from None
        check(subscription, topics)
        return subscription


def check(subscription: SubscriptionSettings, topics: Mapping[str, TopicSettings]) -> None:
    """Raise WishError where its rules cannot be followed."""
    try:
        Ruleset.compile([subscription], topics)
    except RuleError as error:
        path = re.findall(r"[a-z_]+", error.key or "")
        raise WishError({_field(path): error.message}) from None


def can_be_edited(subscription: SubscriptionSettings) -> bool:
    """Whether the form shows all there is of its rules."""
    if len(subscription.rules) != 1:
        return False
    shown = {"any", "none", "topics", "name"}
    return subscription.rules[0].model_fields_set <= shown and len(subscription.to) == 1


def _words(typed: str) -> tuple[str, ...]:
    found = (word.strip() for word in _SEPARATORS.split(typed))
    return tuple(dict.fromkeys(word for word in found if word))


def _too_many(words: Sequence[str], name: str) -> dict[str, str]:
    if len(words) > MOST_WORDS:
        return {name: f"are {len(words)}; {MOST_WORDS} are the most"}
    long = next((word for word in words if len(word) > LONGEST_WORD), None)
    if long:
        return {name: f"“{long[:20]}…” is longer than {LONGEST_WORD} characters"}
    return {}


def _field(path: Sequence[str] | map[str]) -> str:
    return next((_FIELDS[each] for each in path if each in _FIELDS), "words")
