"""The rule language: folding, compiling, judging, explaining."""

from watcher.rules.condition import Found
from watcher.rules.describe import describe
from watcher.rules.explain import ConditionExplanation, RuleExplanation
from watcher.rules.ruleset import Judgement, Opinion, Ruleset
from watcher.rules.topics import Topic, builtin_topics

__all__ = [
    "ConditionExplanation",
    "Found",
    "Judgement",
    "Opinion",
    "RuleExplanation",
    "Ruleset",
    "Topic",
    "builtin_topics",
    "describe",
]
