"""A rule on the command line."""

from __future__ import annotations

import pytest

from watcher.errors import ConfigError
from watcher.settings import RuleSettings, parse_rule


@pytest.mark.parametrize(
    "written",
    [
        'any = ["diffusion*"]\nmin_upvotes = 5',
        r'any = ["diffusion*"]\nmin_upvotes = 5',
        'any = "diffusion*", min_upvotes = 5',
        '{any = "diffusion*", min_upvotes = 5}',
        'any = ["diffusion*"],\nmin_upvotes = 5\n',
        'any = [\n  "diffusion*",  # and more\n]\nmin_upvotes = 5',
        'rule = {any = "diffusion*", min_upvotes = 5}',
    ],
)
def test_a_rule_may_be_lines_or_an_inline_table(written: str) -> None:
    assert parse_rule(written) == RuleSettings(any=("diffusion*",), min_upvotes=5)


def test_an_exact_keyword_keeps_its_quotes() -> None:
    assert parse_rule("any = ['\"LoRA\"']").any == ('"LoRA"',)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", 'write a rule as in any = ["diffusion*"], min_upvotes = 5'),
        ("diffusion", 'write a rule as in any = ["diffusion*"], min_upvotes = 5'),
        ("{}", 'write a rule as in any = ["diffusion*"], min_upvotes = 5'),
        ("any = diffusion", 'text must stand in quotes: any = "…"; write a rule as in'),
        ("keywords = ['x']", "keywords: unknown key; did you mean `any`?"),
        ("min_upvotes = -1", "min_upvotes: must be at least 0"),
        ("any = [1]\nall = 2", "any[0]: expected text in quotes"),
        ("any = 'x', to = 'me'", "to: "),
    ],
)
def test_what_is_wrong_is_told_as_of_a_file(written: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_rule(written)
    assert str(caught.value).startswith(told)


def test_several_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_rule("any = [1]\nall = 2")
    assert len(str(caught.value).splitlines()) == 2
