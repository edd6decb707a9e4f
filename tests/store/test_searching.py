"""The index of words: both databases answer alike, and nothing that is typed is a mistake."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.conftest import NOW
from watcher.finding import parse, words_of
from watcher.models import Author, Paper
from watcher.store import papers, searching
from watcher.store.database import Database

HOUR = dt.timedelta(hours=1)

STORED = (
    Paper(
        "2602.00001",
        "Hypernetworks for Vision-Language Models",
        abstract="We generate weights. A mixture of experts in C++ beats the state of the art.",
        keywords=("weight generation", "LoRA"),
        authors=(Author("Ada Lovelace"), Author("José Núñez"), Author("Secret", is_hidden=True)),
    ),
    Paper(
        "2602.00002",
        r"Studies of $\alpha$-Diffusion",
        abstract="A case study of hypernetworks, once.",
        authors=(Author("Bob Hope"), Author("Lin Ada")),
    ),
    Paper("2602.00003", "拡散モデル and 扩散模型", summary="Experts mixture; sparse."),
    Paper("2602.00004", "The C# of nothing", abstract="networks network"),
)

ANSWERS = {
    "hypernetwork": {1, 2},
    "hypernetworks": {1, 2},
    "HYPERNET*": {1, 2},
    "study": {2},
    "studies case": {2},
    "network": {4},
    '"network"': {4},
    '"networks"': {4},
    '"study"': {2},
    '"studies of"': {2},
    "vision-language": {1},
    "vision-language-model": {1},
    '"vision models"': set(),
    '"mixture of experts"': {1},
    "mixture experts": {1, 3},
    "mixture -sparse": {1},
    'experts -"mixture of"': {3},
    "experts -hypernet*": {3},
    "c++": {1},
    "c#": {4},
    "nunez": {1},
    "Núñez lovelace": {1},
    "ada": {1, 2},
    '"lovelace jose"': set(),
    '"hope lin"': set(),
    '"generation lora"': set(),
    '"models weight"': set(),
    "secret": set(),
    "the": {1, 4},
    "alpha diffusion": {2},
    "拡散": {3},
    "扩散模型": {3},
    "散拡": set(),
    "“mixture of experts”": {1},
    '"mixture of': {1},
    "hypernetwork AND study": set(),
    "zorblax": set(),
}

NASTY = (
    "' OR 1=1 --",
    '"',
    '""',
    "*",
    "-",
    "--",
    '-"',
    "a*",
    "(",
    "title:x",
    "title : hyper*",
    "NEAR(a b, 2)",
    "{title} : a",
    "^a",
    "a + b",
    "a AND",
    "OR OR",
    "NOT NOT",
    "a:*",
    "a & | ! <->",
    "\\",
    "\\'",
    "a\\' | b",
    "%_%",
    "\0",
    "a\0b",
    "\ud800",
    "x\udfff*",
    "ﷺ",
    "·",
    "\u202e",
    "😀",
    "é" * 5000,
    "x" * 100_000,
    "a " * 10_000,
    '"' * 999,
    "$" * 500,
    "\\begin{" * 100,
    "-a -b",
    "c++++++",
    "++ ##",
)


def store(database: Database, *seen: Paper, at: dt.datetime = NOW) -> None:
    with database.write() as connection:
        papers.merge(connection, seen, at)


def index(database: Database, at: dt.datetime = NOW) -> list[str]:
    """Index what is to be; what it was."""
    with database.write() as connection:
        ids = searching.to_index(connection, 1000)
        found = papers.load(connection, ids)
        searching.put(connection, [words_of(each.paper) for each in found.values()], ids, at)
    return sorted(ids)


def asked(database: Database, typed: str, *, is_newest_first: bool = False) -> list[str]:
    with database.read() as connection:
        terms = parse(typed).terms
        return list(searching.search(connection, terms, is_newest_first=is_newest_first).ids)


def test_both_databases_answer_alike(database: Database) -> None:
    store(database, *STORED)
    index(database)
    found = {typed: {int(each[-1]) for each in asked(database, typed)} for typed in ANSWERS}
    assert found == ANSWERS


WORDS = st.sampled_from(
    ("ada", "hypernetwork", "hypernetworks", "of", "experts", "the", "study", "c++", "nets", "扩")
)
PIECES = st.one_of(
    WORDS,
    WORDS.map("-{}".format),
    WORDS.map(lambda word: f"{word[:3]}*"),
    st.lists(WORDS, min_size=1, max_size=3).map(lambda words: f'"{" ".join(words)}"'),
    st.lists(WORDS, min_size=2, max_size=3).map("-".join),
    st.text(max_size=6),
)


def has(paper: Paper, term: searching.Term) -> bool:
    """Whether a paper has the term, as it should be."""
    words = words_of(paper)
    runs: list[list[str]] = []
    for field in (words.title, words.keywords, words.people, words.content):
        runs.append([])
        for word in field:
            if word == searching.BREAK:
                runs.append([])
            else:
                runs[-1].append(word)
    length = len(term.before) + 1
    return any(
        tuple(run[at : at + length - 1]) == term.before
        and (
            run[at + length - 1].startswith(term.last)
            if term.is_prefix
            else run[at + length - 1] in term.last
        )
        for run in runs
        for at in range(len(run) - length + 1)
    )


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(pieces=st.lists(PIECES, min_size=1, max_size=4))
def test_every_answer_is_as_it_should_be(database: Database, pieces: list[str]) -> None:
    if index_is_empty(database):
        store(database, *STORED)
        index(database)
    query = parse(" ".join(pieces))
    if query.can_be_asked:
        expected = {
            paper.id
            for paper in STORED
            if all(has(paper, term) is not term.is_excluded for term in query.terms)
        }
        assert set(asked(database, query.text)) == expected


def index_is_empty(database: Database) -> bool:
    with database.read() as connection:
        return papers.count_since(connection) == 0


def test_nothing_that_is_typed_is_a_mistake(database: Database) -> None:
    store(database, *STORED)
    index(database)
    for typed in (*NASTY, *(f"experts {each}" for each in NASTY)):
        if parse(typed).can_be_asked:
            asked(database, typed)
    assert asked(database, "zorblax") == []


def test_no_text_is_too_much_for_the_index(database: Database) -> None:
    long = ("word " * 100_000, " ".join(map(str, range(100_000))))
    storable = [each for each in (*NASTY, *long) if each.isascii() or each.isprintable()]
    for number, text in enumerate(storable):
        paper = Paper(f"2602.{number:05}", text or "x", abstract=text, keywords=(text,) * 5)
        store(database, replace(paper, authors=(Author(text),) * 4000 if len(text) < 9 else None))
    assert len(index(database)) == len(storable)
    assert index(database) == []
    assert len(asked(database, "word")) == 1


def test_what_is_in_a_title_comes_first_or_the_newest_does(database: Database) -> None:
    filler = "A long text about other things altogether, with many more words. " * 9
    for number, (title, abstract) in enumerate(
        (("Zorblax", filler), ("Other", f"{filler} zorblax"), ("Zorblax again", filler))
    ):
        paper = Paper(f"2602.0000{number}", title, abstract=abstract)
        store(database, paper, at=NOW + number * HOUR)
    index(database)
    assert asked(database, "zorblax")[-1] == "2602.00001"
    assert asked(database, "zorblax", is_newest_first=True) == [
        "2602.00002",
        "2602.00001",
        "2602.00000",
    ]


def test_pages_and_their_bound(database: Database) -> None:
    store(database, *(Paper(f"26{n:02}.{k:05}", "Zorblax") for n in range(3) for k in range(400)))
    index(database)
    index(database)
    terms = parse("zorblax").terms
    with database.read() as connection:
        first = searching.search(connection, terms, is_newest_first=True)
        second = searching.search(connection, terms, is_newest_first=True, skip=20)
        last = searching.search(connection, terms, skip=990)
        beyond = searching.search(connection, terms, skip=1000)
    assert (len(first.ids), first.count, first.is_more) == (20, 1000, True)
    assert not set(first.ids) & set(second.ids)
    assert (len(last.ids), beyond.ids) == (10, ())


def test_only_what_says_something_else_is_indexed_again(database: Database) -> None:
    paper = STORED[0]
    store(database, paper)
    assert index(database) == [paper.id]
    store(database, replace(paper, upvotes=9), at=NOW + HOUR)
    assert index(database) == []
    store(database, replace(paper, title="Zorblax"), at=NOW + HOUR)
    assert index(database) == [paper.id]
    assert (asked(database, "vision-language"), asked(database, "zorblax")) == ([], [paper.id])
    with database.write() as connection:
        assert papers.prune(connection, NOW + 2 * HOUR, NOW + 2 * HOUR) == 1
    index(database)
    assert (asked(database, "experts"), asked(database, "zorblax")) == ([], [paper.id])


def test_what_an_older_version_beside_has_changed_is_found_by_the_next_day(
    database: Database,
) -> None:
    paper = STORED[0]
    store(database, paper)
    index(database)
    facts = replace(paper, title="Zorblax")
    store(database, facts, at=NOW + HOUR)
    with database.write() as connection:  # it does not know of the column
        connection.execute(sa.text("UPDATE papers SET indexed_at = first_seen_at"))
        searching.look_again(connection, NOW - HOUR)
    assert index(database, NOW + 2 * HOUR) == [paper.id]
    assert asked(database, "zorblax") == [paper.id]
    with database.write() as connection:
        searching.look_again(connection, NOW - HOUR)
    assert index(database) == []


def test_a_search_that_takes_too_long_ends(database: Database) -> None:
    store(database, *(Paper(f"2602.{n:05}", f"zor{n} " * 200) for n in range(800)))
    index(database)
    with pytest.raises(searching.SearchTimeoutError), database.read() as connection:
        searching.search(connection, parse("zor*").terms, within=0.0)
    assert len(asked(database, "zor*")) == 20, "the connection is as good as before"


def test_what_is_newer_by_now_is_left_to_be_indexed(database: Database) -> None:
    paper = replace(STORED[0], title="Zorblax")
    store(database, paper)
    with database.read() as connection:
        seen = searching.to_index(connection, 10)
    store(database, replace(paper, title="Frumious"), at=NOW + HOUR)
    with database.write() as connection:
        searching.put(connection, [words_of(paper)], seen, NOW)
    assert asked(database, "zorblax") == []
    assert index(database) == [paper.id]
    assert asked(database, "frumious") == [paper.id]
