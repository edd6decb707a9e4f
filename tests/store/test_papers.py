"""What is kept of papers, sightings and listings."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import sqlalchemy as sa

from tests.store.conftest import NOW
from watcher.models import (
    Author,
    FieldCoverage,
    FirstSeen,
    Listing,
    Match,
    MatchState,
    Organization,
    Outcome,
    Paper,
    Period,
    Submitter,
)
from watcher.store import checks, matches, papers, taking_over
from watcher.store.database import Database
from watcher.store.schema import listing_papers, listings, sightings
from watcher.store.schema import papers as paper_rows

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
TAIL = dt.timedelta(hours=48)
FULL = Paper(
    id="2602.00001",
    title="Neural Metamorphosis",
    abstract="An abstract.",
    summary="A summary.",
    keywords=("hypernetworks",),
    authors=(Author("Ada Lovelace", user="ada", status="claimed_verified"), Author("B")),
    author_count=2,
    organization=Organization("acme", "Acme Labs"),
    published_at=NOW - DAY,
    submitted_at=NOW,
    submitted_by=Submitter("bob", "Bob", "user"),
    upvotes=3,
    comment_count=1,
    star_count=20,
    code_url="https://github.com/acme/metamorphosis",
    project_url="https://acme.example/m",
    thumbnail_url="https://acme.example/m.png",
    media_urls=("https://acme.example/m.mp4",),
    discussion_id="abc",
    is_author_participating=True,
    is_full=True,
)


def observe(
    database: Database,
    *seen: Paper,
    at: dt.datetime = NOW,
    source: str = "daily",
    period: Period | None = None,
    outcome: Outcome = Outcome.OK,
) -> int:
    with database.write() as connection:
        check_id = checks.start(connection, source, at)
        new_count = papers.observe(
            connection,
            Listing(source, "https://example.org/papers", seen, at, period=period),
            check_id=check_id,
            outcome=outcome,
            is_whole=period is None or period.end_at <= at,
            coverage=FieldCoverage(len(seen), {"title": 1.0}),
        )
        checks.finish(
            connection,
            check_id,
            outcome,
            paper_count=len(seen),
            new_count=new_count,
            error=None,
            now=at,
        )
    return new_count


def test_every_fact_comes_back_as_it_was(database: Database) -> None:
    assert observe(database, FULL) == 1
    with database.read() as connection:
        found = papers.load(connection, [FULL.id])[FULL.id]
    assert found.paper == FULL
    assert found.first_seen == FirstSeen(upvotes=3, stars=20, has_code=True)
    assert found.first_seen_at == NOW


def test_facts_of_all_sources_are_merged_and_none_overwrites_nothing(database: Database) -> None:
    observe(database, FULL)
    card = Paper(FULL.id, "Neural Metamorphosis", upvotes=9, authors=(Author("Ada Lovelace"),))
    assert observe(database, card, at=NOW + HOUR, source="trending") == 0
    with database.read() as connection:
        found = papers.load(connection, [FULL.id])[FULL.id]
    assert found.paper == replace(FULL, upvotes=9)
    assert found.first_seen == FirstSeen(upvotes=3, stars=20, has_code=True)
    assert (found.first_seen_at, found.facts_at) == (NOW, NOW + HOUR)


def test_a_full_record_replaces_what_a_card_showed(database: Database) -> None:
    observe(database, Paper(FULL.id, "Neural Meta…", authors=(Author("Ada"),), author_count=2))
    observe(database, FULL, at=NOW + HOUR)
    with database.read() as connection:
        found = papers.load(connection, [FULL.id])[FULL.id]
    assert found.paper == FULL
    assert found.first_seen == FirstSeen(upvotes=3, stars=20, has_code=True)


def test_the_first_count_is_the_first_one_seen_not_the_first_one_missing(
    database: Database,
) -> None:
    observe(database, Paper(FULL.id, "T"))
    observe(database, Paper(FULL.id, "T", upvotes=5), at=NOW + HOUR)
    observe(database, Paper(FULL.id, "T", upvotes=50), at=NOW + 2 * HOUR)
    with database.read() as connection:
        assert papers.load(connection, [FULL.id])[FULL.id].first_seen.upvotes == 5


def test_sightings_are_kept_on_change_only(database: Database) -> None:
    observe(database, FULL)
    observe(database, FULL, at=NOW + HOUR)
    observe(database, replace(FULL, upvotes=4), at=NOW + 2 * HOUR)
    observe(database, FULL, at=NOW + HOUR, source="trending")
    with database.read() as connection:
        rows = connection.execute(sa.select(sightings).order_by(sightings.c.id)).all()
    assert [(row.source, row.upvotes) for row in rows] == [
        ("daily", 3),
        ("daily", 4),
        ("trending", 3),
    ]


def test_what_stays_as_it_is_leaves_a_sighting_now_and_then(database: Database) -> None:
    for hour in range(30):
        observe(database, FULL, at=NOW + hour * HOUR)
    with database.read() as connection:
        seen = connection.scalars(sa.select(sightings.c.seen_at).order_by(sightings.c.id)).all()
    assert seen == [NOW, NOW + 12 * HOUR, NOW + 24 * HOUR]


def test_a_sighting_of_the_future_keeps_none_away(database: Database) -> None:
    observe(database, FULL, at=NOW + 365 * DAY)
    observe(database, FULL)
    with database.read() as connection:
        seen = connection.scalars(sa.select(sightings.c.seen_at).order_by(sightings.c.id)).all()
    assert seen == [NOW + 365 * DAY, NOW]


def test_the_unmatched_and_the_latest_listings_are_to_be_matched(database: Database) -> None:
    day = Period("day", NOW.date())
    observe(database, FULL, period=day)
    other = replace(FULL, id="2602.00002")
    observe(database, other, at=NOW + HOUR, period=day)
    with database.write() as connection:
        found = papers.listings_to_match(connection, NOW, TAIL)
        assert [listing.paper_ids for listing in found] == [(FULL.id,), (other.id,)]
        papers.mark_matched(connection, [listing.id for listing in found], NOW)
    with database.read() as connection:
        again = papers.listings_to_match(connection, NOW, TAIL)
        leftover = papers.listings_to_match(connection, NOW, TAIL, leftover_only=True)
    assert [listing.paper_ids for listing in again] == [(other.id,)]
    assert leftover == []
    assert again[0].period == day


def test_a_listing_that_was_replaced_is_emptied_only_once_it_was_matched(
    database: Database,
) -> None:
    observe(database, FULL)
    observe(database, replace(FULL, id="2602.00002"))
    with database.write() as connection:
        held = connection.scalar(sa.select(sa.func.count()).select_from(listing_papers))
        assert held == 2
        found = papers.listings_to_match(connection, NOW, TAIL)
        papers.mark_matched(connection, [listing.id for listing in found], NOW)
        left = connection.scalars(sa.select(listing_papers.c.paper_id)).all()
    assert left == ["2602.00002"]


def test_listings_that_were_replaced_do_not_pile_up(database: Database) -> None:
    day = Period("day", NOW.date())
    for hour in range(30):
        observe(database, FULL, at=NOW + hour * HOUR, period=day)
        outcome = Outcome.DEGRADED if hour > 3 else Outcome.OK
        observe(database, FULL, at=NOW + hour * HOUR, source="trending", outcome=outcome)
        with database.write() as connection:
            found = papers.listings_to_match(connection, NOW, TAIL)
            papers.mark_matched(connection, [listing.id for listing in found], NOW)
    with database.read() as connection:
        kept = connection.execute(sa.select(listings.c.source, listings.c.outcome)).all()
        held = connection.scalar(sa.select(sa.func.count()).select_from(listing_papers))
        usual = papers.baseline(connection, "trending", whole_only=False, since=NOW)
    assert held == 1 + 3, "and what is shown now, or was last of each kind on the first day"
    assert len(kept) == 2 + 4 + 12
    assert len(usual) == 4, "what was usual is known however long it has been degraded"


def test_a_dated_listing_is_current_until_two_days_after_its_end(database: Database) -> None:
    day = Period("day", NOW.date())
    observe(database, FULL, period=day)
    with database.write() as connection:
        found = papers.listings_to_match(connection, NOW, TAIL)
        papers.mark_matched(connection, [listing.id for listing in found], NOW)
    for at, is_current in ((day.end_at + TAIL - HOUR, True), (day.end_at + TAIL, False)):
        with database.read() as connection:
            assert bool(papers.listings_to_match(connection, at, TAIL)) is is_current


def test_an_unmatched_listing_is_matched_however_old_it_is(database: Database) -> None:
    observe(database, FULL, period=Period("day", NOW.date()))
    with database.read() as connection:
        assert papers.listings_to_match(connection, NOW + 30 * DAY, TAIL, leftover_only=True)


def test_the_baseline_counts_each_ended_period_once(database: Database) -> None:
    yesterday, today = Period("day", NOW.date() - DAY), Period("day", NOW.date())
    second = replace(FULL, id="2602.00002")
    observe(database, FULL, at=NOW - DAY, period=yesterday)
    observe(database, FULL, second, at=NOW, period=yesterday)
    observe(database, FULL, at=NOW, period=today)
    observe(database, FULL, at=NOW, period=today, outcome=Outcome.DEGRADED)
    with database.read() as connection:
        whole = papers.baseline(connection, "daily", whole_only=True, since=NOW - 3 * DAY)
        every = papers.baseline(connection, "daily", whole_only=False, since=NOW - 3 * DAY)
        late = papers.baseline(connection, "daily", whole_only=False, since=NOW + HOUR)
    assert [coverage.paper_count for coverage in whole] == [2]
    assert [coverage.paper_count for coverage in every] == [1, 2]
    assert late == []


def test_the_baseline_of_an_undated_source_is_its_last_good_listings(database: Database) -> None:
    for hour in range(12):
        observe(database, FULL, at=NOW + hour * HOUR, source="trending")
    with database.read() as connection:
        found = papers.baseline(connection, "trending", whole_only=False, since=NOW)
    assert len(found) == 10


def test_papers_are_found_by_the_words_of_their_title(database: Database) -> None:
    observe(database, FULL, replace(FULL, id="2602.00002", title="100% other"))
    with database.read() as connection:
        assert [f.paper.id for f in papers.find(connection, ["metaMORPH", "neural"])] == [FULL.id]
        assert [f.paper.id for f in papers.find(connection, ["100%"])] == ["2602.00002"]
        assert papers.find(connection, ["absent"]) == []
        assert papers.count_since(connection) == 2
        assert papers.count_since(connection, NOW + HOUR) == 0
        assert len(papers.seen_since(connection, NOW, limit=1)) == 1


def test_which_sources_have_shown_a_paper_is_known(database: Database) -> None:
    other = replace(FULL, id="2602.00002")
    observe(database, FULL, at=NOW - 2 * DAY, source="trending")
    observe(database, FULL, other, source="daily")
    observe(database, replace(FULL, upvotes=9), at=NOW + HOUR, source="search")
    with database.read() as connection:
        assert papers.sources_since(connection, NOW) == {
            FULL.id: frozenset({"daily", "search"}),
            other.id: frozenset({"daily"}),
        }
        assert papers.sources_since(connection, NOW - 2 * DAY)[FULL.id] >= {"trending"}


def test_papers_are_asked_for_again_only_after_a_while(database: Database) -> None:
    observe(database, FULL)
    with database.write() as connection:
        assert papers.not_asked_since(connection, [FULL.id, "0000.00000"], NOW) == [FULL.id]
        papers.mark_asked(connection, [FULL.id], NOW)
        assert papers.not_asked_since(connection, [FULL.id], NOW - HOUR) == []
        assert papers.not_asked_since(connection, [FULL.id], NOW + HOUR) == [FULL.id]


def test_pruning_lets_abstracts_and_sightings_go_and_keeps_ids_and_titles(
    database: Database,
) -> None:
    observe(database, FULL, period=Period("day", NOW.date()))
    later = NOW + 500 * DAY
    fresh = replace(FULL, id="2602.00002")
    observe(database, fresh, at=later)
    with database.write() as connection:
        for listing in papers.listings_to_match(connection, NOW, TAIL):
            papers.mark_matched(connection, [listing.id], NOW)
        assert papers.prune(connection, later - 400 * DAY, later) == 1
        assert papers.prune(connection, later - 400 * DAY, later) == 0
    with database.read() as connection:
        found = papers.load(connection, [FULL.id, fresh.id])
        assert found[FULL.id].paper == replace(FULL, abstract=None, summary=None)
        assert found[fresh.id].paper == fresh
        assert len(connection.execute(sa.select(sightings)).all()) == 1
        assert len(connection.execute(sa.select(listings)).all()) == 1
        assert len(connection.execute(sa.select(paper_rows)).all()) == 2


def test_a_thousand_papers_at_once(database: Database) -> None:
    many = [replace(FULL, id=f"2602.{number:05}") for number in range(1200)]
    assert observe(database, *many) == 1200
    assert observe(database, *many, at=NOW + HOUR) == 0
    with database.read() as connection:
        assert len(papers.load(connection, [paper.id for paper in many])) == 1200


def test_a_paper_that_waits_for_its_digest_is_not_pruned(database: Database) -> None:
    observe(database, FULL)
    later = NOW + 500 * DAY
    with database.write() as connection:
        wanted = [taking_over.Wanted("weights", '{"to": []}', lambda: "f", ())]
        taking_over.synchronise(connection, wanted, NOW, vocabulary="")
        pair = Match("weights", FULL.id, MatchState.PENDING, "daily", NOW)
        matches.put(connection, pair)
        assert papers.prune(connection, later - DAY, later) == 0
        matches.put(connection, replace(pair, state=MatchState.COMPOSED))
        assert papers.prune(connection, later - DAY, later) == 1
    observe(database, FULL, at=later)
    with database.write() as connection:
        assert papers.prune(connection, later + DAY, later + DAY) == 1, "it can be pruned again"
