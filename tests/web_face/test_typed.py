"""What people type into the fields of a rule who know search engines, phones and other scripts."""

from __future__ import annotations

import pytest

from watcher.web.ruleform import RuleWish
from watcher.web.tongues import tongue


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("“model zoo”\n„LoRA“", ['"model zoo"', '"LoRA"']),
        ("«\u00a0model zoo\u00a0»", ['"model zoo"']),
        ("扩散模型，机器人、LoRA；zoo", ["扩散模型", "机器人", "LoRA", "zoo"]),
        ('say "hey" now', ['say "hey" now']),
    ],
)
def test_quotes_and_commas_of_every_keyboard(typed: str, meant: list[str]) -> None:
    assert list(RuleWish(words=typed).given()["any"]) == meant  # type: ignore[call-overload]  # a tuple


@pytest.mark.parametrize(
    ("field", "typed", "told"),
    [
        ("words", "- survey", "„survey“ gehört unter „Nie“, ohne das Minus"),
        ("none", "-survey", "„survey“ steht hier ohne das Minus"),
        ("words", "robot OR arm", "OR verknüpft hier keine Schlagwörter"),
    ],
)
def test_advice_is_about_the_form_not_about_a_file(field: str, typed: str, told: str) -> None:

    found = RuleWish(words="zoo", none=typed) if field == "none" else RuleWish(words=typed)
    said = found.problems()[field].said(tongue("de"))
    assert told in said
    assert "`" not in said


@pytest.mark.parametrize("typed", ['"NOT"', "ANDROID", "model-zoo", "android and zoo"])
def test_no_word_is_taken_for_an_operator(typed: str) -> None:
    assert RuleWish(words=typed).problems() == {}
