"""What `backtest` prints: for people, and for machines."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from watcher.backtest import (
    Report,
    RuleReplay,
    SeenPaper,
    SubscriptionReplay,
    Tried,
    Verdict,
    Window,
    WordUse,
    a_day,
    grouped,
    percent,
)
from watcher.cli.gathering import Gathered
from watcher.cli.tables import count, entry, paragraph
from watcher.digest.papers import title_of
from watcher.sparkline import BLOCKS, PLAIN, sparkline

EXAMPLES = 3
MOST_LISTED = 10
MOST_WORDS = 12
MOST_MARKS = 45


def show(report: Report) -> None:
    """Print it on stdout."""
    window, total = report.window, len(report.papers)
    if window is None:
        print(
            f"No paper was first seen in {_days(report.days)}; a larger --days looks further back,"
            " --fetch reads the site's pages."
        )
    else:
        paragraph(
            f"{count(total, 'paper')} first seen in {_days(window.day_count)},"
            f" {window.first_on} to {window.last_on}: {a_day(total, window.day_count)}"
        )
        for tried in report.tried:
            _show_subscription(tried, window)
    for number, remark in enumerate(report.remarks):
        if not number:
            print()
        paragraph(remark, hanging="")


def _show_subscription(tried: Tried, window: Window) -> None:
    now, before, edit = tried.now, tried.before, tried.edit
    kind = " edited" if before else " only in the edited file" if tried.is_new else ""
    print()
    paragraph(f"{now.id}{kind}: {_numbers(now, now.papers, window)}")
    if before and edit:
        paragraph(f"before: {_numbers(before, before.papers, window)}", "  ")
        for verb, sign, papers in (("adds", "+", edit.added), ("drops", "-", edit.dropped)):
            _show_papers(f"{verb} {count(len(papers), 'paper')}", sign, papers)
    said = tried.feedback
    if said:
        paragraph(said.together.told, "  ")
        if tried.feedback_before:
            paragraph(f"before: {tried.feedback_before.together.told}", "  ")
        for told, sign, papers in (
            ("wanted, and missed:", "-", said.together.missed),
            ("not wanted, and brought:", "+", said.together.brought),
        ):
            if papers:
                _show_papers(told, sign, papers)
    has_several = len(now.rules) > 1
    for number, rule in enumerate(now.rules):
        _show_rule(rule, now, window)
        if said and has_several:
            paragraph(said.rules[number].told, "    ")


def _show_papers(told: str, sign: str, papers: Sequence[SeenPaper]) -> None:
    print(f"  {told}")
    for seen in papers[:MOST_LISTED]:
        entry(_paper(seen), f"    {sign} ")
    if len(papers) > MOST_LISTED:
        print(f"      and {len(papers) - MOST_LISTED} more; --html and --json have them all")


def _show_rule(rule: RuleReplay, subscription: SubscriptionReplay, window: Window) -> None:
    paragraph(f'rule "{rule.name}" {rule.sentence}', "  ")
    size, sums = grouped(window.counts(rule.papers), MOST_MARKS)
    print(f"    {sparkline(sums, _marks())}{f'  {size} days a mark' if size > 1 else ''}")
    if len(subscription.rules) > 1:
        paragraph(_numbers(subscription, rule.papers, window), "    ")
    for label, is_excluding in (("words", False), ("kept out", True)):
        uses = [use for use in rule.uses if (use.word.key == "none") == is_excluding]
        if uses:
            paragraph(f"{label}: {_words(uses)}", "    ")
    for seen in rule.papers[:EXAMPLES]:
        entry(_paper(seen), "    ")
    for warning in rule.warnings:
        paragraph(f"warning: {warning.text}", "    ")


def _numbers(subscription: SubscriptionReplay, papers: Sequence[SeenPaper], window: Window) -> str:
    """`7 papers, 3.5 a day, 28% of all`."""
    share = percent(subscription.share(papers))
    return f"{count(len(papers), 'paper')}, {a_day(len(papers), window.day_count)}, {share} of all"


def _words(uses: Sequence[WordUse]) -> str:
    """`LoRA 4 (1 alone), model zoo 0`: those that find most first."""
    ordered = sorted(uses, key=lambda use: -use.paper_count)
    told = [
        f"{'topic ' if use.word.key == 'topics' else ''}{use.word.written} {use.paper_count}"
        + (f" ({use.alone_count} alone)" if len(uses) > 1 and use.paper_count else "")
        for use in ordered[:MOST_WORDS]
    ]
    rest = len(ordered) - len(told)
    return ", ".join(told) + (f" and {rest} more" if rest else "")


def _paper(seen: SeenPaper) -> str:
    return f"{seen.seen_on}  {seen.paper.id}  {title_of(seen.paper)}"


def _days(number: int) -> str:
    return count(number, "day")


def _marks() -> str:
    """What the terminal can show."""
    try:
        BLOCKS.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return PLAIN
    return BLOCKS


def as_contract(report: Report, gathered: Gathered, html: Path | None) -> dict[str, object]:
    """What `backtest --json` prints; scripts rely on these names."""
    window, fetched = report.window, gathered.fetched
    return {
        "days": report.days,
        "first_on": window.first_on.isoformat() if window else None,
        "last_on": window.last_on.isoformat() if window else None,
        "papers": len(report.papers),
        "stored": gathered.stored_count,
        "fetched": fetched
        and {
            "pages": fetched.page_count,
            "papers": fetched.paper_count,
            "error": fetched.trouble,
        },
        "per_day": _per_day(report.papers, window),
        "subscriptions": [_subscription_contract(each, window) for each in report.tried],
        "unchanged": list(report.unchanged),
        "missing": list(report.missing),
        "notes": list(report.notes),
        "html": str(html.absolute()) if html else None,
    }


def _subscription_contract(tried: Tried, window: Window | None) -> dict[str, object]:
    now, before, edit = tried.now, tried.before, tried.edit
    return {
        "id": now.id,
        "name": now.name,
        "is_new": tried.is_new,
        "papers": len(now.papers),
        "papers_a_day": _mean(now.papers, window),
        "share": round(now.share(now.papers), 4),
        "edit": edit
        and before
        and {
            "papers_before": len(before.papers),
            "added": list(map(paper_contract, edit.added)),
            "dropped": list(map(paper_contract, edit.dropped)),
        },
        **_feedback_contract(tried),
        "rules": [
            _rule_contract(rule, now, window)
            | ({"feedback": _verdict_contract(tried.feedback.rules[at])} if tried.feedback else {})
            for at, rule in enumerate(now.rules)
        ],
    }


def _feedback_contract(tried: Tried) -> dict[str, object]:
    """Nothing where nobody said anything of a paper."""
    found: dict[str, object] = {}
    if tried.feedback:
        found["feedback"] = _verdict_contract(tried.feedback.together)
    if tried.feedback_before:
        found["feedback_before"] = _verdict_contract(tried.feedback_before.together)
    return found


def _verdict_contract(verdict: Verdict) -> dict[str, object]:
    """What rules do with the papers of which more is wanted, and of which nothing is."""
    return {
        "wanted": verdict.wanted_count,
        "found": len(verdict.found),
        "missed": list(map(paper_contract, verdict.missed)),
        "unwanted": verdict.unwanted_count,
        "kept_out": len(verdict.kept_out),
        "brought": list(map(paper_contract, verdict.brought)),
    }


def _rule_contract(
    rule: RuleReplay, subscription: SubscriptionReplay, window: Window | None
) -> dict[str, object]:
    return {
        "name": rule.name,
        "sentence": rule.sentence,
        "papers": len(rule.papers),
        "papers_a_day": _mean(rule.papers, window),
        "share": round(subscription.share(rule.papers), 4),
        "per_day": _per_day(rule.papers, window),
        "examples": list(map(paper_contract, rule.papers[:MOST_LISTED])),
        "words": [
            {
                "key": use.word.key,
                "word": use.word.written,
                "papers": use.paper_count,
                "alone": use.alone_count,
            }
            for use in rule.uses
        ],
        "warnings": [
            {"kind": warning.kind, "text": warning.text, "words": list(warning.words)}
            for warning in rule.warnings
        ],
    }


def paper_contract(seen: SeenPaper) -> dict[str, object]:
    """A paper for machines."""
    return {"id": seen.paper.id, "title": seen.paper.title, "seen_on": seen.seen_on.isoformat()}


def _per_day(papers: Sequence[SeenPaper], window: Window | None) -> list[dict[str, object]]:
    if window is None:
        return []
    counts = zip(window.days, window.counts(papers), strict=True)
    return [{"day": day.isoformat(), "papers": number} for day, number in counts]


def _mean(papers: Sequence[SeenPaper], window: Window | None) -> float | None:
    return round(len(papers) / window.day_count, 3) if window else None
