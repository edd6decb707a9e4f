"""What somebody wants to be mailed: as a form has it, and as a subscription."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from watcher.digest.language import ENGLISH
from watcher.errors import RuleError
from watcher.rules import Ruleset
from watcher.settings import RuleSettings, SubscriptionSettings, TopicSettings
from watcher.settings.explaining import problems_of
from watcher.web.problems import Problem, of_program
from watcher.web.ruleform import RuleWish, prefix_of, rules_of
from watcher.web.tongues import phrase

NAME = "papers"
MAX_AGE_DAYS = 30
"""As `init` writes it: what is older is no news."""

AS_IT_IS = "as-it-is"

DAYS = {
    "daily": phrase("every day"),
    "weekdays": phrase("Monday to Friday"),
    "weekly mon": phrase("Mondays"),
    "weekly tue": phrase("Tuesdays"),
    "weekly wed": phrase("Wednesdays"),
    "weekly thu": phrase("Thursdays"),
    "weekly fri": phrase("Fridays"),
    "weekly sat": phrase("Saturdays"),
    "weekly sun": phrase("Sundays"),
}
"""The cadences that the form offers, without their time."""

LANGUAGES = {
    "en": "English",
    "fr": "Français",
    "de": "Deutsch",
    "zh": "简体中文",
    "ja": "日本語",
}
"""The languages to choose from, each as its readers call it."""

_TIMED = re.compile(r"(.*) (\d\d:\d\d)")
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}")

_FIELDS = {"to": "address", "digest": "at", "timezone": "timezone", "language": "language"}
"""The field of the form that a key of a subscription comes from."""


class WishError(Exception):
    """What cannot be subscribed to: problems by the field of the form they are about."""

    def __init__(self, problems: Mapping[str, Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(each.said(ENGLISH) for each in problems.values()))


@dataclass(frozen=True, slots=True)
class Wish:
    """The form's fields as they were typed."""

    address: str = ""
    rules: tuple[RuleWish, ...] = (RuleWish(),)
    days: str = "daily"
    at: str = "08:00"
    timezone: str = ""
    language: str = ""
    problems: Mapping[str, Problem] = field(default_factory=dict)

    @classmethod
    def of_form(
        cls, form: Mapping[str, Sequence[str]], former: SubscriptionSettings | None = None
    ) -> Wish:
        """What a form sent: of one rule, or of all those of `former`.

        Raises ChangedMeanwhileError where it shows other rules than that one has.
        """

        def one(name: str, default: str = "") -> str:
            return (form.get(name) or (default,))[0].strip()

        rules = rules_of(form, _rules(former)) if former else (RuleWish.of_form(form),)
        return cls(
            address=former.to[0] if former else one("address"),
            rules=rules,
            days=one("days", "daily"),
            at=one("at", "08:00"),
            timezone=one("timezone"),
            language=one("language", former.language if former else ""),
        )

    @classmethod
    def of_subscription(cls, subscription: SubscriptionSettings, timezone: str) -> Wish:
        """What a form is filled with; `timezone` is that of the configuration."""
        timed = _TIMED.fullmatch(subscription.digest)
        days, at = (timed[1], timed[2]) if timed else (AS_IT_IS, "08:00")
        return cls(
            address=subscription.to[0],
            days=days if days in DAYS else AS_IT_IS,
            at=at,
            timezone=subscription.timezone or timezone,
            language=subscription.language,
        ).with_rules(map(RuleWish.of_rule, _rules(subscription)))

    def with_rules(self, rules: Iterable[RuleWish]) -> Wish:
        """The same with these, numbered anew."""
        numbered = tuple(
            replace(rule, prefix=prefix_of(number)) for number, rule in enumerate(rules)
        )
        return replace(self, rules=numbered)

    def subscription(
        self,
        subscription_id: str,
        topics: Mapping[str, TopicSettings],
        former: SubscriptionSettings | None = None,
    ) -> SubscriptionSettings:
        """The subscription that is meant, in place of `former`, checked. Raises WishError.

        What the form does not show stays as it was.
        """
        problems = {name: text for rule in self.rules for name, text in rule.problems().items()}
        if self.days not in DAYS and (former is None or self.days != AS_IT_IS):
            problems["at"] = Problem(phrase("choose one of the days of the form"))
        elif self.days != AS_IT_IS and not _CLOCK.fullmatch(self.at):
            problems["at"] = Problem(phrase("write a time of day such as 08:00"))
        if not self.rules:
            message = phrase("without a rule nothing comes; to end it, delete it below")
            raise WishError({"rules": Problem(message)})
        given: dict[str, object] = {
            "id": subscription_id,
            "name": NAME,
            "to": [self.address],
            "max_age_days": MAX_AGE_DAYS,
        }
        if former:
            given = former.model_dump(exclude_unset=True, by_alias=True)
        given |= {"timezone": self.timezone, "rules": [rule.given() for rule in self.rules]}
        if self.language or "language" in given:
            given["language"] = self.language
        if self.days != AS_IT_IS or former is None:
            given["digest"] = f"{self.days} {self.at}"
        try:
            subscription = SubscriptionSettings.model_validate(given)
        except ValidationError as error:
            found = problems_of(error, SubscriptionSettings)
            told = ((self._field([*map(str, each.path)]), each.message) for each in found)
            more = {name: of_program(name, message) for name, message in told}
            raise WishError(more | problems) from None
        if problems:
            raise WishError(problems)
        try:
            Ruleset.compile([subscription], topics)
        except RuleError as error:
            path = re.findall(r"[a-z_]+|\d+", error.key or "")
            name = self._field(path)
            raise WishError({name: of_program(name, error.message)}) from None
        return subscription

    def _field(self, path: Sequence[str]) -> str:
        """The field that what stands at `path` of the subscription comes from."""
        if path and path[0] in _FIELDS:
            return _FIELDS[path[0]]
        number = int(path[1]) if path[:1] == ["rules"] and path[1:2] and path[1].isdigit() else 0
        return self.rules[min(number, len(self.rules) - 1)].field(path)


def can_be_followed(
    subscription: SubscriptionSettings, topics: Mapping[str, TopicSettings]
) -> bool:
    """Whether its rules still mean something: a topic of theirs may be gone."""
    try:
        Ruleset.compile([subscription], topics)
    except RuleError:
        return False
    return True


def _rules(subscription: SubscriptionSettings) -> tuple[RuleSettings, ...]:
    return subscription.rules or (RuleSettings(),)  # without one, every paper
