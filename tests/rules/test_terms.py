"""The table of terms: keywords taken in bulk are the phrases that the parser finds one by one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.making import NOW, subscription, titled
from watcher.errors import RuleError
from watcher.rules.index import RuleIndex
from watcher.rules.keywords import Written, parse_keyword
from watcher.rules.terms import TermTable
from watcher.rules.topics import TopicShelf
from watcher.settings import RuleSettings

pytestmark = pytest.mark.untraced  # thousands of examples of what other tests reach

SHELF = TopicShelf.builtin()

words = st.one_of(
    st.sampled_from(["model", "models", "Model", "AND", "ties", "a", "0", "C++", "日本", "naïve"]),
    st.text(st.sampled_from("abcXYZ019"), min_size=1, max_size=15),
)
keywords = st.one_of(
    st.builds(
        lambda parts, glue, frame: frame.format(glue.join(parts)),
        st.lists(words, min_size=1, max_size=4),
        st.sampled_from([" ", "-", "  ", " - ", "\n", ","]),
        st.sampled_from(["{}", '"{}"', "{}*", '"{}"*', '"{}', "{} ", " {}", "-{}"]),
    ),
    st.text(st.sampled_from('ab"*- \n\0+\u2013é\ud800'), max_size=6),
)


def numbers_of(table: TermTable, chosen: Sequence[str]) -> list[int]:
    written = Written.of(chosen)
    numbers = np.zeros(len(chosen), np.int32)
    numbers[written.order] = table.number(table.spelled_as_written(written))
    return numbers.tolist()


@given(st.lists(keywords, max_size=12))
@settings(max_examples=1000, deadline=None)
def test_in_bulk_keywords_are_what_they_are_one_by_one(chosen: list[str]) -> None:
    valid: list[str] = []
    for keyword in chosen:
        try:
            parse_keyword(keyword)
        except RuleError:
            with pytest.raises(RuleError):
                Written.of([*valid, keyword])
        else:
            valid.append(keyword)
    table = TermTable()
    numbers = numbers_of(table, valid)
    assert numbers == table.add(map(parse_keyword, valid)).tolist()
    assert numbers == numbers_of(table, valid)
    assert 0 not in numbers


def test_many_terms_are_found_whatever_they_share_a_hash_with() -> None:
    table = TermTable()
    first = [f"w{number} x{number % 7}" for number in range(20_000)]
    numbers = numbers_of(table, first)
    assert len(set(numbers)) == len(first)
    later = [f"v{number}" for number in range(20_000)]
    assert set(numbers_of(table, later)).isdisjoint(numbers)
    assert numbers_of(table, first) == numbers
    found = table.search([keyword.split() for keyword in first])
    assert set(numbers) <= set(found.phrases.tolist())


def test_words_of_rules_that_were_refused_do_no_harm() -> None:
    index = RuleIndex.build([subscription(RuleSettings(any=("model",)))], SHELF)
    good = RuleSettings(any=("zebrafish larva",))
    many = [subscription(good, subscription_id=f"s{number}") for number in range(2_000)]
    faulty = subscription(RuleSettings(authors=("!",)), subscription_id="faulty")
    with pytest.raises(RuleError):
        index.changed([*many, faulty], (), SHELF)
    [verdict] = index.verdicts([index.facts(titled("A zebrafish larva model"), NOW)])
    assert verdict.match_count == 1
