"""A backtest as one HTML page: nothing is loaded, every plot is SVG within it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from watcher.backtest.figures import a_day, grouped, percent
from watcher.backtest.report import Report, Tried
from watcher.backtest.window import SeenPaper, Window
from watcher.digest.papers import page_url, title_of
from watcher.digest.templating import render

WIDTH, HEIGHT = 720, 96
MOST_BARS = 120
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of the plot; `kind` is its colour, `text` what it says when it is pointed at."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Counts by day: the bars, and what stands around them."""

    bars: tuple[Bar, ...]
    first: str
    last: str
    top: str
    text: str
    width: int = WIDTH
    height: int = HEIGHT


def render_page(report: Report, hub_url: str) -> str:
    """The page; papers are linked to `hub_url`. Raises RenderError."""
    window = report.window

    def link(seen: SeenPaper) -> dict[str, str]:
        return {
            "url": page_url(seen.paper, hub_url),
            "title": title_of(seen.paper),
            "day": seen.seen_on.isoformat(),
        }

    return render(
        "backtest.html.j2",
        {
            "report": report,
            "days": window.day_count if window else 0,
            "mean": a_day(len(report.papers), window.day_count) if window else "",
            "plot": _plot(window, {"kept": report.papers}) if window else None,
            "tried": [_view(tried, window) for tried in report.tried] if window else [],
            "link": link,
            "examples": EXAMPLES,
        },
        is_mail=False,
    )


def _view(tried: Tried, window: Window) -> dict[str, object]:
    now, edit = tried.now, tried.edit
    added = edit.added if edit else ()
    kept = {seen.paper.id for seen in now.papers} - {seen.paper.id for seen in added}
    series = {"kept": [seen for seen in now.papers if seen.paper.id in kept]}
    if edit:
        series |= {"added": list(edit.added), "dropped": list(edit.dropped)}
    has_several = len(now.rules) > 1
    return {
        "id": now.id,
        "is_new": tried.is_new,
        "figures": _figures(tried, now.papers, window),
        "before": _figures(tried, tried.before.papers, window) if tried.before else None,
        "edit": edit,
        "said": tried.feedback.together if tried.feedback else None,
        "said_before": tried.feedback_before.together if tried.feedback_before else None,
        "plot": _plot(window, series),
        "rules": [
            {
                "rule": rule,
                "said": tried.feedback.rules[at] if tried.feedback and has_several else None,
                "figures": _figures(tried, rule.papers, window),
                "plot": _plot(window, {"kept": rule.papers}),
            }
            for at, rule in enumerate(now.rules)
        ],
    }


def _figures(tried: Tried, papers: Sequence[SeenPaper], window: Window) -> dict[str, str]:
    return {
        "papers": str(len(papers)),
        "mean": a_day(len(papers), window.day_count),
        "share": percent(tried.now.share(papers)),
    }


def _plot(window: Window, series: Mapping[str, Sequence[SeenPaper]]) -> Plot:
    """The series on top of each other."""
    size = 1
    sums: dict[str, list[int]] = {}
    for kind, papers in series.items():
        size, sums[kind] = grouped(window.counts(papers), MOST_BARS)
    totals = [sum(column) for column in zip(*sums.values(), strict=True)]
    top = max(totals)
    step = WIDTH / len(totals)
    bars = []
    for number, total in enumerate(totals):
        last_on = window.last_on - dt.timedelta(days=size * (len(totals) - 1 - number))
        bottom = float(HEIGHT)
        parts = [f"{sums[kind][number]} {kind}" for kind in sums if sums[kind][number]]
        told = ", ".join(parts) if len(sums) > 1 and parts else str(total)
        for kind, counts in sums.items():
            if counts[number]:
                height = counts[number] / top * (HEIGHT - 4)
                bottom -= height
                gap = min(2.0, step / 6)
                bars.append(
                    Bar(
                        kind,
                        round(number * step + gap / 2, 2),
                        round(bottom, 2),
                        round(step - gap, 2),
                        round(height, 2),
                        f"{_days(last_on, size, window)}: {told}",
                    )
                )
    each = "day" if size == 1 else f"{size} days"
    return Plot(
        tuple(bars),
        window.first_on.isoformat(),
        window.last_on.isoformat(),
        f"at most {top} in {'a' if size == 1 else ''} {each}".replace("  ", " "),
        f"papers by {each}, {sum(totals)} in all",
    )


def _days(last_on: dt.date, size: int, window: Window) -> str:
    """The days of one bar."""
    first_on = max(window.first_on, last_on - dt.timedelta(days=size - 1))
    return last_on.isoformat() if first_on == last_on else f"{first_on} to {last_on}"
