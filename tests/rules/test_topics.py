"""The built-in topics: enough of them, each well made."""

from __future__ import annotations

import re

import pytest

from tests.rules.making import judged, titled
from watcher.rules import Topic, builtin_topics
from watcher.rules.keywords import contains, parse_keyword
from watcher.settings import RuleSettings

TOPICS = builtin_topics()


def test_there_are_many_and_they_are_kept() -> None:
    assert len(TOPICS) >= 45
    assert builtin_topics() is TOPICS


@pytest.mark.parametrize("topic", TOPICS.values(), ids=str)
def test_each_is_well_made(topic: Topic) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", topic.name)
    assert 15 < len(topic.description) < 100
    assert "\n" not in topic.description
    assert 8 <= len(topic.keywords) <= 25
    phrases = [parse_keyword(keyword) for keyword in topic.keywords]
    idle = [
        (topic.keywords[i], topic.keywords[j])
        for i, whole in enumerate(phrases)
        for j, part in enumerate(phrases)
        if i != j and contains(whole, part)
    ]
    assert not idle


@pytest.mark.parametrize(
    ("topic", "title"),
    [
        ("rag", "A RAG for lawyers"),
        ("rag", "Retrieval-Augmented Generation"),
        ("hypernetworks", "Graph HyperNetworks"),
        ("weight-space", "Learning on model zoos"),
        ("segmentation", "SAM in the wild"),
        ("gaussian-splatting", "3DGS for streets"),
        ("world-models", "World Models that dream"),
        ("peft", "LoRAs for all"),
        ("vla", "π₀: a policy"),
        ("rlvr", "GRPO is enough"),
    ],
)
def test_titles_of_a_field_are_found(topic: str, title: str) -> None:
    match = judged(titled(title), RuleSettings(topics=(topic,)))
    assert match is not None
    assert {hit.topic for hit in match.reasons[0].hits} == {topic}


@pytest.mark.parametrize(
    ("topic", "title"),
    [
        ("rag", "A rag doll"),
        ("segmentation", "Sam went home"),
        ("vision-language", "A clip of paper"),
        ("medical", "Models that mimic people"),
        ("speech", "A whisper"),
        ("memory", "Out of memory"),
    ],
)
def test_everyday_words_are_not(topic: str, title: str) -> None:
    assert judged(titled(title), RuleSettings(topics=(topic,))) is None
