"""`explain --text`: what the rules say of a paper that is there as a text only."""

from __future__ import annotations

import contextlib
import re
import sys
from typing import TYPE_CHECKING

from watcher.cli.common import USAGE, Common, fail, print_json, say
from watcher.cli.verdicts import readable_title, report_rule, rules_contract

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from watcher.models import Paper
    from watcher.rules import RuleExplanation, Ruleset
    from watcher.settings import Config

_LIMIT = 100_000
"""Bytes: some fifty times a title with its abstract."""

_TITLE = re.compile(r"\A\s*title[ \t]*:\s*", re.IGNORECASE)
_ABSTRACT = re.compile(r"^[ \t]*abstract[ \t]*(?:[:—]|$)\s*", re.IGNORECASE | re.MULTILINE)
_EMPTY_LINES = re.compile(r"\n\s*\n")


def explain_text(options: Common, path: Path, subscription: str | None, now: dt.datetime) -> None:
    """Judge the text by all rules, or by those of one subscription. No database is needed."""
    from watcher.cli.names import pick_subscription

    paper = _read(path, as_json=options.as_json)
    loaded, ruleset = _rules(options.load_whole("warning"))
    if subscription:
        chosen = [pick_subscription(loaded, subscription)]
    else:
        for error in loaded.broken:
            say(f"warning: {error}")
        chosen = list(ruleset.subscription_ids)
    explained = {each: ruleset.explain(paper, subscription_id=each, now=now) for each in chosen}
    if options.as_json:
        names = {each.id: each.name for each in loaded.settings.subscriptions}
        print_json(_as_contract(paper, names, explained))
    else:
        _report(path, paper, explained)


def _rules(config: Config) -> tuple[Config, Ruleset]:
    from watcher import app, effective
    from watcher.errors import NoDatabaseError

    last_good: dict[str, str] = {}
    with contextlib.suppress(NoDatabaseError), app.reading(config) as database:
        last_good = effective.last_good_of(database)
    return effective.compile_rules(config, last_good)


def _read(path: Path, *, as_json: bool) -> Paper:
    """The paper, or the command ends with 2."""
    try:
        return _parsed(_text(path))
    except (OSError, ValueError) as error:
        reason = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else error
        problem = f"{_name(path)} {reason}"
    if as_json:
        print_json({"error": problem})
    fail(problem, USAGE)


def _parsed(text: str) -> Paper:
    from watcher.models import Paper

    title, abstract = parted(text)
    if not title:
        raise ValueError("has no text; give a title, an empty line and an abstract")
    # Nothing of it is elsewhere: no keywords and no summary are still to come.
    return Paper("", title, abstract, summary="", keywords=())


def _text(path: Path) -> str:
    """OSError where it cannot be read, ValueError where it is no such text."""
    if _name(path) == "stdin":
        content = sys.stdin.buffer.read(_LIMIT + 1)
    else:
        with path.open("rb") as file:
            content = file.read(_LIMIT + 1)
    if len(content) > _LIMIT:
        raise ValueError(f"has more than {_LIMIT // 1000} KB; a title and an abstract will do")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ValueError("is not UTF-8; give the title and the abstract as plain text")
    return text


def _name(path: Path) -> str:
    return "stdin" if str(path) == "-" else str(path)


def parted(text: str) -> tuple[str, str]:
    """Title and abstract of a text: its first paragraph, or of a single one the first line.

    A line that is `Abstract`, or begins with `Abstract:`, ends the title, too. Such labels go.
    """
    text = _TITLE.sub("", "\n".join(text.splitlines()).strip(), count=1)
    before, *after = _ABSTRACT.split(text, maxsplit=1)
    if before.strip() and after:
        title, [abstract] = before, after
    else:
        text = "".join((before, *after)).strip()
        title, *rest = _EMPTY_LINES.split(text, maxsplit=1)
        if not rest:
            title, _, abstract = text.partition("\n")
        else:
            [abstract] = rest
    return " ".join(title.split()), abstract.strip()


def _standing(rules: Sequence[RuleExplanation]) -> str:
    verdicts = {rule.verdict for rule in rules if rule.snoozed_until is None}
    if "match" in verdicts:
        return "a rule of it holds"
    if "undecided" in verdicts:
        return "undecided: a rule of it asks for what the text does not tell"
    if any(rule.verdict == "match" and rule.snoozed_until for rule in rules):
        return "only a rule of it that is snoozed holds"
    return "no rule of it holds"


def _as_contract(
    paper: Paper, names: Mapping[str, str], explained: Mapping[str, Sequence[RuleExplanation]]
) -> dict[str, object]:
    """As of a paper that is known, with null for what only of such a one is."""
    unknown = ("id", "published_at", "upvotes", "stars", "first_seen_at", "facts_at")
    return {
        "paper": {**dict.fromkeys(unknown), "title": paper.title, "listed_on": []},
        "subscriptions": [
            {
                "id": each,
                "name": names[each],
                "state": None,
                "sentence": _standing(rules),
                "matched_at": None,
                "digest": None,
                "deliveries": [],
                "rules": rules_contract(rules, paper),
            }
            for each, rules in explained.items()
        ],
    }


def _report(path: Path, paper: Paper, explained: Mapping[str, Sequence[RuleExplanation]]) -> None:
    from watcher.cli.tables import line

    line(readable_title(paper))
    line(f"read from {_name(path)}; its authors, organization, date, votes and code are not known")
    for each, rules in explained.items():
        print()
        line(f"{each}: {_standing(rules)}")
        for rule in rules:
            report_rule(rule)
