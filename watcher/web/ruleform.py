"""One rule as a form has it: its fields as typed, and what the form leaves as it was."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from watcher.digest.language import Language
from watcher.settings import RuleSettings
from watcher.web.problems import Problem
from watcher.web.sentences import described, fields_of
from watcher.web.tongues import phrase

MOST_RULES = 10
MOST_WORDS = 40
LONGEST_WORD = 100
LONGEST_NAME = 100

FIELDS = {"name": "name", "any": "words", "none": "none", "topics": "topics"}
"""The field of the form that a key of a rule comes from."""

_SEPARATORS = re.compile(
    r"[\r\n,;\u3001\uff0c\uff1b]+"
)  # the last three are of Chinese and Japanese
_PREFIX = re.compile(r"(rule-\d{1,3}-)was")
# Keyboards of phones write these in place of straight ones, of their own accord.
_CURLY = re.compile(r"^[“”„‟«»\"]\s*([^“”„‟«»\"]+?)\s*[“”„‟«»\"]$")
_MINUS = re.compile(r"[-\uff0d]\s*(\w.*)")
_OPERATOR = re.compile(r"(?:^|\s)(AND|OR|NOT)(?=\s|$)")


class ChangedMeanwhileError(Exception):
    """The form shows a rule that is not there any more: it was changed on another page."""


@dataclass(frozen=True, slots=True)
class RuleWish:
    """The fields of one rule; `prefix` begins their names, `former` is the rule they are of."""

    prefix: str = ""
    former: RuleSettings | None = None
    name: str = ""
    topics: tuple[str, ...] = ()
    words: str = ""
    none: str = ""

    @classmethod
    def of_form(
        cls,
        form: Mapping[str, Sequence[str]],
        prefix: str = "",
        former: RuleSettings | None = None,
    ) -> RuleWish:
        """What a form sent."""

        def one(name: str) -> str:
            return (form.get(f"{prefix}{name}") or ("",))[0].strip()

        if former and not _fits(former):
            return cls.of_rule(former, prefix)
        return cls(
            prefix,
            former,
            name=" ".join(one("name").split()),
            topics=tuple(form.get(f"{prefix}topics", ())),
            words=one("words"),
            none=one("none"),
        )

    @classmethod
    def of_rule(cls, rule: RuleSettings, prefix: str = "") -> RuleWish:
        """What a form is filled with."""
        words, none = "\n".join(rule.any), "\n".join(rule.none)
        return cls(prefix, rule, rule.name, rule.topics, words, none)

    @property
    def was(self) -> str:
        """What its form is marked with, to be known by when it comes back."""
        return _key(self.former) if self.former else ""

    @property
    def is_fixed(self) -> bool:
        """Whether it has what these fields cannot hold, so that it stays as it is."""
        return self.former is not None and not _fits(self.former)

    def sentence(self, language: Language) -> str:
        """What the rule says that it is of."""
        return described(self.former, language) if self.former else ""

    def others(self, language: Language) -> str:
        """What else it asks for, which the fields do not show; empty for nothing."""
        return language.grouped(_others(self.former, language)) if self.former else ""

    @property
    def snoozed_until(self) -> dt.date | None:
        """As the rule has it, asleep or not."""
        return self.former.snoozed_until if self.former else None

    def problems(self) -> dict[str, Problem]:
        """What is wrong at first sight, by the name of the field."""
        if self.is_fixed:
            return {}
        words, none = words_of(self.words), words_of(self.none)
        found = (
            _habits(words, "words")
            | _habits(none, "none")
            | _too_many(words, "words")
            | _too_many(none, "none")
        )
        if len(self.name) > LONGEST_NAME:
            message = phrase("it is longer than %(most)s characters")
            found["name"] = Problem(message, {"most": LONGEST_NAME})
        if not words and not self.topics and not (self.former and _asks_for_more(self.former)):
            found["words"] = Problem(
                phrase("choose a topic, or write a keyword: without either nothing comes")
            )
        return {f"{self.prefix}{name}": problem for name, problem in found.items()}

    def given(self) -> dict[str, object]:
        """The rule that is meant; what the form does not show stays as it was."""
        rule = self.former or RuleSettings()
        before = rule.model_dump(exclude_unset=True)
        if self.is_fixed:
            return before
        wanted = {
            "name": self.name,
            "any": words_of(self.words),
            "none": words_of(self.none),
            "topics": self.topics,
        }
        return before | {
            key: value for key, value in wanted.items() if value or key in rule.model_fields_set
        }

    def field(self, path: Sequence[str]) -> str:
        """The name of its field that a key of the rule, somewhere in `path`, comes from."""
        return self.prefix + next((FIELDS[each] for each in path if each in FIELDS), "words")


def rules_of(
    form: Mapping[str, Sequence[str]], present: Sequence[RuleSettings]
) -> tuple[RuleWish, ...]:
    """The rules of a form that has several, of which `present` are stored.

    Raises ChangedMeanwhileError.
    """
    left = list(present)
    found = []
    prefixes = sorted(
        (match[1] for name in form if (match := _PREFIX.fullmatch(name))),
        key=lambda prefix: int(prefix.split("-")[1]),
    )
    for prefix in prefixes[: max(MOST_RULES, len(present))]:
        former, was = None, (form.get(f"{prefix}was") or ("",))[0]
        if was:
            former = next((rule for rule in left if _key(rule) == was), None)
            if former is None:
                raise ChangedMeanwhileError
            left.remove(former)
        found.append(RuleWish.of_form(form, prefix, former))
    return tuple(found)


def prefix_of(position: int) -> str:
    """What the fields of that rule begin with, from 0 on."""
    return f"rule-{position}-"


def words_of(typed: str) -> tuple[str, ...]:
    """The keywords of a text field, each once."""
    found = (_CURLY.sub(r'"\1"', word.strip()) for word in _SEPARATORS.split(typed))
    return tuple(dict.fromkeys(word for word in found if word))


def _key(rule: RuleSettings) -> str:
    """A short hash of the rule, the same whether it is snoozed or not."""
    said = rule.model_dump_json(exclude_unset=True, exclude={"snoozed_until"})
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _fits(rule: RuleSettings) -> bool:
    """Whether the fields can hold its keywords, and it is more than every paper."""
    if rule.awake == RuleSettings(name=rule.name, fields=rule.fields):
        return False
    return len(rule.name) <= LONGEST_NAME and all(
        words_of("\n".join(words)) == words and not _too_many(words, "")
        for words in (rule.any, rule.none)
    )


def _asks_for_more(rule: RuleSettings) -> bool:
    """Whether it asks for something beside what the fields show."""
    bare = rule.awake.model_copy(update={"any": (), "none": (), "topics": (), "name": ""})
    return bare != RuleSettings(fields=rule.fields, backfill_days=rule.backfill_days)


def _others(rule: RuleSettings, language: Language) -> Iterator[str]:
    if _asks_for_more(rule):
        yield described(rule.model_copy(update={"any": (), "none": (), "topics": ()}), language)
    if set(rule.fields) != set(RuleSettings().fields):
        yield language.say("looks only at %(fields)s", fields=fields_of(rule, language))
    if rule.backfill_days:
        yield language.counted(
            "looks back %(count)s day once it is changed",
            "looks back %(count)s days once it is changed",
            rule.backfill_days,
        )


def _too_many(words: Sequence[str], name: str) -> dict[str, Problem]:
    if len(words) > MOST_WORDS:
        facts = {"count": len(words), "most": MOST_WORDS}
        return {name: Problem(phrase("these are %(count)s; %(most)s are the most"), facts)}
    long = next((word for word in words if len(word) > LONGEST_WORD), None)
    if long:
        message = phrase("“%(word)s” is longer than %(most)s characters")
        return {name: Problem(message, {"word": f"{long[:20]}…", "most": LONGEST_WORD})}
    return {}


def _habits(words: Sequence[str], name: str) -> dict[str, Problem]:
    """What a search engine would understand, told of by the fields of the form.

    What the program says of it is about a file that who fills in a form does not have.
    """
    for word in words:
        if word.startswith('"'):
            continue
        if minus := _MINUS.fullmatch(word):
            message = (
                phrase("“%(word)s” belongs under Never, without the minus")
                if name == "words"
                else phrase("“%(word)s” is to stand here without the minus")
            )
            return {name: Problem(message, {"word": minus[1]})}
        if operator := _OPERATOR.search(word):
            message = phrase(
                "%(operator)s combines no keywords here: write each on a line of its own, "
                "or in double quotes, if that word itself is meant"
            )
            return {name: Problem(message, {"operator": operator[1]})}
    return {}
