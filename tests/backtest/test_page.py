"""The page with plots."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser

from tests.backtest.making import seen, subscription
from watcher.backtest import Report, SeenPaper, Tried, Window, render_page, replay
from watcher.settings import RuleSettings

HUB = "https://huggingface.co"
PAPERS = [
    seen("Robots", 0),
    seen("Robot arms", 1),
    seen("Nets", 1),
    seen("Robots & <b>legs</b>", 3),
]


def report(*papers: SeenPaper, edited: RuleSettings | None = None) -> Report:
    [before] = replay([subscription(RuleSettings(any="robot"))], {}, papers)
    [now] = replay([subscription(edited)], {}, papers) if edited else [before]
    tried = Tried(now, before if edited else None)
    return Report(30, Window.of(papers), papers, (tried,), notes=("A note.",))


def parsed(shown: Report) -> LexborHTMLParser:
    return LexborHTMLParser(render_page(shown, HUB))


def bars(page: LexborHTMLParser, kind: str) -> list[str]:
    return [bar.text().strip() for bar in page.css(f"svg .{kind}")]


def test_the_page_loads_nothing() -> None:
    html = render_page(report(*PAPERS), HUB)
    assert not re.search(r"<(script|link|img|iframe|object|image)|\bsrc=|url\(|@import", html)
    page = LexborHTMLParser(html)
    assert {node.attributes["href"] for node in page.css("a")} == {
        "#s1",
        *(f"{HUB}/papers/{name}" for name in ("Robots", "Robot%20arms")),
        f"{HUB}/papers/Robots%20%26%20%3Cb%3Elegs%3C%2Fb%3E",
    }


def test_others_text_stays_text() -> None:
    page = parsed(report(*PAPERS))
    assert page.css("li b") == []
    assert "Robots & <b>legs</b>" in [node.text() for node in page.css("li a")]


def test_each_day_with_papers_has_a_bar() -> None:
    page = parsed(report(*PAPERS))
    assert bars(page, "kept") == [
        *("2026-02-16: 1", "2026-02-18: 2", "2026-02-19: 1"),
        *("2026-02-16: 1", "2026-02-18: 1", "2026-02-19: 1"),
    ]
    figures = page.css_first(".figures")
    assert figures is not None
    assert figures.text() == "3 papers, 0.8 a day, 75% of all"


def test_bars_stay_within_the_plot_and_stand_on_each_other() -> None:
    page = parsed(report(*PAPERS, edited=RuleSettings(any=("net", "arm"))))
    plot = page.css("svg")[1]
    tops: dict[str, float] = {}
    for bar in plot.css("rect"):
        x, y, height = (str(bar.attributes[name]) for name in ("x", "y", "height"))
        assert float(y) + float(height) == tops.get(x, 96.0)
        tops[x] = float(y)
    assert min(tops.values()) == 4.0


def test_an_edit_is_drawn_and_listed() -> None:
    page = parsed(report(*PAPERS, edited=RuleSettings(any=("net", "arm"))))
    assert bars(page, "added") == ["2026-02-18: 1 kept, 1 added"]
    assert bars(page, "dropped") == ["2026-02-16: 1 dropped", "2026-02-19: 1 dropped"]
    told = [node.text() for node in page.css("summary")]
    assert told == ["adds 1 paper", "drops 2 papers"]


def test_a_long_time_is_drawn_by_several_days() -> None:
    page = parsed(report(seen("Robots", 0), seen("Robots again", 399)))
    assert len(page.css("svg")[0].css("rect")) == 2
    [first, last, *_] = bars(page, "kept")
    assert first == "2025-01-16 to 2025-01-19: 1"
    assert last == "2026-02-16 to 2026-02-19: 1"
    assert "at most 1 in 4 days" in [node.text() for node in page.css("figcaption span")]


def test_without_papers_the_page_says_so() -> None:
    page = parsed(report())
    body = page.body
    assert body is not None
    assert "No paper was first seen in 30 days." in body.text()
    assert page.css("svg") == []


def test_warnings_and_notes_are_on_it() -> None:
    page = parsed(report(*PAPERS, edited=RuleSettings(any="zorblax")))
    assert [node.text() for node in page.css(".warning")] == ["dead: nothing in 4 days, 4 papers"]
    assert [node.text() for node in page.css(".kind")] == ["dead"]
    assert "A note." in [node.text() for node in page.css("p.faint")]
