from __future__ import annotations

import datetime as dt

from tests.digest.builders import AGENTS, NOW, WEIGHTS, chosen
from watcher.digest.arrange import grouped, ordered, primary
from watcher.models import Hit, Reason


def test_strongest_first_then_votes_then_newest() -> None:
    in_title = Reason("weights as data", (Hit("any", "neural", "title", ("Neural",)),))
    hour_ago = NOW - dt.timedelta(hours=1)
    old = chosen(at=hour_ago, id="old", upvotes=50)
    few = chosen(id="few", upvotes=None)
    many = chosen(id="the newest with many", upvotes=50)
    titled = chosen(in_title, at=hour_ago, id="titled", upvotes=0)
    crossed = chosen(Reason("x", crossed=("min_upvotes",)), id="crossed", upvotes=20)
    unsure = chosen(Reason("y", in_title.hits, is_incomplete=True), id="unsure", upvotes=99)
    papers = ordered([old, unsure, few, titled, many, crossed])
    assert papers == (crossed, titled, many, old, few, unsure)


def test_order_does_not_hang_on_the_order_given() -> None:
    papers = [chosen(id=f"{n}") for n in range(9)]
    assert ordered(papers) == ordered(reversed(papers))


def test_each_paper_stands_once_under_its_strongest_rule() -> None:
    strong = Reason("agents", (*AGENTS.hits, *AGENTS.hits))
    both, one, none = chosen(WEIGHTS, strong, id="1"), chosen(WEIGHTS, id="2"), chosen(id="3")
    groups = grouped([one, both, none])
    assert [(g.rule, [p.paper.id for p in g.papers]) for g in groups] == [
        ("weights as data", ["2", "3"]),
        ("agents", ["1"]),
    ]


def test_of_equal_reasons_the_first_counts() -> None:
    assert primary(chosen(AGENTS, WEIGHTS)).rule == "agents"
    assert primary(chosen(WEIGHTS, AGENTS)).rule == "weights as data"
