"""The README's and the guide's tables, links and pictures are true."""

from __future__ import annotations

import datetime as dt
import re
import shlex
import tomllib
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from tests import documents
from tests.documents import CHECKOUT, DOCUMENTS, README, Row, exists, named
from tests.web import screenshots
from watcher import __version__, schedule
from watcher.cli import app as cli
from watcher.cli import common
from watcher.errors import ConfigError
from watcher.models import Author, Organization, Outcome, Paper
from watcher.rules import Ruleset
from watcher.settings import RuleSettings, SubscriptionSettings, parse_cadence

NOW = dt.datetime(2026, 2, 19, 12, tzinfo=dt.UTC)

RULES = documents.rows("Write", "It finds", "It does not find")


def shown_paper(written: str) -> Paper:
    """`A Title · by David Ha · 20 votes` as a paper."""
    title, *facts = written.split(" · ")
    paper = Paper("2602.00001", title, abstract="", upvotes=0, is_full=True)
    for fact in facts:
        match fact.split(" ", 1):
            case ["by", name]:
                paper = replace(paper, authors=(Author(name),))
            case ["from", name]:
                slug = name if name.islower() else "some-slug"
                paper = replace(paper, organization=Organization(slug, name))
            case ["abstract:", text]:
                paper = replace(paper, abstract=text)
            case ["summary:", text]:
                paper = replace(paper, summary=text)
            case ["keywords:", text]:
                paper = replace(paper, keywords=tuple(text.split(", ")))
            case [count, "votes"]:
                paper = replace(paper, upvotes=int(count))
            case [count, "stars"]:
                paper = replace(paper, star_count=int(count))
            case ["code"]:
                paper = replace(paper, code_url="https://github.com/ada/code")
            case _:
                raise AssertionError(fact)
    return paper


def shown_gain(written: str) -> tuple[str, float]:
    """`A Title · 12 votes a day` without its last fact, which no paper tells itself."""
    title, separator, fact = written.rpartition(" · ")
    count, is_gain, _ = fact.partition(" votes a day")
    return (title, float(count)) if separator and is_gain else (written, 0)


def finds(rule: RuleSettings, paper: Paper, gained: float = 0) -> bool:
    subscription = SubscriptionSettings(id="ada", to=("ada@example.org",), rules=(rule,))
    return bool(Ruleset.compile([subscription], {}).judge(paper, now=NOW, votes_per_day=gained))


def test_each_keyword_that_is_refused_would_be_refused_alone() -> None:
    first, *_ = documents.blocks("toml", "refused")
    [subscription] = tomllib.loads(first.text)["subscriptions"]
    for keyword in subscription["any"]:
        with pytest.raises(ConfigError):
            finds(RuleSettings(any=(keyword,)), Paper("2602.00001", "A Title"))


@pytest.mark.parametrize("row", RULES, ids=named(RULES))
def test_rules_find_what_they_are_shown_to_find(row: Row) -> None:
    rule = RuleSettings.model_validate(tomllib.loads("\n".join(row.spans(0))))
    assert row.spans(1), "it finds something"
    for column, is_found in ((1, True), (2, False)):
        for written in row.spans(column):
            paper, gained = shown_gain(written)
            assert finds(rule, shown_paper(paper), gained) is is_found, written


def test_every_key_of_a_rule_has_an_example() -> None:
    shown = {span.partition(" =")[0] for row in RULES for span in row.spans(0)}
    assert shown == set(RuleSettings.model_fields) - {"name", "backfill_days", "snoozed_until"}


def test_digests_come_when_the_guide_says() -> None:
    found = documents.rows("`digest =`", "When")
    assert len(found) > 5
    for row in found:
        cadence = parse_cadence(tomllib.loads(f"digest = {row.spans(0)[0]}")["digest"])
        assert schedule.describe(cadence) == row.cells[1]


def test_every_command_is_listed() -> None:
    listed = [row.spans(0)[0].split()[0] for row in documents.rows("Command", "What it does")]
    shown = CliRunner().invoke(cli, ["--help"]).stdout.partition("Commands:\n")[2]
    assert sorted(listed) == sorted(re.findall(r"^  ([a-z-]+) ", shown, re.MULTILINE))
    for row in documents.rows("Command", "What it does"):
        name = row.spans(0)[0].split()[0]
        for span in row.spans(1):
            word = span.split()[0]
            if re.fullmatch(r"--[a-z-]+", word) or name in {"service", "subscriptions"}:
                exists([name, word])


def test_every_exit_code_is_listed() -> None:
    listed = [int(row.cells[0]) for row in documents.rows("Exit code", "Meaning")]
    assert listed == [
        common.DONE,
        common.ALL_SOURCES_FAILED,
        common.USAGE,
        common.NOT_WELL,
        common.STORE,
        common.BUSY,
        common.BAD_CONFIG,
    ]


def test_every_outcome_is_told() -> None:
    silence = documents.rows("What happened", "`outcome`", "The operator hears of it")
    told = [span for row in silence for span in row.spans(1)]
    assert sorted(told) == sorted(outcome.value for outcome in Outcome)


COMMAND = re.compile(r"watcher ((?:-|[a-z]).*)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=named(DOCUMENTS))
def test_commands_in_the_prose_exist(document: documents.Document) -> None:
    found = [match[1] for span in documents.spans(document.prose) if (match := COMMAND.match(span))]
    assert found
    for command in found:
        exists([word for word in shlex.split(command) if not word.isupper()])


@pytest.mark.parametrize("document", DOCUMENTS, ids=named(DOCUMENTS))
def test_links_lead_somewhere(document: documents.Document) -> None:
    assert document.links
    for link in document.links:
        if link.startswith("https://"):
            continue
        target, _, anchor = link.partition("#")
        path = (document.path.parent / target).resolve() if target else document.path
        assert path.exists(), link
        if anchor:
            [linked] = [other for other in DOCUMENTS if other.path == path]
            assert anchor in linked.anchors, link


def test_the_layout_is_as_it_is_told() -> None:
    for row in documents.rows("Part", "What is there"):
        assert (CHECKOUT / row.spans(0)[0]).exists(), str(row)


@pytest.mark.parametrize("picture", screenshots.PICTURES, ids=lambda picture: picture.name)
def test_the_pictures_are_small_enough_to_be_looked_at(picture: screenshots.Picture) -> None:
    content = (CHECKOUT / "docs" / picture.name).read_bytes()
    assert screenshots.size_of(content) == picture.size
    assert len(content) < 100_000
    assert re.search(rf'src(set)?="docs/{picture.name}"', README.text)


def test_the_changes_of_this_version_are_told() -> None:
    text = (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[{re.escape(__version__)}\] - \d{{4}}-\d\d-\d\d$", text, re.MULTILINE)
    listed = [row.spans(0)[0].split()[0] for row in documents.rows("Command", "What it does")]
    for command in listed:
        assert f"`{command}`" in text, command
